//! What the model may call, and whether it must. The format has no choice of no tool, and wants every tool of the history declared.

use super::parts::{MAX_NAME, Pen};
use crate::formats::offer::{is_choice, write_schema};
use crate::formats::turns::Conversation;
use crate::hub::{Field, PartKind, Rejection, Request, Tool, ToolChoice, ToolKind};
use crate::json::Str;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Writes `toolConfig`.
pub(super) fn encode(
    request: &Request<'_>,
    offered: &[&Tool<'_>],
    conversation: &Conversation<'_, '_>,
    pen: &mut Pen<'_, '_>,
) -> Result<(), Rejection> {
    let calls = || conversation.turns.iter().flat_map(|turn| &turn.parts).filter(|part| is_of_tools(&part.kind));
    if !is_choice(request, offered, pen.crossing)? {
        return undeclared(calls().map(|part| (&part.kind, part.at)), pen);
    }
    if matches!(request.tool_choice, Some(ToolChoice::None)) {
        if calls().next().is_none() {
            // A model that is told of no tool calls none.
            return Ok(());
        }
        pen.crossing.meet(Field::NoToolChoice)?;
    }
    if request.parallel_tool_calls == Some(false) {
        pen.crossing.meet(Field::ParallelToolCalls)?;
    }
    pen.out.constant(r#""toolConfig":{"tools":["#);
    for tool in offered {
        function(tool, pen)?;
    }
    pen.out.close_array();
    choice(request, pen)?;
    pen.out.close_object();
    Ok(())
}

const fn is_of_tools(part: &PartKind<'_>) -> bool {
    matches!(part, PartKind::ToolCall { .. } | PartKind::ToolCallResponse { .. })
}

/// Declares the tools that the history called where the request has none: the API refuses such a history without them.
fn undeclared<'r, 'b: 'r>(history: impl Iterator<Item = (&'r PartKind<'b>, u32)>, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    let mut names: BTreeSet<Cow<'_, str>> = BTreeSet::new();
    for (part, at) in history {
        let PartKind::ToolCall { name, .. } = part else { continue };
        if !names.insert(name.plain()) {
            continue;
        }
        let name = pen.crossing.tool_name(name, MAX_NAME, at)?;
        if names.len() == 1 {
            pen.crossing.meet_at(Field::UndeclaredTools, at)?;
            pen.out.constant(r#""toolConfig":{"tools":["#);
        }
        open(&name, None, pen);
        write_schema(None, at, pen.out, pen.crossing)?;
        pen.out.verbatim("}}}");
    }
    if !names.is_empty() {
        pen.out.close_array();
        pen.out.close_object();
    }
    Ok(())
}

/// Begins a tool, up to the value of its schema.
fn open(name: &Str<'_>, description: Option<&Str<'_>>, pen: &mut Pen<'_, '_>) {
    pen.out.constant(r#"{"toolSpec":{"name":""#);
    pen.out.verbatim(name.as_escaped());
    pen.out.verbatim("\"");
    if let Some(description) = description.filter(|text| !text.is_empty()) {
        pen.out.key("description");
        pen.out.string(description);
    }
    pen.out.constant(r#""inputSchema":{"json":"#);
}

fn function(tool: &Tool<'_>, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    let ToolKind::Function { name, description, parameters, strict } = &tool.kind else { return Ok(()) };
    let name = pen.crossing.tool_name(name, MAX_NAME, tool.at)?;
    open(&name, description.as_ref(), pen);
    write_schema(*parameters, tool.at, pen.out, pen.crossing)?;
    pen.out.close_object();
    if let Some(strict) = strict {
        pen.out.key("strict");
        pen.out.boolean(*strict);
    }
    pen.out.verbatim("}}");
    if tool.cache.is_some() && !pen.family.has_whole_cache() {
        pen.crossing.meet_at(Field::CacheModel, tool.at)?;
        return Ok(());
    }
    let breakpoint = pen.breakpoint(tool.cache, tool.at)?;
    pen.write(breakpoint)
}

fn choice(request: &Request<'_>, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    match &request.tool_choice {
        // A tool that the provider would run was refused already.
        None | Some(ToolChoice::None | ToolChoice::Hosted(_)) => {}
        Some(ToolChoice::Auto | ToolChoice::Allowed { required: false, .. }) => {
            pen.out.constant(r#""toolChoice":{"auto":{}}"#);
        }
        Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. }) => {
            pen.out.constant(r#""toolChoice":{"any":{}}"#);
        }
        Some(ToolChoice::Named(name)) => {
            let name = pen.crossing.tool_name(name, MAX_NAME, 0)?;
            pen.out.constant(r#""toolChoice":{"tool":{"name":""#);
            pen.out.verbatim(name.as_escaped());
            pen.out.verbatim("\"}}");
        }
    }
    Ok(())
}
