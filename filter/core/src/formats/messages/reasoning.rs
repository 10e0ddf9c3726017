//! How much the model shall think and may write: `max_tokens`, `thinking` and `output_config.effort` decide each other.

use super::models::{Efforts, Model, Thinking};
use super::turns::{Conversation, Speaker};
use crate::formats::Onward;
use crate::formats::crossing::Crossing;
use crate::hub::{Field, PartKind, Reasoning, Rejection, Request, ToolChoice};
use crate::json::Out;

/// The least budget that the API takes.
const MIN_BUDGET: u64 = 1024;

/// What is left for the answer's text beside a budget, at the least.
const BESIDE_BUDGET: u64 = 1024;

/// What is written about thinking and the answer's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// `max_tokens`, which the format demands.
    pub max_tokens: u64,
    thinking: Option<Mode>,
    effort: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Disabled,
    Adaptive,
    Budget(u64),
}

/// What the client asks for, its two ways of saying it made one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Off,
    On { effort: &'static str, budget: u64 },
}

impl Plan {
    /// Decides for one request.
    pub(super) fn of(
        request: &Request<'_>,
        model: Model,
        onward: &Onward<'_>,
        conversation: &Conversation<'_, '_>,
        crossing: &mut Crossing<'_>,
    ) -> Result<Self, Rejection> {
        let client_limit = request.limits.max_tokens;
        let plain = Self { max_tokens: client_limit.unwrap_or(onward.default_max_tokens), thinking: None, effort: None };
        let Some(reasoning) = &request.reasoning else { return Ok(plain) };
        let Some(wish) = Wish::of(reasoning) else {
            // A degree that nobody knows.
            if reasoning.effort.is_some() {
                crossing.meet(Field::ReasoningModel)?;
            }
            return Ok(plain);
        };
        crossing.meet(Field::ReasoningEffort)?;
        let Wish::On { effort, budget } = wish else {
            return match model.thinking {
                // What never thinks, or thinks only when it is told to, is off already.
                Thinking::Never | Thinking::Budget => Ok(plain),
                Thinking::Adaptive => Ok(Self { thinking: Some(Mode::Disabled), ..plain }),
                Thinking::Always => {
                    crossing.meet(Field::ReasoningModel)?;
                    Ok(plain)
                }
            };
        };
        // Thinking counts as output, so the room for it doubles where Weir chooses the limit.
        let roomy = client_limit.unwrap_or_else(|| onward.default_max_tokens.saturating_mul(2));
        match model.thinking {
            Thinking::Never => {
                crossing.meet(Field::ReasoningModel)?;
                Ok(plain)
            }
            Thinking::Adaptive | Thinking::Always => {
                let effort = nearest(effort, model.efforts, crossing)?;
                Ok(Self { max_tokens: roomy, thinking: Some(Mode::Adaptive), effort })
            }
            Thinking::Budget => {
                let max_tokens = client_limit.unwrap_or_else(|| roomy.max(budget.saturating_add(onward.default_max_tokens)));
                let budget = budget.min(max_tokens.saturating_sub(BESIDE_BUDGET));
                if budget < MIN_BUDGET || forced(request) || in_tool_loop(conversation) {
                    crossing.meet(Field::ReasoningModel)?;
                    return Ok(plain);
                }
                let effort = if model.efforts == Efforts::None { None } else { nearest(effort, model.efforts, crossing)? };
                Ok(Self { max_tokens, thinking: Some(Mode::Budget(budget)), effort })
            }
        }
    }

    /// Whether the model will think because it is told to: then it takes no sampling.
    pub(super) const fn thinks(&self) -> bool {
        matches!(self.thinking, Some(Mode::Adaptive | Mode::Budget(_)))
    }

    /// Writes the member `thinking`, if there is something to say.
    pub(super) fn write_thinking(&self, out: &mut Out) {
        let Some(mode) = self.thinking else { return };
        out.key("thinking");
        out.open_object();
        out.key("type");
        match mode {
            Mode::Disabled => out.plain("disabled"),
            Mode::Adaptive => out.plain("adaptive"),
            Mode::Budget(tokens) => {
                out.plain("enabled");
                out.key("budget_tokens");
                out.number(tokens);
            }
        }
        out.close_object();
    }

    /// The value of `output_config.effort`, if there is something to say.
    pub(super) const fn effort(&self) -> Option<&'static str> {
        self.effort
    }
}

impl Wish {
    /// The degrees and budgets that are each other's equivalents (1024, 8192, 24576, published for `low`, `medium` and `high`).
    fn of(reasoning: &Reasoning<'_>) -> Option<Self> {
        let effort = reasoning.effort.as_ref().map(crate::json::Str::plain);
        let (effort, budget) = match (effort.as_deref(), reasoning.budget) {
            (Some("none"), _) | (None, Some(0)) => return Some(Self::Off),
            (Some("minimal"), budget) => ("minimal", budget.unwrap_or(1024)),
            (Some("low"), budget) => ("low", budget.unwrap_or(1024)),
            (Some("medium"), budget) => ("medium", budget.unwrap_or(8192)),
            (Some("high"), budget) => ("high", budget.unwrap_or(24_576)),
            (Some("xhigh"), budget) => ("xhigh", budget.unwrap_or(32_768)),
            (Some("max"), budget) => ("max", budget.unwrap_or(32_768)),
            (Some(_) | None, Some(budget)) => (degree(budget), budget),
            (Some(_) | None, None) => return None,
        };
        Some(Self::On { effort, budget })
    }
}

const fn degree(budget: u64) -> &'static str {
    match budget {
        0..=4095 => "low",
        4096..=16_383 => "medium",
        16_384..=32_767 => "high",
        _ => "xhigh",
    }
}

/// The nearest degree that the model has; another than was asked for is recorded.
fn nearest(effort: &'static str, efforts: Efforts, crossing: &mut Crossing<'_>) -> Result<Option<&'static str>, Rejection> {
    let has = match (effort, efforts) {
        ("minimal", _) => "low",
        ("xhigh", Efforts::None | Efforts::High | Efforts::Max) | ("max", Efforts::None | Efforts::High) => "high",
        (other, _) => other,
    };
    if has != effort {
        crossing.meet(Field::ReasoningRange)?;
    }
    Ok(Some(has))
}

/// A budget and a forced tool exclude each other in this API.
const fn forced(request: &Request<'_>) -> bool {
    match &request.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Allowed { required: true, .. }) => true,
        Some(ToolChoice::Auto | ToolChoice::None | ToolChoice::Allowed { required: false, .. } | ToolChoice::Hosted(_)) | None => false,
    }
}

/// With a budget, an assistant's last turn that calls tools must begin with signed thinking, which other formats do not bring back.
fn in_tool_loop(conversation: &Conversation<'_, '_>) -> bool {
    let last = conversation.turns.iter().rfind(|turn| turn.speaker == Speaker::Assistant);
    last.is_some_and(|turn| turn.parts.iter().any(|part| matches!(part.kind, PartKind::ToolCall { .. })))
}
