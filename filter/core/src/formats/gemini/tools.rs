//! What the model may call, and whether it must.

use crate::formats::crossing::Crossing;
use crate::formats::offer::{self, is_choice};
use crate::formats::schema::{self, Dialect};
use crate::formats::tool_names::ToolNames;
use crate::hub::{Field, Rejection, Request, Tool, ToolChoice, ToolKind};
use crate::json::{Kind, Out, Str};

/// Longest name of a function, in characters.
const MAX_NAME: usize = 128;

/// The name by which the model is told of a tool.
pub(super) fn name_of<'s>(name: &'s Str<'_>, at: u32, crossing: &mut Crossing<'_>) -> Result<Str<'s>, Rejection> {
    crossing.identifier(name, MAX_NAME, at)
}

/// Writes `tools` and `toolConfig`.
pub(super) fn encode(request: &Request<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let offered = offered(request, crossing)?;
    if !is_choice(request, &offered, crossing)? {
        return Ok(());
    }
    if request.parallel_tool_calls == Some(false) {
        crossing.meet(Field::ParallelToolCalls)?;
    }
    out.constant(r#""tools":[{"functionDeclarations":["#);
    for tool in &offered {
        function(tool, out, crossing)?;
    }
    out.close_array();
    out.close_object();
    out.close_array();
    choice(request, &offered, out, crossing)
}

/// The functions that are sent. Where the model may choose among some of them or none, those alone are: the API knows a choice of
/// functions only where it must call one.
fn offered<'r, 'b>(request: &'r Request<'b>, crossing: &mut Crossing<'_>) -> Result<Vec<&'r Tool<'b>>, Rejection> {
    let allowed = match &request.tool_choice {
        Some(ToolChoice::Allowed { names, required: false }) => Some(ToolNames::of(names)),
        Some(
            ToolChoice::Allowed { required: true, .. }
            | ToolChoice::Auto
            | ToolChoice::None
            | ToolChoice::Required
            | ToolChoice::Named(_)
            | ToolChoice::Hosted(_),
        )
        | None => None,
    };
    offer::offered(request, allowed.as_ref(), crossing)
}

fn function(tool: &Tool<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let ToolKind::Function { name, description, parameters, .. } = &tool.kind else { return Ok(()) };
    let name = name_of(name, tool.at, crossing)?;
    out.open_object();
    out.key("name");
    out.string(&name);
    if let Some(description) = description.as_ref().filter(|text| !text.is_empty()) {
        out.key("description");
        out.string(description);
    }
    match parameters.filter(|schema| !schema.as_str().trim_matches(['{', '}']).trim().is_empty()) {
        Some(schema) if schema.kind() != Kind::Object => {
            return Err(crossing.invalid("the parameters of a function must be a JSON schema, which is an object", tool.at));
        }
        Some(schema) => {
            out.key("parametersJsonSchema");
            schema::encode(schema.as_str(), Dialect::Unions, Some(tool.at), out, crossing)?;
        }
        None => {}
    }
    out.close_object();
    Ok(())
}

/// Whether a tool demands arguments that fit its schema.
const fn is_strict(tool: &Tool<'_>) -> bool {
    matches!(tool.kind, ToolKind::Function { strict: Some(true), .. })
}

fn choice(request: &Request<'_>, offered: &[&Tool<'_>], out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let strict = offered.iter().all(|tool| is_strict(tool));
    let (mode, names): (Option<&str>, &[Str<'_>]) = match &request.tool_choice {
        // The one mode in which the API holds itself to the schemas, for all functions or none.
        Some(ToolChoice::Auto | ToolChoice::Allowed { required: false, .. }) | None if strict => (Some("VALIDATED"), &[]),
        Some(ToolChoice::Auto | ToolChoice::Allowed { required: false, .. }) => (Some("AUTO"), &[]),
        Some(ToolChoice::None) => (Some("NONE"), &[]),
        Some(ToolChoice::Required) => (Some("ANY"), &[]),
        Some(ToolChoice::Named(name)) => (Some("ANY"), core::slice::from_ref(name)),
        Some(ToolChoice::Allowed { names, required: true }) => (Some("ANY"), names),
        Some(ToolChoice::Hosted(_)) | None => (None, &[]),
    };
    if mode != Some("VALIDATED")
        && let Some(tool) = offered.iter().find(|tool| is_strict(tool))
    {
        crossing.meet_at(Field::ToolStrict, tool.at)?;
    }
    let Some(mode) = mode else { return Ok(()) };
    out.constant(r#""toolConfig":{"functionCallingConfig":{"mode":""#);
    out.verbatim(mode);
    out.verbatim("\"");
    if !names.is_empty() {
        out.key("allowedFunctionNames");
        out.open_array();
        for name in names {
            out.string(&name_of(name, 0, crossing)?);
        }
        out.close_array();
    }
    out.close_object();
    out.close_object();
    Ok(())
}
