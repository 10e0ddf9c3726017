//! One attempt, from the moment when the host picked a cluster to the last byte of the request.
//!
//! What it does follows the provider that was picked, never the plan alone: credentials go where the bytes go.

use super::headers::Headers;
use super::machine::{Exchange, LocalReply, State};
use super::onward;
use super::patience::Watch;
use super::planned::{PlannedTarget, Speak};
use super::relay::Relay;
use super::standalone::Gather;
use crate::formats::Homeward;
use crate::health::{Flight, Lesson, Seats};
use crate::hub::{ErrorKind, Failure, Rejection};
use crate::operations::Operation;
use crate::telemetry::AttemptOutcome;
use std::rc::Rc;

/// One attempt of an exchange.
pub struct Attempt {
    /// Its place in the exchange's list of attempts.
    pub(super) place: usize,
    pub(super) target: Rc<PlannedTarget>,
    /// What the answer needs on its way to a client of another format.
    pub(super) homeward: Homeward,
    /// Another target follows in the plan.
    pub(super) more: bool,
    /// That is another server of the same provider.
    pub(super) spares: bool,
    /// The authority of the server that the host has picked, where they don't have one name.
    pub(super) server: Option<Box<str>>,
    /// When the host picked its cluster.
    pub(super) began: u64,
    /// When its answer must have begun, if it must.
    pub(super) until: Option<u64>,
    pub(super) watch: Watch,
    /// What it has taught and nobody has heard yet.
    pub(super) lesson: Option<Lesson>,
    /// It counts as under way as long as it lives, but for one that has come to nothing before.
    pub(super) flight: Option<Flight>,
    pub(super) state: AttemptState,
}

/// Where an attempt is.
pub(super) enum AttemptState {
    /// The request's body is on its way from the host's buffer.
    Preparing,
    /// The provider has the request.
    Sent,
    /// The answer's headers are held.
    Held { since: u64, hold: Hold, head: Headers },
    /// The answer's head is with the client; its body is gathered until its end.
    Gathering { gather: Gather, head: Headers },
    /// The answer is on its way to the client; a stream goes on through its relay.
    Committed(Option<Box<Relay>>),
    /// Nothing that comes concerns the client.
    Over,
}

/// Why an answer is held.
pub(super) enum Hold {
    /// A stream before its first content. `fed`: bytes of the host's buffer that the relay has had; `out`: what it made of them, if
    /// that differs from what came.
    Stream { relay: Box<Relay>, fed: usize, out: Vec<u8>, changed: bool },
    /// A whole answer until its end.
    Whole,
    /// An error answer until its end.
    Error { status: u16 },
}

/// What an upstream position does with a request.
pub enum RequestVerdict {
    /// These headers are all headers; the body, if any, stands in the place of the client's.
    Send {
        /// All headers, pseudo headers included; `None` where they have gone before.
        headers: Option<Headers>,
        /// The body; `None` leaves the client's.
        body: Option<Vec<u8>>,
    },
    /// The request can't be expressed: the host answers, and the gateway position puts the exchange's reply in its place.
    Reply(LocalReply),
    /// The body is awaited.
    Wait,
}

impl Attempt {
    /// Writes the request's head where the body passes unread; otherwise the body is awaited.
    pub fn request_head(&mut self, exchange: &mut Exchange, end: bool) -> RequestVerdict {
        match exchange.operation {
            Operation::PassThrough(_) => match onward::passed(exchange, &self.target, self.server.as_deref()) {
                Ok(headers) => self.send(exchange, Some(headers), None),
                Err(rejection) => self.give_up(exchange, &rejection),
            },
            Operation::Generate(_) | Operation::CountTokens(_) | Operation::Models(_) | Operation::Health if end => {
                self.give_up(exchange, &Rejection::new(ErrorKind::Internal, "the request lost its body on its way through the gateway"))
            }
            Operation::Generate(_) | Operation::CountTokens(_) | Operation::Models(_) | Operation::Health => RequestVerdict::Wait,
        }
    }

    /// Whether the request's body is wanted when it ends.
    #[must_use]
    pub const fn reads_body(&self) -> bool {
        matches!(self.state, AttemptState::Preparing)
    }

    /// Writes the request from the client's whole body.
    pub fn request_body(&mut self, exchange: &mut Exchange, body: &[u8]) -> RequestVerdict {
        match onward::translated(exchange, &self.target, self.server.as_deref(), body) {
            Ok(outgoing) => {
                let format = self.target.speak.format();
                for &(field, _) in outgoing.passage.losses.as_slice() {
                    exchange.losses.record(field, format);
                }
                self.homeward = Homeward::new(format, outgoing.passage.renames).with_customs(outgoing.passage.customs);
                self.send(exchange, outgoing.headers, outgoing.body)
            }
            Err(rejection) => self.give_up(exchange, &rejection),
        }
    }

