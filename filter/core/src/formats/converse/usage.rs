//! Token counts of a Converse answer. Input is told without its cached parts; the hub's input includes them.

use crate::formats::count::{Count, lenient};
use crate::json::Raw;
use crate::usage::Usage;
use serde::Deserialize;

/// The counts in a `usage` value; `None` where it holds none.
pub(super) fn read(raw: Raw<'_>) -> Option<Usage> {
    let wire: Wire = serde_json::from_str(raw.as_str()).ok()?;
    let usage = wire.usage();
    (!usage.is_empty()).then_some(usage)
}

/// The service has two names for the cached parts and sends both.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Wire {
    input_tokens: Count,
    output_tokens: Count,
    total_tokens: Count,
    cache_read_input_tokens: Count,
    cache_read_input_token_count: Count,
    cache_write_input_tokens: Count,
    cache_write_input_token_count: Count,
    #[serde(deserialize_with = "lenient")]
    cache_details: Vec<Detail>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail {
    ttl: String,
    input_tokens: Count,
}

impl Wire {
    fn usage(&self) -> Usage {
        let read = self.cache_read_input_tokens.0.or(self.cache_read_input_token_count.0);
        let written = self.cache_write_input_tokens.0.or(self.cache_write_input_token_count.0);
        let cached = read.unwrap_or(0).saturating_add(written.unwrap_or(0));
        Usage {
            input_tokens: self.input_tokens.0.map(|input| input.saturating_add(cached)),
            cache_read_input_tokens: read,
            cache_creation_input_tokens: written,
            cache_creation_1h_input_tokens: self.cache_details.iter().find(|detail| detail.ttl == "1h").and_then(|one| one.input_tokens.0),
            output_tokens: self.output_tokens.0,
            total_tokens: self.total_tokens.0,
            ..Usage::default()
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
    fn what_is_cached_is_included() {
        let usage =
            of(r#"{"inputTokens":16,"outputTokens":9,"totalTokens":2412,"cacheWriteInputTokens":2387,"cacheWriteInputTokenCount":2387,
            "cacheDetails":[{"ttl":"5m","inputTokens":387},{"ttl":"1h","inputTokens":2000}],"serverToolUsage":{}}"#)
            .unwrap();
        assert_eq!((usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens), (Some(2403), None, Some(2387)));
        assert_eq!((usage.output_tokens, usage.total_tokens, usage.cache_creation_1h_input_tokens), (Some(9), Some(2412), Some(2000)));
        assert_eq!(of(r#"{"inputTokens":1,"cacheReadInputTokenCount":4}"#).unwrap().input_tokens, Some(5));
    }

    #[test]
    fn what_is_not_said_is_not_known() {
        assert_eq!(of("{}"), None);
        assert_eq!(of("[1]").and_then(|usage| usage.output_tokens), None);
        assert_eq!(of(r#"{"inputTokens":-1,"outputTokens":3,"cacheDetails":7}"#).unwrap().output_tokens, Some(3));
    }
}
