//! A provider as compiled data: kind, endpoint, what it speaks, dialect and credential kind.

mod endpoint;
mod kinds;
mod presets;

pub use endpoint::{Endpoint, EndpointFault, Scheme};
pub use kinds::{AwsService, Base, Dialect, Kind, OutputLimit, Preset};
pub use presets::NAMES as KIND_NAMES;

use crate::formats::head::encoded;
use crate::health::Cooldown;
use crate::names::{CLUSTER_DIRECT, FormatId};
use crate::routing::Labels;

/// The place of a provider in [`crate::config::Gateway::providers`], which is the document's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(pub u16);

impl ProviderId {
    /// The same as an index into the list of providers.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A secret by name. The value is delivered by the host and never stands in the document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretRef {
    /// The name of an environment variable of the VM.
    Env(Box<str>),
}

/// How requests to a provider are authorised. The client's own credential is never sent, whatever stands here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The provider asks for nothing.
    None,
    /// `authorization: Bearer SECRET`.
    Bearer(SecretRef),
    /// `HEADER: SECRET`.
    ApiKey {
        /// The header's name, in lower case.
        header: Box<str>,
        /// Whose value it carries.
        secret: SecretRef,
    },
    /// AWS Signature Version 4, which the host writes behind Weir over what Weir has written: no key of it ever enters the filter.
    Aws(AwsScope),
}

/// What a signature of AWS is valid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsScope {
    /// The service, as AWS calls it in signatures.
    pub service: &'static str,
    /// The region.
    pub region: Box<str>,
}

/// One place that answers requests for models, and all that has to be known to write a request for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The name in the document. It is the name of the provider's cluster in Envoy too.
    pub name: Box<str>,
    /// The name of the cluster in whose filter list there is no Weir (the direct twin).
    pub direct_cluster: Box<str>,
    /// The preset that the document chose.
    pub kind: Kind,
    /// The formats that the provider takes, the preferred one first; never empty.
    pub speaks: Vec<FormatId>,
    /// Where it is: the base URL that the vendor's own SDK would take.
    pub endpoint: Endpoint,
    /// The version of the API that stands in its paths, where it has one: Azure's.
    pub api_version: Option<Box<str>>,
    /// How its requests are authorised.
    pub credential: Credential,
    /// How it differs from the format that it speaks.
    pub dialect: Dialect,
    /// Request headers that pass from the client beside those that always do; lower case.
    pub pass_headers: Vec<Box<str>>,
    /// The most requests under way at it at a time, for each worker; `None`: no limit of Weir's.
    pub concurrency: Option<u32>,
    /// When it is left alone.
    pub cooldown: Cooldown,
    /// What is true of it.
    pub labels: Labels,
}

impl Provider {
    /// A provider called `name`, and its cluster beside it.
    #[must_use]
    pub fn direct_cluster_of(name: &str) -> Box<str> {
        format!("{CLUSTER_DIRECT}{name}").into()
    }

    /// What its requests are signed for, where they are.
    #[must_use]
    pub fn signed_for(&self) -> Option<&AwsScope> {
        match &self.credential {
            Credential::Aws(scope) => Some(scope),
            Credential::None | Credential::Bearer(_) | Credential::ApiKey { .. } => None,
        }
    }

