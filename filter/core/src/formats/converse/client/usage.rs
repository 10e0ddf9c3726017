//! Token counts as Converse clients read them: input without what was cached, which stands beside it, and a total of everything.

use crate::json::Out;
use crate::usage::Usage;

/// Writes the counts as the value of `usage`. What is not known is zero where the clients' types demand a number.
pub(super) fn encode(usage: &Usage, out: &mut Out) {
    let (read, written) = (usage.cache_read_input_tokens, usage.cache_creation_input_tokens);
    let input = usage.input_tokens.unwrap_or(0);
    let output = usage.output_tokens.unwrap_or(0);
    let fresh = input.saturating_sub(read.unwrap_or(0)).saturating_sub(written.unwrap_or(0));
    out.open_object();
    for (name, count) in [
        ("inputTokens", Some(fresh)),
        ("outputTokens", Some(output)),
        ("totalTokens", Some(input.saturating_add(output))),
        ("cacheReadInputTokens", read),
        ("cacheWriteInputTokens", written),
    ] {
        if let Some(count) = count {
            out.key(name);
            out.number(count);
        }
    }
    if let Some(hour) = usage.cache_creation_1h_input_tokens {
        out.key("cacheDetails");
        out.open_array();
        for (time, count) in [("5m", written.unwrap_or(0).saturating_sub(hour)), ("1h", hour)] {
            out.open_object();
            out.key("ttl");
            out.plain(time);
            out.key("inputTokens");
            out.number(count);
            out.close_object();
        }
        out.close_array();
    }
    out.close_object();
}
