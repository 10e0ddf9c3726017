//! Token counts of a Messages answer. Input is told without its cached parts; the hub's input includes them.

use crate::formats::count::lenient;
use crate::json::Raw;
use crate::usage::Usage;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The counts as the wire has them, summed up over the statements of one answer. What is no count, as a negative one, is absent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    #[serde(deserialize_with = "count")]
    input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_read_input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    cache_creation: ByTtl,
    #[serde(deserialize_with = "count")]
    output_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    output_tokens_details: OutputDetails,
    /// The runs of the model that the answer took, where it took more than one: the counts beside them are those of the last run alone.
    #[serde(deserialize_with = "lenient")]
    iterations: Vec<Counts>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ByTtl {
    #[serde(deserialize_with = "count")]
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    #[serde(deserialize_with = "count")]
    thinking_tokens: Option<u64>,
}

fn count<'de, D: Deserializer<'de>>(wire: D) -> Result<Option<u64>, D::Error> {
    Ok(<&RawValue>::deserialize(wire)?.get().parse().ok())
}

impl Counts {
    /// The counts of a `usage` value. One that can't be read has none: it is no reason to lose the answer.
    pub(super) fn read(raw: Raw<'_>) -> Self {
        serde_json::from_str(raw.as_str()).unwrap_or_default()
    }

    /// Takes a later statement. Servers send 0 input at the start and the real number at the end, or the reverse: so input that is not 0
    /// counts together with the cached parts beside it, which were taken out of it. Of all else, each member counts, but none falls.
    pub(super) fn merge(&mut self, later: Self) {
        if later.input_tokens.is_some_and(|input| input > 0) {
            self.input_tokens = later.input_tokens;
            self.cache_read_input_tokens = later.cache_read_input_tokens.or(self.cache_read_input_tokens);
            self.cache_creation_input_tokens = later.cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        } else {
            self.input_tokens = self.input_tokens.max(later.input_tokens);
            self.cache_read_input_tokens = self.cache_read_input_tokens.max(later.cache_read_input_tokens);
            self.cache_creation_input_tokens = self.cache_creation_input_tokens.max(later.cache_creation_input_tokens);
        }
        self.output_tokens = self.output_tokens.max(later.output_tokens);
        let (written, thought) = (later.cache_creation.ephemeral_1h_input_tokens, later.output_tokens_details.thinking_tokens);
        self.cache_creation.ephemeral_1h_input_tokens = self.cache_creation.ephemeral_1h_input_tokens.max(written);
        self.output_tokens_details.thinking_tokens = self.output_tokens_details.thinking_tokens.max(thought);
        if !later.iterations.is_empty() {
            self.iterations = later.iterations;
        }
    }

    /// The hub's counts; `None` where nothing was said.
    pub(super) fn usage(&self) -> Option<Usage> {
        let mut whole = Usage::default();
        for run in &self.iterations {
            whole.add(&run.own());
        }
        whole.merge_snapshot(&self.own());
        (!whole.is_empty()).then_some(whole)
    }

    /// The counts without those of other runs.
    fn own(&self) -> Usage {
        let cached = self.cache_read_input_tokens.unwrap_or(0).saturating_add(self.cache_creation_input_tokens.unwrap_or(0));
        Usage {
            input_tokens: self.input_tokens.map(|input| input.saturating_add(cached)),
            cache_read_input_tokens: self.cache_read_input_tokens,
            cache_creation_input_tokens: self.cache_creation_input_tokens,
            cache_creation_1h_input_tokens: self.cache_creation.ephemeral_1h_input_tokens,
            output_tokens: self.output_tokens,
            reasoning_output_tokens: self.output_tokens_details.thinking_tokens,
            ..Usage::default()
        }
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
    fn input_that_turns_out_to_be_cached_counts_once() {
        let mut sum = counts(r#"{"input_tokens":100,"cache_read_input_tokens":0}"#);
        sum.merge(counts(r#"{"input_tokens":20,"cache_read_input_tokens":80,"output_tokens":7}"#));
        sum.merge(counts(r#"{"input_tokens":0,"cache_read_input_tokens":0,"output_tokens":8}"#));
        let usage = sum.usage().unwrap();
        assert_eq!((usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens), (Some(100), Some(80), Some(8)));
    }

    #[test]
    fn every_run_of_the_model_counts() {
        let mut sum = counts(r#"{"input_tokens":100,"cache_read_input_tokens":50,"output_tokens":1}"#);
        sum.merge(counts(
            r#"{"input_tokens":20,"output_tokens":3,"iterations":[{"input_tokens":100,"cache_read_input_tokens":50,"output_tokens":9},{"input_tokens":20,"output_tokens":3}]}"#,
        ));
        let usage = sum.usage().unwrap();
        assert_eq!((usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens), (Some(170), Some(50), Some(12)));
    }

    #[test]
    fn what_cannot_be_read_counts_nothing() {
        assert_eq!(counts(r#"{"input_tokens":-1}"#).usage(), None);
        assert_eq!(counts("[]").usage(), None);
        let usage = counts(r#"{"input_tokens":"x","cache_creation":[],"output_tokens_details":null,"output_tokens":5}"#).usage().unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (None, Some(5)));
    }
}