    fn send(&mut self, exchange: &mut Exchange, headers: Option<Headers>, body: Option<Vec<u8>>) -> RequestVerdict {
        self.state = AttemptState::Sent;
        if let Some(record) = exchange.record(self.place) {
            record.sent = true;
        }
        RequestVerdict::Send { headers, body }
    }

    pub(super) fn give_up(&mut self, exchange: &mut Exchange, rejection: &Rejection) -> RequestVerdict {
        self.state = AttemptState::Over;
        self.flight = None;
        if let Some(record) = exchange.record(self.place) {
            record.outcome = Some(AttemptOutcome::NotSent);
        }
        RequestVerdict::Reply(exchange.refuse_attempt(rejection))
    }

    /// Whether the provider has the request and has not answered.
    #[must_use]
    pub const fn is_sent(&self) -> bool {
        matches!(self.state, AttemptState::Sent)
    }

    /// Whether it has an answer, or may still get one.
    #[must_use]
    pub const fn answers(&self) -> bool {
        match self.state {
            AttemptState::Sent | AttemptState::Held { .. } | AttemptState::Gathering { .. } | AttemptState::Committed(_) => true,
            AttemptState::Preparing | AttemptState::Over => false,
        }
    }

    /// Whether the time of what comes of the answer matters: its content has not begun.
    #[must_use]
    pub fn is_held(&self) -> bool {
        match &self.state {
            AttemptState::Held { .. } | AttemptState::Gathering { .. } => true,
            AttemptState::Committed(Some(relay)) => !relay.seen().content,
            AttemptState::Preparing | AttemptState::Sent | AttemptState::Committed(None) | AttemptState::Over => false,
        }
    }

    /// The stream has ended or is gone. `unreachable`: the host says that no connection came about, so nothing can be billed.
    pub fn done(&mut self, exchange: &mut Exchange, unreachable: bool, now: u64) {
        let half_told = self.half_told();
        let unanswered = matches!(self.state, AttemptState::Sent | AttemptState::Held { .. });
        let outcome = match &self.state {
            AttemptState::Sent if unreachable => Some(AttemptOutcome::Unreachable),
            AttemptState::Sent | AttemptState::Held { .. } => Some(self.broken_off(exchange, now)),
            // Behind the format's own end the client misses nothing.
            AttemptState::Committed(Some(relay)) if relay.ended_well() => Some(AttemptOutcome::Complete),
            AttemptState::Gathering { .. } | AttemptState::Committed(Some(_)) => Some(AttemptOutcome::Broken),
            AttemptState::Committed(None) | AttemptState::Preparing | AttemptState::Over => None,
        };
        self.state = AttemptState::Over;
        let settled = exchange.state == State::Settled;
        let Some(record) = exchange.record(self.place) else { return };
        let known = record.outcome;
        if settled {
            // No other server is asked any more.
            self.spares = false;
            // What the client waited for in vain, and what broke off, is known before its attempt ends.
            self.lesson = match known {
                Some(AttemptOutcome::Timeout) if unanswered => lesson_of(AttemptOutcome::Timeout),
                Some(AttemptOutcome::Broken) if outcome.is_some() => lesson_of(AttemptOutcome::Broken),
                Some(_) | None => half_told,
            };
            return;
        }
        // Where the outcome is known, the gateway answers by itself: that says nothing about the connection.
        if unreachable && known.is_none() {
            record.sent = false;
        }
        record.outcome = known.or(outcome);
        // What a stream taught when it was cut or ended is not taught again.
        if unanswered || known.is_none() {
            self.lesson = record.outcome.and_then(lesson_of);
        } else if half_told.is_some() {
            self.lesson = half_told;
        }
    }

    /// What can be learnt of the health of its target, once.
    pub fn take_lesson(&mut self) -> Option<(Seats, Lesson)> {
        let lesson = self.lesson.take()?;
        (!self.is_spared(lesson)).then_some((self.target.seats, lesson))
    }

    /// Whether it speaks the client's own format.
    pub(super) fn same(&self) -> bool {
        matches!(self.target.speak, Speak::Same(_))
    }

    pub(super) fn note_failure(&mut self, exchange: &mut Exchange, failure: &Failure, outcome: AttemptOutcome) {
        if let Some(record) = exchange.record(self.place) {
            record.outcome = Some(outcome);
            record.status = failure.status.or(record.status);
            record.reason = Some(failure.kind);
        }
        self.lesson = Some(Lesson::of(failure));
    }
}

/// What the end of an attempt teaches of which nothing else is known.
const fn lesson_of(outcome: AttemptOutcome) -> Option<Lesson> {
    match outcome {
        AttemptOutcome::Unreachable => Some(Lesson::Unreachable),
        AttemptOutcome::Timeout => Some(Lesson::Failed(ErrorKind::Timeout, None)),
        AttemptOutcome::Broken => Some(Lesson::Failed(ErrorKind::BadGateway, None)),
        AttemptOutcome::Complete | AttemptOutcome::Error | AttemptOutcome::Abandoned | AttemptOutcome::NotSent => None,
    }
}
