//! How much the model shall think, and whether the client sees it: `thinkingConfig`.

use super::models::{Model, Thinking};
use crate::formats::crossing::Crossing;
use crate::hub::{Field, Rejection, Request, Wish};
use crate::json::Out;

/// What is left for the answer's text beside a budget, at the least: the limit of output counts thinking, too.
const BESIDE_BUDGET: u64 = 1024;

/// What a model is told about thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Amount {
    /// At most so many tokens.
    Budget(u64),
    /// As many as it sees fit.
    Free,
    /// This degree.
    Level(&'static str),
}

/// Writes the member, if there is something to say.
pub(super) fn encode(request: &Request<'_>, model: Model, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let Some(reasoning) = &request.reasoning else { return Ok(()) };
    let wish = reasoning.wish();
    if wish.is_none() && reasoning.effort.is_some() {
        // A degree that nobody knows.
        crossing.meet(Field::ReasoningModel)?;
    }
    let amount = match wish {
        Some(wish) => amount(wish, request.limits.max_tokens, model, crossing)?,
        None => None,
    };
    let show = reasoning.show.filter(|_| model.thinking != Thinking::Never);
    if amount.is_none() && show.is_none() {
        return Ok(());
    }
    out.key("thinkingConfig");
    out.open_object();
    match amount {
        Some(Amount::Budget(tokens)) => {
            out.key("thinkingBudget");
            out.number(tokens);
        }
        Some(Amount::Free) => {
            out.key("thinkingBudget");
            out.verbatim("-1");
        }
        Some(Amount::Level(level)) => {
            out.key("thinkingLevel");
            out.plain(level);
        }
        None => {}
    }
    if let Some(show) = show {
        out.key("includeThoughts");
        out.boolean(show);
    }
    out.close_object();
    Ok(())
}

fn amount(wish: Wish, limit: Option<u64>, model: Model, crossing: &mut Crossing<'_>) -> Result<Option<Amount>, Rejection> {
    crossing.meet(Field::ReasoningEffort)?;
    Ok(match (model.thinking, wish) {
        (Thinking::Never, Wish::Off) | (Thinking::Level { .. }, Wish::Free) => None,
        (Thinking::Never, Wish::On { .. } | Wish::Free) => {
            crossing.meet(Field::ReasoningModel)?;
            None
        }
        (Thinking::Budget { off: true, .. }, Wish::Off) => Some(Amount::Budget(0)),
        (Thinking::Budget { least, off: false, .. }, Wish::Off) => {
            crossing.meet(Field::ReasoningRange)?;
            Some(Amount::Budget(least))
        }
        (Thinking::Budget { .. }, Wish::Free) => Some(Amount::Free),
        (Thinking::Budget { least, most, .. }, Wish::On { budget, .. }) => {
            let taken = budget.clamp(least, most);
            if taken != budget {
                crossing.meet(Field::ReasoningRange)?;
            }
            let room = limit.map_or(taken, |limit| limit.saturating_sub(BESIDE_BUDGET));
            if room < least {
                crossing.meet(Field::ReasoningModel)?;
                None
            } else {
                Some(Amount::Budget(taken.min(room)))
            }
        }
        (Thinking::Level { minimal, medium }, Wish::Off) => Some(Amount::Level(level("none", minimal, medium, crossing)?)),
        (Thinking::Level { minimal, medium }, Wish::On { effort, .. }) => Some(Amount::Level(level(effort, minimal, medium, crossing)?)),
    })
}

/// The nearest degree that the model has; another than was asked for is recorded.
fn level(effort: &str, minimal: bool, medium: bool, crossing: &mut Crossing<'_>) -> Result<&'static str, Rejection> {
    let (level, exact) = match effort {
        "none" => (if minimal { "MINIMAL" } else { "LOW" }, false),
        "minimal" if minimal => ("MINIMAL", true),
        "minimal" => ("LOW", false),
        "low" => ("LOW", true),
        "medium" if medium => ("MEDIUM", true),
        "high" => ("HIGH", true),
        // No model documents a degree above it.
        _ => ("HIGH", false),
    };
    if !exact {
        crossing.meet(Field::ReasoningRange)?;
    }
    Ok(level)
}
