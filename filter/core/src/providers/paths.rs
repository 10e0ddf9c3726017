//! Where a provider takes what it is asked: the path of each format's operations below its base URL.

use super::{Base, Provider};
use crate::formats::claude;
use crate::formats::head::encoded;
use crate::formats::messages::Carrier;
use crate::names::FormatId;

const fn gemini_method(stream: bool) -> &'static str {
    if stream { "streamGenerateContent?alt=sse" } else { "generateContent" }
}

impl Provider {
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
        match self.kind.preset().base {
            Base::Azure => return Some(self.azure_path(format, model)),
            Base::Vertex if format == FormatId::Chat => return Some(self.below_project("endpoints/openapi/chat/completions")),
            Base::Vertex if format == FormatId::Gemini => return Some(self.published("google", model, gemini_method(stream))),
            Base::Vertex | Base::Versioned | Base::Bare => {}
        }
        match format {
            FormatId::Chat => Some(format!("{base}/chat/completions")),
            FormatId::Messages => Some(match self.dialect.carrier {
                Carrier::Own => format!("{}/v1/messages", base.strip_suffix("/v1").unwrap_or(base)),
                Carrier::Vertex => self.published("anthropic", model, if stream { "streamRawPredict" } else { "rawPredict" }),
                Carrier::Bedrock => {
                    let operation = if stream { "invoke-with-response-stream" } else { "invoke" };
                    format!("{base}/model/{}/{operation}", encoded(model))
                }
            }),
            FormatId::Responses => Some(format!("{base}/responses")),
            FormatId::Converse => {
                let operation = if stream { "converse-stream" } else { "converse" };
                Some(format!("{base}/model/{}/{operation}", encoded(model)))
            }
            FormatId::Gemini => {
                let version = if self.endpoint.version().is_some() { "" } else { "/v1beta" };
                Some(format!("{base}{version}/models/{}:{}", encoded(model), gemini_method(stream)))
            }
        }
    }

    /// Whether the `:path` of `format` is the same whatever the request's body says: the model, and whether the answer is a stream.
    #[must_use]
    pub fn has_fixed_path(&self, format: FormatId) -> bool {
        match format {
            FormatId::Chat => self.kind.preset().base != Base::Azure || self.api_version.is_none(),
            FormatId::Responses => true,
            FormatId::Messages => self.dialect.carrier == Carrier::Own,
            FormatId::Converse | FormatId::Gemini => false,
        }
    }

    /// Whether a model of this name is asked in `format`, where the provider speaks several: on a cloud the maker of a model decides. A
    /// document that names one format has decided itself.
    #[must_use]
    pub fn takes(&self, format: FormatId, model: &str) -> bool {
        if self.speaks.len() == 1 {
            return true;
        }
        let of_claude = || claude::Model::named(model).is_some();
        match (self.dialect.carrier, format) {
            (Carrier::Vertex | Carrier::Bedrock, FormatId::Messages) => of_claude(),
            (Carrier::Vertex, FormatId::Gemini) => !of_claude(),
            (Carrier::Vertex | Carrier::Bedrock | Carrier::Own, _) => true,
        }
    }

    /// A path of Vertex AI's below the project.
    fn below_project(&self, path: &str) -> String {
        let version = if self.endpoint.version().is_some() { "" } else { "/v1" };
        format!("{}{version}{}/{path}", self.endpoint.base_path, self.project)
    }

    /// Vertex AI's path of a method of a model. A version of it stands behind an `@`, which its own clients leave as it is.
    fn published(&self, publisher: &str, model: &str, method: &str) -> String {
        self.below_project(&format!("publishers/{publisher}/models/{}:{method}", encoded(model).replace("%40", "@")))
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
            FormatId::Messages => match self.dialect.carrier {
                Carrier::Own => Some(format!("{}/count_tokens", self.path(format, "", false)?)),
                // A model of its own, which counts for the one that the body names.
                Carrier::Vertex => self.path(format, "count-tokens", false),
                // It counts what Converse takes.
                Carrier::Bedrock => None,
            },
            // Azure's versioned paths end with a query, and have no such operation.
            FormatId::Responses => {
                self.path(format, "", false).filter(|path| !path.contains('?')).map(|path| format!("{path}/input_tokens"))
            }
            FormatId::Gemini => self.path(format, model, false).map(|path| path.replace(":generateContent", ":countTokens")),
            FormatId::Converse => {
                self.path(format, model, false).and_then(|path| Some(format!("{}/count-tokens", path.strip_suffix("/converse")?)))
            }
            FormatId::Chat if self.kind.preset().tokenizes => {
                let base = &*self.endpoint.base_path;
                Some(format!("{}/tokenize", base.strip_suffix("/v1").unwrap_or(base)))
            }
            FormatId::Chat => None,
        }
    }

    /// Whether it counts the tokens of a request in `format` without an answer.
    #[must_use]
    pub fn counts(&self, format: FormatId) -> bool {
        self.counting_path(format, "").is_some()
    }

    /// The `:path` of a request that passes through without being read: the client's path (with its query), moved under the base URL.
    ///
    /// Clients send what their SDK would send to a base URL of `http://gateway/v1` (`openai` and its like; `gemini` with a version of its own)
    /// or `http://gateway` (`anthropic`).
    #[must_use]
    pub fn passing_path(&self, client_path: &str) -> String {
        let base = &*self.endpoint.base_path;
        let below = match self.kind.preset().base {
            Base::Vertex if self.endpoint.version().is_none() => client_path,
            Base::Versioned | Base::Vertex => {
                let below = |version| client_path.strip_prefix('/')?.strip_prefix(version);
                let whole = |rest: &&str| rest.is_empty() || rest.starts_with(['/', '?']);
                self.endpoint.version().into_iter().chain(["v1"]).find_map(|version| below(version).filter(whole)).unwrap_or(client_path)
            }
            Base::Azure | Base::Bare => client_path,
        };
        format!("{base}{below}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Credential, Endpoint, Kind};
    use super::*;
    use crate::health::Cooldown;
    use crate::routing::Labels;

    fn provider(kind: &str, endpoint: &str, speaks: &[FormatId]) -> Provider {
        let kind = Kind::named(kind).unwrap();
        Provider {
            name: "p".into(),
            direct_cluster: Provider::direct_cluster_of("p"),
            kind,
            speaks: speaks.to_vec(),
            endpoint: Endpoint::parse(endpoint).unwrap(),
            servers: Vec::new(),
            api_version: None,
            project: "".into(),
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

    #[test]
    fn vertex_has_the_project_and_the_publisher_in_its_paths() {
        let mut vertex = provider("vertex", "https://us-east5-aiplatform.googleapis.com/v1", &[FormatId::Gemini, FormatId::Messages]);
        vertex.project = "/projects/acme/locations/us-east5".into();
        let at = "/v1/projects/acme/locations/us-east5/publishers";
        let path = |format, model, stream| vertex.path(format, model, stream).unwrap();
        assert_eq!(path(FormatId::Gemini, "gemini-3-pro", false), format!("{at}/google/models/gemini-3-pro:generateContent"));
        assert_eq!(path(FormatId::Gemini, "gemini-3-pro", true), format!("{at}/google/models/gemini-3-pro:streamGenerateContent?alt=sse"));
        assert_eq!(path(FormatId::Messages, "claude-x@1", false), format!("{at}/anthropic/models/claude-x@1:rawPredict"));
        assert_eq!(path(FormatId::Messages, "a/b", true), format!("{at}/anthropic/models/a%2Fb:streamRawPredict"));
        let counting = |format| vertex.counting_path(format, "m").unwrap();
        assert_eq!(counting(FormatId::Gemini), format!("{at}/google/models/m:countTokens"));
        assert_eq!(counting(FormatId::Messages), format!("{at}/anthropic/models/count-tokens:rawPredict"));
        assert!(vertex.takes(FormatId::Messages, "claude-sonnet-4@20250514") && !vertex.takes(FormatId::Gemini, "claude-sonnet-5"));
        assert!(vertex.takes(FormatId::Gemini, "gemini-3-pro") && !vertex.takes(FormatId::Messages, "gemini-3-pro"));
        vertex.endpoint = Endpoint::parse("https://aiplatform.googleapis.com").unwrap();
        vertex.project = "".into();
        assert_eq!(vertex.path(FormatId::Gemini, "m", false).unwrap(), "/v1/publishers/google/models/m:generateContent");
        assert_eq!(vertex.passing_path("/v1/publishers/google/models"), "/v1/publishers/google/models");
    }
}
