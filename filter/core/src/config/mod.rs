//! The configuration document: read strictly, cross-checked, compiled into a [`Gateway`].
//!
//! ```text
//! text ─ parser ─► Tree ─ shape: kinds, unknown and later members ─► compile: names, references ─► Document { Listen, Gateway }
//! ```
//! Serde's derived types stop at the first fault and do not know where they are; a document is better served by all of its faults, each
//! with its path, so the members stand in a table ([`DOCUMENT`]), which the reference of the document is printed from too.

#[cfg(test)]
mod cases;
mod compile;
mod document;
mod errors;
mod gateway;
mod scalar;
pub mod shape;
mod tree;

pub use compile::{Document, Listen, Tls, compile};
pub use document::DOCUMENT;
pub use errors::{ConfigError, ConfigErrors, Fault};
pub use gateway::{
    BudgetRule, Caps, ConcurrencyRule, Gateway, Identity, IdentitySource, KeyPart, LimitService, Measure, Missing, Mode, OnFailure,
    PassThrough, Price, Window,
};
pub use tree::Tree;
