//! Token counts of a Messages answer. Input is told without its cached parts; the hub's input includes them.

use crate::json::Raw;
use crate::usage::Usage;
use serde::Deserialize;

/// The counts as the wire has them, summed up over the statements of one answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_creation: Option<ByTtl>,
    output_tokens: Option<u64>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ByTtl {
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    thinking_tokens: Option<u64>,
}

impl Counts {
    /// The counts of a `usage` value. One that can't be read has none: it is no reason to lose the answer.
    pub(super) fn read(raw: Raw<'_>) -> Self {
        serde_json::from_str(raw.as_str()).unwrap_or_default()
    }

    /// Takes a later statement: each member that it has counts, but none falls. Servers send 0 input at the start and the
    /// real number at the end, or the reverse.
    pub(super) fn merge(&mut self, later: Self) {
        self.input_tokens = self.input_tokens.max(later.input_tokens);
        self.cache_read_input_tokens = self.cache_read_input_tokens.max(later.cache_read_input_tokens);
        self.cache_creation_input_tokens = self.cache_creation_input_tokens.max(later.cache_creation_input_tokens);
        self.output_tokens = self.output_tokens.max(later.output_tokens);
        if later.cache_creation.is_some() {
            self.cache_creation = later.cache_creation;
        }
        if later.output_tokens_details.is_some() {
            self.output_tokens_details = later.output_tokens_details;
        }
    }

    /// The hub's counts; `None` where nothing was said.
    pub(super) fn usage(&self) -> Option<Usage> {
        let cached = self.cache_read_input_tokens.unwrap_or(0).saturating_add(self.cache_creation_input_tokens.unwrap_or(0));
        let usage = Usage {
            input_tokens: self.input_tokens.map(|input| input.saturating_add(cached)),
            cache_read_input_tokens: self.cache_read_input_tokens,
            cache_creation_input_tokens: self.cache_creation_input_tokens,
            cache_creation_1h_input_tokens: self.cache_creation.as_ref().and_then(|by_ttl| by_ttl.ephemeral_1h_input_tokens),
            output_tokens: self.output_tokens,
            reasoning_output_tokens: self.output_tokens_details.as_ref().and_then(|details| details.thinking_tokens),
            ..Usage::default()
        };
        (!usage.is_empty()).then_some(usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(text: &str) -> Counts {
        Counts::read(Raw::parse(text).unwrap())
    }

    #[test]
    fn input_includes_what_was_cached() {
        let usage =
            counts(r#"{"input_tokens":6,"cache_read_input_tokens":4,"cache_creation_input_tokens":2,"output_tokens":5}"#).usage().unwrap();
        assert_eq!((usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens), (Some(12), Some(4), Some(5)));
    }

    #[test]
    fn statements_replace_and_never_fall() {
        let mut sum = counts(r#"{"input_tokens":0,"output_tokens":1}"#);
        sum.merge(counts(r#"{"input_tokens":9,"output_tokens":7,"cache_read_input_tokens":null}"#));
        sum.merge(counts(r#"{"output_tokens":3}"#));
        let usage = sum.usage().unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(9), Some(7)));
    }

    #[test]
    fn what_cannot_be_read_counts_nothing() {
        assert_eq!(counts(r#"{"input_tokens":-1}"#).usage(), None);
        assert_eq!(counts("[]").usage(), None);
    }
}
