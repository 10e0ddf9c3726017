//! Whole answers and the list of models as chat clients read them.

use super::citations;
use super::outline::{FUNCTIONS, noted};
use super::thinking::{self, Block, is_of_call};
use super::{encode_finish, encode_id, usage};
use crate::formats::Asked;
use crate::hub::{Answer, CallKind, Choice, Field, Part, PartKind};
use crate::json::{Out, Str, characters};

/// Writes a `chat.completion` object. What could not be written is what this gives back.
pub(super) fn encode(answer: &Answer<'_>, asked: &Asked, out: &mut Out) -> Vec<Field> {
    let older = noted(asked.memo.as_deref(), FUNCTIONS);
    out.open_object();
    out.key("id");
    out.string(&encode_id(answer.id.as_ref(), asked.now));
    out.key("object");
    out.plain("chat.completion");
    out.key("created");
    out.number(answer.created.unwrap_or(asked.now));
    out.key("model");
    out.plain(&asked.model);
    out.key("choices");
    out.open_array();
    for choice in &answer.choices {
        encode_choice(choice, older, out);
    }
    out.close_array();
    if let Some(counts) = &answer.usage {
        out.key("usage");
        usage::encode(counts, out);
    }
    if let Some(tier) = &answer.service_tier {
        out.key("service_tier");
        out.string(tier);
    }
    out.close_object();
    let several = |choice: &Choice<'_>| choice.parts.iter().filter(|part| matches!(part.kind, PartKind::ToolCall { .. })).nth(1).is_some();
    if older && answer.choices.iter().any(several) { vec![Field::AnswerCalls] } else { Vec::new() }
}

fn encode_choice(choice: &Choice<'_>, older: bool, out: &mut Out) {
    let text = joined(&choice.parts, |kind| if let PartKind::Text(text) = kind { Some(text) } else { None });
    let refusal = joined(&choice.parts, |kind| if let PartKind::Refusal(text) = kind { Some(text) } else { None });
    let thought = joined(&choice.parts, |kind| if let PartKind::Reasoning { text, .. } = kind { Some(text) } else { None });
    let calls = choice.parts.iter().any(|part| matches!(part.kind, PartKind::ToolCall { .. }));
    out.open_object();
    out.key("index");
    out.number(u64::from(choice.index));
    out.key("message");
    out.open_object();
    out.key("role");
    out.plain("assistant");
    out.key("content");
    match text {
        Some(text) => out.string(&text),
        None if calls || refusal.is_some() => out.null(),
        None => out.plain(""),
    }
    out.key("refusal");
    match refusal {
        Some(refusal) => out.string(&refusal),
        None => out.null(),
    }
    if let Some(thought) = thought.filter(|thought| !thought.is_empty()) {
        out.key("reasoning_content");
        out.string(&thought);
    }
    encode_thinking(&choice.parts, out);
    encode_sources(choice, out);
    if calls && older {
        encode_older(&choice.parts, out);
    } else if calls {
        out.key("tool_calls");
        encode_calls(&choice.parts, out);
    }
    out.close_object();
    out.key("logprobs");
    if choice.likelihood.is_empty() {
        out.null();
    } else {
        out.open_object();
        out.key("content");
        choice.likelihood.encode(out);
        out.key("refusal");
        out.null();
        out.close_object();
    }
    out.key("finish_reason");
    out.plain(encode_finish(&choice.finish, calls, older));
    out.close_object();
}

