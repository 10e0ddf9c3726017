//! The metrics of an exchange and of the limiter, with their tags encoded into the names.
//!
//! A Proxy-Wasm metric is a name and nothing else, so the tags stand in it: `weir.requests;model=smart;provider=openai;status=200`.
//! Envoy's `stats_tags` take them out again. Every tag's values are bounded by the document or by an enum: a word that a
//! client can choose never makes a metric.

use std::fmt::Write as _;

use super::record::{AttemptRecord, Record};
use crate::health::Change;
use crate::hub::ErrorKind;
use crate::limits::{CallFault, Ledger, Synced, Totals};
use crate::names;

/// What kind of metric a name is defined as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Grows by the value, which is never zero.
    Counter,
    /// Records the value.
    Histogram,
    /// Is the value from now on.
    Gauge,
}

/// What stands for a tag that an exchange does not have: no route, no attempt. The set of a metric's tags is always the same.
const NONE: &str = "-";

impl Record<'_> {
    /// Tells the metrics of this exchange, one after the other: kind, full name, value.
    pub fn metrics(&self, mut bump: impl FnMut(Metric, &str, u64)) {
        let mut name = Name::default();
        let route = self.route.unwrap_or(NONE);
        let provider = self.attempts.last().map_or(NONE, |attempt| attempt.provider);
        let mut status = String::new();
        match self.status {
            Some(code) => {
                let _infallible = write!(status, "{code}");
            }
            None => status.push_str(NONE),
        }
        let request = name.of(names::METRIC_REQUESTS, &[("model", route), ("provider", provider), ("status", &status)]);
        bump(Metric::Counter, request, 1);
        let tags = [("model", route), ("provider", provider)];
        bump(Metric::Histogram, name.of(names::METRIC_DURATION, &tags), self.duration_ms);
        if let Some(first) = self.first_content_ms {
            bump(Metric::Histogram, name.of(names::METRIC_FIRST_CONTENT, &tags), first);
        }
        if let Some(reason) = self.reason {
            bump(Metric::Counter, name.of(names::METRIC_REJECTIONS, &[("reason", reason)]), 1);
        }
        for attempt in &self.attempts {
            attempt.metrics(route, &mut name, &mut bump);
        }
        self.failover_metrics(&mut name, &mut bump);
        self.loss_metrics(&mut name, &mut bump);
    }

    fn failover_metrics(&self, name: &mut Name, bump: &mut impl FnMut(Metric, &str, u64)) {
        let replaced = self.attempts.len().saturating_sub(1);
        for attempt in self.attempts.iter().take(replaced) {
            let tags = [("provider", attempt.provider), ("reason", attempt.outcome.as_str())];
            bump(Metric::Counter, name.of(names::METRIC_FAILOVERS, &tags), 1);
        }
    }

    fn loss_metrics(&self, name: &mut Name, bump: &mut impl FnMut(Metric, &str, u64)) {
        let source = self.format.map_or(NONE, |format| format.as_str());
        let target = self.attempts.last().and_then(|attempt| attempt.format).map_or(NONE, |format| format.as_str());
        for (field, fate) in self.losses.as_slice() {
            let tags = [("field", field.as_str()), ("source", source), ("target", target), ("fate", fate.as_str())];
            bump(Metric::Counter, name.of(names::METRIC_LOSSES, &tags), 1);
        }
    }
}

impl AttemptRecord<'_> {
    fn metrics(&self, route: &str, name: &mut Name, bump: &mut impl FnMut(Metric, &str, u64)) {
        let usage = &self.usage;
        let kinds = [
            ("input", usage.input_tokens),
            ("cache_read", usage.cache_read_input_tokens),
            ("cache_creation", usage.cache_creation_input_tokens),
            ("output", usage.output_tokens),
            ("reasoning", usage.reasoning_output_tokens),
        ];
        for (kind, count) in kinds {
            if let Some(count) = count.filter(|count| *count > 0) {
                let tags = [("model", route), ("provider", self.provider), ("kind", kind), ("usage_source", self.source.as_str())];
                bump(Metric::Counter, name.of(names::METRIC_TOKENS, &tags), count);
            }
        }
        if self.reason == Some(ErrorKind::UpstreamCredential.as_str()) {
            bump(Metric::Counter, name.of(names::METRIC_CREDENTIAL_REFUSED, &[("provider", self.provider)]), 1);
        }
        if let Some(cost) = self.cost.filter(|cost| *cost > 0) {
            bump(Metric::Counter, name.of(names::METRIC_COST, &[("model", route), ("provider", self.provider)]), cost);
        }
    }
}

