//! The standalone position: one filter alone, in a host that can't hold headers while a body is read.
//!
//! ```text
//! request   head ─► the provider that it picks, in one of its formats whose path does not depend on the body ─► written, gone
//!           body, held ─► outline, target of that provider, budgets, translation ─► gone in chunks
//! answer    head ─► written for what its status and media type say it is ─► gone
//!           body ─► a stream through its relay; a whole one held, then translated; in the client's format it passes, metered
//! ```
//! The credential leaves with a head that has the provider's own authority, by which the host picks the route anew: where it goes depends on
//! nothing that the client wrote.

use super::answer::{AnswerVerdict, told};
use super::attempt::{Attempt, AttemptState, Hold};
use super::attempted::AttemptRecord;
use super::coded::plain;
use super::configured::Configured;
use super::headers::Headers;
use super::machine::Exchange;
use super::planned::{Pick, PlannedTarget, Way};
use super::refusals::shown;
use super::whole::too_large;
use crate::formats;
use crate::health::Lesson;
use crate::hub::{ErrorKind, Failure, Rejection};
use crate::names::FormatId;
use crate::providers::{Provider, ProviderId};
use crate::routing::{Picked, Route};
use crate::telemetry::AttemptOutcome;
use std::rc::Rc;

/// What a request's head says of its provider.
pub(super) enum Choice {
    /// It need not say any: the plan will.
    Free,
    /// This one. `below`: a prefix of the path said so, and was taken off.
    Provider { id: ProviderId, below: bool },
    /// None that the document has.
    Refused(Rejection),
}

impl Choice {
    /// Reads a head, and takes off what said the provider.
    pub(super) fn of(configured: &Configured, mut head: Headers) -> (Headers, Self) {
        let Some(picker) = &configured.picker else { return (head, Self::Free) };
        let refused = |message| Self::Refused(Rejection::new(ErrorKind::InvalidRequest, message).code("unknown_provider"));
        let (choice, path) = match picker.pick(|name| head.first(name)) {
            Picked::Provider(id, path) => (Self::Provider { id, below: path.is_some() }, path.map(str::to_owned)),
            Picked::Named(name) => match configured.gateway.provider_named(name) {
                Some((id, _)) => (Self::Provider { id, below: false }, None),
                None => (refused(format!("no provider is called `{}`", shown(name))), None),
            },
            Picked::Nobody => (refused(picker.advice()), None),
        };
        if let Some(path) = path {
            head.set(":path", &path);
        }
        (head, choice)
    }

    /// Whether the path is Weir's whatever stands in it.
    pub(super) const fn owns_path(&self) -> bool {
        matches!(self, Self::Provider { below: true, .. })
    }

    /// The same as a way, before it is known what is asked.
    pub(super) const fn way(&self) -> Way {
        match self {
            Self::Free => Way::Upstream,
            Self::Provider { id, .. } => Way::Standalone(Some(Pick { provider: *id, speak: None })),
            Self::Refused(_) => Way::Standalone(None),
        }
    }
}

impl Way {
    /// Whether an attempt at this provider can be made.
    pub(super) fn reaches(self, provider: ProviderId) -> bool {
        match self {
            Self::Upstream | Self::Direct => true,
            Self::Standalone(pick) => pick.is_some_and(|pick| pick.provider == provider),
        }
    }

    /// Whether a provider can be spoken to in this format.
    pub(super) fn speaks(self, format: FormatId) -> bool {
        match self {
            Self::Upstream | Self::Direct => true,
            Self::Standalone(pick) => pick.and_then(|pick| pick.speak).is_some_and(|speak| speak.format() == format),
        }
    }

    /// How many attempts there can be.
    pub(super) const fn most_attempts(self) -> usize {
        match self {
            Self::Upstream | Self::Direct => Route::MAX_TARGETS.saturating_mul(Provider::MOST_TRIES),
            Self::Standalone(_) => 1,
        }
    }
}

impl Exchange {
    /// What a provider says that answers before it has had the request: an attempt all the same, of which nothing is billed.
    pub(super) fn too_early(&mut self, pick: Pick, status: u16) -> Rejection {
        let side = pick.speak.filter(|_| status >= 300).map(|speak| formats::named(speak.format()));
        let (failure, outcome) = match side {
            Some(side) => (side.failure(status, &[], b""), AttemptOutcome::Error),
            None => (Failure::new(ErrorKind::BadGateway, "the provider answered before it had the request"), AttemptOutcome::Broken),
        };
        let name = self.configured().gateway.provider(pick.provider).map(|provider| provider.name.clone());
        if let Some((name, speak)) = name.zip(pick.speak) {
            let target = Rc::new(PlannedTarget::without_model(pick.provider, name, speak));
            let (outcome, reason) = (Some(outcome), Some(failure.kind));
            self.attempts.push(AttemptRecord { outcome, status: Some(status), reason, ..AttemptRecord::new(target, self.began) });
        }
        Rejection::from(&failure)
    }

    /// Whether no head can wait.
    pub(super) const fn is_standalone(&self) -> bool {
        matches!(self.way, Way::Standalone(_))
    }
}

/// What is done with the body of an answer whose head has gone.
pub(super) enum Gather {
    /// It passes; what came of it is kept for the meter.
    Metered(Vec<u8>),
    /// It is held until its end, and translated.
    Whole,
    /// The same, an error.
    Error { status: u16 },
}

