//! The places in which a host runs the filter, told apart by the plugin's `root_id`, and why it can't stand in one.

use crate::config::ConfigErrors;
use crate::names;
use crate::routing::Failover;
use core::fmt;

/// A place in the host's filter chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// In the listener's chain, once per request; upstream positions make its attempts.
    Gateway,
    /// In the router's upstream chain, once per attempt.
    Upstream,
    /// In a listener's chain, alone, and headers can't be held there.
    Standalone,
}

impl Position {
    /// The position of a `root_id`.
    #[must_use]
    pub fn of_root(root_id: &[u8]) -> Self {
        if Failover::of_gateway(root_id).is_some() {
            Self::Gateway
        } else if root_id == names::ROOT_UPSTREAM.as_bytes() {
            Self::Upstream
        } else {
            Self::Standalone
        }
    }

    /// Whether its streams are exchanges, with the clients' requests; else they are attempts of such.
    #[must_use]
    pub const fn has_exchanges(self) -> bool {
        match self {
            Self::Gateway | Self::Standalone => true,
            Self::Upstream => false,
        }
    }
}

/// Why the filter is not configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misplaced {
    /// The host does not say the plugin's `root_id`.
    Nameless,
    /// The document is not UTF-8.
    NotText,
    /// The document has faults.
    Document(ConfigErrors),
    /// The document does not say who picks the provider in the standalone position.
    NoPicker,
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nameless => f.write_str("the host does not say the plugin's root_id"),
            Self::NotText => f.write_str("the configuration is not UTF-8"),
            Self::Document(errors) => write!(f, "the configuration is refused: {errors}"),
            Self::NoPicker => write!(
                f,
                "the document needs `standalone`: a root_id other than {}, {} and {} is the standalone position",
                names::ROOT_GATEWAY,
                names::ROOT_GATEWAY_PRIORITIES,
                names::ROOT_UPSTREAM
            ),
        }
    }
}

impl core::error::Error for Misplaced {}
