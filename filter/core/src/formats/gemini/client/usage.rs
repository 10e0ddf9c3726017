//! Token counts as Gemini clients read them: thinking stands beside the output.

use crate::json::Out;
use crate::usage::Usage;

/// Writes the member `usageMetadata`, if anything is known.
pub(super) fn encode(usage: &Usage, out: &mut Out) {
    if usage.is_empty() {
        return;
    }
    let thoughts = usage.reasoning_output_tokens.filter(|thoughts| *thoughts > 0);
    let output = usage.output_tokens.map(|output| output.saturating_sub(thoughts.unwrap_or(0)));
    out.key("usageMetadata");
    out.open_object();
    for (name, count) in [
        ("promptTokenCount", usage.input_tokens),
        ("candidatesTokenCount", output),
        ("totalTokenCount", usage.total()),
        ("cachedContentTokenCount", usage.cache_read_input_tokens.filter(|read| *read > 0)),
        ("thoughtsTokenCount", thoughts),
    ] {
        if let Some(count) = count {
            out.key(name);
            out.number(count);
        }
    }
    sound("promptTokensDetails", usage.input_audio_tokens, usage.input_tokens, out);
    sound("candidatesTokensDetails", usage.output_audio_tokens, output, out);
    out.close_object();
}

/// Writes how many of the tokens were sound, where some were.
fn sound(name: &str, audio: Option<u64>, whole: Option<u64>, out: &mut Out) {
    let Some(audio) = audio.filter(|audio| *audio > 0) else { return };
    out.key(name);
    out.open_array();
    for (modality, count) in [("TEXT", whole.unwrap_or(0).saturating_sub(audio)), ("AUDIO", audio)] {
        out.open_object();
        out.key("modality");
        out.plain(modality);
        out.key("tokenCount");
        out.number(count);
        out.close_object();
    }
    out.close_array();
}
