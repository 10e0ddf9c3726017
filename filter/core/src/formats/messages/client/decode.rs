//! A whole Messages request into the hub, borrowed.

use super::{blocks, tools};
use crate::formats::claude::betas;
use crate::formats::shape::{self, Fault, count, place, within};
use crate::formats::thinking::thinking;
use crate::hub::{Extension, Field, Message, OutputFormat, Part, PartKind, Rejection, Request, Role};
use crate::json::{Cursor, Json, Kind, Raw, Str};

/// Reads a request.
pub(in super::super) fn decode(body: &[u8]) -> Result<Request<'_>, Rejection> {
    let text = shape::text(body)?;
    read(text).map_err(|fault| fault.rejection(text))
}

fn read(text: &str) -> Result<Request<'_>, Fault> {
    // The format always sends usage.
    let mut request = Request { include_usage: true, ..Request::default() };
    let mut cursor = Cursor::of_text(text);
    let top = cursor.offset();
    let (mut messages, mut marker, mut marker_at) = (false, None, 0);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        let at = cursor.offset();
        if cursor.null()? {
            continue;
        }
        let plain = name.into_plain();
        messages |= plain == "messages";
        if plain == "cache_control" {
            (marker, marker_at) = (Some(cursor.raw()?), place(at));
            continue;
        }
        if !(content(&plain, &mut cursor, &mut request)? || settings(&plain, &mut cursor, &mut request)?) {
            let value = cursor.raw()?;
            if !matches!(value.as_str(), "[]" | "{}") {
                request.extensions.push(Extension { at: place(at), field: field(&plain) });
            }
        }
    }
    cursor.end()?;
    request.leave(cursor.left());
    if let Some(marker) = marker {
        mark_last(&mut request, marker, marker_at);
    }
    if !messages {
        return Err(Fault::missing(top, "messages"));
    }
    Ok(request)
}

/// Puts the breakpoint that stands in no block behind the last one that may have it, where Anthropic itself puts it.
fn mark_last<'b>(request: &mut Request<'b>, marker: Raw<'b>, at: u32) {
    let Request { system_instructions, messages, tools, .. } = request;
    let last = |parts: &mut Vec<Part<'b>>| parts.iter().rposition(|part| is_markable(&part.kind));
    for parts in messages.iter_mut().rev().map(|message| &mut message.parts).chain([system_instructions]) {
        if let Some(part) = last(parts).and_then(|place| parts.get_mut(place)) {
            part.cache = part.cache.or(Some(marker));
            return;
        }
    }
    match tools.last_mut() {
        Some(tool) => tool.cache = tool.cache.or(Some(marker)),
        None => request.extensions.push(Extension { at, field: Field::Member }),
    }
}

/// Whether a breakpoint may stand behind a block.
fn is_markable(kind: &PartKind<'_>) -> bool {
    match kind {
        PartKind::Text(text) => !text.is_blank(),
        PartKind::Reasoning { .. } | PartKind::RedactedReasoning(_) | PartKind::Opaque(_) | PartKind::Refusal(_) => false,
        PartKind::Media { .. } | PartKind::ToolCall { .. } | PartKind::ToolCallResponse { .. } => true,
    }
}

/// What a member is that the hub has no place for.
pub(super) fn field(name: &str) -> Field {
    match name {
        "container" | "compaction" | "thread" => Field::ServerState,
        "context_management" => Field::ContextEditing,
        "mcp_servers" => Field::HostedTool,
        "inference_geo" => Field::DataResidency,
        _ => Field::Extension,
    }
}

