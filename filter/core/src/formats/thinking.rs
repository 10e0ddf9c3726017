//! The object by which Claude is told to think, whichever API carries it.

use super::shape::{Fault, count};
use crate::hub::{Reasoning, ReasoningMode};
use crate::json::Cursor;

/// The least budget that the API takes, in tokens.
const MIN_BUDGET: u64 = 1024;

/// Reads it.
///
/// # Errors
/// It is no such object; what it says up to there is kept.
pub fn thinking<'b>(cursor: &mut Cursor<'b>, reasoning: &mut Reasoning<'b>) -> Result<(), Fault> {
    let at = cursor.offset();
    let (mut mode, mut little) = (None, None);
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
            "budget_tokens" if !cursor.null()? => {
                reasoning.budget = Some(count(cursor)?);
                little = reasoning.budget.is_some_and(|budget| budget < MIN_BUDGET).then_some(member);
            }
            "display" if !cursor.null()? => reasoning.show = Some(cursor.string()?.is("summarized")),
            "budget_tokens" | "display" => {}
            _ => cursor.skip()?,
        }
    }
    reasoning.mode = mode.ok_or(Fault::missing(at, "type"))?;
    match (reasoning.mode, reasoning.budget, little) {
        (ReasoningMode::On, None, _) => Err(Fault::missing(at, "budget_tokens")),
        (ReasoningMode::On, Some(_), Some(little)) => Err(Fault::wrong(little, format!("it must be at least {MIN_BUDGET}"))),
        (ReasoningMode::On | ReasoningMode::Default | ReasoningMode::Off | ReasoningMode::Adaptive, _, _) => Ok(()),
    }
}
