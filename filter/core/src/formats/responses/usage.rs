//! Token counts of a Responses answer: input with its cached parts in it, output with its reasoning in it.

use crate::formats::count::{Count, whole_output};
use crate::json::{Out, Raw};
use crate::usage::Usage;

/// The counts in a `usage` value; `None` where it holds none.
pub(super) fn read(raw: Raw<'_>) -> Option<Usage> {
    let wire: Wire = serde_json::from_str(raw.as_str()).ok()?;
    let usage = wire.usage();
    (!usage.is_empty()).then_some(usage)
}

/// Writes the counts as the value of `usage`. Typed clients demand every member, so what nobody counted is 0.
pub(super) fn encode(usage: &Usage, out: &mut Out) {
    let input = usage.input_tokens.unwrap_or(0);
    let output = usage.output_tokens.unwrap_or(0);
    out.open_object();
    out.key("input_tokens");
    out.number(input);
    out.key("input_tokens_details");
    out.open_object();
    out.key("cached_tokens");
    out.number(usage.cache_read_input_tokens.unwrap_or(0));
    out.key("cache_write_tokens");
    out.number(usage.cache_creation_input_tokens.unwrap_or(0));
    out.close_object();
    out.key("output_tokens");
    out.number(output);
    out.key("output_tokens_details");
    out.open_object();
    out.key("reasoning_tokens");
    out.number(usage.reasoning_output_tokens.unwrap_or(0));
    out.close_object();
    out.key("total_tokens");
    out.number(input.saturating_add(output));
    out.close_object();
}

/// `usage` on the wire. Names without a comment are OpenAI's.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Wire {
    input_tokens: Count,
    output_tokens: Count,
    total_tokens: Count,
    input_tokens_details: Option<InputDetails>,
    output_tokens_details: Option<OutputDetails>,
    /// Servers that answer both of OpenAI's formats from one count; some say every count under both names.
    prompt_tokens: Count,
    /// The same.
    completion_tokens: Count,
    /// The same.
    prompt_tokens_details: Option<InputDetails>,
    /// The same.
    completion_tokens_details: Option<OutputDetails>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct InputDetails {
    cached_tokens: Count,
    cache_write_tokens: Count,
    audio_tokens: Count,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: Count,
    audio_tokens: Count,
}

impl Wire {
    fn usage(self) -> Usage {
        let input = self.input_tokens_details.or(self.prompt_tokens_details).unwrap_or_default();
        let output = self.output_tokens_details.or(self.completion_tokens_details).unwrap_or_default();
        let read = self.input_tokens.0.or(self.prompt_tokens.0);
        let written = self.output_tokens.0.or(self.completion_tokens.0);
        let total = self.total_tokens.0;
        Usage {
            input_tokens: read,
            cache_read_input_tokens: input.cached_tokens.0,
            cache_creation_input_tokens: input.cache_write_tokens.0,
            cache_creation_1h_input_tokens: None,
            input_audio_tokens: input.audio_tokens.0,
            output_tokens: whole_output(read, written, output.reasoning_tokens.0, total),
            reasoning_output_tokens: output.reasoning_tokens.0,
            output_audio_tokens: output.audio_tokens.0,
            total_tokens: total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Usage> {
        read(Raw::parse(text).unwrap())
    }

    #[test]
    fn parts_lie_within_the_whole() {
        let usage = of(r#"{"input_tokens":10,"input_tokens_details":{"cached_tokens":4,"cache_write_tokens":2},"output_tokens":5,
            "output_tokens_details":{"reasoning_tokens":3},"total_tokens":15}"#)
        .unwrap();
        assert_eq!((usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens), (Some(10), Some(4), Some(2)));
        assert_eq!((usage.output_tokens, usage.reasoning_output_tokens, usage.total_tokens), (Some(5), Some(3), Some(15)));
    }

    #[test]
    fn either_spelling_and_both_at_once() {
        for text in [
            r#"{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens":5}"#,
            r#"{"input_tokens":10,"prompt_tokens":10,"output_tokens":5,"completion_tokens":5,
                "input_tokens_details":{"cached_tokens":4},"prompt_tokens_details":{"cached_tokens":4}}"#,
        ] {
            let expected = Usage { input_tokens: Some(10), cache_read_input_tokens: Some(4), output_tokens: Some(5), ..Usage::default() };
            assert_eq!(of(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn thinking_counted_beside_the_output_is_added() {
        let usage = of(r#"{"input_tokens":10,"output_tokens":5,"output_tokens_details":{"reasoning_tokens":3},"total_tokens":18}"#);
        assert_eq!(usage.and_then(|usage| usage.output_tokens), Some(8));
    }

    #[test]
    fn what_is_no_count_says_nothing() {
        assert_eq!(of("null"), None);
        assert_eq!(of(r#"{"input_tokens":-1,"output_tokens_details":null,"output_tokens":"x"}"#), None);
    }

    #[test]
    fn every_member_is_written() {
        let mut out = Out::default();
        encode(&Usage { input_tokens: Some(3), ..Usage::default() }, &mut out);
        let expected = r#"{"input_tokens":3,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},"output_tokens":0,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":3}"#;
        assert_eq!(out.into_string(), expected);
    }
}