/// Thinking that its vendor wants back as it is: a member beside the format's own, which clients return untouched.
fn encode_thinking(parts: &[Part<'_>], out: &mut Out) {
    let mut open = false;
    for (place, part) in parts.iter().enumerate() {
        let behind = parts.get(place.saturating_add(1)).map(|part| &part.kind);
        let block = match &part.kind {
            PartKind::Reasoning { text, signature: Some(signature) }
                if is_of_call(text, signature) && matches!(behind, Some(PartKind::ToolCall { .. })) =>
            {
                continue;
            }
            PartKind::Reasoning { text, signature: Some(signature) } => Block::Signed(text, signature),
            PartKind::RedactedReasoning(data) => Block::Sealed(data),
            PartKind::Reasoning { signature: None, .. }
            | PartKind::Text(_)
            | PartKind::Refusal(_)
            | PartKind::Media { .. }
            | PartKind::ToolCall { .. }
            | PartKind::ToolCallResponse { .. }
            | PartKind::Opaque(_) => continue,
        };
        if !open {
            out.key(thinking::BLOCKS);
            out.open_array();
            open = true;
        }
        block.encode(None, out);
    }
    if open {
        out.close_array();
    }
}

/// The sources of the text, in which all its parts are one.
fn encode_sources(choice: &Choice<'_>, out: &mut Out) {
    if choice.citations.is_empty() {
        return;
    }
    let (mut placed, mut before) = (Vec::new(), 0_u32);
    for (place, part) in choice.parts.iter().enumerate() {
        if let PartKind::Text(text) = &part.kind {
            let end = before.saturating_add(characters(text));
            placed.extend(choice.cited(place).iter().map(|(_, citation)| (citation, citation.place(before, end))));
            before = end;
        }
    }
    citations::encode(placed.into_iter(), out);
}

/// The one call that a client of the older form can read.
fn encode_older(parts: &[Part<'_>], out: &mut Out) {
    let call = parts.iter().find_map(|part| match &part.kind {
        PartKind::ToolCall { name, arguments, .. } => Some((name, arguments)),
        PartKind::Text(_)
        | PartKind::Refusal(_)
        | PartKind::Media { .. }
        | PartKind::Reasoning { .. }
        | PartKind::RedactedReasoning(_)
        | PartKind::ToolCallResponse { .. }
        | PartKind::Opaque(_) => None,
    });
    if let Some((name, arguments)) = call {
        out.key("function_call");
        out.open_object();
        out.key("name");
        out.string(name);
        out.key("arguments");
        out.json_as_string(arguments);
        out.close_object();
    }
}

fn encode_calls(parts: &[Part<'_>], out: &mut Out) {
    out.open_array();
    let mut before: Option<&Str<'_>> = None;
    for part in parts {
        if let PartKind::ToolCall { id, name, arguments, kind } = &part.kind {
            let (kind, input) = match kind {
                CallKind::Function => ("function", "arguments"),
                CallKind::Custom => ("custom", "input"),
            };
            out.open_object();
            out.key("id");
            out.string(id);
            out.key("type");
            out.plain(kind);
            out.key(kind);
            out.open_object();
            out.key("name");
            out.string(name);
            out.key(input);
            out.json_as_string(arguments);
            out.close_object();
            if let Some(signature) = before {
                thinking::encode_of_call(signature, out);
            }
            out.close_object();
        }
        before = match &part.kind {
            PartKind::Reasoning { text, signature: Some(signature) } => Some(signature).filter(|signature| is_of_call(text, signature)),
            PartKind::Reasoning { signature: None, .. }
            | PartKind::RedactedReasoning(_)
            | PartKind::Text(_)
            | PartKind::Refusal(_)
            | PartKind::Media { .. }
            | PartKind::ToolCall { .. }
            | PartKind::ToolCallResponse { .. }
            | PartKind::Opaque(_) => None,
        };
    }
    out.close_array();
}

/// The texts of one kind, joined without anything between them; `None` where there is no such part.
fn joined<'a>(parts: &'a [Part<'_>], text_of: impl Fn(&'a PartKind<'a>) -> Option<&'a Str<'a>>) -> Option<Str<'a>> {
    let mut texts = parts.iter().filter_map(|part| text_of(&part.kind));
    let mut whole = texts.next()?.reborrow();
    for text in texts {
        whole.push(text);
    }
    Some(whole)
}
