//! What a kind of provider says, so that a document may leave it out; the kinds themselves are data in `presets.rs`.

use super::presets::PRESETS;
use crate::formats::messages::Carrier;
use crate::names::FormatId;

/// A preset of the document's `kind`.
#[derive(Clone, Copy, Debug)]
pub struct Kind(&'static Preset);

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Kind {}

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
    /// Below which paths it takes `messages`, and so what of a request stands in its body.
    pub carrier: Carrier,
    /// Members of a `chat` request that it answers with 400.
    pub rejects: &'static [&'static str],
    /// Members of a `chat` request that it calls otherwise: the format's name and its own.
    pub renames: &'static [(&'static str, &'static str)],
}

impl Dialect {
    /// What the provider calls a member of a `chat` request; `None` where it takes no such member.
    #[must_use]
    pub fn spelled<'n>(&self, member: &'n str) -> Option<&'n str> {
        if self.rejects.contains(&member) {
            return None;
        }
        Some(self.renames.iter().find(|(format, _)| *format == member).map_or(member, |(_, own)| own))
    }
}

/// Where the paths of a provider stand below its base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The base URL ends with the API's version, as OpenAI's SDKs want it.
    Versioned,
    /// The version is part of the paths, as Anthropic's SDKs have it.
    Bare,
    /// Azure's: below `/openai`, by version or by deployment.
    Azure,
    /// Vertex AI's: behind the version the project and its location, the publisher, the model.
    Vertex,
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
    /// Where its paths stand.
    pub base: Base,
    /// The differences from the format.
    pub dialect: Dialect,
    /// Whether it counts the tokens of a `chat` request at `/tokenize`, which is no part of the format.
    pub tokenizes: bool,
    /// What it is among the services of AWS, if it is one.
    pub aws: Option<AwsService>,
}

impl Preset {
    /// Whether the vendor has a public endpoint: the same one everywhere, or one that a region or a location says.
    #[must_use]
    pub fn says_endpoint(&self) -> bool {
        self.endpoint.is_some() || self.aws.is_some() || self.base == Base::Vertex
    }
}

/// A service of AWS: it has an address in each region, and takes signed requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AwsService {
    /// The name for which its requests are signed.
    pub signed_as: &'static str,
    /// The beginning of its host names.
    pub host: &'static str,
}

impl AwsService {
    /// The base URL of its public endpoint in a region.
    #[must_use]
    pub fn endpoint(&self, region: &str) -> String {
        format!("https://{}.{region}.amazonaws.com", self.host)
    }
}

/// The base URL of Vertex AI in a location, in a group of them (`us`, `eu`), or wherever there is room (`global`).
#[must_use]
pub fn vertex_endpoint(location: &str) -> String {
    match location {
        "global" => "https://aiplatform.googleapis.com/v1".to_owned(),
        "us" | "eu" => format!("https://aiplatform.{location}.rep.googleapis.com/v1"),
        location => format!("https://{location}-aiplatform.googleapis.com/v1"),
    }
}

impl Kind {
    /// Every kind of this version.
    pub fn all() -> impl Iterator<Item = Self> {
        PRESETS.iter().map(Self)
    }

    /// The kind that a document calls `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.0.name == name)
    }

    /// What the kind says by itself.
    #[must_use]
    pub const fn preset(self) -> &'static Preset {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::Endpoint;

    #[test]
    fn every_preset_is_complete() {
        for kind in Kind::all() {
            let preset = kind.preset();
            assert_eq!(Kind::named(preset.name), Some(kind), "{} is there once", preset.name);
            assert!(!preset.speaks.is_empty());
            if let Some(url) = preset.endpoint {
                let endpoint = Endpoint::parse(url).unwrap();
                assert_eq!(endpoint.version().is_some(), matches!(preset.base, Base::Versioned | Base::Vertex), "{url}");
            }
        }
        assert_eq!(Kind::named("Vertex"), None);
    }

    #[test]
    fn a_dialect_spells_members() {
        let mistral = Kind::named("mistral").unwrap().preset().dialect;
        assert_eq!([mistral.spelled("seed"), mistral.spelled("user"), mistral.spelled("stop")], [Some("random_seed"), None, Some("stop")]);
    }
}
