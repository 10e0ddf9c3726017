//! The object by which Claude is told to think, whichever API carries it.

use super::shape::{Fault, count};
use crate::hub::{Reasoning, ReasoningMode};
use crate::json::Cursor;

/// Reads it.
///
/// # Errors
/// It is no such object; what it says up to there is kept.
pub fn thinking<'b>(cursor: &mut Cursor<'b>, reasoning: &mut Reasoning<'b>) -> Result<(), Fault> {
    let at = cursor.offset();
    let mut mode = None;
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        let member = cursor.offset();
        match &*name.into_plain() {
            "type" => {
                mode = Some(match &*cursor.string()?.plain() {
                    "enabled" => ReasoningMode::On,
                    "adaptive" | "between_tools" => ReasoningMode::Adaptive,
                    "disabled" => ReasoningMode::Off,
                    _ => return Err(Fault::wrong(member, "it must be enabled, adaptive, between_tools or disabled")),
                });
            }
            "budget_tokens" if !cursor.null()? => reasoning.budget = Some(count(cursor)?),
            "display" if !cursor.null()? => reasoning.show = Some(cursor.string()?.is("summarized")),
            "budget_tokens" | "display" => {}
            _ => cursor.skip()?,
        }
    }
    reasoning.mode = mode.ok_or(Fault::missing(at, "type"))?;
    Ok(())
}