    /// The `:authority` of every request to this provider.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.endpoint.authority
    }

    /// The `:path` of the operation that answers a model request in `format`; `None` if the provider does not speak it.
    ///
    /// The base URL of a vendor that is asked in `chat` ends with the version (`https://api.openai.com/v1`), that of a vendor that is asked
    /// in `messages` does not (`https://api.anthropic.com`). A server that speaks both is written in either way, and so is one that speaks
    /// `gemini`. That format and `converse` have the model and whether the answer is a stream in their paths.
    #[must_use]
    pub fn path(&self, format: FormatId, model: &str, stream: bool) -> Option<String> {
        if !self.speaks.contains(&format) {
            return None;
        }
        let base = &*self.endpoint.base_path;
        if self.kind.preset().base == Base::Azure {
            return Some(self.azure_path(format, model));
        }
        match format {
            FormatId::Chat => Some(format!("{base}/chat/completions")),
            FormatId::Messages => Some(format!("{}/v1/messages", base.strip_suffix("/v1").unwrap_or(base))),
            FormatId::Responses => Some(format!("{base}/responses")),
            FormatId::Converse => {
                let operation = if stream { "converse-stream" } else { "converse" };
                Some(format!("{base}/model/{}/{operation}", encoded(model)))
            }
            FormatId::Gemini => {
                let operation = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
                let version = if self.endpoint.version().is_some() { "" } else { "/v1beta" };
                Some(format!("{base}{version}/models/{}:{operation}", encoded(model)))
            }
        }
    }

    /// Whether the `:path` of `format` is the same whatever the request's body says: the model, and whether the answer is a stream.
    #[must_use]
    pub fn has_fixed_path(&self, format: FormatId) -> bool {
        match format {
            FormatId::Chat => self.kind.preset().base != Base::Azure || self.api_version.is_none(),
            FormatId::Responses | FormatId::Messages => true,
            FormatId::Converse | FormatId::Gemini => false,
        }
    }

    /// Azure's paths: by deployment where the document says a version of the API, else the newer ones, which are OpenAI's own.
    fn azure_path(&self, format: FormatId, model: &str) -> String {
        let base = &*self.endpoint.base_path;
        let base = ["/openai/v1", "/openai"].into_iter().find_map(|end| base.strip_suffix(end)).unwrap_or(base);
        let operation = if format == FormatId::Responses { "responses" } else { "chat/completions" };
        match (&self.api_version, format) {
            (None, _) => format!("{base}/openai/v1/{operation}"),
            (Some(version), FormatId::Responses) => format!("{base}/openai/{operation}?api-version={version}"),
            (Some(version), _) => format!("{base}/openai/deployments/{}/{operation}?api-version={version}", encoded(model)),
        }
    }

    /// The `:path` of the operation that counts the tokens of a request in `format`; `None` where the format has none.
    #[must_use]
    pub fn counting_path(&self, format: FormatId, model: &str) -> Option<String> {
        match format {
            FormatId::Messages => Some(format!("{}/count_tokens", self.path(format, "", false)?)),
            // Azure's versioned paths end with a query, and have no such operation.
            FormatId::Responses => {
                self.path(format, "", false).filter(|path| !path.contains('?')).map(|path| format!("{path}/input_tokens"))
            }
            FormatId::Gemini => self.path(format, model, false).map(|path| path.replace(":generateContent", ":countTokens")),
            FormatId::Converse => {
                self.path(format, model, false).and_then(|path| Some(format!("{}/count-tokens", path.strip_suffix("/converse")?)))
            }
            FormatId::Chat => None,
        }
    }

    /// The `:path` of a request that passes through without being read: the client's path (with its query), moved under the base URL.
    ///
    /// Clients send what their SDK would send to a base URL of `http://gateway/v1` (`openai` and its like; `gemini` with a version of its own)
    /// or `http://gateway` (`anthropic`).
    #[must_use]
    pub fn passing_path(&self, client_path: &str) -> String {
        let base = &*self.endpoint.base_path;
        let below = match self.kind.preset().base {
            Base::Versioned => {
                let below = |version| client_path.strip_prefix('/')?.strip_prefix(version);
                let whole = |rest: &&str| rest.is_empty() || rest.starts_with(['/', '?']);
                self.endpoint.version().into_iter().chain(["v1"]).find_map(|version| below(version).filter(whole)).unwrap_or(client_path)
            }
            Base::Azure | Base::Bare => client_path,
        };
        format!("{base}{below}")
    }

    /// Headers that a request in `format` must carry, and that are added where the client sent none of its own.
    #[must_use]
    pub fn default_headers(&self, format: FormatId) -> &'static [(&'static str, &'static str)] {
        match format {
            // The API refuses a request without a version; SDKs always send this one.
            FormatId::Messages => &[("anthropic-version", "2023-06-01")],
            FormatId::Chat | FormatId::Responses | FormatId::Converse | FormatId::Gemini => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(kind: &str, endpoint: &str, speaks: &[FormatId]) -> Provider {
        let kind = Kind::named(kind).unwrap();
        Provider {
            name: "p".into(),
            direct_cluster: Provider::direct_cluster_of("p"),
            kind,
            speaks: speaks.to_vec(),
            endpoint: Endpoint::parse(endpoint).unwrap(),
            api_version: None,
            credential: Credential::None,
            dialect: kind.preset().dialect,
            pass_headers: Vec::new(),
            concurrency: None,
            cooldown: Cooldown::default(),
            labels: Labels::default(),
        }
    }

    #[test]
    fn paths_stand_below_the_base_url_of_the_vendors_sdk() {
        let openai = provider("openai", "https://api.openai.com/v1", &[FormatId::Chat]);
        assert_eq!(openai.path(FormatId::Chat, "m", true).as_deref(), Some("/v1/chat/completions"));
        assert_eq!(openai.path(FormatId::Messages, "m", true), None);
        let claude = provider("anthropic", "https://api.anthropic.com", &[FormatId::Messages]);
        assert_eq!(claude.path(FormatId::Messages, "m", true).as_deref(), Some("/v1/messages"));
        let both = provider("openai-compatible", "http://vllm:8000/v1", &[FormatId::Chat, FormatId::Messages]);
        assert_eq!(both.path(FormatId::Messages, "m", true).as_deref(), Some("/v1/messages"));
        let deep = provider("openai-compatible", "http://llama/openai/v1", &[FormatId::Chat]);
        assert_eq!(deep.path(FormatId::Chat, "m", true).as_deref(), Some("/openai/v1/chat/completions"));
    }

    #[test]
    fn gemini_has_the_model_in_its_path() {
        for (endpoint, base) in [
            ("https://generativelanguage.googleapis.com/v1beta", "/v1beta"),
            ("https://generativelanguage.googleapis.com/", "/v1beta"),
            ("http://mirror/google/v1", "/google/v1"),
        ] {
            let gemini = provider("gemini", endpoint, &[FormatId::Gemini]);
            let path = |model, stream| gemini.path(FormatId::Gemini, model, stream).unwrap();
            assert_eq!(path("gemini-2.5-flash", false), format!("{base}/models/gemini-2.5-flash:generateContent"));
            assert_eq!(path("a/../b?c", true), format!("{base}/models/a%2F..%2Fb%3Fc:streamGenerateContent?alt=sse"));
        }
    }

    #[test]
    fn azure_has_two_kinds_of_paths() {
        let mut azure = provider("azure-openai", "https://acme.openai.azure.com", &[FormatId::Chat, FormatId::Responses]);
        let paths = |azure: &Provider| [FormatId::Chat, FormatId::Responses].map(|format| azure.path(format, "my gpt", true).unwrap());
        assert_eq!(paths(&azure), ["/openai/v1/chat/completions", "/openai/v1/responses"]);
        azure.api_version = Some("2026-05-01".into());
        let by_deployment = "/openai/deployments/my%20gpt/chat/completions?api-version=2026-05-01";
        assert_eq!(paths(&azure), [by_deployment, "/openai/responses?api-version=2026-05-01"]);
        azure.endpoint = Endpoint::parse("https://acme.openai.azure.com/openai/v1/").unwrap();
        assert_eq!(paths(&azure)[0], by_deployment);
    }

    #[test]
    fn passing_requests_keep_what_stands_below_the_version() {
        let deep = provider("openai-compatible", "http://llama/openai/v1", &[FormatId::Chat]);
        assert_eq!(deep.passing_path("/v1/files/f-1?x=1"), "/openai/v1/files/f-1?x=1");
        assert_eq!(deep.passing_path("/v1beta/x"), "/openai/v1/v1beta/x");
        let claude = provider("anthropic", "https://api.anthropic.com", &[FormatId::Messages]);
        assert_eq!(claude.passing_path("/v1/files"), "/v1/files");
        let gemini = provider("gemini", "https://generativelanguage.googleapis.com/v1beta", &[FormatId::Gemini]);
        assert_eq!(gemini.passing_path("/v1beta/models?pageSize=5"), "/v1beta/models?pageSize=5");
        assert_eq!(gemini.passing_path("/v1/files"), "/v1beta/files");
    }
}
