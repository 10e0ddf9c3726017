//! What a test and a simulated provider share: the record of requests, the queues of answers, the permits of a gated stream.
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::behaviour::{Behaviour, Scripted};
use crate::http::Request;

/// Longer than any test waits for an event.
const PATIENCE: Duration = Duration::from_secs(20);

/// One request that came, and how it went.
#[derive(Debug, Clone)]
pub struct Seen {
    pub request: Request,
    /// The client left before the answer was sent.
    pub client_left: bool,
    /// The answer is sent, or given up.
    pub over: bool,
}

#[derive(Debug, Default)]
struct State {
    seen: Vec<Seen>,
    behaviours: VecDeque<Behaviour>,
    scripted: VecDeque<Scripted>,
    permits: usize,
}

/// The handle between a test and its provider.
#[derive(Debug, Default)]
pub struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    /// The next conversation is answered this way, whatever it asks.
    pub fn behave(&self, behaviour: Behaviour) {
        self.lock().behaviours.push_back(behaviour);
    }

    /// The next request, of any kind, gets exactly this.
    pub fn script(&self, scripted: Scripted) {
        self.lock().scripted.push_back(scripted);
    }

    /// Lets a gated stream send that many more events.
    pub fn permit(&self, events: usize) {
        self.lock().permits += events;
        self.changed.notify_all();
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    /// The requests since the last call, leaving none.
    pub fn take(&self) -> Vec<Request> {
        std::mem::take(&mut self.lock().seen).into_iter().map(|seen| seen.request).collect()
    }

    /// Waits until `enough` holds of the record; panics after a while, since a test waits for it.
    pub fn wait(&self, what: &str, enough: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.lock();
        while !enough(&state.seen) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the simulated provider never saw {what}: {:?}", state.seen);
            state = self.changed.wait_timeout(state, left).unwrap().0;
        }
        state.seen.clone()
    }

    pub(super) fn record(&self, request: &Request) -> usize {
        let mut state = self.lock();
        state.seen.push(Seen { request: request.clone(), client_left: false, over: false });
        self.changed.notify_all();
        state.seen.len() - 1
    }

    pub(super) fn client_left(&self, number: usize) {
        if let Some(seen) = self.lock().seen.get_mut(number) {
            seen.client_left = true;
        }
        self.changed.notify_all();
    }

    pub(super) fn over(&self, number: usize) {
        if let Some(seen) = self.lock().seen.get_mut(number) {
            seen.over = true;
        }
        self.changed.notify_all();
    }

    pub(super) fn next_behaviour(&self) -> Option<Behaviour> {
        self.lock().behaviours.pop_front()
    }

    pub(super) fn next_scripted(&self) -> Option<Scripted> {
        self.lock().scripted.pop_front()
    }

    pub(super) fn wait_permit(&self) {
        let mut state = self.lock();
        let deadline = Instant::now() + PATIENCE;
        while state.permits == 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap().0;
        }
        state.permits -= 1;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
