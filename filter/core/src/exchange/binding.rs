//! How attempts come about: the request leaves for the first target of its plan, and whatever cluster the host picks is bound to its target.

use super::attempt::{Attempt, AttemptState, RequestVerdict};
use super::attempted::AttemptRecord;
use super::crowding::Reserved;
use super::headers::Headers;
use super::machine::{Exchange, LocalReply, State};
use super::patience::Watch;
use super::planned::{PlannedTarget, Way};
use crate::formats::Homeward;
use crate::health::Flight;
use crate::hub::{ErrorKind, Rejection, Renames};
use crate::names;
use std::rc::Rc;

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
