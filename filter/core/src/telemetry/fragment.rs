//! The record of an exchange as one fragment of the access log's JSON.

use super::{BudgetRecord, Record};
use crate::json::Out;
use crate::names::FormatId;
use crate::usage::{Usage, UsageSource};

impl Record<'_> {
    /// The members that stand in the access log's object: a comma, `"gen_ai":{…},"weir":{…}`.
    ///
    /// A log format splices them behind its own last member as plain text, which is why the comma comes first: an exchange that left
    /// no record leaves the log line valid. Names inside `gen_ai` are OpenTelemetry's attributes without that prefix, dots kept.
    /// Words that a client chose are escaped.
    #[must_use]
    pub fn fragment(&self) -> String {
        let mut out = Out::with_capacity(768);
        out.verbatim(",");
        let usage = self.usage();
        self.write_gen_ai(&usage, &mut out);
        self.write_weir(&usage, &mut out);
        out.into_string()
    }

    fn write_gen_ai(&self, usage: &Usage, out: &mut Out) {
        out.key("gen_ai");
        out.open_object();
        text(out, "operation.name", Some(self.operation));
        text(out, "provider.name", self.attempts.last().map(|attempt| attempt.kind));
        text(out, "request.model", self.request_model);
        text(out, "response.model", self.response_model);
        if !self.finish_reasons.is_empty() {
            out.key("response.finish_reasons");
            out.open_array();
            self.finish_reasons.iter().for_each(|reason| out.plain(reason));
            out.close_array();
        }
        number(out, "usage.input_tokens", usage.input_tokens);
        number(out, "usage.output_tokens", usage.output_tokens);
        number(out, "usage.cache_read.input_tokens", usage.cache_read_input_tokens);
        number(out, "usage.cache_creation.input_tokens", usage.cache_creation_input_tokens);
        number(out, "usage.reasoning.output_tokens", usage.reasoning_output_tokens);
        out.close_object();
    }

    fn write_weir(&self, usage: &Usage, out: &mut Out) {
        out.key("weir");
        out.open_object();
        text(out, "method", Some(self.method));
        text(out, "path", Some(self.path));
        text(out, "format", self.format.map(FormatId::as_str));
        text(out, "route", self.route);
        if self.stream {
            out.key("stream");
            out.boolean(true);
        }
        text(out, "ending", Some(self.ending.as_str()));
        text(out, "reason", self.reason);
        number(out, "status", self.status.map(u64::from));
        number(out, "duration_ms", Some(self.duration_ms));
        number(out, "first_content_ms", self.first_content_ms);
        text(out, "usage_source", Some(self.source().as_str()));
        number(out, "total_tokens", usage.total());
        number(out, "cost_nano_usd", self.cost());
        if let Some((decision, rule)) = self.budget.parts() {
            out.key("budget");
            out.open_object();
            text(out, "decision", Some(decision));
            text(out, "rule", rule);
            out.close_object();
        }
        self.write_attempts(out);
        self.write_left_out(out);
        self.write_losses(out);
        out.close_object();
    }

    fn write_attempts(&self, out: &mut Out) {
        out.key("attempts");
        out.open_array();
        for attempt in &self.attempts {
            out.open_object();
            text(out, "provider", Some(attempt.provider));
            text(out, "model", Some(attempt.model));
            text(out, "format", attempt.format.map(FormatId::as_str));
            text(out, "outcome", Some(attempt.outcome.as_str()));
            number(out, "status", attempt.status.map(u64::from));
            text(out, "reason", attempt.reason);
            if attempt.discarded && attempt.source != UsageSource::None {
                // What was used for nothing, and is charged all the same.
                out.key("discarded");
                out.open_object();
                number(out, "input_tokens", attempt.usage.input_tokens);
                number(out, "output_tokens", attempt.usage.output_tokens);
                number(out, "cost_nano_usd", attempt.cost);
                text(out, "usage_source", Some(attempt.source.as_str()));
                out.close_object();
            }
            out.close_object();
        }
        out.close_array();
    }

    fn write_left_out(&self, out: &mut Out) {
        if self.left_out.is_empty() {
            return;
        }
        out.key("left_out");
        out.open_array();
        for (provider, model, reason) in &self.left_out {
            out.open_object();
            text(out, "provider", Some(provider));
            text(out, "model", Some(model));
            text(out, "reason", Some(reason));
            out.close_object();
        }
        out.close_array();
    }

    fn write_losses(&self, out: &mut Out) {
        let losses = self.losses.as_slice();
        if losses.is_empty() {
            return;
        }
        out.key("losses");
        out.open_array();
        for (field, fate) in losses {
            out.open_object();
            text(out, "field", Some(field.as_str()));
            text(out, "fate", Some(fate.as_str()));
            out.close_object();
        }
        out.close_array();
    }
}

impl BudgetRecord<'_> {
    /// The decision's word and the rule that it is due to.
    const fn parts(&self) -> Option<(&'static str, Option<&str>)> {
        match self {
            Self::None => None,
            Self::Allowed => Some(("allowed", None)),
            Self::Shadow(rule) => Some(("shadow", Some(rule))),
            Self::Unchecked(rule) => Some(("unchecked", Some(rule))),
            Self::Refused(rule) => Some(("refused", Some(rule))),
            Self::RefusedUnchecked(rule) => Some(("refused_unchecked", Some(rule))),
        }
    }
}

fn text(out: &mut Out, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        out.key(key);
        out.plain(value);
    }
}

