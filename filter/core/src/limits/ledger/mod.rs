//! The ledger: what this VM knows of each counter of the rate-limit service, and what it still owes to it.
//!
//! ```text
//!                        decide                     sync_request
//!  claim ──► far from the limit ── Allow   owed ────────────────► in flight ──► answer: the new remainder
//!        ──► near, stale, unknown ─ Sync                   never sent ◄─┤
//!        ──► used up ───────────── Refuse  owed ◄─────────────────────  └─► no answer, or 400: unknown
//!  charge ─► owed
//! ```
//!
//! A worker is to the service what another Envoy is: each has its own ledger. The laws: an amount is at any time in exactly one
//! of *owed*, *in flight*, *counted*, *unknown*, *without a rule* and *rounded*; only a call that surely was not applied goes back to
//! owed; moving time forward never allows less.

mod due;
mod entry;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod model;
mod sync;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use super::civil::SECOND;
use super::claim::{Admission, Amounts, Cause, Claim, Decision, Refusal};
use super::key::{Key, KeyId};
use crate::config::{Measure, OnFailure};
use due::Due;
use entry::{Entry, Verdict};
use sync::Pending;
pub use sync::{CallFault, CallId, SyncCall, Synced};

/// How many counters one VM follows: about 300 bytes each, so 10 MB. Beyond it requests are decided by `on_failure`.
pub const MAX_KEYS: usize = 32_768;

/// How long nothing is asked of a service that has just failed: a request must not wait for a timeout each time.
const PAUSE_AFTER_FAILURE: u64 = SECOND;

/// What this VM knows of the counters that its requests touch. One per VM, whatever the configuration is reloaded to.
///
/// All times are Unix time in nanoseconds, from the host's clock.
#[derive(Debug)]
pub struct Ledger {
    entries: BTreeMap<KeyId, Entry>,
    /// Keys for which a request waits.
    urgent: VecDeque<KeyId>,
    /// Keys that owe something or were used since they were last synced.
    due: Due,
    calls: BTreeMap<CallId, Pending>,
    next_call: u64,
    /// When the service last failed; it is then left alone for a while.
    failed_at: Option<u64>,
    /// How many calls in a row were answered with 400.
    refusals: u32,
    swept_at: u64,
    max_keys: usize,
    unknown: Totals,
    without_rule: Totals,
    rounded: Totals,
}

/// Amounts by measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests.
    pub requests: u64,
    /// Tokens.
    pub tokens: u64,
    /// Nano-dollars.
    pub nano_dollars: u64,
}

impl Totals {
    /// Adds an amount of a measure; it saturates.
    pub(super) fn add(&mut self, measure: Measure, amount: u64) {
        let total = match measure {
            Measure::Requests => &mut self.requests,
            Measure::Tokens => &mut self.tokens,
            Measure::Usd => &mut self.nano_dollars,
        };
        *total = total.saturating_add(amount);
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new(MAX_KEYS)
    }
}

