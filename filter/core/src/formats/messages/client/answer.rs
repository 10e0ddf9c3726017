//! Whole answers as Messages clients read them.

use super::usage;
use crate::formats::ids::wire_id;
use crate::formats::messages::citations;
use crate::formats::{Asked, calls};
use crate::hub::{Answer, Choice, Citation, Field, Finish, Part, PartKind};
use crate::json::{Out, Str};

/// What begins the id of every answer.
const ID_PREFIX: &str = "msg_";

/// Writes a `message` object. The format has one choice. What is not as the model said it is what this gives back.
pub(in super::super) fn encode(answer: &Answer<'_>, asked: &Asked, out: &mut Out) -> Vec<Field> {
    let mut left = Vec::new();
    let choice = answer.choices.first();
    let parts = choice.map_or(&[][..], |choice| &choice.parts);
    let calls = parts.iter().any(|part| matches!(part.kind, PartKind::ToolCall { .. }));
    out.open_object();
    head(answer.id.as_ref(), asked, out);
    out.key("content");
    out.open_array();
    for (place, part) in parts.iter().enumerate() {
        let pen = Pen { out, left: &mut left };
        block(part, choice, choice.map(|choice| choice.cited(place)).unwrap_or_default(), pen);
    }
    out.close_array();
    let (reason, sequence) = choice.map_or(("end_turn", None), |choice| stop_reason(&choice.finish, calls));
    out.key("stop_reason");
    out.plain(reason);
    out.key("stop_sequence");
    match sequence {
        Some(sequence) => out.string(&sequence),
        None => out.null(),
    }
    out.key("usage");
    usage::encode(&answer.usage.unwrap_or_default(), out);
    out.close_object();
    left
}

/// Where blocks are written, and what is left of them.
struct Pen<'p> {
    out: &'p mut Out,
    left: &'p mut Vec<Field>,
}

/// Writes the members that an answer begins with, whole or streamed.
pub(super) fn head(id: Option<&Str<'_>>, asked: &Asked, out: &mut Out) {
    out.key("id");
    match id.filter(|id| !id.is_empty()) {
        Some(id) if id.as_escaped().starts_with(ID_PREFIX) => out.string(id),
        Some(id) => out.string(&{
            let mut prefixed = Str::from_plain(ID_PREFIX);
            prefixed.push(id);
            prefixed
        }),
        None => out.plain(&format!("{ID_PREFIX}{}", asked.now)),
    }
    for (member, value) in [("type", "message"), ("role", "assistant"), ("model", &*asked.model)] {
        out.key(member);
        out.plain(value);
    }
}

/// The word for why an answer ended, and the text that ended it. Whether it stopped for its calls is decided by the calls in it.
pub(super) fn stop_reason<'a>(finish: &'a Finish<'_>, calls: bool) -> (&'static str, Option<Str<'a>>) {
    let reason = match finish {
        Finish::StopSequence(Some(text)) => return ("stop_sequence", Some(text.reborrow())),
        Finish::Length => "max_tokens",
        Finish::ContextWindow => "model_context_window_exceeded",
        Finish::ContentFilter | Finish::Refusal => "refusal",
        Finish::Pause => "pause_turn",
        Finish::Stop | Finish::ToolCall if calls => "tool_use",
        Finish::Stop | Finish::ToolCall | Finish::StopSequence(None) | Finish::Malformed | Finish::Error | Finish::Unknown(_) => "end_turn",
    };
    (reason, None)
}

fn block(part: &Part<'_>, choice: Option<&Choice<'_>>, sources: &[(usize, Citation<'_>)], pen: Pen<'_>) {
    let Pen { out, left } = pen;
    match &part.kind {
        PartKind::Text(text) if !sources.is_empty() => {
            out.constant(r#"{"type":"text","text":"#);
            out.string(text);
            out.key("citations");
            out.open_array();
            sources.iter().for_each(|(_, source)| citations::encode(source, out));
            out.close_array();
            out.close_object();
        }
        PartKind::Text(text) | PartKind::Refusal(text) => members(out, &[("type", &Str::from_plain("text")), ("text", text)]),
        PartKind::Reasoning { text, signature } => {
            let proof = signature.as_ref().map_or_else(Str::default, Str::reborrow);
            members(out, &[("type", &Str::from_plain("thinking")), ("thinking", text), ("signature", &proof)]);
        }
        PartKind::RedactedReasoning(data) => members(out, &[("type", &Str::from_plain("redacted_thinking")), ("data", data)]),
        PartKind::ToolCall { id, name, arguments, .. } => {
            if let Some(input) = calls::input(arguments, choice.map(|choice| &choice.finish), left) {
                call(id, name, &input, out);
            }
        }
        PartKind::Media { .. } | PartKind::ToolCallResponse { .. } | PartKind::Opaque(_) => {}
    }
}

/// Writes a call.
fn call(id: &Str<'_>, name: &Str<'_>, input: &str, out: &mut Out) {
    out.open_object();
    out.key("type");
    out.plain("tool_use");
    out.key("id");
    out.string(&wire_id(id));
    out.key("name");
    out.string(name);
    out.key("input");
    out.verbatim(input);
    out.close_object();
}

fn members(out: &mut Out, members: &[(&str, &Str<'_>)]) {
    out.open_object();
    for (name, value) in members {
        out.key(name);
        out.string(value);
    }
    out.close_object();
}