/// What the model reads, and what it may call.
fn content<'b>(name: &str, cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<bool, Fault> {
    match name {
        "system" => request.system_instructions = instructions(cursor, request)?,
        "messages" => {
            request.messages.clear();
            request.citations.clear();
            cursor.enter_array()?;
            while cursor.element()? {
                let message = message(cursor, request)?;
                request.messages.push(message);
            }
        }
        "tools" => request.tools = tools::decode_tools(cursor, &mut request.extensions)?,
        "tool_choice" => {
            let (choice, serial) = tools::decode_choice(cursor)?;
            request.tool_choice = Some(choice);
            request.parallel_tool_calls = serial.then_some(false);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Instructions: text, whole or in blocks.
fn instructions<'b>(cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<Vec<Part<'b>>, Fault> {
    let (at, cited) = (cursor.offset(), request.citations.len());
    let parts = blocks::decode_content(cursor, request)?;
    request.uncite(cited);
    if parts.iter().any(|part| !matches!(part.kind, PartKind::Text(_))) {
        return Err(Fault::wrong(at, "an instruction can hold text only"));
    }
    Ok(parts)
}

fn message<'b>(cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<Message<'b>, Fault> {
    let (at, cited) = (cursor.offset(), request.citations.len());
    let (mut role, mut parts) = (None, None);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        let member = cursor.offset();
        match &*name.into_plain() {
            "role" => {
                role = Some(match &*cursor.string()?.plain() {
                    "user" => Role::User,
                    "assistant" => Role::Assistant,
                    "system" => Role::System,
                    _ => return Err(Fault::wrong(member, "it must be user, assistant or system")),
                });
            }
            "content" => parts = Some(blocks::decode_content(cursor, request)?),
            _ => cursor.leave()?,
        }
    }
    let role = role.ok_or(Fault::missing(at, "role"))?;
    let parts = parts.ok_or(Fault::missing(at, "content"))?;
    if role != Role::Assistant {
        request.uncite(cited);
    }
    // Blocks that add tools in mid-conversation are nobody else's.
    if role == Role::System && parts.iter().any(|part| !matches!(part.kind, PartKind::Text(_) | PartKind::Opaque(_))) {
        return Err(Fault::wrong(at, "an instruction can hold text only"));
    }
    Ok(Message { at: place(at), role, name: None, parts })
}

/// How the request is handled, how much is written, and how the next token is chosen.
fn settings<'b>(name: &str, cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<bool, Fault> {
    let sampling = &mut request.sampling;
    match name {
        // The outline has it, and the other one is a carrier's.
        "model" | "anthropic_version" => cursor.skip()?,
        "anthropic_beta" => {
            let at = cursor.offset();
            if !betas::read(cursor.raw()?, &mut request.betas)? {
                request.extensions.push(Extension { at: place(at), field: Field::BetaFlag });
            }
        }
        "stream" => request.stream = cursor.boolean()?,
        "max_tokens" => request.limits.max_tokens = Some(count(cursor)?),
        "temperature" => sampling.temperature = Some(within(cursor, 0.0, 1.0)?),
        "top_p" => sampling.top_p = Some(within(cursor, 0.0, 1.0)?),
        "top_k" => sampling.top_k = Some(cursor.number()?),
        "stop_sequences" => {
            sampling.stop_sequences.clear();
            cursor.enter_array()?;
            while cursor.element()? {
                sampling.stop_sequences.push(cursor.string()?);
            }
        }
        "thinking" => thinking(cursor, request.reasoning.get_or_insert_default())?,
        "output_config" => output_config(cursor, request)?,
        // The beta form of `output_config.format`.
        "output_format" => request.output = Some(format(cursor)?),
        "metadata" => {
            cursor.enter_object()?;
            while let Some(name) = cursor.member()? {
                if name.is("user_id") && cursor.peek()? == Kind::String {
                    request.end_user = Some(cursor.string()?);
                } else {
                    cursor.leave()?;
                }
            }
        }
        "service_tier" => {
            let tier = cursor.string()?;
            // The tier without priority, in the word that other formats have for it.
            request.service_tier = Some(if tier.is("standard_only") { Str::from_plain("standard") } else { tier });
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn output_config<'b>(cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<(), Fault> {
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        let at = cursor.offset();
        if cursor.null()? {
            continue;
        }
        match &*name.into_plain() {
            "effort" => request.reasoning.get_or_insert_default().effort = Some(cursor.string()?),
            "format" => request.output = Some(format(cursor)?),
            _ => {
                cursor.skip()?;
                request.extensions.push(Extension { at: place(at), field: Field::Extension });
            }
        }
    }
    Ok(())
}

fn format<'b>(cursor: &mut Cursor<'b>) -> Result<OutputFormat<'b>, Fault> {
    let at = cursor.offset();
    let mut schema: Option<Raw<'b>> = None;
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        let member = cursor.offset();
        match &*name.into_plain() {
            "type" if !cursor.string()?.is("json_schema") => return Err(Fault::wrong(member, "it must be json_schema")),
            "type" => {}
            "schema" => schema = Some(cursor.raw()?),
            _ => cursor.skip()?,
        }
    }
    let schema = schema.ok_or(Fault::missing(at, "schema"))?;
    Ok(OutputFormat::JsonSchema { name: None, description: None, schema: Json::Value(schema), strict: None })
}
