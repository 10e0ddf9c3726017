//! What the model may call, and whether it must, as providers read it.

use crate::formats::crossing::Crossing;
use crate::formats::offer::{is_choice, offered, schema_or_any};
use crate::formats::schema;
use crate::formats::tool_names::ToolNames;
use crate::hub::{Field, InputGrammar, Rejection, Request, Tool, ToolChoice, ToolKind};
use crate::json::{Out, Str};

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
    if let Some(choice) = &request.tool_choice {
        encode_choice(choice, &ToolNames::custom(&offered), out, crossing)?;
    }
    if let Some(parallel) = request.parallel_tool_calls {
        out.key("parallel_tool_calls");
        out.boolean(parallel);
    }
    Ok(())
}

fn encode_tool(tool: &Tool<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    match &tool.kind {
        ToolKind::Function { name, description, parameters, strict } => {
            head("function", name, description.as_ref(), tool.at, out, crossing)?;
            out.key("parameters");
            let schema = schema_or_any(*parameters);
            out.raw(schema);
            // Absent means strict to this format, and loose to every other.
            out.key("strict");
            out.boolean(schema::strictness(*strict, schema.as_str(), Some(tool.at), crossing)?.unwrap_or(false));
        }
        ToolKind::Custom { name, description, grammar } => {
            head("custom", name, description.as_ref(), tool.at, out, crossing)?;
            if let Some(InputGrammar { syntax, definition }) = grammar {
                out.key("format");
                out.open_object();
                out.key("type");
                out.plain("grammar");
                out.key("syntax");
                out.string(syntax);
                out.key("definition");
                out.string(definition);
                out.close_object();
            }
        }
        ToolKind::Hosted(_) => return Ok(()),
    }
    out.close_object();
    Ok(())
}

/// Opens a tool and writes what both kinds have. The name is one that the format takes; another one is undone in the answer.
fn head(
    kind: &str,
    name: &Str<'_>,
    description: Option<&Str<'_>>,
    at: u32,
    out: &mut Out,
    crossing: &mut Crossing<'_>,
) -> Result<(), Rejection> {
    let sent = crossing.tool_name(name, MAX_NAME, at)?;
    out.open_object();
    out.key("type");
    out.plain(kind);
    out.key("name");
    out.string(&sent);
    if let Some(description) = description.filter(|text| !text.is_empty()) {
        out.key("description");
        out.string(description);
    }
    Ok(())
}

fn encode_choice(choice: &ToolChoice<'_>, custom: &ToolNames<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let (names, required) = match choice {
        ToolChoice::Auto => return word("auto", out),
        ToolChoice::None => return word("none", out),
        ToolChoice::Required => return word("required", out),
        ToolChoice::Hosted(_) => return crossing.meet_in(Field::HostedToolChoice, "tool_choice").map(|_| ()),
        ToolChoice::Named(name) => {
            out.key("tool_choice");
            return reference(name, custom, out, crossing);
        }
        ToolChoice::Allowed { names, required } => (names, *required),
    };
    out.key("tool_choice");
    out.open_object();
    out.key("type");
    out.plain("allowed_tools");
    out.key("mode");
    out.plain(if required { "required" } else { "auto" });
    out.key("tools");
    out.open_array();
    names.iter().try_for_each(|name| reference(name, custom, out, crossing))?;
    out.close_array();
    out.close_object();
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "it ends a function that may fail otherwise")]
fn word(word: &str, out: &mut Out) -> Result<(), Rejection> {
    out.key("tool_choice");
    out.plain(word);
    Ok(())
}

fn reference(name: &Str<'_>, custom: &ToolNames<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let sent = crossing.tool_name(name, MAX_NAME, 0)?;
    out.open_object();
    out.key("type");
    out.plain(if custom.has(name) { "custom" } else { "function" });
    out.key("name");
    out.string(&sent);
    out.close_object();
    Ok(())
}
