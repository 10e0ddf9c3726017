//! What VMs of one Envoy process share: data and queues, keyed by VM id.

use crate::abi::Status;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The shared part of one Envoy process. Hosts that are started with the same one see each other's data and queues; each keeps a clock of its
/// own, and hears of an item that another has put into its queue when it is advanced next, if only by nothing.
#[derive(Clone, Default)]
pub struct Process {
    shared: Arc<Mutex<Shared>>,
}

/// The thread of the process on which a VM runs. Envoy starts one VM on the main thread, then one on each worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Thread {
    /// A worker: it has the streams, and all else.
    #[default]
    Worker,
    /// The main thread: configured, with ticks, callouts, shared data and queues, but no stream ever. So is a singleton of
    /// `envoy.bootstrap.wasm`.
    Main,
}

#[derive(Default)]
struct Shared {
    data: BTreeMap<(String, String), Datum>,
    last_cas: u32,
    queues: Vec<Queue>,
}

/// A deleted key stays, without a value and with a new cas.
struct Datum {
    value: Vec<u8>,
    cas: u32,
}

/// The root that is told of a queue's items.
#[derive(Clone, Copy)]
pub(crate) struct Consumer {
    registration: u64,
    /// Of how many items it has been told.
    pub(crate) told: u64,
}

struct Queue {
    vm_id: String,
    name: String,
    items: VecDeque<Vec<u8>>,
    /// How often something came in; consumers compare it with what they have been told of.
    arrivals: u64,
    /// How often it was registered: only the last to do so is told.
    registrations: u64,
}

impl Process {
    /// A process of its own.
    pub fn new() -> Process {
        Process::default()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value under `key` for VMs of this id, with its cas.
    pub fn data(&self, vm_id: &str, key: &str) -> Option<(Vec<u8>, u32)> {
        self.lock().data.get(&(vm_id.to_owned(), key.to_owned())).map(|d| (d.value.clone(), d.cas))
    }

    /// Writes; `cas` 0 overwrites blindly, and a key that is not there takes any.
    ///
    /// # Errors
    /// [`Status::CasMismatch`].
    pub fn set_data(&self, vm_id: &str, key: &str, value: &[u8], cas: u32) -> Result<(), Status> {
        let mut shared = self.lock();
        let next = shared.last_cas + 1;
        let key = (vm_id.to_owned(), key.to_owned());
        if let Some(old) = shared.data.get(&key)
            && cas != 0
            && cas != old.cas
        {
            return Err(Status::CasMismatch);
        }
        shared.last_cas = next;
        shared.data.insert(key, Datum { value: value.to_vec(), cas: next });
        Ok(())
    }

    /// The queue's number, and what its consumer knows: whoever registers takes the place of whoever did before.
    pub(crate) fn register_queue(&self, vm_id: &str, name: &str) -> (u32, Consumer) {
        let mut shared = self.lock();
        let known = shared.queues.iter().position(|q| q.vm_id == vm_id && q.name == name);
        let at = known.unwrap_or_else(|| {
            let (vm_id, name) = (vm_id.to_owned(), name.to_owned());
            shared.queues.push(Queue { vm_id, name, items: VecDeque::new(), arrivals: 0, registrations: 0 });
            shared.queues.len() - 1
        });
        let queue = &mut shared.queues[at];
        queue.registrations += 1;
        (at as u32 + 1, Consumer { registration: queue.registrations, told: queue.arrivals })
    }

    pub(crate) fn resolve_queue(&self, vm_id: &str, name: &str) -> Result<u32, Status> {
        let at = self.lock().queues.iter().position(|q| q.vm_id == vm_id && q.name == name);
        at.map(|at| at as u32 + 1).ok_or(Status::NotFound)
    }

    pub(crate) fn enqueue(&self, queue: u32, item: Vec<u8>) -> Result<(), Status> {
        let mut shared = self.lock();
        let queue = shared.queues.get_mut((queue as usize).wrapping_sub(1)).ok_or(Status::NotFound)?;
        queue.items.push_back(item);
        queue.arrivals += 1;
        Ok(())
    }

    pub(crate) fn dequeue(&self, queue: u32) -> Result<Vec<u8>, Status> {
        let mut shared = self.lock();
        let queue = shared.queues.get_mut((queue as usize).wrapping_sub(1)).ok_or(Status::NotFound)?;
        queue.items.pop_front().ok_or(Status::Empty)
    }

    /// Whether there is something that this consumer has not been told of.
    pub(crate) fn has_news(&self, queue: u32, consumer: Consumer) -> bool {
        let shared = self.lock();
        let queue = shared.queues.get((queue as usize).wrapping_sub(1));
        queue.is_some_and(|q| q.registrations == consumer.registration && q.arrivals > consumer.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cas_keeps_two_writers_apart() {
        let process = Process::new();
        process.set_data("vm", "k", b"1", 7).unwrap();
        let (_, cas) = process.data("vm", "k").unwrap();
        process.set_data("vm", "k", b"2", cas).unwrap();
        assert_eq!(process.set_data("vm", "k", b"3", cas), Err(Status::CasMismatch));
        process.set_data("vm", "k", b"4", 0).unwrap();
        assert_eq!(process.data("vm", "k").unwrap().0, b"4");
        assert_eq!(process.data("other", "k"), None);
    }
}
