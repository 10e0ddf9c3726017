//! Custom tools where the target knows functions alone: a function with one text stands in for each, and the answer is turned back.

use super::crossing::Crossing;
use super::{Onward, Passage};
use crate::hub::{CallKind, Fate, Field, InputGrammar, PartKind, Rejection, Request, ToolKind};
use crate::json::{Json, Raw, Str};
use crate::names::FormatId;

/// The schema of a function that stands in for a custom tool.
const SCHEMA: &str = r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}"#;

/// Puts functions in the place of the custom tools of a request, where that is the target's fate for them.
///
/// # Errors
/// The target's fate for a custom tool is [`Fate::Refuse`].
pub fn stand_in(
    request: &mut Request<'_>,
    target: FormatId,
    body: &[u8],
    onward: &Onward<'_>,
    passage: &mut Passage,
) -> Result<(), Rejection> {
    if Field::CustomTool.fate(target) == Fate::Carry {
        return Ok(());
    }
    let mut names = Vec::new();
    let mut crossing = Crossing::new(target, body, onward, passage);
    for tool in &mut request.tools {
        let ToolKind::Custom { name, description, grammar } = &tool.kind else { continue };
        crossing.meet_at(Field::CustomTool, tool.at)?;
        names.push(name.plain().into());
        tool.kind = ToolKind::Function {
            name: name.clone(),
            description: described(description.as_ref(), grammar.as_ref()),
            parameters: Raw::parse(SCHEMA).ok(),
            strict: None,
        };
    }
    for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        if let PartKind::ToolCall { arguments, kind: kind @ CallKind::Custom, .. } = &mut part.kind {
            *kind = CallKind::Function;
            if let Json::Text(input) = arguments {
                *arguments = Json::Text(Str::from_plain_owned(format!("{{\"input\":\"{}\"}}", input.as_escaped())));
            }
        }
    }
    passage.customs = names;
    Ok(())
}

/// What a tool does, and which language its input must be of.
fn described<'b>(description: Option<&Str<'b>>, grammar: Option<&InputGrammar<'b>>) -> Option<Str<'b>> {
    let Some(InputGrammar { syntax, definition }) = grammar else { return description.cloned() };
    let mut whole = description.cloned().unwrap_or_default();
    if !whole.is_empty() {
        whole.push(&Str::from_plain("\n\n"));
    }
    for piece in [&Str::from_plain("The input must be of this grammar ("), syntax, &Str::from_plain("):\n"), definition] {
        whole.push(piece);
    }
    Some(whole)
}
