//! Which tools a provider is told of, and whether the choice among them can be met, whatever the format.

use super::crossing::Crossing;
use super::tool_names::ToolNames;
use crate::hub::{Fate, Field, Rejection, Request, Tool, ToolChoice, ToolKind};
use crate::json::Raw;

/// The schema of a function that says nothing about its arguments, for formats that demand one.
const ANY_OBJECT: &str = r#"{"type":"object","properties":{}}"#;

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
