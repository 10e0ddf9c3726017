//! How many requests are under way at one thing: counted by values that live as long as the attempts do, so that no ending is forgotten.

use core::cell::Cell;
use std::rc::Rc;

/// A counter that its flights share.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter(Rc<Cell<u32>>);

impl Counter {
    /// How many are under way.
    pub fn get(&self) -> u32 {
        self.0.get()
    }
}

/// Where the attempts at one target are counted.
#[derive(Clone, Debug, Default)]
pub struct Gate(pub(super) Vec<Counter>);

impl Gate {
    /// An attempt begins; it is under way until the flight is dropped.
    #[must_use]
    pub fn enter(&self) -> Flight {
        for Counter(count) in &self.0 {
            count.set(count.get().saturating_add(1));
        }
        Flight(self.clone())
    }
}

/// One attempt that is under way.
#[derive(Debug)]
pub struct Flight(Gate);

impl Drop for Flight {
    fn drop(&mut self) {
        for Counter(count) in &self.0.0 {
            count.set(count.get().saturating_sub(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flight_lands_once() {
        let counter = Counter::default();
        let gate = Gate(vec![counter.clone()]);
        let flights = [gate.enter(), gate.enter()];
        assert_eq!(counter.get(), 2);
        drop(flights);
        assert_eq!(counter.get(), 0);
    }
}
