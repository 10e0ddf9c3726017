//! Token counts of a Gemini answer. Thinking stands beside the output, and the prompts of the provider's own tools beside the input; the
//! hub's counts include them.

use crate::formats::count::{Count, lenient};
use crate::json::Raw;
use crate::usage::Usage;
use serde::Deserialize;

/// The counts in a `usageMetadata` value; `None` where it holds none.
pub(super) fn read(raw: Raw<'_>) -> Option<Usage> {
    let wire: Wire = serde_json::from_str(raw.as_str()).ok()?;
    let usage = wire.usage();
    (!usage.is_empty()).then_some(usage)
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Wire {
    prompt_token_count: Count,
    tool_use_prompt_token_count: Count,
    cached_content_token_count: Count,
    candidates_token_count: Count,
    thoughts_token_count: Count,
    total_token_count: Count,
    #[serde(deserialize_with = "lenient")]
    prompt_tokens_details: Vec<Detail>,
    #[serde(deserialize_with = "lenient")]
    candidates_tokens_details: Vec<Detail>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail {
    modality: String,
    token_count: Count,
}

impl Wire {
    fn usage(&self) -> Usage {
        Usage {
            input_tokens: sum(self.prompt_token_count, self.tool_use_prompt_token_count),
            cache_read_input_tokens: self.cached_content_token_count.0,
            input_audio_tokens: audio(&self.prompt_tokens_details),
            output_tokens: sum(self.candidates_token_count, self.thoughts_token_count),
            reasoning_output_tokens: self.thoughts_token_count.0,
            output_audio_tokens: audio(&self.candidates_tokens_details),
            total_tokens: self.total_token_count.0,
            ..Usage::default()
        }
    }
}

/// Both counts together; `None` where neither is known.
fn sum(one: Count, other: Count) -> Option<u64> {
    match (one.0, other.0) {
        (None, None) => None,
        (one, other) => Some(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
    }
}

fn audio(details: &[Detail]) -> Option<u64> {
    details.iter().find(|detail| detail.modality == "AUDIO")?.token_count.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Usage> {
        read(Raw::parse(text).unwrap())
    }

    #[test]
    fn what_stands_beside_is_included() {
        let usage = of(r#"{"promptTokenCount":70,"toolUsePromptTokenCount":390,"cachedContentTokenCount":40,"candidatesTokenCount":31,
            "thoughtsTokenCount":175,"totalTokenCount":666,"promptTokensDetails":[{"modality":"TEXT","tokenCount":60},
            {"modality":"AUDIO","tokenCount":10}],"trafficType":"ON_DEMAND"}"#)
        .unwrap();
        assert_eq!((usage.input_tokens, usage.cache_read_input_tokens, usage.input_audio_tokens), (Some(460), Some(40), Some(10)));
        assert_eq!((usage.output_tokens, usage.reasoning_output_tokens, usage.total_tokens), (Some(206), Some(175), Some(666)));
    }

    #[test]
    fn what_is_not_said_is_not_known() {
        assert_eq!(of(r#"{"trafficType":"ON_DEMAND"}"#), None);
        assert_eq!(of("[]"), None);
        let usage = of(r#"{"promptTokenCount":9,"totalTokenCount":9,"candidatesTokenCount":-1,"promptTokensDetails":[7]}"#).unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens, usage.input_audio_tokens), (Some(9), None, None));
    }
}
