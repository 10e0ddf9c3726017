//! Token counts of a chat answer, in every spelling that providers use.

use crate::formats::count::{Count, whole_output};
use crate::json::{Out, Raw};
use crate::usage::Usage;

/// The counts in a `usage` value; `None` where it holds none.
pub(super) fn read(raw: Raw<'_>) -> Option<Usage> {
    let wire: Wire = serde_json::from_str(raw.as_str()).ok()?;
    let usage = wire.usage();
    (!usage.is_empty()).then_some(usage)
}

/// Writes the counts as the value of `usage`.
pub(super) fn encode(usage: &Usage, out: &mut Out) {
    let input = usage.input_tokens.unwrap_or(0);
    let output = usage.output_tokens.unwrap_or(0);
    out.open_object();
    for (name, count) in [("prompt_tokens", input), ("completion_tokens", output), ("total_tokens", input.saturating_add(output))] {
        out.key(name);
        out.number(count);
    }
    let input_details = [
        ("cached_tokens", usage.cache_read_input_tokens),
        ("cache_write_tokens", usage.cache_creation_input_tokens),
        ("audio_tokens", usage.input_audio_tokens),
    ];
    encode_details("prompt_tokens_details", &input_details, out);
    let output_details = [("reasoning_tokens", usage.reasoning_output_tokens), ("audio_tokens", usage.output_audio_tokens)];
    encode_details("completion_tokens_details", &output_details, out);
    out.close_object();
}

fn encode_details(name: &str, details: &[(&str, Option<u64>)], out: &mut Out) {
    if details.iter().all(|(_, count)| count.is_none()) {
        return;
    }
    out.key(name);
    out.open_object();
    for (name, count) in details {
        if let Some(count) = count {
            out.key(name);
            out.number(*count);
        }
    }
    out.close_object();
}

/// `usage` on the wire. Names without a comment are OpenAI's.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Wire {
    prompt_tokens: Count,
    completion_tokens: Count,
    total_tokens: Count,
    prompt_tokens_details: Option<InputDetails>,
    completion_tokens_details: Option<OutputDetails>,
    /// DeepSeek.
    prompt_cache_hit_tokens: Count,
    /// Databricks and other servers in front of Claude.
    cache_read_input_tokens: Count,
    /// The same.
    cache_creation_input_tokens: Count,
    /// Moonshot and xAI's older models.
    cached_tokens: Count,
    /// Perplexity.
    reasoning_tokens: Count,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct InputDetails {
    cached_tokens: Count,
    cache_write_tokens: Count,
    cache_creation_tokens: Count,
    cache_creation_input_tokens: Count,
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
        let input = self.prompt_tokens_details.unwrap_or_default();
        let output = self.completion_tokens_details.unwrap_or_default();
        let reasoning = output.reasoning_tokens.0.or(self.reasoning_tokens.0);
        let (prompt, completion, total) = (self.prompt_tokens.0, self.completion_tokens.0, self.total_tokens.0);
        Usage {
            input_tokens: prompt,
            cache_read_input_tokens: input
                .cached_tokens
                .0
                .or(self.prompt_cache_hit_tokens.0)
                .or(self.cache_read_input_tokens.0)
                .or(self.cached_tokens.0),
            cache_creation_input_tokens: input
                .cache_write_tokens
                .0
                .or(input.cache_creation_tokens.0)
                .or(input.cache_creation_input_tokens.0)
                .or(self.cache_creation_input_tokens.0),
            cache_creation_1h_input_tokens: None,
            input_audio_tokens: input.audio_tokens.0,
            output_tokens: whole_output(prompt, completion, reasoning, total),
            reasoning_output_tokens: reasoning,
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
    fn every_spelling_of_cached_tokens() {
        for text in [
            r#"{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":4}}"#,
            r#"{"prompt_tokens":9,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":5}"#,
            r#"{"prompt_tokens":9,"cache_read_input_tokens":4,"prompt_tokens_details":null}"#,
            r#"{"prompt_tokens":9.0,"cached_tokens":4,"cost":{"total":0.1}}"#,
        ] {
            let expected = Usage { input_tokens: Some(9), cache_read_input_tokens: Some(4), ..Usage::default() };
            assert_eq!(of(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_count_says_nothing() {
        assert_eq!(of(r#"{"prompt_tokens":-1,"completion_tokens":"7","total_tokens":[1]}"#), None);
        assert_eq!(of("null"), None);
        assert_eq!(of("{}"), None);
        assert_eq!(of(r#"{"prompt_tokens":null,"completion_tokens":7}"#).and_then(|usage| usage.output_tokens), Some(7));
    }

    #[test]
    fn thinking_counted_beside_the_output_is_added() {
        let text = |total| {
            format!(
                r#"{{"prompt_tokens":10,"completion_tokens":5,"total_tokens":{total},"completion_tokens_details":{{"reasoning_tokens":3}}}}"#
            )
        };
        assert_eq!(of(&text(18)).and_then(|usage| usage.output_tokens), Some(8));
        assert_eq!(of(&text(15)).and_then(|usage| usage.output_tokens), Some(5));
    }
}
