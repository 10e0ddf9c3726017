//! Sync: the one call that checks, charges and refreshes many counters at once.

use super::super::civil::SECOND;
use super::super::key::KeyId;
use super::super::message::{self, Request, Standing};
use super::due::INTERVAL;
use super::{Ledger, within};

/// How often idle keys are looked for.
const SWEEP: u64 = 5 * SECOND;

/// The largest addend: no limit is above it, and a counter can't come near its own end (2^63) by such steps.
const MAX_ADDEND: u64 = 4_294_967_295;

/// So many answers of 400 in a row mean that the service can't count at all, as without its Redis: it is left alone like one
/// that does not answer, rather than asked about each key.
const MAX_REFUSALS: u32 = 3;

/// The name of a call between [`Ledger::sync_request`] and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId(u64);

/// A call that is to be sent now: `POST` to the service's path, `content-type: application/json`.
#[derive(Debug)]
pub struct SyncCall {
    /// To be given back with the answer.
    pub id: CallId,
    /// The body.
    pub body: String,
}

/// What is certain about a call that got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFault {
    /// It never reached the service: the host refused to send it, or there was no connection.
    NeverSent,
    /// It may have been applied, or may yet be: a timeout, a reset, a worker that stopped waiting.
    Unanswered,
}

/// What an answer was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synced {
    /// The service has counted; so many of the keys have no rule there.
    Counted {
        /// Keys for which the service has no rule: it limits nothing and counts nothing of them.
        without_rule: usize,
    },
    /// The service failed, or the call never reached it.
    Failed(CallFault),
    /// No such call is under way: it was given up before.
    Late,
}

/// A call under way.
#[derive(Debug)]
pub(super) struct Pending {
    sent_at: u64,
    /// The keys in the order of the descriptors, and how much of each was sent.
    keys: Vec<(KeyId, u64)>,
}

impl Ledger {
    /// The next call, of at most `max` keys: those for which a request waits first, then those that are due. `None` if nothing
    /// is to be sent; a caller on the tick asks again until then.
    ///
    /// Each call must be answered by [`sync_answer`](Self::sync_answer) or [`sync_failed`](Self::sync_failed), or it is given
    /// up by [`tick`](Self::tick).
    pub fn sync_request(&mut self, domain: &str, now: u64, max: usize) -> Option<SyncCall> {
        if self.is_paused(now) {
            return None;
        }
        let mut picked = Vec::new();
        self.pick_urgent(&mut picked, now, max);
        self.pick_due(&mut picked, now, max);
        if picked.is_empty() {
            return None;
        }
        let mut request = Request::new(domain);
        let mut keys = Vec::with_capacity(picked.len());
        for id in picked {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            let units = entry.rule.scale.whole(entry.owed).min(MAX_ADDEND);
            let amount = entry.rule.scale.expand(units);
            entry.owed = entry.owed.saturating_sub(amount);
            entry.in_flight = amount;
            entry.called_at = Some(now);
            entry.used = false;
            request.descriptor(&id.entries, units);
            keys.push((id, amount));
        }
        let id = CallId(self.next_call);
        self.next_call = self.next_call.wrapping_add(1);
        self.calls.insert(id, Pending { sent_at: now, keys });
        Some(SyncCall { id, body: request.finish() })
    }

    /// Takes the answer to a call: whatever the host got, its own answers to a dead service too.
    ///
    /// Only the body of Envoy's 503 tells a connection that was never made from one that broke off after the call was sent, so
    /// a caller hands in every answer that has a status and decides nothing by it.
    pub fn sync_answer(&mut self, id: CallId, status: u16, body: &[u8], now: u64) -> Synced {
        let Some(pending) = self.calls.remove(&id) else { return Synced::Late };
        if let Some(standings) = message::decode_answer(status, body, pending.keys.len()) {
            return Synced::Counted { without_rule: self.learn(pending, &standings, now) };
        }
        let fault = if message::was_never_sent(status, body) { CallFault::NeverSent } else { CallFault::Unanswered };
        self.fail(pending, fault, status == 400, now);
        Synced::Failed(fault)
    }

    /// Takes the news that a call will not be answered.
    pub fn sync_failed(&mut self, id: CallId, fault: CallFault, now: u64) -> Synced {
        let Some(pending) = self.calls.remove(&id) else { return Synced::Late };
        self.fail(pending, fault, false, now);
        Synced::Failed(fault)
    }

