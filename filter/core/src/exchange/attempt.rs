//! One attempt, from the moment when the host picked a cluster to the last byte of the request.
//!
//! What it does follows the provider that was picked, never the plan alone: credentials go where the bytes go.

use super::attempted::AttemptRecord;
use super::crowding::Reserved;
use super::headers::Headers;
use super::machine::{Exchange, LocalReply, PlannedTarget, Speak, State, Way};
use super::onward;
use super::patience::Watch;
use super::relay::Relay;
use super::standalone::Gather;
use crate::formats::Homeward;
use crate::health::{Flight, Lesson, Seats};
use crate::hub::{ErrorKind, Failure, Rejection, Renames};
use crate::names;
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

/// A stream that is held, taken apart.
pub(super) struct HeldStream {
    pub since: u64,
    pub relay: Box<Relay>,
    pub fed: usize,
    pub out: Vec<u8>,
    pub changed: bool,
    pub head: Headers,
}

/// How a request leaves the gateway position.
pub struct Departure {
    /// The cluster to go to, for [`names::STATE_NEXT`]; `None` where the host's own routes know it.
    pub next: Option<String>,
    /// What [`names::SET_FILTER_STATE`] takes, for the host to find the server of the request's conversation.
    pub conversation: Option<Vec<u8>>,
    /// The attempt that this position makes itself.
    pub attempt: Option<Box<Attempt>>,
    /// What is sent.
    pub verdict: RequestVerdict,
}

/// What an upstream position does when it was bound to its exchange.
pub enum Bound {
    /// The attempt waits for the request's body.
    Attempt(Box<Attempt>),
    /// The route did not know the target's cluster: credentials go, and the attempt is left to be refused.
    Tombstone,
    /// This provider is not in the plan: the request must not leave.
    Refuse(LocalReply),
}

/// As many requests as the document allows are under way at all targets that are left.
pub(super) struct NoRoom;

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

impl Exchange {
    /// Lets the request go to the first target of its plan.
    ///
    /// A plan of one target needs no attempts behind it: where `knows_twins` says that the route leads there, it goes to the target's
    /// direct twin, a cluster in whose filter list no Weir stands, and the gateway position makes the attempt.
    pub fn depart(&mut self, knows_twins: impl FnOnce() -> bool) -> Option<Departure> {
        let target = Rc::clone(self.plan.first()?);
        let next = if self.is_standalone() {
            None
        } else if self.plan.len() > 1 || self.has_servers(&target) || !knows_twins() {
            let mut headers = Headers::clone(&self.headers);
            self.instruct(&mut headers);
            let verdict = RequestVerdict::Send { headers: Some(headers), body: None };
            let next = self.chain.clone().unwrap_or_else(|| target.name.to_string());
            return Some(Departure { next: Some(next), conversation: self.conversation_message(), attempt: None, verdict });
        } else {
            self.way = Way::Direct;
            Some(self.configured().gateway.provider(target.provider)?.direct_cluster.to_string())
        };
        let began = self.began;
        let mut attempt = self.attempt(target, false, || began);
        let verdict = match self.take_body() {
            Some(body) => attempt.request_body(self, &body),
            None => attempt.request_head(self, false),
        };
        Some(Departure { next, conversation: None, attempt: Some(attempt), verdict })
    }

    /// Tells Envoy's router, which takes these headers out again, how often it may try and how long each time.
    pub(super) fn instruct(&self, headers: &mut Headers) {
        headers.set(names::HEADER_MAX_RETRIES, &self.plan.len().saturating_sub(1).to_string());
        if let Some(limit) = self.per_try() {
            headers.set(names::HEADER_PER_TRY, &limit.to_string());
        }
    }

    /// Binds an attempt to the provider that the host picked (the cluster's metadata; empty on the cluster of `on_no_match`). The clock is
    /// read only for an attempt behind the first, which begins when the request is released.
    ///
    /// With it comes the cluster of the target behind it, to be written at once: a reset never reaches the response callbacks.
    pub fn bind(&mut self, provider: &str, now: impl FnOnce() -> u64) -> (Bound, Option<String>) {
        if provider.is_empty() {
            self.behind = self.expected.saturating_add(1);
            self.turn_to(self.behind);
            return (Bound::Tombstone, self.next_name());
        }
        let after = self.plan.iter().skip(self.expected).position(|target| *target.name == *provider);
        let place =
            after.map(|at| at.saturating_add(self.expected)).or_else(|| self.plan.iter().position(|target| *target.name == *provider));
        let found = place.filter(|_| self.way == Way::Upstream).and_then(|place| Some((place, Rc::clone(self.plan.get(place)?))));
        let found = found.filter(|(_, target)| !self.has_come_round_to(target));
        let Some((place, target)) = found else { return (Bound::Refuse(self.refuse_outsider()), None) };
        self.behind = place.saturating_add(1);
        let reserved = self.reserved.take().filter(|reserved| reserved.place == place);
        // Behind this attempt its own seat is free again.
        match &reserved {
            Some(reserved) => reserved.flight.behind(|| self.turn_to(self.behind)),
            None => self.turn_to(self.behind),
        };
        if reserved.is_none() && target.gate.is_full() {
            // Envoy has picked it: there is no way on to another one from here.
            let rejection = super::crowding::crowded("at this model's providers");
            return (Bound::Refuse(self.refuse_attempt(&rejection)), None);
        }
        self.reserved = reserved;
        let more = self.plan.len() > self.behind;
        (Bound::Attempt(self.attempt(target, more, now)), self.next_name())
    }

