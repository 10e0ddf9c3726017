//! A streamed answer of one attempt: held until its first content, then relayed as it comes.

use super::answer::AnswerVerdict;
use super::attempt::{Attempt, AttemptState, Hold};
use super::headers::Headers;
use super::machine::Exchange;
use super::relay::{Relay, Relayed};
use crate::formats::Seen;
use crate::health::Lesson;
use crate::hub::ErrorKind;
use crate::telemetry::AttemptOutcome;

/// A stream that is held, taken apart.
pub(super) struct HeldStream {
    pub since: u64,
    pub relay: Box<Relay>,
    pub fed: usize,
    pub out: Vec<u8>,
    pub changed: bool,
    pub head: Headers,
}

impl Attempt {
    /// A stream before its commit.
    pub(super) fn held_stream(
        &mut self,
        exchange: &mut Exchange,
        mut held: HeldStream,
        bytes: &[u8],
        end: bool,
        now: u64,
    ) -> AnswerVerdict {
        let mut failure = match held.relay.push(bytes, false) {
            Ok(Relayed::Unchanged) => {
                held.out.extend_from_slice(bytes);
                None
            }
            Ok(Relayed::Changed(out)) => {
                held.changed = true;
                held.out.extend_from_slice(&out);
                None
            }
            Err(failure) => Some(failure),
        };
        if end && failure.is_none() {
            match held.relay.end(false) {
                Ok(rest) => {
                    held.changed |= !rest.is_empty();
                    held.out.extend_from_slice(&rest);
                }
                Err(cut) => failure = Some(cut),
            }
        }
        self.take_note(exchange, held.relay.seen());
        held.relay.met(|fields| exchange.note_losses(fields.iter().copied()));
        if let Some(failure) = failure.or_else(|| held.relay.refused().cloned()) {
            return self.fail(exchange, failure, AttemptOutcome::Error, held.fed == 0);
        }
        let cap = exchange.configured().gateway.caps.held;
        if !(held.relay.seen().content || end || held.fed.max(held.out.len()) > cap) {
            let HeldStream { since, relay, fed, out, changed, head } = held;
            self.state = AttemptState::Held { since, hold: Hold::Stream { relay, fed, out, changed }, head };
            return AnswerVerdict::Hold;
        }
        exchange.first_content.get_or_insert(now);
        if end {
            self.settle_stream(exchange, held.relay.seen());
        }
        self.commit_stream(exchange, held, end)
    }

    fn commit_stream(&mut self, exchange: &mut Exchange, held: HeldStream, end: bool) -> AnswerVerdict {
        let headers = self.stream_head(exchange, &held.head);
        let body = held.changed.then_some(held.out);
        self.commit(exchange, headers, body, (!end).then_some(held.relay))
    }

    /// The head of a stream as the client gets it.
    pub(super) fn stream_head(&self, exchange: &Exchange, head: &Headers) -> Headers {
        let mut headers = self.client_head(exchange.client(), head);
        headers.set(":status", "200");
        headers.set("content-type", exchange.client().stream_type(&exchange.asked(exchange.began)));
        headers.set("cache-control", "no-cache");
        headers
    }

    /// The headers of a stream go although it has no content: what comes of it later can't be retried.
    pub(super) fn let_go(&mut self, exchange: &mut Exchange, held: HeldStream, now: u64) -> AnswerVerdict {
        exchange.first_content.get_or_insert(now);
        self.commit_stream(exchange, held, false)
    }

    /// A stream behind its commit.
    pub(super) fn flowing(&mut self, exchange: &mut Exchange, relay: &mut Relay, bytes: &[u8], end: bool, now: u64) -> AnswerVerdict {
        let known = relay.ended_well();
        let relayed = relay.push(bytes, true).unwrap_or(Relayed::Unchanged);
        let rest = if end { relay.end(true).unwrap_or_default() } else { Vec::new() };
        self.take_note(exchange, relay.seen());
        relay.met(|fields| exchange.note_losses(fields.iter().copied()));
        if relay.seen().content {
            exchange.first_content.get_or_insert(now);
        }
        if !known && relay.ended_well() {
            self.lesson = Some(Lesson::Answered);
        }
        if end {
            self.settle_stream(exchange, relay.seen());
        }
        match relayed {
            Relayed::Unchanged if rest.is_empty() => AnswerVerdict::Continue,
            // Nothing came and nothing goes: in front of trailers there is not even a buffer that could be replaced.
            Relayed::Changed(out) if bytes.is_empty() && out.is_empty() && rest.is_empty() => AnswerVerdict::Continue,
            Relayed::Unchanged => AnswerVerdict::Replace([bytes, &rest].concat()),
            Relayed::Changed(out) => AnswerVerdict::Replace(if rest.is_empty() { out } else { [out, rest].concat() }),
        }
    }

    fn settle_stream(&mut self, exchange: &mut Exchange, seen: &Seen) {
        if exchange.record(self.place).is_some_and(|record| record.outcome == Some(AttemptOutcome::Timeout)) {
            return;
        }
        let broken = seen.failure.is_some() || !seen.complete;
        if broken {
            self.lesson = Some(seen.failure.as_ref().map_or(Lesson::Failed(ErrorKind::BadGateway, None), Lesson::of));
        }
        self.outcome(exchange, if broken { AttemptOutcome::Broken } else { AttemptOutcome::Complete });
    }
}
