//! What clients can ask of the gateway: one enum of operations with their paths and methods.

use crate::config::{Gateway, PassThrough};
use crate::formats::{ClientSide, chat};
use crate::names::FormatId;

/// What a request asks for, told by its path alone (never by `accept`, user agent or body).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `POST /v1/chat/completions`.
    ChatCompletions,
    /// `GET /v1/models`.
    Models,
    /// `GET /healthz`: whether the filter is loaded and configured.
    Health,
    /// A path of the document's `endpoints`.
    PassThrough(PassThrough),
}

/// Paths of chat completions: OpenAI's own, and the one of Azure's `/openai/v1` base URL.
const CHAT_COMPLETIONS: [&str; 2] = ["/v1/chat/completions", "/openai/v1/chat/completions"];

impl Operation {
    /// The operation of a path; `None` where it is not Weir's.
    #[must_use]
    pub fn of_path(gateway: &Gateway, path: &str) -> Option<Self> {
        let bare = path.split(['?', '#']).next().unwrap_or_default();
        if CHAT_COMPLETIONS.contains(&bare) {
            return Some(Self::ChatCompletions);
        }
        match bare {
            "/v1/models" => Some(Self::Models),
            "/healthz" => Some(Self::Health),
            _ => gateway.endpoint(path).cloned().map(Self::PassThrough),
        }
    }

    /// The methods that it takes, as an `allow` header lists them; `None` where any goes.
    #[must_use]
    pub const fn methods(&self) -> Option<&'static str> {
        match self {
            Self::ChatCompletions => Some("POST, OPTIONS"),
            Self::Models | Self::Health => Some("GET, HEAD, OPTIONS"),
            Self::PassThrough(_) => None,
        }
    }

    /// The word for logs: OpenTelemetry's where it has one.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat",
            Self::Models => "models",
            Self::Health => "health",
            Self::PassThrough(_) => "pass_through",
        }
    }

    /// The format in which its errors are told.
    #[must_use]
    pub const fn format(&self) -> FormatId {
        match self {
            Self::ChatCompletions | Self::Models | Self::Health | Self::PassThrough(_) => FormatId::Chat,
        }
    }
}

impl Operation {
    /// The format in which its clients speak.
    #[must_use]
    pub fn client(&self) -> &'static dyn ClientSide {
        match self {
            Self::ChatCompletions | Self::Models | Self::Health | Self::PassThrough(_) => &chat::Chat,
        }
    }
}

/// Whether a path is one of another client format, whose errors Envoy's own mapper words.
#[must_use]
pub fn foreign_format(path: &str) -> bool {
    ["/v1/messages", "/v1beta/", "/model/"].iter().any(|prefix| path.starts_with(prefix))
}
