//! How many requests are under way at one thing, and which of them tries whether it has come back: told by values that live as long as
//! the attempts do, so that no ending is forgotten.

use core::cell::Cell;
use std::rc::{Rc, Weak};

/// A counter that its flights share.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter(Rc<Cell<u32>>);

impl Counter {
    /// Whether somebody may still count here.
    pub fn is_used(&self) -> bool {
        Rc::strong_count(&self.0) > 1
    }

    fn count(&self, change: impl FnOnce(u32) -> u32) {
        self.0.set(change(self.0.get()));
    }
}

/// Where one thing's requests are counted, and how many there may be.
#[derive(Clone, Debug)]
pub(super) struct Count {
    pub counter: Counter,
    /// `None`: others are limited here, these are not.
    pub cap: Option<u32>,
}

/// Where the attempts at one target are counted, or the requests of those who share a limit.
#[derive(Clone, Debug, Default)]
pub struct Gate(pub(super) Vec<Count>);

impl Gate {
    /// Whether as many are under way as the document allows.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.iter().any(|Count { counter: Counter(count), cap }| cap.is_some_and(|cap| count.get() >= cap))
    }

    /// An attempt begins; it is under way until the flight is dropped.
    #[must_use]
    pub fn enter(&self) -> Flight {
        self.count();
        Flight { gate: self.clone(), trial: None }
    }

    fn count(&self) {
        self.0.iter().for_each(|one| one.counter.count(|count| count.saturating_add(1)));
    }

    fn uncount(&self) {
        self.0.iter().for_each(|one| one.counter.count(|count| count.saturating_sub(1)));
    }
}

/// One attempt that is under way, or one request.
#[derive(Debug)]
pub struct Flight {
    gate: Gate,
    /// It tries a target that was left alone.
    trial: Option<Trial>,
}

impl Flight {
    /// The same, which also tries whether its target has come back.
    #[must_use]
    pub fn trying(mut self, trial: Option<Trial>) -> Self {
        self.trial = trial;
        self
    }

    /// Decides about the time behind this flight, when nobody counts it any more.
    pub fn behind<R>(&self, decide: impl FnOnce() -> R) -> R {
        self.gate.uncount();
        let decided = decide();
        self.gate.count();
        decided
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.gate.uncount();
    }
}

/// A request that tries something that was left alone. Others keep away while it lives, so it lives as long as its attempt.
#[derive(Debug)]
pub struct Trial(Rc<()>);

impl Trial {
    pub(super) fn new() -> Self {
        Self(Rc::new(()))
    }

    pub(super) fn watch(&self) -> Tried {
        Tried(Rc::downgrade(&self.0))
    }
}

/// Whether something is being tried.
#[derive(Clone, Debug, Default)]
pub(super) struct Tried(Weak<()>);

impl Tried {
    pub fn goes_on(&self) -> bool {
        self.0.strong_count() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flight_lands_once() {
        let counter = Counter::default();
        let gate = Gate(vec![Count { counter: counter.clone(), cap: Some(2) }]);
        let first = gate.enter();
        assert!(!gate.is_full());
        let flights = [first, gate.enter()];
        assert!(gate.is_full());
        assert!(!flights[0].behind(|| gate.is_full()) && gate.is_full());
        drop(flights);
        assert!(!gate.is_full() && counter.0.get() == 0);
        let trial = Trial::new();
        let tried = trial.watch();
        let flight = gate.enter().trying(Some(trial));
        assert!(tried.goes_on());
        drop(flight);
        assert!(!tried.goes_on());
        drop(gate);
        assert!(!counter.is_used());
    }
}
