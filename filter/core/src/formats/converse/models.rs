//! What each family of models on Bedrock takes; of the others what the service itself documents.

use crate::formats::claude;
use crate::hub::Cited;

/// A family of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Anthropic's.
    Claude(claude::Model),
    /// Amazon's.
    Nova,
    /// All others.
    Other,
}

impl Family {
    /// The family of a model, by its id, its inference profile's or its resource name: `us.anthropic.claude-…`, `amazon.nova-…`,
    /// `arn:aws:bedrock:…/anthropic.claude-…`.
    pub(super) fn of(name: &str) -> Self {
        match claude::Model::named(name) {
            Some(model) => Self::Claude(model),
            None if name.rsplit(['/', '.']).any(|piece| piece.starts_with("nova-")) => Self::Nova,
            None => Self::Other,
        }
    }

    /// Whether it has a prompt cache that a request marks.
    pub(super) const fn has_cache(self) -> bool {
        match self {
            Self::Claude(_) | Self::Nova => true,
            Self::Other => false,
        }
    }

    /// Whether it takes a source that a turn of the history names: of its own kinds, as its answers have them.
    pub(super) const fn names(self, source: &Cited<'_>) -> bool {
        match (self, source) {
            (Self::Claude(_), Cited::Document { .. } | Cited::SearchResult { .. }) | (Self::Nova, Cited::Page(_)) => true,
            (Self::Claude(_) | Self::Nova | Self::Other, _) => false,
        }
    }

    /// Whether that cache keeps tools, and takes a time.
    pub(super) const fn has_whole_cache(self) -> bool {
        match self {
            Self::Claude(_) => true,
            Self::Nova | Self::Other => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_read_from_every_spelling() {
        for name in [
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            "us.anthropic.claude-opus-5-v1:0",
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
            "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-20250514-v1:0",
        ] {
            assert_eq!(Family::of(name), Family::Claude(claude::Model::of(name)), "{name}");
        }
        assert_eq!(Family::of("us.amazon.nova-2-lite-v1:0"), Family::Nova);
        assert_eq!(Family::of("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0"), Family::Nova);
        for name in
            ["meta.llama3-1-8b-instruct-v1:0", "openai.gpt-oss-120b-1:0", "arn:aws:bedrock:us-east-1:1:application-inference-profile/x", ""]
        {
            assert_eq!(Family::of(name), Family::Other, "{name}");
        }
    }
}
