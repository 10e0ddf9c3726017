//! One counter, as this VM sees it.

use std::rc::Rc;

use super::super::civil::{Month, SECOND};
use super::super::claim::{Amounts, Cause, Refusal};
use super::super::message::Standing;
use super::super::rule::Rule;
use super::due::INTERVAL;
use super::{PAUSE_AFTER_FAILURE, within};
use crate::config::Window;

/// How old a remainder may be for a request to go on without asking: other workers use the same counter meanwhile. A key in
/// use is refreshed each second by the tick, so this only stops the first request after a quiet time.
const FRESH: u64 = 5 * SECOND;

/// How long a key that is used up is refused without asking. A counter never falls within its window, but a limit may be
/// raised or a counter be deleted.
const USED_UP: u64 = SECOND;

/// A fiftieth of the limit is near it, whatever the traffic: what workers that were never heard of may use in a second.
const MARGIN: u64 = 50;

/// What the ledger knows of one counter.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) rule: Rc<Rule>,
    /// Charged and not sent, in the rule's measure; the rest below one unit of the service stays here.
    pub(super) owed: u64,
    /// Sent and not answered.
    pub(super) in_flight: u64,
    /// A call that holds this key is under way. One at a time, so that an older answer never replaces a newer one.
    pub(super) calling: bool,
    /// When it was last called for.
    pub(super) called_at: Option<u64>,
    /// A request touched it since it was last synced, so its remainder is worth knowing.
    pub(super) used: bool,
    pub(super) queued: bool,
    pub(super) urgent: bool,
    /// A call that held this key was refused, maybe because of it: the next one holds nothing else.
    pub(super) suspect: bool,
    /// When the service last failed over this key, which is then left alone for a while.
    pub(super) failed_at: Option<u64>,
    /// How fast the remainder falls: the largest of the late falls between two answers.
    pace: u64,
    known: Option<Known>,
}

/// What the service last said.
#[derive(Clone, Copy, Debug)]
struct Known {
    limit: u64,
    remaining: u64,
    /// When the answer came.
    at: u64,
    /// When the window is over.
    resets: u64,
}

/// What one counter says to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    Over(Refusal),
    /// The service must be asked, and can be.
    Sync,
    /// The service must be asked, and has just failed.
    Unchecked,
}

impl Entry {
    pub(super) fn new(rule: &Rc<Rule>) -> Self {
        Self {
            rule: rule.clone(),
            owed: 0,
            in_flight: 0,
            calling: false,
            called_at: None,
            used: false,
            queued: false,
            urgent: false,
            suspect: false,
            failed_at: None,
            pace: 0,
            known: None,
        }
    }

    /// Decides by the remainder, never by the service's code: that says `OK` when nothing is left.
    pub(super) fn verdict(&self, estimate: Amounts, since: u64, now: u64, paused: bool) -> Verdict {
        let known = self.current(now);
        if let Some(known) = known {
            let left = known.remaining.saturating_sub(self.outstanding());
            let expected = if self.rule.counts_requests() { 1 } else { estimate.of(self.rule.budget.measure) };
            let far = left > expected.saturating_add(self.margin(known));
            let heard = known.at >= since || self.rule.budget.shadow;
            match left {
                0 if heard || within(known.at, now, USED_UP) => return Verdict::Over(self.refusal(known, now)),
                0 => {}
                _ if heard || (far && within(known.at, now, FRESH)) => return Verdict::Pass,
                _ => {}
            }
        }
        // A shadow rule never makes a request wait: it says what it knows, and the tick learns more.
        match known {
            None if self.rule.budget.shadow => Verdict::Pass,
            _ if paused || self.is_paused(now) => Verdict::Unchecked,
            _ => Verdict::Sync,
        }
    }

    /// When the next sync without hurry is due.
    pub(super) fn due_at(&self) -> u64 {
        self.called_at.map_or(0, |at| at.saturating_add(INTERVAL))
    }

    pub(super) fn is_paused(&self, now: u64) -> bool {
        self.failed_at.is_some_and(|at| within(at, now, PAUSE_AFTER_FAILURE))
    }

    pub(super) fn outstanding(&self) -> u64 {
        self.owed.saturating_add(self.in_flight)
    }

    /// Takes the service's answer; `false` if it has no rule for the key.
    pub(super) fn learn(&mut self, standing: Standing, now: u64) -> bool {
        let Standing::Counted { limit, remaining, reset } = standing else {
            self.known = None;
            return false;
        };
        let remaining = self.rule.scale.expand(remaining);
        let resets = now.saturating_add(reset);
        let resets = if self.rule.budget.per == Window::Month { resets.min(Month::of(now).end()) } else { resets };
        if let Some(before) = self.known {
            let fall = before.remaining.saturating_sub(remaining);
            self.pace = fall.max(self.pace / 2);
        }
        self.known = Some(Known { limit: self.rule.scale.expand(limit), remaining, at: now, resets });
        true
    }

    /// Whether nothing is lost by forgetting the key: what was known can be asked again. A rest below one unit of the service
    /// is kept as long as its window runs.
    pub(super) fn is_idle(&self, now: u64) -> bool {
        let owes = self.rule.scale.whole(self.owed) > 0;
        let fresh = self.current(now).is_some_and(|known| self.owed > 0 || within(known.at, now, FRESH));
        !(owes || self.calling || self.queued || self.urgent || fresh || self.is_paused(now))
    }

    /// What is known of the window that runs now. A clock that was set back makes old answers look like new ones, so those
    /// from the future are forgotten.
    fn current(&self, now: u64) -> Option<Known> {
        self.known.filter(|known| known.resets > now && known.at <= now)
    }

    /// Nearer to the limit than this, each request asks first: twice what was used between two late answers, by whomever.
    fn margin(&self, known: Known) -> u64 {
        (known.limit / MARGIN).max(self.pace.saturating_mul(2))
    }

    fn refusal(&self, known: Known, now: u64) -> Refusal {
        let retry_after = known.resets.saturating_sub(now).div_ceil(SECOND).max(1);
        Refusal { rule: self.rule.clone(), cause: Cause::Exceeded, limit: known.limit, retry_after }
    }
}
