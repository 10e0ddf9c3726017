//! A whole answer of a model, whatever the provider's format.

use super::{Citation, Field, Likelihood, Part, PartKind, cited};
use crate::json::Str;
use crate::usage::Usage;

/// One answer. It borrows the provider's body.
#[derive(Clone, Debug, Default)]
pub struct Answer<'b> {
    /// The provider's id of it.
    pub id: Option<Str<'b>>,
    /// The model that the provider says it used.
    pub model: Option<Str<'b>>,
    /// When it was made, in seconds since the epoch.
    pub created: Option<u64>,
    /// The choices; one unless the client asked for more.
    pub choices: Vec<Choice<'b>>,
    /// What it cost in tokens, where the provider says so.
    pub usage: Option<Usage>,
    /// The tier that served it, the provider's word.
    pub service_tier: Option<Str<'b>>,
    /// What else it holds that no value here stands for; an element may stand more than once.
    pub met: Vec<Field>,
}

impl Answer<'_> {
    /// All that it holds and not every client's format can express.
    pub fn elements(&self) -> impl Iterator<Item = Field> {
        let several = (self.choices.len() > 1).then_some(Field::AnswerChoices);
        let mut parts = self.choices.iter().flat_map(|choice| &choice.parts);
        let refusal = parts.any(|part| matches!(part.kind, PartKind::Refusal(_))).then_some(Field::AnswerRefusal);
        let cited = self.choices.iter().flat_map(|choice| &choice.citations).flat_map(|(_, citation)| citation.elements());
        let likely = self.choices.iter().any(|choice| !choice.likelihood.is_empty()).then_some(Field::AnswerLogprobs);
        self.met.iter().copied().chain(likely).chain(several).chain(refusal).chain(cited)
    }
}

/// One choice of an answer.
#[derive(Clone, Debug)]
pub struct Choice<'b> {
    /// Its number, from 0.
    pub index: u32,
    /// What the model said, in order.
    pub parts: Vec<Part<'b>>,
    /// The sources of what it said, each with the place of its text among the parts, in the order of these.
    pub citations: Vec<(usize, Citation<'b>)>,
    /// How probable the tokens of its text were, where that was said.
    pub likelihood: Likelihood<'b>,
    /// Why it ended.
    pub finish: Finish<'b>,
}

impl<'b> Choice<'b> {
    /// The sources that are named for the part in this place.
    pub fn cited(&self, place: usize) -> &[(usize, Citation<'b>)] {
        cited(&self.citations, place)
    }
}

/// Why an answer ended. An unknown word is never an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish<'b> {
    /// The model was done.
    Stop,
    /// One of the client's stop sequences came up; its text where the provider says which.
    StopSequence(Option<Str<'b>>),
    /// The limit of output tokens.
    Length,
    /// The model's context is full.
    ContextWindow,
    /// The model calls tools.
    ToolCall,
    /// A filter of the provider's took the answer away.
    ContentFilter,
    /// The model declined.
    Refusal,
    /// The provider paused a long turn.
    Pause,
    /// The model broke its own grammar.
    Malformed,
    /// The provider failed while it answered.
    Error,
    /// A word that Weir does not know.
    Unknown(Str<'b>),
}

impl Finish<'_> {
    /// The reason that fits what was said: an answer that calls tools ended for that, and one that calls none did not, whatever the
    /// provider says.
    #[must_use]
    pub fn settled(self, calls: bool) -> Self {
        match (self, calls) {
            (Self::Stop, true) => Self::ToolCall,
            (Self::ToolCall, false) => Self::Stop,
            (said, _) => said,
        }
    }

    /// Whether a model that said nothing for this reason failed: another one, or another try, may well answer.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        matches!(self, Self::Malformed | Self::Error)
    }

    /// The same with an owner of its own.
    #[must_use]
    pub fn to_owned(&self) -> Finish<'static> {
        match self {
            Self::StopSequence(text) => Finish::StopSequence(text.clone().map(Str::into_owned)),
            Self::Unknown(word) => Finish::Unknown(word.clone().into_owned()),
            Self::Stop => Finish::Stop,
            Self::Length => Finish::Length,
            Self::ContextWindow => Finish::ContextWindow,
            Self::ToolCall => Finish::ToolCall,
            Self::ContentFilter => Finish::ContentFilter,
            Self::Refusal => Finish::Refusal,
            Self::Pause => Finish::Pause,
            Self::Malformed => Finish::Malformed,
            Self::Error => Finish::Error,
        }
    }

    /// The word for logs, from the OpenTelemetry conventions where they have one.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Stop | Self::StopSequence(_) => "stop",
            Self::Length | Self::ContextWindow => "length",
            Self::ToolCall => "tool_call",
            Self::ContentFilter | Self::Refusal => "content_filter",
            Self::Pause => "pause",
            Self::Malformed | Self::Error => "error",
            Self::Unknown(_) => "unknown",
        }
    }
}
