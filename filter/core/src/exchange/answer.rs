//! The way of an answer through one attempt: held until it is known to be one, translated or metered, handed to the client.
//!
//! Until the first content nothing has reached the client, so an error can still move on to the next target: the attempt answers
//! with the private code 598 and Envoy retries. Behind it an error is the client format's own event.

use super::attempt::{Attempt, AttemptState, Hold};
use super::coded::{coding, plain};
use super::headers::Headers;
use super::machine::{Exchange, State};
use super::planned::{Speak, Way};
use super::relay::Relay;
use super::standalone::Gather;
use super::streamed::HeldStream;
use crate::formats::messages::Carrier;
use crate::formats::{self, ClientSide, Reply, Seen};
use crate::framing::Framer;
use crate::framing::inflate::{Coding, Inflater};
use crate::framing::sse::MAX_EVENT;
use crate::health::Lesson;
use crate::hub::Failure;
use crate::names;
use crate::operations::Operation;
use crate::telemetry::AttemptOutcome;
use crate::usage::UsageSource;
use core::ops::Range;

/// Where providers write the id under which their support finds a request.
const REQUEST_IDS: [&str; 3] = ["request-id", "x-request-id", "x-amzn-requestid"];

/// What the upstream position does with an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum AnswerVerdict {
    /// It is held; the host keeps what has come of the body.
    Hold,
    /// It goes on as it is.
    Continue,
    /// It is none that the client could get: the gateway position puts the exchange's reply in its place.
    Forgo,
    /// All headers are replaced; the body that is held, if `body` is there, too.
    Commit(AnswerHead),
    /// This piece of the body is replaced.
    Replace(Vec<u8>),
    /// The host answers in the answer's place, whose headers are held.
    Reply(Reply),
    /// The stream is cut.
    Reset,
}

/// The head of an answer as the client gets it.
#[derive(Debug, PartialEq, Eq)]
pub struct AnswerHead {
    /// All headers, `:status` included.
    pub headers: Headers,
    /// What stands in the place of the body that is held; `None` leaves it.
    pub body: Option<Vec<u8>>,
    /// The cluster that Envoy goes to instead of the one that was written when the attempt began.
    pub next: Option<String>,
}

impl Attempt {
    /// The answer's head has come; `end` says that no body follows. `details` (Envoy's `response.code_details`) is asked only where the
    /// answer may be Envoy's own.
    pub fn answer_head(
        &mut self,
        exchange: &mut Exchange,
        head: Headers,
        end: bool,
        now: u64,
        details: impl FnOnce() -> String,
    ) -> AnswerVerdict {
        if !matches!(self.state, AttemptState::Sent) {
            return AnswerVerdict::Continue;
        }
        if exchange.way != Way::Upstream && head.first(names::HEADER_SERVICE_TIME).is_none() {
            let details = details();
            if details != names::DETAILS_UPSTREAM {
                self.done(exchange, !was_sent(&details), now);
                return AnswerVerdict::Forgo;
            }
        }
        let status = head.first(":status").and_then(|status| status.parse::<u16>().ok()).unwrap_or(0);
        if let Some(record) = exchange.record(self.place) {
            record.status = Some(status);
        }
        if matches!(exchange.operation, Operation::PassThrough(_)) {
            exchange.first_content.get_or_insert(now);
            if status < 400 {
                self.outcome(exchange, AttemptOutcome::Complete);
            } else {
                let failure = self.read_failure(status, &head, &[]);
                self.note_failure(exchange, &failure, AttemptOutcome::Error);
            }
            return self.commit(exchange, head.passing(), None, None);
        }
        if !self.same() {
            self.homeward.call(REQUEST_IDS.into_iter().find_map(|name| head.first(name)));
        }
        let coding = coding(&head);
        let framer = head.first("content-type").and_then(|media| Framer::of_media(media, MAX_EVENT));
        let framer = framer.filter(|_| exchange.outline().stream && coding != Coding::Unknown);
        let hold = if !(200..300).contains(&status) {
            Hold::Error { status }
        } else if let Some(framer) = framer {
            let inflater = Inflater::new(coding, exchange.configured().gateway.caps.answer);
            let relay = Box::new(self.relay(exchange, framer, now).inflating(inflater));
            Hold::Stream { relay, fed: 0, out: Vec::new(), changed: false }
        } else {
            Hold::Whole
        };
        if exchange.is_standalone() && !end {
            return self.go_ahead(exchange, hold, head);
        }
        self.state = AttemptState::Held { since: now, hold, head };
        if end { self.answer_body(exchange, &[], 0, true, now) } else { AnswerVerdict::Hold }
    }

