//! The keys that wait for a sync without hurry, by when it is due.

use std::collections::BTreeMap;

use super::super::civil::SECOND;
use super::super::key::KeyId;

/// How often a key is synced when no request waits for it.
pub(super) const INTERVAL: u64 = SECOND;

/// A queue by time. Only what is due is ever looked at, so that a call costs what it carries, however many keys there are.
#[derive(Debug)]
pub(super) struct Due {
    queue: BTreeMap<(u64, u64), KeyId>,
    /// Tells keys of the same moment apart, the first in being the first out.
    next: u64,
}

impl Due {
    pub(super) const fn new() -> Self {
        Self { queue: BTreeMap::new(), next: 0 }
    }

    /// Queues a key that is not queued yet.
    pub(super) fn insert(&mut self, at: u64, id: KeyId) {
        self.queue.insert((at, self.next), id);
        self.next = self.next.wrapping_add(1);
    }

    /// Takes a key that is due. No key is ever queued for later than an interval ahead, so one that is was queued before the
    /// clock was set back, and is due too.
    pub(super) fn pop(&mut self, now: u64) -> Option<KeyId> {
        if self.queue.first_key_value().is_some_and(|((at, _), _)| *at <= now) {
            return self.queue.pop_first().map(|(_, id)| id);
        }
        let far = now.saturating_add(INTERVAL);
        if self.queue.last_key_value().is_some_and(|((at, _), _)| *at > far) {
            return self.queue.pop_last().map(|(_, id)| id);
        }
        None
    }
}
