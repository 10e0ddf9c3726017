//! How long everything may take, and what happens then.
//!
//! ```text
//! before the answer's headers   Envoy's per-try timeout, one for all targets of a request ─► next target, behind the last one 504
//!                               `answer` of the target ─► 504
//! headers held                  `first_content`; of a request that is not streamed `answer`, if it may run again ─► next target, else 504
//!                               a stream without a limit: 30 s ─► the headers go
//! stream committed              Flowing ── `stream_idle` without an event ─┬─ bytes came (pings) ─► Warned ─► the next bytes become the
//!                                                                        └─ none ─► reset               format's error event ─► reset
//! ```
//! A Wasm filter can't write into a stream of which nothing comes, so a client of a silent stream is told by a reset, which no HTTP
//! client takes for an end.

use super::answer::AnswerVerdict;
use super::attempt::{Attempt, AttemptState, Hold};
use super::machine::{Exchange, LocalReply, State, Verdict};
use super::relay::{Marks, Relay};
use super::streamed::HeldStream;
use super::{BODY_SILENCE, DECISION, HOLD, SECOND};
use crate::health::Lesson;
use crate::hub::{ErrorKind, Failure, Rejection};
use crate::limits::Ledger;
use crate::operations::Operation;
use crate::telemetry::AttemptOutcome;

/// How long after another's limit the gateway position ends a request that should have gone on by then.
const BACKSTOP: u64 = 5 * SECOND;
/// How much later than the limits of a request that is not streamed Envoy's per-try timeout comes, so that the gateway position's tick is
/// first where a target's request must not run again. A tick is a fifth of it.
const TICKS: u64 = SECOND / 2;
/// How much earlier than its timer an attempt may seem to be timed out: the host's timers and its clock are not the same.
const EARLY: u64 = SECOND / 20;

impl Exchange {
    /// Envoy's per-try timeout in milliseconds, by which an attempt without an answer moves on; `None`: it does not. One value holds for
    /// all targets, so it is the longest of theirs, and none of them is cut short.
    pub(super) fn per_try(&self) -> Option<u64> {
        let limit = if self.outline().stream {
            self.plan.iter().map(|target| target.patience.first_content).try_fold(0, |longest, one| Some(one?.max(longest)))?
        } else {
            let moves_on = self.plan.iter().rev().skip(1).any(|target| target.patience.runs_again);
            self.longest_answer().filter(|_| moves_on)?.saturating_add(TICKS)
        };
        (limit > 0).then(|| limit.div_ceil(SECOND / 1000))
    }

    fn longest_answer(&self) -> Option<u64> {
        self.plan.iter().map(|target| target.patience.answer).max()
    }

    /// When the host must be woken although nothing happens; `None` while nothing is paused.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        match self.state {
            State::Reading { since } => Some(since.saturating_add(BODY_SILENCE)),
            State::Deciding { since } => Some(since.saturating_add(DECISION)),
            State::Released { since } if self.waits_for_answer() => Some(self.answer_deadline(since)),
            // The reply is ready. Where the end of what it replaces does not come at once, it does not wait for it.
            State::Replacing => Some(0),
            State::Released { .. } | State::Answering | State::Local | State::Settled => None,
        }
    }

    const fn waits_for_answer(&self) -> bool {
        match self.operation {
            Operation::Generate(_) | Operation::CountTokens(_) => true,
            Operation::PassThrough(_) | Operation::Models(_) | Operation::Health => false,
        }
    }

    fn answer_deadline(&self, released: u64) -> u64 {
        let Some(last) = self.attempts.last() else {
            return released.saturating_add(self.longest_answer().unwrap_or(0));
        };
        let patience = last.target.patience;
        let stream = self.outline().stream;
        // Of a stream whose first content is as long in coming as its answer may be, Envoy's timer and this are one moment.
        let by_host = |millis: u64| millis.saturating_mul(SECOND / 1000) <= patience.answer;
        let moves_on = if stream { self.per_try().is_some_and(by_host) } else { patience.runs_again };
        let goes_on = moves_on && self.expected < self.plan.len();
        let limit = if goes_on && !stream { self.longest_answer().unwrap_or(patience.answer) } else { patience.answer };
        // Where another attempt is about to begin, or ought to have begun, this is only in case it does not.
        let later = if goes_on || last.outcome.is_some() { BACKSTOP } else { 0 };
        last.began.saturating_add(limit).saturating_add(later)
    }

    /// The deadline has passed.
    pub fn expire(&mut self, ledger: &mut Ledger, now: u64) -> Verdict {
        match self.state {
            State::Reading { .. } => {
                let also = if self.is_standalone() { "" } else { ", or the filter is loaded without allow_on_headers_stop_iteration" };
                self.refuse(Rejection::new(ErrorKind::RequestTimeout, format!("the request's body did not come{also}")))
            }
            State::Deciding { .. } => self.decide(ledger, now),
            State::Released { .. } => {
                if let Some(last) = self.attempts.last_mut() {
                    last.outcome.get_or_insert(AttemptOutcome::Timeout);
                }
                let mut reply = self.refuse_attempt(&Rejection::from(&too_late()));
                self.reserved = None;
                reply.worded = false;
                Verdict::Reply(reply)
            }
            State::Replacing => self.take_reply().map_or(Verdict::Continue, |reply| Verdict::Reply(LocalReply { reply, worded: false })),
            State::Answering | State::Local | State::Settled => Verdict::Continue,
        }
    }
}

