//! How much a model shall think: what clients say in degrees and in tokens, and what it comes to.

use crate::json::Str;

/// What a client says about thinking.
#[derive(Clone, Debug, Default)]
pub struct Reasoning<'b> {
    /// Whether the model shall think at all.
    pub mode: ReasoningMode,
    /// `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`.
    pub effort: Option<Str<'b>>,
    /// Tokens.
    pub budget: Option<u64>,
    /// Whether the client wants to see what the model thinks; absent is the provider's default.
    pub show: Option<bool>,
}

/// Whether the model shall think.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReasoningMode {
    /// As the degree or the budget say; without both, as the model does by itself.
    #[default]
    Default,
    /// No.
    Off,
    /// Yes.
    On,
    /// As it sees fit.
    Adaptive,
}

/// What the client's ways of saying it come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// No thinking.
    Off,
    /// Thinking of this degree, for which that many tokens are usual.
    On {
        /// `minimal` to `max`.
        effort: &'static str,
        /// Tokens.
        budget: u64,
    },
    /// Thinking as the model sees fit.
    Free,
}

impl Reasoning<'_> {
    /// What is wished; `None` where nothing is, or a degree that nobody knows.
    ///
    /// The degrees and budgets are each other's equivalents (1024, 8192, 24576, published for `low`, `medium` and `high`).
    #[must_use]
    pub fn wish(&self) -> Option<Wish> {
        if self.mode == ReasoningMode::Off {
            return Some(Wish::Off);
        }
        let effort = self.effort.as_ref().map(Str::plain);
        let (effort, budget) = match (effort.as_deref(), self.budget) {
            (Some("none"), _) | (None, Some(0)) => return Some(Wish::Off),
            (Some("minimal"), budget) => ("minimal", budget.unwrap_or(1024)),
            (Some("low"), budget) => ("low", budget.unwrap_or(1024)),
            (Some("medium"), budget) => ("medium", budget.unwrap_or(8192)),
            (Some("high"), budget) => ("high", budget.unwrap_or(24_576)),
            (Some("xhigh"), budget) => ("xhigh", budget.unwrap_or(32_768)),
            (Some("max"), budget) => ("max", budget.unwrap_or(32_768)),
            (Some(_) | None, Some(budget)) => (degree(budget), budget),
            (None, None) if matches!(self.mode, ReasoningMode::On | ReasoningMode::Adaptive) => return Some(Wish::Free),
            (Some(_) | None, None) => return None,
        };
        Some(Wish::On { effort, budget })
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
