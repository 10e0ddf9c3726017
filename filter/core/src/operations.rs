//! What clients can ask of the gateway: one enum of operations with their paths and methods.

use crate::config::{Gateway, PassThrough};
use crate::formats::google_paths::lists_models;
use crate::formats::{self, ClientSide, Head, Task};
use crate::names::FormatId;

/// What a request asks for, told by its path alone (never by `accept`, user agent or body).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// An answer of a model, in a client format.
    Generate(FormatId),
    /// How many tokens a request has, in a client format.
    CountTokens(FormatId),
    /// `GET /v1/models` or a format's own path for it, as clients of the format read it.
    Models(FormatId),
    /// `GET /healthz`: whether the filter is loaded and configured.
    Health,
    /// A path of the document's `endpoints`.
    PassThrough(PassThrough),
}

/// Paths whose errors are told in a format although no operation has them. What is in none of them is told as `chat` tells it.
const FAMILIES: [(&str, FormatId); 12] = [
    ("/v1/messages", FormatId::Messages),
    ("/anthropic/", FormatId::Messages),
    ("/v1/responses", FormatId::Responses),
    ("/v1beta/", FormatId::Gemini),
    ("/v1beta1/", FormatId::Gemini),
    ("/v1/projects/", FormatId::Gemini),
    ("/v1/publishers/", FormatId::Gemini),
    ("/v1/models/", FormatId::Gemini),
    ("/gemini/", FormatId::Gemini),
    ("/model/", FormatId::Converse),
    ("/guardrail/", FormatId::Converse),
    ("/foundation-models", FormatId::Converse),
];

/// Request headers that only the SDKs of one vendor send: who asks for the list of models, which several formats have at one path.
const MARKS: [(&str, FormatId); 2] = [("anthropic-version", FormatId::Messages), ("x-goog-api-key", FormatId::Gemini)];

impl Operation {
    /// The operation of a path; `None` where it is not Weir's. `has` tells whether the request has a header.
    #[must_use]
    pub fn of_path(gateway: &Gateway, path: &str, has: impl Fn(&str) -> bool) -> Option<Self> {
        let head = Head::new(path);
        for format in FormatId::ALL {
            match formats::named(format).task(&head) {
                Some(Task::Generate) => return Some(Self::Generate(format)),
                Some(Task::CountTokens) => return Some(Self::CountTokens(format)),
                None => {}
            }
        }
        match head.bare() {
            "/v1/models" => {
                let marked = MARKS.into_iter().find(|(header, _)| has(header));
                Some(Self::Models(marked.map_or(FormatId::Chat, |(_, format)| format)))
            }
            // Bedrock's control plane, which its SDKs ask.
            "/foundation-models" => Some(Self::Models(FormatId::Converse)),
            "/healthz" => Some(Self::Health),
            bare if lists_models(bare) => Some(Self::Models(FormatId::Gemini)),
            _ => gateway.endpoint(path).cloned().map(Self::PassThrough),
        }
    }

    /// The methods that it takes, as an `allow` header lists them; `None` where any goes.
    #[must_use]
    pub const fn methods(&self) -> Option<&'static str> {
        match self {
            Self::Generate(_) | Self::CountTokens(_) => Some("POST, OPTIONS"),
            Self::Models(_) | Self::Health => Some("GET, HEAD, OPTIONS"),
            Self::PassThrough(_) => None,
        }
    }

    /// The word for logs: OpenTelemetry's where it has one.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Generate(_) => "chat",
            Self::CountTokens(_) => "count_tokens",
            Self::Models(_) => "models",
            Self::Health => "health",
            Self::PassThrough(_) => "pass_through",
        }
    }

    /// The format in which its clients speak, and in which its errors are told.
    #[must_use]
    pub const fn format(&self) -> FormatId {
        match self {
            Self::Generate(format) | Self::CountTokens(format) | Self::Models(format) => *format,
            Self::Health | Self::PassThrough(_) => FormatId::Chat,
        }
    }
}

/// The format in which errors about a path are told.
#[must_use]
pub fn format_of_errors(path: &str) -> &'static dyn ClientSide {
    let format = FAMILIES.into_iter().find(|(prefix, _)| path.starts_with(prefix)).map_or(FormatId::Chat, |(_, format)| format);
    formats::named(format)
}
