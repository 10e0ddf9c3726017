//! The kinds of provider as data: what a document may leave out because the kind says it.

use crate::names::FormatId;

/// A preset of the document's `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// OpenAI itself.
    OpenAi,
    /// Anthropic itself.
    Anthropic,
    /// A server that speaks OpenAI's chat format: vLLM, llama.cpp, KServe and their like. Its endpoint has to be given.
    OpenAiCompatible,
}

/// Which member of a `chat` request limits the answer's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputLimit {
    /// `max_completion_tokens`: OpenAI, whose reasoning models refuse the older name.
    MaxCompletionTokens,
    /// `max_tokens`: most others, which do not know the newer one.
    MaxTokens,
}

/// Where a provider differs from the format that it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The member of a `chat` request that limits the answer.
    pub output_limit: OutputLimit,
    /// Takes messages of the role `developer`; otherwise they are written as `system`.
    pub developer_role: bool,
    /// Takes `stream_options.include_usage`, and so reports the usage of a stream.
    pub include_usage: bool,
    /// Takes `reasoning_effort` for models whose family is not known.
    pub effort: bool,
}

/// What a kind says where the document says nothing.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The name in documents.
    pub name: &'static str,
    /// The vendor's public base URL, if there is one.
    pub endpoint: Option<&'static str>,
    /// The formats, the preferred one first.
    pub speaks: &'static [FormatId],
    /// The header that `auth: { api_key: … }` fills; where there is none the document has to say it.
    pub api_key_header: Option<&'static str>,
    /// The differences from the format.
    pub dialect: Dialect,
}

impl Kind {
    /// Every kind of this version.
    pub const ALL: [Self; 3] = [Self::OpenAi, Self::Anthropic, Self::OpenAiCompatible];

    /// The kind that a document calls `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.preset().name == name)
    }

    /// What the kind says by itself.
    #[must_use]
    pub fn preset(self) -> Preset {
        match self {
            Self::OpenAi => Preset {
                name: "openai",
                endpoint: Some("https://api.openai.com/v1"),
                speaks: &[FormatId::Chat],
                api_key_header: None,
                dialect: Dialect {
                    output_limit: OutputLimit::MaxCompletionTokens,
                    developer_role: true,
                    include_usage: true,
                    effort: true,
                },
            },
            Self::Anthropic => Preset {
                name: "anthropic",
                endpoint: Some("https://api.anthropic.com"),
                speaks: &[FormatId::Messages],
                api_key_header: Some("x-api-key"),
                // Nothing here is asked of a provider that speaks `messages` alone; these are the plain format's values.
                dialect: Dialect { output_limit: OutputLimit::MaxTokens, developer_role: false, include_usage: true, effort: true },
            },
            Self::OpenAiCompatible => Preset {
                name: "openai-compatible",
                endpoint: None,
                speaks: &[FormatId::Chat],
                api_key_header: None,
                dialect: Dialect { output_limit: OutputLimit::MaxTokens, developer_role: false, include_usage: true, effort: true },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::Endpoint;

    #[test]
    fn every_preset_is_complete() {
        for kind in Kind::ALL {
            let preset = kind.preset();
            assert_eq!(Kind::named(preset.name), Some(kind));
            assert!(!preset.speaks.is_empty());
            if let Some(url) = preset.endpoint {
                assert!(Endpoint::parse(url).is_ok(), "{url}");
            }
        }
        assert_eq!(Kind::named("bedrock"), None);
    }
}
