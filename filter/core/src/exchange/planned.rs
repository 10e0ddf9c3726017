//! What a plan is made of: its targets, how each is spoken to, and who makes the attempts.

use crate::formats::messages::Carrier;
use crate::health::{Gate, Seats};
use crate::names::FormatId;
use crate::providers::ProviderId;
use crate::routing::Patience;

/// Who makes the attempts of an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Way {
    /// Upstream positions.
    #[default]
    Upstream,
    /// The gateway position makes the only one, at a direct twin: no upstream position may make one.
    Direct,
    /// The standalone position makes the only one, at the provider that the request's head picks, if it picks one. No head can wait:
    /// that of the request goes before its body is read, that of the answer before its end is known.
    Standalone(Option<Pick>),
}

/// What the head of a request decides where it can't wait for the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pick {
    pub provider: ProviderId,
    /// How it is spoken to; `None` where the body passes unread.
    pub speak: Option<Speak>,
}

/// One target of the plan.
#[derive(Clone, Debug)]
pub(super) struct PlannedTarget {
    pub provider: ProviderId,
    /// The provider's name, which is its cluster's.
    pub name: Box<str>,
    pub model: Option<Box<str>>,
    pub speak: Speak,
    /// Who carries what it says.
    pub carrier: Carrier,
    pub default_max_tokens: u64,
    pub patience: Patience,
    /// It is several servers that don't have one name.
    pub has_names: bool,
    pub seats: Seats,
    /// Where its attempts are counted.
    pub gate: Gate,
}

/// How a target is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speak {
    /// It speaks the client's format.
    Same(FormatId),
    /// Through the hub.
    Translated(FormatId),
}

impl Speak {
    pub(super) const fn format(self) -> FormatId {
        match self {
            Self::Same(format) | Self::Translated(format) => format,
        }
    }
}
