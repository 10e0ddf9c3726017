//! The functions that a filter may import, and the frame around each: count, fault, memory, transcript.

mod buffers;
mod callouts;
mod general;
mod headers;
mod metrics;
mod rpcs;
mod shared;
mod wasi;

use crate::abi::Status;
use crate::error::{Error, Stop};
use crate::limits::{HOST_BYTES, HOST_CALLS};
use crate::state::State;
use crate::transcript::show;
use std::sync::OnceLock;
use wasmtime::{Caller, Linker};

/// Everything that a module may import from this host, defined once: it holds no state, and a VM would cost twice as much with one of its own.
pub(crate) fn linker(engine: &wasmtime::Engine, with_wasi: bool) -> Result<&'static Linker<State>, Error> {
    static LINKERS: [OnceLock<Result<Linker<State>, String>>; 2] = [const { OnceLock::new() }; 2];
    let known = LINKERS[usize::from(with_wasi)].get_or_init(|| define(engine, with_wasi).map_err(|e| format!("{e:?}")));
    known.as_ref().map_err(|reason| Error::Misuse(reason.clone()))
}

fn define(engine: &wasmtime::Engine, with_wasi: bool) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    general::define(&mut linker)?;
    headers::define(&mut linker)?;
    buffers::define(&mut linker)?;
    callouts::define(&mut linker)?;
    rpcs::define(&mut linker)?;
    metrics::define(&mut linker)?;
    shared::define(&mut linker)?;
    if with_wasi {
        wasi::define(&mut linker)?;
    }
    Ok(linker)
}

/// One host call: the module's memory, and what the transcript will say.
pub(crate) struct Guest<'a, 'b> {
    caller: &'a mut Caller<'b, State>,
    said: String,
}

/// Runs one host call. Returns the status to the module; an error ends the VM.
pub(crate) fn call(
    mut caller: Caller<'_, State>,
    name: &'static str,
    body: impl FnOnce(&mut Guest<'_, '_>) -> Result<(), Stop>,
) -> wasmtime::Result<u32> {
    let state = caller.data_mut();
    let current = state.current;
    state.calls += 1;
    if state.calls > HOST_CALLS || state.moved > HOST_BYTES {
        return Err(wasmtime::Error::msg("host calls without end"));
    }
    *state.spent.entry(current).or_default().calls.entry(name).or_default() += 1;
    if let Some(status) = state.fault(name) {
        state.transcript.push(format!("    {name} -> {status:?} (as the test wants)"));
        if status != Status::Ok {
            return Ok(status as u32);
        }
    }
    let mut guest = Guest { caller: &mut caller, said: String::new() };
    let outcome = body(&mut guest);
    let said = guest.said;
    let status = match outcome {
        Ok(()) => Status::Ok,
        Err(Stop::Status(status)) => status,
        Err(Stop::Trap(error)) => return Err(error),
    };
    caller.data_mut().transcript.push(format!("    {name}({said}) -> {status:?}"));
    Ok(status as u32)
}

impl Guest<'_, '_> {
    pub(crate) fn state(&mut self) -> &mut State {
        self.caller.data_mut()
    }

    /// Adds to the line of the transcript.
    pub(crate) fn say(&mut self, text: impl AsRef<str>) {
        if !self.said.is_empty() {
            self.said.push_str(", ");
        }
        self.said.push_str(text.as_ref());
    }

    pub(crate) fn read(&mut self, at: u32, size: u32) -> Result<Vec<u8>, Stop> {
        let memory = self.state().memory.ok_or(Status::InvalidMemoryAccess)?;
        self.state().moved += u64::from(size);
        let data = memory.data(&self.caller);
        let start = at as usize;
        Ok(data.get(start..start.saturating_add(size as usize)).ok_or(Status::InvalidMemoryAccess)?.to_vec())
    }

    /// A string argument: said, and lossily text. (Envoy takes any bytes there; what is not UTF-8 matches nothing in a test.)
    pub(crate) fn text(&mut self, at: u32, size: u32) -> Result<String, Stop> {
        let bytes = self.read(at, size)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        self.say(text.replace('\0', "."));
        Ok(text)
    }

    /// A value argument, said.
    pub(crate) fn value(&mut self, at: u32, size: u32) -> Result<Vec<u8>, Stop> {
        let bytes = self.read(at, size)?;
        self.say(show(&bytes));
        Ok(bytes)
    }

    pub(crate) fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Stop> {
        self.state().moved += bytes.len() as u64;
        let memory = self.state().memory.ok_or(Status::InvalidMemoryAccess)?;
        memory.write(&mut self.caller, at as usize, bytes).map_err(|_| Stop::Status(Status::InvalidMemoryAccess))
    }

    pub(crate) fn write_u32(&mut self, at: u32, value: u32) -> Result<(), Stop> {
        self.write(at, &value.to_le_bytes())
    }

    /// Gives a value to the module in memory that the module allocates; an empty one is a null pointer.
    pub(crate) fn give(&mut self, value: &[u8], pointer_at: u32, size_at: u32) -> Result<(), Stop> {
        let mut pointer = 0;
        if !value.is_empty() {
            let allocate = self.state().allocate.clone().ok_or(Status::InvalidMemoryAccess)?;
            pointer = allocate.call(&mut self.caller, value.len() as u32)?;
            if pointer == 0 {
                return Err(Status::InvalidMemoryAccess.into());
            }
            self.write(pointer, value)?;
        }
        self.write_u32(pointer_at, pointer)?;
        self.write_u32(size_at, value.len() as u32)
    }
}