/// Tells what has changed about the health of a provider, or of one of its models (empty: all of them).
pub fn health_metrics(provider: &str, model: &str, change: &Change, mut bump: impl FnMut(Metric, &str, u64)) {
    let mut name = Name::default();
    let model = if model.is_empty() { NONE } else { model };
    let tags = [("provider", provider), ("target_model", model)];
    match change {
        Change::Cooled(reason) => {
            let tags = [("provider", provider), ("target_model", model), ("reason", reason)];
            bump(Metric::Counter, name.of(names::METRIC_COOLDOWNS, &tags), 1);
        }
        Change::Cooling => bump(Metric::Gauge, name.of(names::METRIC_COOLING, &tags), 1),
        Change::Over => bump(Metric::Gauge, name.of(names::METRIC_COOLING, &tags), 0),
    }
}

/// The metrics of the limiter. One per VM, beside the ledger.
#[derive(Debug, Default)]
pub struct LimitMetrics {
    unknown: Totals,
    without_rule: Totals,
}

impl LimitMetrics {
    /// Tells what became of a call.
    pub fn synced(&self, synced: Synced, mut bump: impl FnMut(Metric, &str, u64)) {
        let (result, count) = match synced {
            Synced::Counted { without_rule: 0 } => ("counted", 1),
            Synced::Counted { .. } => ("without_rule", 1),
            Synced::Failed(CallFault::NeverSent) => ("never_sent", 1),
            Synced::Failed(CallFault::Unanswered) => ("unanswered", 1),
            Synced::Late => ("late", 1),
        };
        bump(Metric::Counter, Name::default().of(names::METRIC_LIMIT_CALLS, &[("result", result)]), count);
    }

    /// Tells what the ledger has lost sight of since the last time.
    pub fn losses(&mut self, ledger: &Ledger, mut bump: impl FnMut(Metric, &str, u64)) {
        let mut name = Name::default();
        let pairs = [
            (names::METRIC_LIMIT_UNKNOWN, ledger.unknown(), &mut self.unknown),
            (names::METRIC_LIMIT_WITHOUT_RULE, ledger.without_rule(), &mut self.without_rule),
        ];
        for (metric, now, before) in pairs {
            let measures = [
                ("requests", now.requests, before.requests),
                ("tokens", now.tokens, before.tokens),
                ("nano_usd", now.nano_dollars, before.nano_dollars),
            ];
            for (measure, now, before) in measures {
                let more = now.saturating_sub(before);
                if more > 0 {
                    bump(Metric::Counter, name.of(metric, &[("measure", measure)]), more);
                }
            }
            *before = now;
        }
    }
}

/// Appends a tag's value: what would end it, or what a statistics protocol gives a meaning, as `%XX`.
pub fn encode_tag(value: &str, out: &mut String) {
    if value.bytes().all(is_plain) {
        return out.push_str(value);
    }
    for run in value.as_bytes().chunk_by(|one, next| is_plain(*one) && is_plain(*next)) {
        match core::str::from_utf8(run) {
            Ok(text) if run.first().copied().is_some_and(is_plain) => out.push_str(text),
            Ok(_) | Err(_) => run.iter().for_each(|byte| {
                let _infallible = write!(out, "%{byte:02X}");
            }),
        }
    }
}

const fn is_plain(byte: u8) -> bool {
    !matches!(byte, b'%' | b';' | b'|' | b'#' | b',' | b'=' | b':' | b'"' | b'\\' | 0..=b' ' | 0x7F..)
}

/// One buffer for all the names of an exchange.
struct Name(String);

impl Default for Name {
    fn default() -> Self {
        Self(String::with_capacity(128))
    }
}

impl Name {
    fn of(&mut self, metric: &str, tags: &[(&str, &str)]) -> &str {
        self.0.clear();
        self.0.push_str(metric);
        for (tag, value) in tags {
            self.0.push(';');
            self.0.push_str(tag);
            self.0.push('=');
            encode_tag(value, &mut self.0);
        }
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Field, Losses};
    use crate::names::FormatId;
    use crate::telemetry::{AttemptOutcome, BudgetRecord, Ending};
    use crate::usage::{Usage, UsageSource};