impl Ledger {
    /// A ledger that follows at most `max_keys` counters.
    #[must_use]
    pub const fn new(max_keys: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            urgent: VecDeque::new(),
            due: Due::new(),
            calls: BTreeMap::new(),
            next_call: 0,
            failed_at: None,
            refusals: 0,
            swept_at: 0,
            max_keys,
            unknown: Totals { requests: 0, tokens: 0, nano_dollars: 0 },
            without_rule: Totals { requests: 0, tokens: 0, nano_dollars: 0 },
            rounded: Totals { requests: 0, tokens: 0, nano_dollars: 0 },
        }
    }

    /// Decides whether the request of a claim may go on.
    ///
    /// It must be asked until it does not say [`Decision::Sync`]; then it must not be asked again. A request is counted by the
    /// rules that count requests here, when it is let through, not at its end: its start is what such a limit is about, and
    /// others must see it while it runs. All rules are looked at first, so a request that one of them refuses counts nowhere.
    pub fn decide(&mut self, claim: &mut Claim, now: u64) -> Decision {
        self.decide_by(claim, now, false)
    }

    /// The refusal by a counter of which it is known already that nothing is left, whatever a request is going to use. It asks nobody.
    pub fn used_up<'k>(&self, mut keys: impl Iterator<Item = &'k Key>, now: u64) -> Option<Refusal> {
        keys.find_map(|key| match self.entries.get(&key.id)?.verdict(Amounts::default(), now, now, false) {
            Verdict::Over(refusal) if !key.rule.budget.shadow => Some(refusal),
            Verdict::Over(_) | Verdict::Pass | Verdict::Sync | Verdict::Unchecked => None,
        })
    }

    /// The same for a request that has waited long enough: what is not known by now is decided as if the service had failed.
    pub fn decide_at_last(&mut self, claim: &mut Claim, now: u64) -> Decision {
        self.decide_by(claim, now, true)
    }

    fn decide_by(&mut self, claim: &mut Claim, now: u64, at_last: bool) -> Decision {
        let mut admission = Admission::default();
        let mut refusal = None;
        let mut wait = false;
        for key in &claim.keys {
            let rule = &key.rule;
            let verdict = match self.verdict(key, claim.estimate, claim.since, now) {
                Verdict::Sync if at_last => Verdict::Unchecked,
                verdict => verdict,
            };
            match verdict {
                Verdict::Pass => {}
                Verdict::Over(_) if rule.budget.shadow => {
                    admission.shadow.get_or_insert_with(|| rule.clone());
                }
                Verdict::Over(over) => {
                    refusal.get_or_insert(over);
                }
                Verdict::Unchecked if rule.budget.shadow || rule.budget.on_failure == OnFailure::Allow => {
                    admission.unchecked.get_or_insert_with(|| rule.clone());
                }
                Verdict::Unchecked => {
                    let retry_after = PAUSE_AFTER_FAILURE / SECOND;
                    let limit = rule.budget.limit;
                    refusal.get_or_insert(Refusal { rule: rule.clone(), cause: Cause::Unchecked, limit, retry_after });
                }
                Verdict::Sync => wait = true,
            }
        }
        match refusal {
            Some(refusal) => Decision::Refuse(refusal),
            None if wait => Decision::Sync,
            None => {
                self.admit(claim);
                Decision::Allow(admission)
            }
        }
    }

    /// Charges what an exchange used, once: it takes the claim. Nothing is charged for a request that was never let through.
    pub fn charge(&mut self, claim: Claim, used: Amounts) {
        if claim.admitted {
            for key in &claim.keys {
                self.owe(key, used.of(key.rule.budget.measure));
            }
        }
    }

    /// What was sent and perhaps never counted: calls that got no answer or a 400. It is not sent again.
    #[must_use]
    pub const fn unknown(&self) -> Totals {
        self.unknown
    }

    /// What was sent for keys for which the service has no rule: it was counted nowhere, and the rule limits nothing.
    #[must_use]
    pub const fn without_rule(&self) -> Totals {
        self.without_rule
    }

    /// What was never sent because it was less than one unit of the service when its window was over: less than one for each key
    /// and window.
    #[must_use]
    pub const fn rounded(&self) -> Totals {
        self.rounded
    }

    /// How many counters are followed.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.entries.len()
    }

    /// What is not sent yet, and what was sent and is not answered yet.
    #[must_use]
    pub fn outstanding(&self) -> Totals {
        let mut totals = Totals::default();
        for entry in self.entries.values() {
            totals.add(entry.rule.budget.measure, entry.outstanding());
        }
        totals
    }

    fn verdict(&mut self, key: &Key, estimate: Amounts, since: u64, now: u64) -> Verdict {
        let paused = self.is_paused(now);
        if self.entries.len() >= self.max_keys && !within(self.swept_at, now, SECOND) {
            self.sweep(now);
        }
        let Some(entry) = self.entry(key) else { return Verdict::Unchecked };
        entry.used = true;
        let queue = (!core::mem::replace(&mut entry.queued, true)).then(|| entry.due_at());
        let verdict = entry.verdict(estimate, since, now, paused);
        let hurry = verdict == Verdict::Sync && !core::mem::replace(&mut entry.urgent, true);
        if let Some(at) = queue {
            self.due.insert(at, key.id.clone());
        }
        if hurry {
            self.urgent.push_back(key.id.clone());
        }
        verdict
    }

    fn is_paused(&self, now: u64) -> bool {
        self.failed_at.is_some_and(|at| within(at, now, PAUSE_AFTER_FAILURE))
    }

    fn admit(&mut self, claim: &mut Claim) {
        claim.admitted = true;
        for key in claim.keys.iter().filter(|key| key.rule.counts_requests()) {
            self.owe(key, 1);
        }
    }

    fn owe(&mut self, key: &Key, amount: u64) {
        if amount == 0 {
            return;
        }
        let Some(entry) = self.entry(key) else {
            // The ledger is full: what can't be followed can't be sent.
            self.unknown.add(key.rule.budget.measure, amount);
            return;
        };
        entry.owed = entry.owed.saturating_add(amount);
        if !core::mem::replace(&mut entry.queued, true) {
            let at = entry.due_at();
            self.due.insert(at, key.id.clone());
        }
    }

    /// The entry of a key, made if there is room. The key's rule is the newest one: a reload may have changed all but its unit.
    fn entry(&mut self, key: &Key) -> Option<&mut Entry> {
        if self.entries.len() >= self.max_keys && !self.entries.contains_key(&key.id) {
            return None;
        }
        let entry = self.entries.entry(key.id.clone()).or_insert_with(|| Entry::new(&key.rule));
        if !std::rc::Rc::ptr_eq(&entry.rule, &key.rule) {
            entry.rule = key.rule.clone();
        }
        Some(entry)
    }
}

/// Whether `at` is less than `span` ago. What lies in the future is not: the host's clock may be set back, and nothing may
/// then wait until it has caught up.
fn within(at: u64, now: u64, span: u64) -> bool {
    now.checked_sub(at).is_some_and(|age| age < span)
}
