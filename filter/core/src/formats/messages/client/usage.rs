//! Token counts as Messages clients read them: input without what was cached, which stands beside it.

use crate::json::Out;
use crate::usage::Usage;

/// Writes the counts as the value of `usage`. What is not known is zero where the clients' types demand a number.
pub(super) fn encode(usage: &Usage, out: &mut Out) {
    let read = usage.cache_read_input_tokens.unwrap_or(0);
    let written = usage.cache_creation_input_tokens.unwrap_or(0);
    let fresh = usage.input_tokens.unwrap_or(0).saturating_sub(read).saturating_sub(written);
    out.open_object();
    for (name, count) in [
        ("input_tokens", fresh),
        ("cache_creation_input_tokens", written),
        ("cache_read_input_tokens", read),
        ("output_tokens", usage.output_tokens.unwrap_or(0)),
    ] {
        out.key(name);
        out.number(count);
    }
    if let Some(hour) = usage.cache_creation_1h_input_tokens {
        out.key("cache_creation");
        out.open_object();
        out.key("ephemeral_5m_input_tokens");
        out.number(written.saturating_sub(hour));
        out.key("ephemeral_1h_input_tokens");
        out.number(hour);
        out.close_object();
    }
    if let Some(thinking) = usage.reasoning_output_tokens {
        out.key("output_tokens_details");
        out.open_object();
        out.key("thinking_tokens");
        out.number(thinking);
        out.close_object();
    }
    out.close_object();
}
