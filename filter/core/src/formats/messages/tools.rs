//! What the model may call, and whether it must.

use super::parts::{MAX_NAME, Pen};
use crate::formats::crossing::Crossing;
use crate::formats::offer::{self, is_choice};
use crate::formats::schema::{self, Dialect};
use crate::formats::tool_names::ToolNames;
use crate::hub::{Field, Rejection, Request, Tool, ToolChoice, ToolKind};
use crate::json::{Out, Raw, Str};

/// What the API demands at the root of a schema; other vendors' clients leave it out.
const TYPE: &str = r#"{"type":"object","#;

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

/// The functions that are sent: without tools that a provider of the client's format would run by itself, and only the allowed ones.
pub(super) fn offered<'r, 'b>(request: &'r Request<'b>, crossing: &mut Crossing<'_>) -> Result<Vec<&'r Tool<'b>>, Rejection> {
    let allowed = match &request.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) => {
            crossing.meet(Field::AllowedTools)?;
            Some(ToolNames::of(names))
        }
        Some(ToolChoice::Auto | ToolChoice::None | ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Hosted(_)) | None => None,
    };
    offer::offered(request, allowed.as_ref(), crossing)
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
        Some(schema::of_dialect(offer::schema_or_any(*parameters).as_str(), Dialect::Closed, Some(tool.at), pen.crossing)?)
    } else {
        None
    };
    let parameters = closed.as_deref().and_then(|text| Raw::parse(text).ok()).or(*parameters);
    match parameters.map(|schema| (schema, root(schema))) {
        Some((_, Root::Other)) => {
            return Err(pen.crossing.invalid("the parameters of a function must be a JSON schema, which is an object", tool.at));
        }
        Some((schema, Root::Typed)) => pen.out.raw(schema),
        Some((schema, Root::Untyped)) => {
            pen.out.verbatim(TYPE);
            pen.out.verbatim(schema.as_str().strip_prefix('{').unwrap_or("}"));
        }
        Some((_, Root::Empty)) | None => pen.out.raw(offer::schema_or_any(None)),
    }
    if let Some(strict) = strict {
        pen.out.key("strict");
        pen.out.boolean(*strict);
    }
    pen.close(tool.cache, tool.at)
}

/// What the root of a schema says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    /// It has a type.
    Typed,
    /// It has members, and no type among them.
    Untyped,
    /// It has no members.
    Empty,
    /// It is no object.
    Other,
}

fn root(schema: Raw<'_>) -> Root {
    let mut cursor = schema.cursor();
    if cursor.enter_object().is_err() {
        return Root::Other;
    }
    let mut root = Root::Empty;
    while let Ok(Some(name)) = cursor.member() {
        if name.is("type") {
            return Root::Typed;
        }
        root = Root::Untyped;
        if cursor.skip().is_err() {
            break;
        }
    }
    root
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