    #[test]
    fn an_exchange_is_counted_by_names_of_the_document() {
        let mut losses = Losses::default();
        let fate = losses.record(Field::Seed, FormatId::Messages);
        let attempt = |provider, outcome, usage| AttemptRecord {
            provider,
            kind: "openai",
            model: "m",
            format: Some(FormatId::Messages),
            outcome,
            status: None,
            reason: None,
            discarded: false,
            usage,
            source: UsageSource::Reported,
            cost: Some(9),
        };
        let used = Usage { input_tokens: Some(10), output_tokens: Some(0), ..Usage::default() };
        let record = Record {
            method: "POST",
            path: "/v1/chat/completions",
            operation: "chat",
            format: Some(FormatId::Chat),
            request_model: Some("llama-whatever-the-client-wrote"),
            route: Some("llama-*;x"),
            stream: false,
            attempts: vec![
                AttemptRecord { cost: None, ..attempt("a", AttemptOutcome::Timeout, Usage::default()) },
                attempt("b", AttemptOutcome::Complete, used),
            ],
            response_model: None,
            finish_reasons: Vec::new(),
            budget: BudgetRecord::Allowed,
            ending: Ending::Complete,
            reason: None,
            status: Some(200),
            duration_ms: 12,
            first_content_ms: Some(0),
            losses: &losses,
            left_out: Vec::new(),
        };
        let mut seen = Vec::new();
        record.metrics(|kind, name, value| seen.push((kind, name.to_owned(), value)));
        let expected = [
            (Metric::Counter, "weir.requests;model=llama-*%3Bx;provider=b;status=200".to_owned(), 1),
            (Metric::Histogram, "weir.duration_ms;model=llama-*%3Bx;provider=b".to_owned(), 12),
            (Metric::Histogram, "weir.first_content_ms;model=llama-*%3Bx;provider=b".to_owned(), 0),
            (Metric::Counter, "weir.tokens;model=llama-*%3Bx;provider=b;kind=input;usage_source=reported".to_owned(), 10),
            (Metric::Counter, "weir.cost_nano_usd;model=llama-*%3Bx;provider=b".to_owned(), 9),
            (Metric::Counter, "weir.failovers;provider=a;reason=timeout".to_owned(), 1),
            (Metric::Counter, format!("weir.losses;field=seed;source=chat;target=messages;fate={}", fate.as_str()), 1),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_tag_value_can_end_nothing() {
        let mut out = String::new();
        encode_tag("a.b-c_d/é;%|#,=:\"\\ \n", &mut out);
        assert_eq!(out, "a.b-c_d/%C3%A9%3B%25%7C%23%2C%3D%3A%22%5C%20%0A");
    }

    #[test]
    fn what_became_of_a_call_is_counted() {
        let mut seen = Vec::new();
        let metrics = LimitMetrics::default();
        for synced in [Synced::Counted { without_rule: 1 }, Synced::Failed(CallFault::NeverSent)] {
            metrics.synced(synced, |kind, name, value| seen.push((kind, name.to_owned(), value)));
        }
        let expected = ["weir.limit_calls;result=without_rule", "weir.limit_calls;result=never_sent"];
        assert_eq!(seen, expected.map(|name| (Metric::Counter, name.to_owned(), 1)));
    }

    #[test]
    fn the_documentation_knows_every_metric_and_tag() {
        const DOCUMENT: &str = include_str!("../../../../docs/observability.md");
        let metrics: [(&str, &str, &[&str]); 15] = [
            (names::METRIC_REQUESTS, "counter", &["model", "provider", "status"]),
            (names::METRIC_DURATION, "histogram", &["model", "provider"]),
            (names::METRIC_FIRST_CONTENT, "histogram", &["model", "provider"]),
            (names::METRIC_TOKENS, "counter", &["model", "provider", "kind", "usage_source"]),
            (names::METRIC_COST, "counter", &["model", "provider"]),
            (names::METRIC_FAILOVERS, "counter", &["provider", "reason"]),
            (names::METRIC_COOLDOWNS, "counter", &["provider", "target_model", "reason"]),
            (names::METRIC_COOLING, "gauge", &["provider", "target_model"]),
            (names::METRIC_CREDENTIAL_REFUSED, "counter", &["provider"]),
            (names::METRIC_REJECTIONS, "counter", &["reason"]),
            (names::METRIC_LOSSES, "counter", &["field", "source", "target", "fate"]),
            (names::METRIC_LIMIT_CALLS, "counter", &["result"]),
            (names::METRIC_LIMIT_UNKNOWN, "counter", &["measure"]),
            (names::METRIC_LIMIT_WITHOUT_RULE, "counter", &["measure"]),
            (names::METRIC_HOST_ERRORS, "counter", &["call"]),
        ];
        for (metric, kind, tags) in metrics {
            let tags: Vec<String> = tags.iter().map(|tag| format!("`{tag}`")).collect();
            let row = format!("| `{metric}` | {kind} | {} |", tags.join(", "));
            assert!(DOCUMENT.contains(&row), "docs/observability.md lacks: {row}");
        }
        let used = metrics.iter().flat_map(|(_, _, tags)| tags.iter());
        assert!(used.clone().all(|tag| names::METRIC_TAGS.contains(tag)));
        assert!(names::METRIC_TAGS.iter().all(|tag| used.clone().any(|known| known == tag)));
    }
}