/// What the tick knows of a stream whose answer has begun.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Watch {
    /// The tick has not looked yet.
    #[default]
    Unseen,
    /// Its marks when the last event was seen, and when that was.
    Flowing { marks: Marks, since: u64 },
    /// The next bytes shall tell the client; since when.
    Warned { since: u64 },
}

impl Watch {
    fn is_due(&mut self, relay: &Relay, limit: u64, now: u64) -> bool {
        let marks = relay.marks();
        match self {
            Self::Warned { since } => relay.is_over() || now.saturating_sub(*since) >= limit,
            Self::Flowing { marks: seen, since } if seen.events == marks.events => now.saturating_sub(*since) >= limit,
            Self::Unseen | Self::Flowing { .. } => {
                *self = Self::Flowing { marks, since: now };
                false
            }
        }
    }

    /// Whether bytes without events have come since the last event, so that more of them can be hoped for.
    fn hears_bytes(self, relay: &Relay) -> bool {
        match self {
            Self::Flowing { marks, .. } => marks.pushes != relay.marks().pushes,
            Self::Unseen | Self::Warned { .. } => false,
        }
    }
}

impl Attempt {
    /// Until when a target's answer must have begun lest the next one is tried; `None` where that is not for the attempt to say.
    pub(super) fn last_moment(&self, stream: bool) -> Option<u64> {
        let patience = self.target.patience;
        let limit = if stream { patience.first_content } else { Some(patience.answer).filter(|_| patience.runs_again && self.more) };
        limit.map(|limit| self.began.saturating_add(limit))
    }

    /// Whether something has to happen although nothing comes. Asked on every tick: it is how silence is noticed without a clock in the
    /// callbacks of a stream.
    pub fn is_due(&mut self, now: u64) -> bool {
        match &self.state {
            AttemptState::Held { since, hold: Hold::Stream { .. }, .. } => self.until.unwrap_or(since.saturating_add(HOLD)) <= now,
            AttemptState::Held { .. } | AttemptState::Gathering { .. } => self.until.is_some_and(|until| until <= now),
            AttemptState::Committed(Some(relay)) if !relay.seen().complete => {
                self.target.patience.stream_idle.is_some_and(|limit| self.watch.is_due(relay, limit, now))
            }
            // The exchange's own deadline ends an attempt whose body or whose provider is silent.
            AttemptState::Preparing | AttemptState::Sent | AttemptState::Committed(_) | AttemptState::Over => false,
        }
    }

    /// What is due happens.
    pub fn expire(&mut self, exchange: &mut Exchange, now: u64) -> AnswerVerdict {
        match core::mem::replace(&mut self.state, AttemptState::Over) {
            AttemptState::Held { since, hold: Hold::Stream { relay, fed, out, changed }, head } if self.until.is_none() => {
                self.let_go(exchange, HeldStream { since, relay, fed, out, changed, head }, now)
            }
            AttemptState::Held { .. } if self.more => self.fail(exchange, too_late(), AttemptOutcome::Timeout, true),
            AttemptState::Held { .. } => {
                self.note_failure(exchange, &too_late(), AttemptOutcome::Timeout);
                AnswerVerdict::Reply(exchange.refuse_attempt(&Rejection::from(&too_late())).reply)
            }
            AttemptState::Gathering { gather, head } => self.cut_short(exchange, &gather, &head, &too_late(), AttemptOutcome::Timeout),
            AttemptState::Committed(Some(mut relay)) => {
                self.outcome(exchange, AttemptOutcome::Timeout);
                self.lesson = Some(Lesson::Failed(ErrorKind::Timeout, None));
                if !self.watch.hears_bytes(&relay) {
                    return AnswerVerdict::Reset;
                }
                relay.stall(Failure::new(ErrorKind::Timeout, "the provider's stream has stalled"));
                self.watch = Watch::Warned { since: now };
                self.state = AttemptState::Committed(Some(relay));
                AnswerVerdict::Continue
            }
            state => {
                self.state = state;
                AnswerVerdict::Continue
            }
        }
    }

    /// How an attempt ended of which the host only says that it is over.
    pub(super) fn broken_off(&self, exchange: &Exchange, now: u64) -> AttemptOutcome {
        let timer = exchange.per_try().map(|limit| limit.saturating_mul(SECOND / 1000));
        if timer.is_some_and(|limit| self.began.saturating_add(limit) <= now.saturating_add(EARLY)) {
            return AttemptOutcome::Timeout;
        }
        if self.is_sent() { AttemptOutcome::Unreachable } else { AttemptOutcome::Broken }
    }
}

/// What a client is told of a provider that is too slow.
fn too_late() -> Failure {
    Failure::new(ErrorKind::Timeout, "the provider did not answer in time")
}
