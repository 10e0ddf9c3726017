//! The end of an exchange: one charge, one record, whatever ended it.

use super::attempted::AttemptRecord;
use super::machine::{BudgetNote, Exchange, State};
use super::refusals::shown;
use crate::config::Gateway;
use crate::hub::Field;
use crate::limits::{Amounts, Ledger};
use crate::operations::Operation;
use crate::routing::LeftOut;
use crate::telemetry::{self, AttemptOutcome, BudgetRecord, Ending, GoneAt, Metric, Record};
use crate::usage::{Usage, UsageSource};

/// How Envoy's `response.code_details` of a client that hung up begin: its connection is gone, or its HTTP/2 stream.
const CLIENT_GONE: [&str; 3] = ["downstream_remote_disconnect", "http2.remote_reset", "http2.remote_refuse"];

fn is_client_gone(details: &str) -> bool {
    CLIENT_GONE.into_iter().any(|gone| details.starts_with(gone))
}

impl Exchange {
    /// Charges and records the exchange, once. `details` (Envoy's `response.code_details`) is asked only where the end is not
    /// known otherwise; `bump` takes the metrics (kind, name, value). The record for [`crate::names::STATE_LOG`] is `None` where the
    /// exchange leaves none.
    pub fn settle(
        &mut self,
        ledger: &mut Ledger,
        now: u64,
        details: impl FnOnce() -> String,
        bump: impl FnMut(Metric, &str, u64),
    ) -> Option<String> {
        if self.state == State::Settled {
            return None;
        }
        let ending = self.ending(details);
        self.weigh();
        self.state = State::Settled;
        if let Some(claim) = self.claim.take() {
            let used = self.used();
            ledger.charge(claim, used);
        }
        if matches!(self.operation, Operation::Health) && self.rejected.is_none() {
            return None;
        }
        let configured = std::rc::Rc::clone(self.configured());
        let record = self.to_record(&configured.gateway, ending, now);
        record.metrics(bump);
        Some(record.fragment())
    }

    /// How it ended; an attempt without an outcome is given one.
    fn ending(&mut self, details: impl FnOnce() -> String) -> Ending {
        let answering = self.state == State::Answering;
        let content = self.first_content.is_some();
        match self.state {
            State::Local if matches!(self.budget, BudgetNote::Refused(_)) => return Ending::Refused,
            State::Local if self.attempts.iter().any(|attempt| attempt.outcome == Some(AttemptOutcome::Error)) => {
                return Ending::ProviderError;
            }
            State::Local => return Ending::LocalReply,
            State::Reading { .. } | State::Deciding { .. } => return Ending::ClientGone(GoneAt::BeforeHeaders),
            State::Released { .. } | State::Answering | State::Replacing | State::Settled => {}
        }
        let Some(last) = self.attempts.last_mut() else { return Ending::ClientGone(GoneAt::BeforeHeaders) };
        match last.outcome {
            Some(AttemptOutcome::Complete) => Ending::Complete,
            Some(AttemptOutcome::Error | AttemptOutcome::NotSent | AttemptOutcome::Unreachable) => Ending::ProviderError,
            Some(AttemptOutcome::Timeout) if answering => Ending::Stalled,
            Some(AttemptOutcome::Timeout) => Ending::Timeout,
            Some(AttemptOutcome::Broken | AttemptOutcome::Abandoned) => Ending::UpstreamReset,
            None if last.complete => {
                // It was given the format's own end and hung up before the connection's: Codex does.
                last.outcome = Some(AttemptOutcome::Complete);
                Ending::Complete
            }
            None if is_client_gone(&details()) => {
                last.outcome = Some(AttemptOutcome::Abandoned);
                Ending::ClientGone(match (answering, content) {
                    (false, _) => GoneAt::BeforeHeaders,
                    (true, false) => GoneAt::BeforeContent,
                    (true, true) => GoneAt::MidStream,
                })
            }
            None => {
                last.outcome = Some(AttemptOutcome::Broken);
                Ending::UpstreamReset
            }
        }
    }

    /// Records what becomes of these elements of an answer in the client's format.
    pub(super) fn note_losses(&mut self, met: impl Iterator<Item = Field>) {
        let client = self.operation.format();
        met.for_each(|field| {
            self.losses.record(field, client);
        });
    }

    /// Completes what the providers did not report: output from what came of it, input from the request's size.
    fn weigh(&mut self) {
        let text = self.outline().text_bytes;
        let reads = matches!(self.operation, Operation::Generate(_));
        for attempt in &mut self.attempts {
            let billed = match attempt.outcome {
                Some(AttemptOutcome::Complete | AttemptOutcome::Broken | AttemptOutcome::Abandoned | AttemptOutcome::Timeout) => true,
                // A connection that broke before an answer: the provider has the request and may have worked on it.
                Some(AttemptOutcome::Unreachable) => attempt.sent,
                Some(AttemptOutcome::Error | AttemptOutcome::NotSent) | None => false,
            };
            if !billed || !attempt.sent || !reads {
                continue;
            }
            attempt.weigh(text);
        }
    }

