//! How many requests are under way of those who have an identity or a model in common.

use super::flight::{Count, Counter, Gate};
use std::collections::BTreeMap;

/// A counter for all who have requests under way, by what they have in common. One that nobody counts at goes with the next tick, so there
/// are never more than came within a tick or are under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Crowds(BTreeMap<Box<str>, Counter>);

impl Crowds {
    pub fn gate(&mut self, common: &str, cap: u32) -> Gate {
        let counter = match self.0.get(common) {
            Some(counter) => counter.clone(),
            None => self.0.entry(common.into()).or_default().clone(),
        };
        Gate(vec![Count { counter, cap: Some(cap) }])
    }

    pub fn tidy(&mut self) {
        self.0.retain(|_, counter| counter.is_used());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_crowd_has_its_own_limit_and_leaves_nothing_behind() {
        let mut crowds = Crowds::default();
        let flight = crowds.gate("blue", 1).enter();
        assert!(crowds.gate("blue", 1).is_full() && !crowds.gate("red", 1).is_full());
        crowds.tidy();
        assert_eq!(crowds.0.len(), 1);
        drop(flight);
        assert!(!crowds.gate("blue", 1).is_full());
        crowds.tidy();
        assert!(crowds.0.is_empty());
    }
}