    fn relay(&self, exchange: &Exchange, framer: Framer, now: u64) -> Relay {
        let asked = exchange.asked(now);
        let client = exchange.client();
        match self.target.speak {
            Speak::Same(format) => Relay::pass(formats::named(format), client, &asked, framer),
            Speak::Translated(format) => Relay::translate(formats::named(format), client, &asked, self.homeward.clone(), framer),
        }
        .carried_by(self.target.carrier)
    }

    /// Which bytes of the host's buffer, which holds `size`, [`Attempt::answer_body`] wants to see.
    #[must_use]
    pub fn wants(&self, size: usize, end: bool) -> Range<usize> {
        match &self.state {
            AttemptState::Held { hold: Hold::Stream { fed, .. }, .. } => *fed..size,
            AttemptState::Held { .. } | AttemptState::Gathering { .. } if end => 0..size,
            AttemptState::Committed(Some(_)) | AttemptState::Gathering { gather: Gather::Metered(_), .. } => 0..size,
            AttemptState::Held { .. }
            | AttemptState::Gathering { .. }
            | AttemptState::Committed(None)
            | AttemptState::Preparing
            | AttemptState::Sent
            | AttemptState::Over => 0..0,
        }
    }

    /// More of the answer's body has come: the bytes that [`Attempt::wants`] named, of a buffer that holds `size`.
    pub fn answer_body(&mut self, exchange: &mut Exchange, bytes: &[u8], size: usize, end: bool, now: u64) -> AnswerVerdict {
        match core::mem::replace(&mut self.state, AttemptState::Over) {
            AttemptState::Held { since, hold: Hold::Stream { relay, fed, out, changed }, head } => {
                let fed = fed.saturating_add(bytes.len());
                let held = HeldStream { since, relay, fed, out, changed, head };
                self.held_stream(exchange, held, bytes, end, now)
            }
            AttemptState::Held { since, hold, head } if !end => self.held_whole(exchange, since, hold, head, size),
            AttemptState::Held { hold: Hold::Error { status }, head, .. } => {
                // An error that can't be inflated is told by its status.
                let body = plain(exchange, &head, bytes).unwrap_or_default();
                let failure = self.read_failure(status, &head, &body);
                self.fail(exchange, failure, AttemptOutcome::Error, end && size == 0)
            }
            AttemptState::Held { hold: Hold::Whole, head, .. } => {
                exchange.first_content.get_or_insert(now);
                match plain(exchange, &head, bytes) {
                    Ok(body) => self.whole(exchange, &head, body, size == 0),
                    Err(failure) => self.fail(exchange, failure, AttemptOutcome::Broken, size == 0),
                }
            }
            AttemptState::Gathering { gather, head } => self.gather(exchange, (gather, head), bytes, (size, end), now),
            AttemptState::Committed(Some(mut relay)) => {
                let verdict = self.flowing(exchange, &mut relay, bytes, end, now);
                self.state = AttemptState::Committed(if end { None } else { Some(relay) });
                verdict
            }
            state => {
                self.state = state;
                AnswerVerdict::Continue
            }
        }
    }

    /// The provider failed before the client saw anything: the next target is tried, or the client is told.
    pub(super) fn fail(&mut self, exchange: &mut Exchange, failure: Failure, outcome: AttemptOutcome, bodiless: bool) -> AnswerVerdict {
        self.note_failure(exchange, &failure, outcome);
        let reply = told(exchange, &failure);
        self.blame(exchange, failure.kind);
        let next = if self.more && failure.moves_on() { exchange.choose_again(self.flight.take(), &self.target).ok() } else { None };
        if next.is_none() {
            exchange.rejected = Some(failure.kind);
        }
        let mut headers = Headers::of_reply(&reply, true);
        let body = (!bodiless).then(|| reply.body.clone());
        if let Some(next) = next {
            // Envoy may still not retry; then the gateway position puts the reply in the answer's place.
            exchange.keep_reply(reply);
            headers.set(":status", &names::STATUS_RETRY.to_string());
            self.state = AttemptState::Over;
            return AnswerVerdict::Commit(AnswerHead { headers, body, next });
        }
        if body.is_none() {
            // An answer without a body can't be given one here: the gateway position replies in its place.
            exchange.keep_reply(reply);
            self.state = AttemptState::Over;
            self.spares = false;
            return AnswerVerdict::Forgo;
        }
        exchange.reply = None;
        self.commit(exchange, headers, body, None)
    }

