//! The events of a streamed answer. Each borrows the one frame that it came in.

use super::{CallKind, Citation, Failure, Field, Finish, Likelihood};
use crate::json::Str;
use crate::usage::Usage;

/// One step of a streamed answer; [`super::Grammar`] says in which order they come.
#[derive(Clone, Debug)]
pub enum Event<'f> {
    /// The answer begins. Exactly one, first.
    Start(Start<'f>),
    /// A part begins. Indexes are 0, 1, 2 … per choice.
    PartStart {
        /// Number of the choice.
        choice: u32,
        /// Number of the part in its choice.
        index: u32,
        /// What kind of part.
        kind: PieceKind<'f>,
    },
    /// More of an open part.
    PartDelta {
        /// Number of the choice.
        choice: u32,
        /// Number of the part in its choice.
        index: u32,
        /// What is added.
        piece: Piece<'f>,
    },
    /// A part is complete.
    PartEnd {
        /// Number of the choice.
        choice: u32,
        /// Number of the part in its choice.
        index: u32,
    },
    /// How probable the tokens of the text are that comes next in a choice.
    Likelihood {
        /// Number of the choice.
        choice: u32,
        /// The tokens.
        tokens: Likelihood<'f>,
    },
    /// What was used so far. Cumulative: it replaces, never adds.
    Usage(Usage),
    /// A choice is complete. The last one of a choice counts.
    Finish {
        /// Number of the choice.
        choice: u32,
        /// Why it ended.
        reason: Finish<'f>,
    },
    /// The answer holds something that no event here stands for. It may come more than once, and nobody writes it.
    Met(Field),
    /// The provider says that it is alive.
    Ping,
    /// The provider failed. Nothing follows.
    Error(Failure),
    /// The answer is complete by the provider's own word. Nothing follows.
    End,
}

impl Event<'_> {
    /// What it is or brings that not every client's format can express.
    pub fn elements(&self) -> impl Iterator<Item = Field> {
        let cited = if let Self::PartDelta { choice: 0, piece: Piece::Citation(citation), .. } = self { Some(citation) } else { None };
        self.element().into_iter().chain(cited.into_iter().flat_map(|citation| citation.elements()))
    }

    fn element(&self) -> Option<Field> {
        match self {
            Self::Met(field) => Some(*field),
            Self::Likelihood { .. } => Some(Field::AnswerLogprobs),
            Self::PartStart { choice: 1.., .. } => Some(Field::AnswerChoices),
            Self::PartStart { kind: PieceKind::Refusal, .. } => Some(Field::AnswerRefusal),
            Self::PartStart { .. }
            | Self::PartDelta { .. }
            | Self::PartEnd { .. }
            | Self::Finish { .. }
            | Self::Start(_)
            | Self::Usage(_)
            | Self::Ping
            | Self::Error(_)
            | Self::End => None,
        }
    }

    /// Whether the client would miss something without this event: it opens the commit window.
    #[must_use]
    pub const fn is_content(&self) -> bool {
        match self {
            Self::PartStart { kind, .. } => kind.is_content(),
            Self::PartDelta { .. } | Self::Finish { .. } | Self::End => true,
            Self::Start(_)
            | Self::PartEnd { .. }
            | Self::Likelihood { .. }
            | Self::Usage(_)
            | Self::Met(_)
            | Self::Ping
            | Self::Error(_) => false,
        }
    }
}

/// What is known when an answer begins.
#[derive(Clone, Debug, Default)]
pub struct Start<'f> {
    /// The provider's id of the answer.
    pub id: Option<Str<'f>>,
    /// The model that the provider says it uses.
    pub model: Option<Str<'f>>,
    /// When it was made, in seconds since the epoch.
    pub created: Option<u64>,
}

/// What kind of part begins.
#[derive(Clone, Debug)]
pub enum PieceKind<'f> {
    /// Text.
    Text,
    /// Thinking.
    Reasoning,
    /// Thinking that only the vendor can read, whole.
    RedactedReasoning(Str<'f>),
    /// A refusal in words.
    Refusal,
    /// A call of a tool; its arguments follow.
    ToolCall {
        /// Id that the result will name.
        id: Str<'f>,
        /// The tool's name.
        name: Str<'f>,
        /// What kind of tool is called.
        kind: CallKind,
    },
}

impl PieceKind<'_> {
    /// Whether it says something before anything is added to it.
    const fn is_content(&self) -> bool {
        match self {
            Self::RedactedReasoning(_) | Self::ToolCall { .. } => true,
            Self::Text | Self::Reasoning | Self::Refusal => false,
        }
    }
}

/// What is added to an open part.
#[derive(Clone, Debug)]
pub enum Piece<'f> {
    /// Text of a text, reasoning or refusal part.
    Text(Str<'f>),
    /// Characters of a call's arguments: JSON text inside a string, or a custom tool's input, as they came.
    Arguments(Str<'f>),
    /// The signature of a reasoning part, whole.
    Signature(Str<'f>),
    /// A source that is named for what a text part says.
    Citation(Box<Citation<'f>>),
}
