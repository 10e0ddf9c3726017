//! What the model may call, and whether it must.

use super::parts::{MAX_NAME, Pen};
use crate::formats::crossing::Crossing;
use crate::formats::offer::{is_choice, schema_or_any, write_schema};
use crate::formats::schema::{self, Dialect};
use crate::hub::{Field, Rejection, Request, Tool, ToolChoice, ToolKind};
use crate::json::{Out, Raw, Str};

/// Writes `tools` and `tool_choice`.
pub(super) fn encode(request: &Request<'_>, offered: &[&Tool<'_>], pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    if !is_choice(request, offered, pen.crossing)? {
        return Ok(());
    }
    pen.out.key("tools");
    pen.out.open_array();
    for tool in offered {
        function(tool, pen)?;
    }
    pen.out.close_array();
    choice(request, pen.out, pen.crossing)
}

fn function(tool: &Tool<'_>, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    let ToolKind::Function { name, description, parameters, strict } = &tool.kind else { return Ok(()) };
    let name = pen.crossing.tool_name(name, MAX_NAME, tool.at)?;
    pen.out.open_object();
    pen.out.key("name");
    pen.out.string(&name);
    if let Some(description) = description.as_ref().filter(|text| !text.is_empty()) {
        pen.out.key("description");
        pen.out.string(description);
    }
    pen.out.key("input_schema");
    // Only strict tools are held to the schema; to the others it is shown as it is.
    let closed = if *strict == Some(true) {
        Some(schema::of_dialect(schema_or_any(*parameters).as_str(), Dialect::Closed, Some(tool.at), pen.crossing)?)
    } else {
        None
    };
    let parameters = closed.as_deref().and_then(|text| Raw::parse(text).ok()).or(*parameters);
    write_schema(parameters, tool.at, pen.out, pen.crossing)?;
    if let Some(strict) = strict {
        pen.out.key("strict");
        pen.out.boolean(*strict);
    }
    pen.close(tool.cache, tool.at)
}

fn choice(request: &Request<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let serial = request.parallel_tool_calls == Some(false);
    let (kind, name): (&str, Option<&Str<'_>>) = match &request.tool_choice {
        None if !serial => return Ok(()),
        None | Some(ToolChoice::Auto | ToolChoice::Allowed { required: false, .. }) => ("auto", None),
        Some(ToolChoice::None) => ("none", None),
        Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. }) => ("any", None),
        Some(ToolChoice::Named(name)) => ("tool", Some(name)),
        Some(ToolChoice::Hosted(_)) => {
            crossing.meet_in(Field::HostedToolChoice, "tool_choice")?;
            return Ok(());
        }
    };
    out.key("tool_choice");
    out.open_object();
    out.key("type");
    out.plain(kind);
    if let Some(name) = name {
        out.key("name");
        out.string(&crossing.tool_name(name, MAX_NAME, 0)?);
    }
    if serial && kind != "none" {
        out.key("disable_parallel_tool_use");
        out.boolean(true);
    }
    out.close_object();
    Ok(())
}