    pub(super) fn read_failure(&self, status: u16, head: &Headers, body: &[u8]) -> Failure {
        let pairs: Vec<(&str, &str)> = head.iter().collect();
        let mut failure = formats::failure(self.target.speak.format(), self.target.carrier, status, &pairs, body);
        failure.status = Some(status);
        failure.request_id = REQUEST_IDS.into_iter().find_map(|name| head.first(name)).map(str::to_owned);
        failure
    }

    pub(super) fn commit(
        &mut self,
        exchange: &mut Exchange,
        mut headers: Headers,
        body: Option<Vec<u8>>,
        relay: Option<Box<Relay>>,
    ) -> AnswerVerdict {
        if let Some(body) = body.as_ref().filter(|_| relay.is_none()) {
            headers.set("content-length", &body.len().to_string());
        }
        // The carrier's own name of it says nothing to clients of the format.
        let id = exchange.client().id_header();
        if self.same()
            && (self.target.carrier, exchange.client().carrier()) != (Carrier::Own, Carrier::Own)
            && headers.first(id).is_none()
            && let Some(value) = REQUEST_IDS.into_iter().find_map(|name| headers.first(name)).map(str::to_owned)
        {
            headers.push(id, &value);
        }
        if let Some(lost) = exchange.losses.header() {
            headers.set(names::HEADER_LOST, &lost);
        }
        if exchange.configured().gateway.tells_target {
            let model = self.target.model.as_deref().unwrap_or_default();
            headers.set(names::HEADER_TARGET, &format!("{}/{model}", self.target.name));
        }
        exchange.status = headers.first(":status").and_then(|status| status.parse().ok()).unwrap_or(0);
        exchange.state = State::Answering;
        // A stream has to come to its end: one that breaks behind its first content is no answer.
        if relay.as_ref().is_none_or(|relay| relay.ended_well()) {
            self.lesson = self.lesson.or(Some(Lesson::Answered));
        }
        self.spares = false;
        self.state = AttemptState::Committed(relay);
        AnswerVerdict::Commit(AnswerHead { headers, body, next: None })
    }

    /// The headers of a translated answer: nothing of the provider's but its date and the id under which its support finds the request.
    pub(super) fn client_head(&self, client: &dyn ClientSide, head: &Headers) -> Headers {
        if self.same() {
            let mut headers = head.passing();
            headers.retain(|name| name != "content-length" && name != "content-encoding");
            return headers;
        }
        let mut headers = Headers::new();
        if let Some(date) = head.first("date") {
            headers.push("date", date);
        }
        if let Some(id) = REQUEST_IDS.into_iter().find_map(|name| head.first(name)) {
            headers.push(client.id_header(), id);
        }
        headers
    }

    pub(super) fn take_note(&self, exchange: &mut Exchange, seen: &Seen) {
        let Some(record) = exchange.record(self.place) else { return };
        if let Some(usage) = &seen.usage {
            record.usage.merge_snapshot(usage);
            record.source = UsageSource::Reported;
        }
        record.output_bytes = seen.output_bytes;
        record.complete = seen.complete;
        record.finish = seen.finish.or(record.finish);
        if record.response_model.is_none() {
            record.response_model.clone_from(&seen.model);
        }
    }

    pub(super) fn outcome(&self, exchange: &mut Exchange, outcome: AttemptOutcome) {
        if let Some(record) = exchange.record(self.place) {
            record.outcome = Some(outcome);
        }
    }
}

/// What a client is told of a failure.
pub(super) fn told(exchange: &Exchange, failure: &Failure) -> Reply {
    let client = exchange.client();
    let mut reply = client.reply(&failure.into());
    reply.headers.extend(failure.request_id.clone().map(|id| (client.id_header(), id)));
    exchange.identified(client, reply)
}

/// Whether a provider has had the request that Envoy answers by itself, by its word for why: it answers so too where there was no
/// connection in time or at all, no healthy host, no such cluster, or a body over its own limit.
fn was_sent(details: &str) -> bool {
    if ["connection_failure", "connection_timeout", "overflow"].into_iter().any(|cause| details.contains(cause)) {
        return false;
    }
    details.starts_with("upstream_reset_before_response_started") || details.contains("timeout")
}