    /// To be called on each tick: gives up calls that are older than `timeout` (nanoseconds; somewhat more than the host's own, whose
    /// answer is better), forgets idle keys. Returns how many calls were given up.
    pub fn tick(&mut self, now: u64, timeout: u64) -> usize {
        let old = |pending: &Pending| !within(pending.sent_at, now, timeout);
        let given_up: Vec<CallId> = self.calls.iter().filter(|(_, pending)| old(pending)).map(|(id, _)| *id).collect();
        for id in &given_up {
            self.sync_failed(*id, CallFault::Unanswered, now);
        }
        if !within(self.swept_at, now, SWEEP) {
            self.sweep(now);
        }
        given_up.len()
    }

    /// Whether a request waits for a sync that has not been sent.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        !self.urgent.is_empty()
    }

    /// Whether a call is under way: a root context that is going must stay for its answer.
    #[must_use]
    pub fn is_calling(&self) -> bool {
        !self.calls.is_empty()
    }

    fn pick_urgent(&mut self, picked: &mut Vec<KeyId>, now: u64, max: usize) {
        for _ in 0..self.urgent.len() {
            if picked.len() >= max {
                return;
            }
            let Some(id) = self.urgent.pop_front() else { return };
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            // A call under way brings the answer that the request waits for; a key that is left alone is decided without one.
            if entry.calling || entry.is_paused(now) {
                entry.urgent = false;
            } else if entry.suspect && !picked.is_empty() {
                self.urgent.push_back(id);
            } else {
                entry.urgent = false;
                entry.calling = true;
                let alone = entry.suspect;
                picked.push(id);
                if alone {
                    return;
                }
            }
        }
    }

    fn pick_due(&mut self, picked: &mut Vec<KeyId>, now: u64, max: usize) {
        let first = picked.first().and_then(|id| self.entries.get(id));
        let mut alone = first.is_some_and(|entry| entry.suspect);
        let mut postponed = Vec::new();
        while picked.len() < max && !alone {
            let Some(id) = self.due.pop(now) else { break };
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            let early = entry.called_at.filter(|at| within(*at, now, INTERVAL));
            if early.is_some() || entry.calling || entry.is_paused(now) {
                postponed.push((early.unwrap_or(now).saturating_add(INTERVAL), id));
            } else if entry.suspect && !picked.is_empty() {
                postponed.push((now, id));
            } else {
                entry.queued = false;
                if entry.used || entry.rule.scale.whole(entry.owed) > 0 {
                    entry.calling = true;
                    alone = entry.suspect;
                    picked.push(id);
                }
            }
        }
        for (at, id) in postponed {
            self.due.insert(at, id);
        }
    }

    /// Returns how many keys have no rule at the service.
    fn learn(&mut self, pending: Pending, standings: &[Standing], now: u64) -> usize {
        let mut without_rule = 0;
        self.refusals = 0;
        for ((id, amount), standing) in pending.keys.into_iter().zip(standings) {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            entry.calling = false;
            entry.in_flight = 0;
            entry.suspect = false;
            if !entry.learn(*standing, now) {
                without_rule += 1;
                entry.failed_at = Some(now);
                self.without_rule.add(entry.rule.budget.measure, amount);
            }
        }
        without_rule
    }

    /// A 400 is blamed on one of the keys (a broken value behind the service fails every call that holds it), so the next call
    /// of each holds it alone. Several in a row, and everything else, are blamed on the service.
    fn fail(&mut self, pending: Pending, fault: CallFault, refused: bool, now: u64) {
        self.refusals = if refused { self.refusals.saturating_add(1) } else { 0 };
        if !refused || self.refusals >= MAX_REFUSALS {
            self.failed_at = Some(now);
        }
        for (id, amount) in pending.keys {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            entry.calling = false;
            entry.in_flight = 0;
            entry.used = true;
            if refused {
                entry.suspect = true;
                entry.failed_at = Some(now);
            }
            match fault {
                CallFault::NeverSent => entry.owed = entry.owed.saturating_add(amount),
                CallFault::Unanswered => self.unknown.add(entry.rule.budget.measure, amount),
            }
            if !core::mem::replace(&mut entry.queued, true) {
                self.due.insert(entry.due_at(), id);
            }
        }
    }

    /// Forgets the keys that are idle. What one of them still owes is below one unit of the service, in a window that is over.
    pub(super) fn sweep(&mut self, now: u64) {
        self.swept_at = now;
        let rounded = &mut self.rounded;
        self.entries.retain(|_, entry| {
            let idle = entry.is_idle(now);
            if idle {
                rounded.add(entry.rule.budget.measure, entry.owed);
            }
            !idle
        });
    }
}
