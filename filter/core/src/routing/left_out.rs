//! Why a target is not in a request's plan.

use crate::hub::{Capability, Field};

/// The reason, as the record of the exchange says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// The request's head picks another provider, and only that one can be asked.
    NotPicked,
    /// Its provider's credential was not delivered.
    Credential,
    /// It speaks no format in which this can be asked.
    Format,
    /// It can't be asked for this element of the request.
    Unsupported(Field),
    /// The document says that its model lacks what the request uses.
    Lacks(Capability),
    /// The request is longer than its model takes.
    ContextLength,
    /// A condition of the document is not met.
    When,
    /// It lacks a label that is demanded.
    Labels,
    /// As many requests as the document allows are under way there.
    Busy,
    /// Its provider, or its model there, is left alone for a while.
    Cooling,
    /// Envoy goes through the targets in their order, and stops before one that is left out.
    Behind,
}

impl LeftOut {
    /// How near to an answer the target came: the place of the reason among what is looked at, one after another.
    #[must_use]
    pub const fn nearness(self) -> u8 {
        match self {
            Self::NotPicked => 0,
            Self::Labels => 1,
            Self::Credential => 2,
            Self::Format => 3,
            Self::Unsupported(_) => 4,
            Self::Lacks(_) => 5,
            Self::When => 6,
            Self::ContextLength => 7,
            Self::Busy => 8,
            Self::Cooling => 9,
            Self::Behind => 10,
        }
    }

    /// The word for records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotPicked => "not_picked",
            Self::Credential => "credential",
            Self::Format => "format",
            Self::Unsupported(field) => field.as_str(),
            Self::Lacks(lacked) => lacked.as_str(),
            Self::ContextLength => "context_length",
            Self::When => "when",
            Self::Labels => "labels",
            Self::Busy => "busy",
            Self::Cooling => "cooling",
            Self::Behind => "behind",
        }
    }
}