    /// The cluster of the target to try next, if what was chosen when the attempt began has no room now; `Err`: none has. Its seat is kept
    /// from here on. `left` is the seat of the attempt that has come to nothing, at `target`: another server of that may have it.
    pub(super) fn choose_again(&mut self, left: Option<Flight>, target: &Rc<PlannedTarget>) -> Result<Option<String>, NoRoom> {
        let chosen = self.expected;
        let found = match &left {
            Some(flight) => flight.behind(|| self.turn_to(self.behind)),
            None => self.turn_to(self.behind),
        };
        let Some(next) = self.plan.get(self.expected).filter(|_| found) else { return Err(NoRoom) };
        let flight = left.filter(|_| Rc::ptr_eq(next, target)).unwrap_or_else(|| next.gate.enter());
        self.reserved = Some(Reserved { place: self.expected, flight });
        Ok(self.next_name().filter(|_| self.expected != chosen))
    }

    /// The cluster of the next attempt, where that is Weir's to say.
    fn next_name(&self) -> Option<String> {
        self.plan.get(self.expected).filter(|_| self.chain.is_none()).map(|target| target.name.to_string())
    }

    /// Whether Envoy, which goes on by itself and has nobody left, has begun again with a target that has been asked.
    fn has_come_round_to(&self, target: &Rc<PlannedTarget>) -> bool {
        self.chain.is_some() && self.attempts.iter().any(|attempt| Rc::ptr_eq(&attempt.target, target))
    }

    /// A provider that is not in the plan gets nothing, and one that has been asked nothing more. Envoy comes to one by itself where it has
    /// passed over a provider without any address: then the client is told what became of the attempt before.
    fn refuse_outsider(&mut self) -> LocalReply {
        let told = self.reply.clone().filter(|_| self.chain.is_some() && self.reply_of == self.attempts.len());
        match told {
            Some(reply) => LocalReply { reply, worded: true },
            None if self.chain.is_some() => {
                self.refuse_attempt(&Rejection::new(ErrorKind::Unavailable, "no provider of this model could be reached"))
            }
            None => {
                self.refuse_attempt(&Rejection::new(ErrorKind::Internal, "the request was routed to a provider that is not in its plan"))
            }
        }
    }

    fn attempt(&mut self, target: Rc<PlannedTarget>, more: bool, now: impl FnOnce() -> u64) -> Box<Attempt> {
        let released = if let State::Released { since } = self.state { Some(since) } else { None };
        let began = released.filter(|_| self.attempts.is_empty()).unwrap_or_else(now);
        self.attempts.push(AttemptRecord::new(Rc::clone(&target), began));
        let flight = self.reserved.take().map_or_else(|| target.gate.enter(), |reserved| reserved.flight);
        let mut attempt = Attempt {
            place: self.attempts.len().saturating_sub(1),
            homeward: Homeward::new(target.speak.format(), Renames::default()),
            target,
            more,
            spares: more && self.is_again(self.behind),
            server: None,
            began,
            until: None,
            watch: Watch::default(),
            lesson: None,
            flight: Some(flight),
            state: AttemptState::Preparing,
        };
        attempt.until = attempt.last_moment(self.outline().stream);
        Box::new(attempt)
    }

    /// The reply of an exchange whose attempt can't be made.
    pub(super) fn refuse_attempt(&mut self, rejection: &Rejection) -> LocalReply {
        let reply = self.identified(self.client(), self.client().reply(rejection));
        self.rejected = Some(rejection.kind);
        self.keep_reply(reply.clone());
        LocalReply { reply, worded: true }
    }

    pub(super) fn record(&mut self, place: usize) -> Option<&mut AttemptRecord> {
        self.attempts.get_mut(place)
    }
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
