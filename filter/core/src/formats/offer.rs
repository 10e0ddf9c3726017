//! Which tools a provider is told of, and whether the choice among them can be met, whatever the format.

use super::crossing::Crossing;
use super::tool_names::ToolNames;
use crate::hub::{Fate, Field, Rejection, Request, Tool, ToolChoice, ToolKind};
use crate::json::{Out, Raw};

/// The schema of a function that says nothing about its arguments, for formats that demand one.
const ANY_OBJECT: &str = r#"{"type":"object","properties":{}}"#;

/// What some formats demand at the root of a schema; others' clients leave it out.
const TYPE: &str = r#"{"type":"object","#;

/// The schema of a function, for formats that demand one.
#[must_use]
pub fn schema_or_any<'b>(parameters: Option<Raw<'b>>) -> Raw<'b> {
    parameters.unwrap_or_else(|| Raw::parse(ANY_OBJECT).unwrap_or(Raw::EMPTY_OBJECT))
}

/// The tools that are sent: without those that a provider of the client's format would run by itself, and of functions only the
/// `allowed` ones where some are.
///
/// # Errors
/// The target's fate for a tool is [`Fate::Refuse`].
pub fn offered<'r, 'b>(
    request: &'r Request<'b>,
    allowed: Option<&ToolNames<'_>>,
    crossing: &mut Crossing<'_>,
) -> Result<Vec<&'r Tool<'b>>, Rejection> {
    let mut offered = Vec::with_capacity(request.tools.len());
    for tool in &request.tools {
        if tool.cache.is_some() {
            crossing.meet_at(Field::CacheHint, tool.at)?;
        }
        let sent = match &tool.kind {
            ToolKind::Function { name, .. } => allowed.is_none_or(|names| names.has(name)),
            ToolKind::Custom { .. } => crossing.meet_at(Field::CustomTool, tool.at)? == Fate::Carry,
            ToolKind::Hosted(_) => {
                crossing.meet_at(Field::HostedTool, tool.at)?;
                false
            }
        };
        if sent {
            offered.push(tool);
        }
    }
    Ok(offered)
}

/// The functions that are sent: without tools that a provider of the client's format would run by itself, and only the allowed
/// ones, for formats that know no choice among some.
///
/// # Errors
/// The target's fate for something that is left out is [`Fate::Refuse`].
pub fn allowed<'r, 'b>(request: &'r Request<'b>, crossing: &mut Crossing<'_>) -> Result<Vec<&'r Tool<'b>>, Rejection> {
    let allowed = match &request.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) => {
            crossing.meet(Field::AllowedTools)?;
            Some(ToolNames::of(names))
        }
        Some(ToolChoice::Auto | ToolChoice::None | ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Hosted(_)) | None => None,
    };
    offered(request, allowed.as_ref(), crossing)
}

/// Whether there is a choice at all: something to choose from. What the client demands beyond it is accounted for.
///
/// # Errors
/// The client demands a tool that the provider of its own format would run.
pub fn is_choice(request: &Request<'_>, offered: &[&Tool<'_>], crossing: &mut Crossing<'_>) -> Result<bool, Rejection> {
    let demanded = match &request.tool_choice {
        Some(ToolChoice::Hosted(_)) => true,
        // What remains of the tools can't answer a demand for one that the provider would run.
        Some(ToolChoice::Required) => offered.is_empty() && !request.tools.is_empty(),
        Some(ToolChoice::Auto | ToolChoice::None | ToolChoice::Named(_) | ToolChoice::Allowed { .. }) | None => false,
    };
    if demanded {
        crossing.meet_in(Field::HostedToolChoice, "tool_choice")?;
    }
    if offered.is_empty() && (request.tool_choice.is_some() || request.parallel_tool_calls.is_some()) {
        crossing.meet(Field::ChoiceWithoutTools)?;
    }
    Ok(!offered.is_empty())
}

/// Writes the schema of a function's arguments, with a type at its root, for formats that demand it; the tool stands at byte `at`.
///
/// # Errors
/// It is no object.
pub fn write_schema(parameters: Option<Raw<'_>>, at: u32, out: &mut Out, crossing: &Crossing<'_>) -> Result<(), Rejection> {
    match parameters.map(|schema| (schema, root(schema))) {
        Some((_, Root::Other)) => {
            return Err(crossing.invalid("the parameters of a function must be a JSON schema, which is an object", at));
        }
        Some((schema, Root::Typed)) => out.raw(schema),
        Some((schema, Root::Untyped)) => {
            out.verbatim(TYPE);
            out.verbatim(schema.as_str().strip_prefix('{').unwrap_or("}"));
        }
        Some((_, Root::Empty)) | None => out.raw(schema_or_any(None)),
    }
    Ok(())
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
