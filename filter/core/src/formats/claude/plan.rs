//! How much the model shall think and may write: `max_tokens`, `thinking` and the effort decide each other.

use super::models::{Efforts, Model, Thinking};
use crate::formats::Onward;
use crate::formats::crossing::Crossing;
use crate::formats::turns::{Conversation, Speaker};
use crate::hub::{Field, Part, PartKind, Rejection, Request, ToolChoice, Wish};
use crate::json::Out;

/// The least budget that the API takes.
const MIN_BUDGET: u64 = 1024;

/// The budget where the client wants thinking and says no degree: that of `medium`.
const USUAL_BUDGET: u64 = 8192;

/// What is left for the answer's text beside a budget, at the least.
const BESIDE_BUDGET: u64 = 1024;

/// What is written about thinking and the answer's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// `max_tokens`, which the format demands.
    pub max_tokens: u64,
    thinking: Option<Mode>,
    effort: Option<&'static str>,
    /// Whether the client wants to see the thoughts.
    show: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Disabled,
    Adaptive,
    Budget(u64),
}

impl Plan {
    /// Decides for one request.
    ///
    /// # Errors
    /// The target's fate for something that is left out is to refuse it.
    pub fn of(
        request: &Request<'_>,
        model: Model,
        onward: &Onward<'_>,
        conversation: &Conversation<'_, '_>,
        crossing: &mut Crossing<'_>,
    ) -> Result<Self, Rejection> {
        let client_limit = request.limits.max_tokens;
        let plain = Self { max_tokens: client_limit.unwrap_or(onward.default_max_tokens), thinking: None, effort: None, show: None };
        let Some(reasoning) = &request.reasoning else { return Ok(plain) };
        let Some(wish) = reasoning.wish() else {
            // A degree that nobody knows.
            if reasoning.effort.is_some() {
                crossing.meet(Field::ReasoningModel)?;
            }
            return Ok(plain);
        };
        crossing.meet(Field::ReasoningEffort)?;
        let show = reasoning.show;
        let (effort, budget) = match wish {
            Wish::On { effort, budget } => (Some(effort), budget),
            Wish::Free => (None, USUAL_BUDGET),
            Wish::Off => {
                return match model.thinking {
                    // What never thinks, or thinks only when it is told to, is off already.
                    Thinking::Never | Thinking::Budget => Ok(plain),
                    Thinking::Adaptive => Ok(Self { thinking: Some(Mode::Disabled), ..plain }),
                    Thinking::Always => {
                        crossing.meet(Field::ReasoningModel)?;
                        Ok(plain)
                    }
                };
            }
        };
        // Thinking counts as output, so the room for it doubles where Weir chooses the limit.
        let roomy = client_limit.unwrap_or_else(|| onward.default_max_tokens.saturating_mul(2));
        match model.thinking {
            Thinking::Never => {
                crossing.meet(Field::ReasoningModel)?;
                Ok(plain)
            }
            Thinking::Adaptive | Thinking::Always => {
                let effort = effort.map(|effort| nearest(effort, model.efforts, crossing)).transpose()?;
                Ok(Self { max_tokens: roomy, thinking: Some(Mode::Adaptive), effort, show })
            }
            Thinking::Budget => {
                let max_tokens = client_limit.unwrap_or_else(|| roomy.max(budget.saturating_add(onward.default_max_tokens)));
                let budget = budget.min(max_tokens.saturating_sub(BESIDE_BUDGET));
                if budget < MIN_BUDGET || forced(request) || needs_thinking(conversation) {
                    crossing.meet(Field::ReasoningModel)?;
                    return Ok(plain);
                }
                let effort =
                    effort.filter(|_| model.efforts != Efforts::None).map(|effort| nearest(effort, model.efforts, crossing)).transpose()?;
                Ok(Self { max_tokens, thinking: Some(Mode::Budget(budget)), effort, show })
            }
        }
    }

    /// The same without thinking, and with that said.
    #[must_use]
    pub const fn disabled(self) -> Self {
        Self { thinking: Some(Mode::Disabled), effort: None, show: None, ..self }
    }

    /// Whether the model will think because it is told to: then it takes no sampling.
    #[must_use]
    pub const fn thinks(&self) -> bool {
        matches!(self.thinking, Some(Mode::Adaptive | Mode::Budget(_)))
    }

    /// Whether thinking has a budget: the limit of the answer has to be above it.
    #[must_use]
    pub const fn has_budget(&self) -> bool {
        matches!(self.thinking, Some(Mode::Budget(_)))
    }

    /// Writes the member `thinking`, if there is something to say.
    pub fn write_thinking(&self, out: &mut Out) {
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
        if let Some(show) = self.show {
            out.key("display");
            out.plain(if show { "summarized" } else { "omitted" });
        }
        out.close_object();
    }

    /// The degree, for the member that has it in the target's format, if there is something to say.
    #[must_use]
    pub const fn effort(&self) -> Option<&'static str> {
        self.effort
    }
}

/// The nearest degree that the model has; another than was asked for is recorded.
fn nearest(effort: &'static str, efforts: Efforts, crossing: &mut Crossing<'_>) -> Result<&'static str, Rejection> {
    let has = match (effort, efforts) {
        ("minimal", _) => "low",
        ("xhigh", Efforts::None | Efforts::High | Efforts::Max) | ("max", Efforts::None | Efforts::High) => "high",
        (other, _) => other,
    };
    if has != effort {
        crossing.meet(Field::ReasoningRange)?;
    }
    Ok(has)
}

/// Whether the model must call a tool. Thinking and that exclude each other.
#[must_use]
pub const fn forced(request: &Request<'_>) -> bool {
    match &request.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Allowed { required: true, .. }) => true,
        Some(ToolChoice::Auto | ToolChoice::None | ToolChoice::Allowed { required: false, .. } | ToolChoice::Hosted(_)) | None => false,
    }
}

/// With a budget, an assistant's last turn that calls tools must begin with signed thinking, which not every client brings back.
fn needs_thinking(conversation: &Conversation<'_, '_>) -> bool {
    let last = conversation.turns.iter().rfind(|turn| turn.speaker == Speaker::Assistant);
    let is_thinking = |part: &Part<'_>| matches!(part.kind, PartKind::Reasoning { .. } | PartKind::RedactedReasoning(_));
    last.filter(|turn| !turn.parts.first().is_some_and(|part| is_thinking(part)))
        .is_some_and(|turn| turn.parts.iter().any(|part| matches!(part.kind, PartKind::ToolCall { .. })))
}