    /// The sum over the attempts.
    fn used(&self) -> Amounts {
        self.attempts.iter().fold(Amounts::default(), |sum, attempt| {
            let amounts = Amounts::new(&attempt.usage, self.cost(&attempt.target, &attempt.usage));
            Amounts {
                tokens: sum.tokens.saturating_add(amounts.tokens),
                nano_dollars: sum.nano_dollars.saturating_add(amounts.nano_dollars),
            }
        })
    }

    fn to_record<'r>(&'r self, gateway: &'r Gateway, ending: Ending, now: u64) -> Record<'r> {
        const MILLISECOND: u64 = 1_000_000;
        let millis = |since: u64, until: u64| until.saturating_sub(since) / MILLISECOND;
        let model = (!self.outline().model.is_empty()).then_some(shown(&self.outline().model));
        let last = self.attempts.last();
        Record {
            method: shown(self.method()),
            path: shown(self.path().split('?').next().unwrap_or_default()),
            operation: self.operation.as_str(),
            format: Some(self.operation.format()),
            request_model: model,
            route: self.route.and_then(|place| gateway.routes.get(place)).map(|route| route.name.as_str()),
            stream: self.outline().stream,
            attempts: self.attempts.iter().enumerate().map(|(place, attempt)| self.attempt_record(gateway, place, attempt)).collect(),
            response_model: last.and_then(|attempt| attempt.response_model.as_deref()),
            finish_reasons: last.and_then(|attempt| attempt.finish).into_iter().collect(),
            budget: self.budget.record(),
            ending,
            reason: self.rejected.map(crate::hub::ErrorKind::as_str),
            status: (self.status != 0).then_some(self.status),
            duration_ms: millis(self.began, now),
            first_content_ms: self.first_content.map(|at| millis(self.began, at)),
            losses: &self.losses,
            left_out: self.left_out_names(gateway),
        }
    }

    fn left_out_names<'r>(&self, gateway: &'r Gateway) -> Vec<(&'r str, &'r str, &'r str)> {
        let Some(route) = self.route.and_then(|place| gateway.routes.get(place)) else { return Vec::new() };
        let named = |&(at, reason): &(usize, LeftOut)| {
            let target = route.targets.get(at)?;
            let provider = gateway.provider(target.provider)?;
            Some((&*provider.name, target.model.as_deref().unwrap_or(route.name.as_str()), reason.as_str()))
        };
        self.left_out.iter().filter_map(named).collect()
    }

    fn attempt_record<'r>(&self, gateway: &'r Gateway, place: usize, attempt: &'r AttemptRecord) -> telemetry::AttemptRecord<'r> {
        telemetry::AttemptRecord {
            provider: &attempt.target.name,
            kind: gateway.provider(attempt.target.provider).map_or("unknown", |provider| provider.kind.preset().name),
            model: attempt.target.model.as_deref().unwrap_or_default(),
            format: matches!(self.operation, Operation::Generate(_) | Operation::CountTokens(_)).then(|| attempt.target.speak.format()),
            outcome: attempt.outcome.unwrap_or(AttemptOutcome::Abandoned),
            status: attempt.status,
            reason: attempt.reason.map(crate::hub::ErrorKind::as_str),
            discarded: place.saturating_add(1) < self.attempts.len(),
            usage: attempt.usage,
            source: attempt.source,
            cost: self.cost(&attempt.target, &attempt.usage),
        }
    }
}

impl AttemptRecord {
    /// Fills in what the provider did not report. The source says how certain the result is.
    fn weigh(&mut self, text_bytes: u64) {
        let complete = self.outcome == Some(AttemptOutcome::Complete);
        let reported = self.usage.input_tokens.is_some() && self.usage.output_tokens.is_some();
        if complete && reported {
            return;
        }
        if self.usage.is_empty() && self.output_bytes == 0 {
            self.usage = Usage::estimated(text_bytes, 0);
            self.source = UsageSource::Estimated;
        } else {
            self.usage = self.usage.counted(text_bytes, self.output_bytes);
            self.source = UsageSource::Counted;
        }
    }
}

impl BudgetNote {
    fn record(&self) -> BudgetRecord<'_> {
        match self {
            Self::None => BudgetRecord::None,
            Self::Allowed => BudgetRecord::Allowed,
            Self::Shadow(rule) => BudgetRecord::Shadow(rule),
            Self::Unchecked(rule) => BudgetRecord::Unchecked(rule),
            Self::Refused(rule) => BudgetRecord::Refused(rule),
        }
    }
}