impl Attempt {
    /// The answer's head goes, before anything of its body is known.
    pub(super) fn go_ahead(&mut self, exchange: &mut Exchange, hold: Hold, head: Headers) -> AnswerVerdict {
        let client = exchange.client();
        self.until = Some(self.began.saturating_add(self.target.patience.answer));
        let (headers, state) = match hold {
            Hold::Stream { relay, .. } => (self.stream_head(exchange, &head), AttemptState::Committed(Some(relay))),
            Hold::Error { status } => {
                let failure = self.read_failure(status, &head, b"");
                self.note_failure(exchange, &failure, AttemptOutcome::Error);
                // Its body may say another reason: it teaches at its end.
                self.lesson = None;
                exchange.rejected = Some(failure.kind);
                let mut headers = Headers::of_reply(&told(exchange, &failure), true);
                headers.retain(|name| name != "content-length");
                (headers, AttemptState::Gathering { gather: Gather::Error { status }, head })
            }
            Hold::Whole if self.same() => (head.passing(), AttemptState::Gathering { gather: Gather::Metered(Vec::new()), head }),
            Hold::Whole => {
                let mut headers = self.client_head(client, &head);
                let asked = exchange.asked(exchange.began);
                headers.set(":status", "200");
                headers.set("content-type", if asked.stream { client.stream_type(&asked) } else { "application/json" });
                (headers, AttemptState::Gathering { gather: Gather::Whole, head })
            }
        };
        let (lesson, verdict) = (self.lesson, self.commit(exchange, headers, None, None));
        // What a head promises is no answer yet.
        self.lesson = lesson;
        self.state = state;
        verdict
    }

    /// More of the body of an answer whose head has gone.
    pub(super) fn gather(
        &mut self,
        exchange: &mut Exchange,
        (mut gather, head): (Gather, Headers),
        bytes: &[u8],
        (size, end): (usize, bool),
        now: u64,
    ) -> AnswerVerdict {
        if let Gather::Metered(body) = &mut gather {
            body.extend_from_slice(bytes);
        }
        let cap = exchange.configured().gateway.caps.answer;
        match gather {
            Gather::Metered(body) if body.len() > cap => {
                // Bytes pass whatever their size; only the meter gives up.
                self.outcome(exchange, AttemptOutcome::Complete);
                self.state = AttemptState::Committed(None);
                AnswerVerdict::Continue
            }
            Gather::Metered(_) if !end => {
                self.state = AttemptState::Gathering { gather, head };
                AnswerVerdict::Continue
            }
            Gather::Whole | Gather::Error { .. } if !end && size <= cap => {
                self.state = AttemptState::Gathering { gather, head };
                AnswerVerdict::Hold
            }
            Gather::Whole | Gather::Error { .. } if !end => self.cut_short(exchange, &gather, &head, &too_large(), AttemptOutcome::Broken),
            Gather::Error { status } => {
                self.state = AttemptState::Committed(None);
                let body = plain(exchange, &head, bytes).unwrap_or_default();
                let failure = self.read_failure(status, &head, &body);
                self.note_failure(exchange, &failure, AttemptOutcome::Error);
                exchange.rejected = Some(failure.kind);
                AnswerVerdict::Replace(told(exchange, &failure).body)
            }
            Gather::Metered(body) => self.gathered(exchange, &head, &body, now),
            Gather::Whole => self.gathered(exchange, &head, bytes, now),
        }
    }

    /// A whole answer has come to its end.
    fn gathered(&mut self, exchange: &mut Exchange, head: &Headers, body: &[u8], now: u64) -> AnswerVerdict {
        self.state = AttemptState::Committed(None);
        exchange.first_content.get_or_insert(now);
        let read = plain(exchange, head, body).map_err(|failure| Box::new((failure, AttemptOutcome::Broken)));
        match read.and_then(|body| self.read_whole(exchange, &body)) {
            Ok(translated) => {
                self.lesson = Some(Lesson::Answered);
                translated.map_or(AnswerVerdict::Continue, |(_, body)| AnswerVerdict::Replace(body))
            }
            // It is in the client's own format, and has passed.
            Err(none) if self.same() => {
                self.note_failure(exchange, &none.0, none.1);
                AnswerVerdict::Continue
            }
            Err(none) => self.cut(exchange, &none.0, none.1),
        }
    }

    /// What an error teaches that breaks off behind its head.
    pub(super) fn half_told(&self) -> Option<Lesson> {
        let AttemptState::Gathering { gather: Gather::Error { status }, head } = &self.state else { return None };
        Some(Lesson::of(&self.read_failure(*status, head, b"")))
    }

    /// The end of an answer whose head has gone is not waited for. An error stays what its head has said.
    pub(super) fn cut_short(
        &mut self,
        exchange: &mut Exchange,
        gather: &Gather,
        head: &Headers,
        failure: &Failure,
        outcome: AttemptOutcome,
    ) -> AnswerVerdict {
        match gather {
            Gather::Error { status } => self.cut(exchange, &self.read_failure(*status, head, b""), AttemptOutcome::Error),
            Gather::Metered(_) | Gather::Whole => self.cut(exchange, failure, outcome),
        }
    }

    /// The head promised an answer that does not come: only a reset says so to every client.
    fn cut(&mut self, exchange: &mut Exchange, failure: &Failure, outcome: AttemptOutcome) -> AnswerVerdict {
        self.note_failure(exchange, failure, outcome);
        exchange.rejected = Some(failure.kind);
        self.state = AttemptState::Over;
        AnswerVerdict::Reset
    }
}
