//! Whole answers as Converse clients read them.

use super::usage;
use crate::base64;
use crate::formats::converse::citations;
use crate::formats::ids::named_id;
use crate::formats::{Asked, calls};
use crate::hub::{Answer, Choice, Field, Finish, Part, PartKind};
use crate::json::{Out, Str};
use crate::usage::Usage;

/// The service's tiers.
pub(super) const TIERS: [&str; 4] = ["priority", "default", "flex", "reserved"];

/// Writes an answer. The format has one choice. What is not as the model said it is what this gives back.
pub(in super::super) fn encode(answer: &Answer<'_>, asked: &Asked, out: &mut Out) -> Vec<Field> {
    let mut left = Vec::new();
    let choice = answer.choices.first();
    let parts = choice.map_or(&[][..], |choice| &choice.parts);
    let calls = parts.iter().any(|part| matches!(part.kind, PartKind::ToolCall { .. }));
    out.constant(r#"{"output":{"message":{"role":"assistant","content":["#);
    for (place, part) in parts.iter().enumerate() {
        match (&part.kind, choice.map(|choice| choice.cited(place)).unwrap_or_default()) {
            (PartKind::Text(text), sources @ [_, ..]) => citations::encode_block(text, sources.iter().map(|(_, source)| source), out),
            _ => block(part, choice, &mut left, out),
        }
    }
    out.verbatim("]}}");
    out.key("stopReason");
    out.plain(choice.map_or("end_turn", |choice| stop_reason(&choice.finish, calls)));
    counts(&answer.usage.unwrap_or_default(), asked, out);
    if let Some(tier) = answer.service_tier.as_ref().filter(|tier| TIERS.iter().any(|one| tier.is(one))) {
        out.key("serviceTier");
        out.open_object();
        out.key("type");
        out.string(tier);
        out.close_object();
    }
    out.close_object();
    left
}

/// Writes what an answer cost, whole or streamed.
pub(super) fn counts(counts: &Usage, asked: &Asked, out: &mut Out) {
    out.key("usage");
    usage::encode(counts, out);
    out.key("metrics");
    out.open_object();
    out.key("latencyMs");
    out.number(asked.latency);
    out.close_object();
}

/// The word for why an answer ended. Whether it stopped for its calls is decided by the calls in it.
pub(super) const fn stop_reason(finish: &Finish<'_>, calls: bool) -> &'static str {
    match finish {
        Finish::StopSequence(_) => "stop_sequence",
        Finish::Length => "max_tokens",
        Finish::ContextWindow => "model_context_window_exceeded",
        Finish::ContentFilter | Finish::Refusal => "content_filtered",
        Finish::Malformed if calls => "malformed_tool_use",
        Finish::Malformed => "malformed_model_output",
        Finish::Stop | Finish::ToolCall if calls => "tool_use",
        Finish::Stop | Finish::ToolCall | Finish::Pause | Finish::Error | Finish::Unknown(_) => "end_turn",
    }
}

/// What a thinking block says that only its vendor reads: bytes.
pub(super) fn redacted(data: &Str<'_>) -> Str<'static> {
    Str::from_plain_owned(base64::encode(data.plain().as_bytes()))
}

fn block(part: &Part<'_>, choice: Option<&Choice<'_>>, left: &mut Vec<Field>, out: &mut Out) {
    match &part.kind {
        // The service refuses a conversation with empty text in it, which clients hand back as it came.
        PartKind::Text(text) | PartKind::Refusal(text) if text.is_empty() => {}
        PartKind::Text(text) | PartKind::Refusal(text) => {
            out.open_object();
            out.key("text");
            out.string(text);
            out.close_object();
        }
        PartKind::Reasoning { text, signature: None } if text.is_empty() => {}
        PartKind::Reasoning { text, signature } => {
            out.constant(r#"{"reasoningContent":{"reasoningText":{"text":"#);
            out.string(text);
            if let Some(signature) = signature {
                out.key("signature");
                out.string(signature);
            }
            out.verbatim("}}}");
        }
        PartKind::RedactedReasoning(data) => {
            out.constant(r#"{"reasoningContent":{"redactedContent":"#);
            out.string(&redacted(data));
            out.verbatim("}}");
        }
        PartKind::ToolCall { id, name, arguments, .. } => {
            if let Some(input) = calls::input(arguments, choice.map(|choice| &choice.finish), left) {
                out.constant(r#"{"toolUse":"#);
                call(id, name, out);
                out.key("input");
                out.verbatim(&input);
                out.verbatim("}}");
            }
        }
        PartKind::Media { .. } | PartKind::ToolCallResponse { .. } | PartKind::Opaque(_) => {}
    }
}

/// Writes what a call begins with, whole or streamed; its object stays open.
pub(super) fn call(id: &Str<'_>, name: &Str<'_>, out: &mut Out) {
    out.open_object();
    out.key("toolUseId");
    out.string(&named_id(id));
    out.key("name");
    out.string(name);
}
