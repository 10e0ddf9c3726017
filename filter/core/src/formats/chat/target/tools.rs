//! What the model may call, and whether it must.

use crate::formats::crossing::Crossing;
use crate::formats::offer::{is_choice, offered};
use crate::formats::schema;
use crate::formats::tool_names::ToolNames;
use crate::hub::{Rejection, Request, Tool, ToolChoice, ToolKind};
use crate::json::{Out, Raw, Str};

/// Longest name of a tool, in characters.
pub(super) const MAX_NAME: usize = 64;

/// Writes `tools`, `tool_choice` and `parallel_tool_calls`.
pub(super) fn encode(request: &Request<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let offered = offered(request, None, crossing)?;
    if !is_choice(request, &offered, crossing)? {
        return Ok(());
    }
    out.key("tools");
    out.open_array();
    for tool in &offered {
        encode_tool(tool, out, crossing)?;
    }
    out.close_array();
    choice(request, &ToolNames::custom(&offered), out, crossing)?;
    if let Some(parallel) = request.parallel_tool_calls {
        out.key("parallel_tool_calls");
        out.boolean(parallel);
    }
    Ok(())
}

fn encode_tool(tool: &Tool<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    out.open_object();
    out.key("type");
    match &tool.kind {
        ToolKind::Function { name, description, parameters, strict } => {
            out.plain("function");
            out.key("function");
            named(name, description.as_ref(), tool.at, out, crossing)?;
            if let Some(parameters) = parameters {
                out.key("parameters");
                out.raw(*parameters);
            }
            let schema = parameters.map_or("{}", Raw::as_str);
            if let Some(strict) = schema::strictness(*strict, schema, Some(tool.at), crossing)? {
                out.key("strict");
                out.boolean(strict);
            }
            out.close_object();
        }
        ToolKind::Custom { name, description, grammar } => {
            out.plain("custom");
            out.key("custom");
            named(name, description.as_ref(), tool.at, out, crossing)?;
            if let Some(grammar) = grammar {
                out.key("format");
                out.open_object();
                out.key("type");
                out.plain("grammar");
                out.key("grammar");
                out.open_object();
                out.key("syntax");
                out.string(&grammar.syntax);
                out.key("definition");
                out.string(&grammar.definition);
                out.close_object();
                out.close_object();
            }
            out.close_object();
        }
        ToolKind::Hosted(_) => {}
    }
    out.close_object();
    Ok(())
}

/// Opens the object of a tool with its name and description.
fn named(name: &Str<'_>, description: Option<&Str<'_>>, at: u32, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    out.open_object();
    out.key("name");
    out.string(&crossing.tool_name(name, MAX_NAME, at)?);
    if let Some(description) = description.filter(|text| !text.is_empty()) {
        out.key("description");
        out.string(description);
    }
    Ok(())
}

fn choice(request: &Request<'_>, custom: &ToolNames<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let Some(choice) = &request.tool_choice else { return Ok(()) };
    out.key("tool_choice");
    match choice {
        ToolChoice::Auto | ToolChoice::Hosted(_) => out.plain("auto"),
        ToolChoice::None => out.plain("none"),
        ToolChoice::Required => out.plain("required"),
        ToolChoice::Named(name) => reference(name, custom, out, crossing)?,
        ToolChoice::Allowed { names, required } => {
            out.open_object();
            out.key("type");
            out.plain("allowed_tools");
            out.key("allowed_tools");
            out.open_object();
            out.key("mode");
            out.plain(if *required { "required" } else { "auto" });
            out.key("tools");
            out.open_array();
            for name in names {
                reference(name, custom, out, crossing)?;
            }
            out.close_array();
            out.close_object();
            out.close_object();
        }
    }
    Ok(())
}

/// Writes which tool is meant.
fn reference(name: &Str<'_>, custom: &ToolNames<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let kind = if custom.has(name) { "custom" } else { "function" };
    out.open_object();
    out.key("type");
    out.plain(kind);
    out.key(kind);
    out.open_object();
    out.key("name");
    out.string(&crossing.tool_name(name, MAX_NAME, 0)?);
    out.close_object();
    out.close_object();
    Ok(())
}