fn number(out: &mut Out, key: &str, value: Option<u64>) {
    if let Some(value) = value {
        out.key(key);
        out.number(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Field, Losses};
    use crate::telemetry::{AttemptOutcome, AttemptRecord, Ending};

    fn attempt(outcome: AttemptOutcome, source: UsageSource) -> AttemptRecord<'static> {
        AttemptRecord {
            provider: "main",
            kind: "openai",
            model: "gpt-5",
            format: Some(FormatId::Chat),
            outcome,
            status: Some(200),
            reason: None,
            discarded: false,
            usage: Usage::default(),
            source,
            cost: None,
        }
    }

    fn record(losses: &Losses) -> Record<'_> {
        Record {
            method: "POST",
            path: "/v1/chat/completions",
            operation: "chat",
            format: Some(FormatId::Chat),
            request_model: Some("sm\"art\n\u{1f}"),
            route: Some("smart"),
            stream: true,
            attempts: vec![
                AttemptRecord {
                    status: Some(429),
                    reason: Some("rate_limited"),
                    discarded: true,
                    ..attempt(AttemptOutcome::Error, UsageSource::None)
                },
                AttemptRecord {
                    status: None,
                    discarded: true,
                    usage: Usage { input_tokens: Some(3), ..Usage::default() },
                    cost: Some(30),
                    ..attempt(AttemptOutcome::Timeout, UsageSource::Estimated)
                },
                AttemptRecord {
                    provider: "claude",
                    kind: "anthropic",
                    model: "claude-sonnet-5",
                    format: Some(FormatId::Messages),
                    usage: Usage { input_tokens: Some(10), cache_read_input_tokens: Some(4), output_tokens: Some(5), ..Usage::default() },
                    cost: Some(1_234),
                    ..attempt(AttemptOutcome::Complete, UsageSource::Reported)
                },
            ],
            response_model: Some("claude-sonnet-5"),
            finish_reasons: vec!["stop"],
            budget: BudgetRecord::Shadow("team-hour"),
            ending: Ending::Complete,
            reason: None,
            status: Some(200),
            duration_ms: 150,
            first_content_ms: Some(90),
            losses,
            left_out: vec![("spare", "gpt-5", "cooling")],
        }
    }

    #[test]
    fn a_fragment_ends_an_object_whatever_the_client_wrote() {
        let mut losses = Losses::default();
        let fate = losses.record(Field::Seed, FormatId::Messages);
        let line = format!("{{\"start\":1{}}}", record(&losses).fragment());
        let log: serde_json::Value = serde_json::from_str(&line).unwrap();
        let expected = serde_json::json!({
            "start": 1,
            "gen_ai": {
                "operation.name": "chat",
                "provider.name": "anthropic",
                "request.model": "sm\"art\n\u{1f}",
                "response.model": "claude-sonnet-5",
                "response.finish_reasons": ["stop"],
                "usage.input_tokens": 13,
                "usage.output_tokens": 5,
                "usage.cache_read.input_tokens": 4,
            },
            "weir": {
                "method": "POST",
                "path": "/v1/chat/completions",
                "format": "chat",
                "route": "smart",
                "stream": true,
                "ending": "complete",
                "status": 200,
                "duration_ms": 150,
                "first_content_ms": 90,
                "usage_source": "estimated",
                "total_tokens": 18,
                "cost_nano_usd": 1264,
                "budget": { "decision": "shadow", "rule": "team-hour" },
                "attempts": [
                    { "provider": "main", "model": "gpt-5", "format": "chat", "outcome": "error", "status": 429, "reason": "rate_limited" },
                    {
                        "provider": "main", "model": "gpt-5", "format": "chat", "outcome": "timeout",
                        "discarded": { "input_tokens": 3, "cost_nano_usd": 30, "usage_source": "estimated" },
                    },
                    { "provider": "claude", "model": "claude-sonnet-5", "format": "messages", "outcome": "complete", "status": 200 },
                ],
                "left_out": [{ "provider": "spare", "model": "gpt-5", "reason": "cooling" }],
                "losses": [{ "field": "seed", "fate": fate.as_str() }],
            },
        });
        assert_eq!(log, expected);
    }

    #[test]
    fn an_exchange_without_attempts_has_a_record_too() {
        let losses = Losses::default();
        let mut record = record(&losses);
        record.attempts.clear();
        record.finish_reasons.clear();
        (record.request_model, record.route, record.response_model, record.format) = (None, None, None, None);
        (record.status, record.first_content_ms, record.budget) = (None, None, BudgetRecord::RefusedUnchecked("all"));
        let line = format!("{{\"start\":1{}}}", record.fragment());
        let log: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(log["gen_ai"], serde_json::json!({ "operation.name": "chat" }));
        assert_eq!(log["weir"]["budget"], serde_json::json!({ "decision": "refused_unchecked", "rule": "all" }));
        assert_eq!(log["weir"]["usage_source"], "none");
    }

    #[test]
    fn attempts_that_were_billed_add_up() {
        let losses = Losses::default();
        let mut record = record(&losses);
        let billed = |cost| AttemptRecord {
            usage: Usage { output_tokens: Some(7), ..Usage::default() },
            cost,
            ..attempt(AttemptOutcome::Broken, UsageSource::Counted)
        };
        record.attempts.insert(0, billed(Some(6)));
        assert_eq!((record.cost(), record.source()), (Some(1_270), UsageSource::Estimated));
        assert_eq!(record.usage().output_tokens, Some(12));
        record.attempts.insert(0, billed(None));
        assert_eq!(record.cost(), None);
    }
}
