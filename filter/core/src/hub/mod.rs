//! The neutral model between formats: what was asked, what was answered, and what could not be carried over.
//!
//! The hub is an index of a body, not a copy of it: its types borrow escaped text and raw values. Names are those of the
//! OpenTelemetry GenAI conventions. It knows no vendor.

mod answer;
mod capability;
mod citation;
pub mod envelope;
mod error;
mod event;
pub mod fates;
mod grammar;
mod likelihood;
mod reasoning;
mod renames;
mod replay;
mod request;

pub use answer::{Answer, Choice, Finish};
pub use capability::{Capabilities, Capability};
pub use citation::{Citation, Cited, Unit, cited};
pub use error::{ErrorKind, Failure, Rejection};
pub use event::{Event, Piece, PieceKind, Start};
pub use fates::{Fate, Field, Losses};
pub use grammar::{Grammar, GrammarFault};
pub use likelihood::{Likelihood, Token, read as read_tokens};
pub use reasoning::{Reasoning, ReasoningMode, Wish};
pub use renames::Renames;
pub use replay::replay;
pub use request::{
    About, Alphabet, CallKind, Extension, InputGrammar, Limits, Message, Modality, OutputFormat, Part, PartKind, Request, Role, Sampling,
    Source, State, Tool, ToolChoice, ToolKind, uncite,
};
