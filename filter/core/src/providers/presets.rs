//! The presets, one a kind: the one place to touch where a compatible service is added.
//!
//! What a service rejects or renames is what its own documentation says; what it does not say is passed on, and its own error reaches
//! the client.

use super::kinds::{AwsService, Base, Dialect, OutputLimit, Preset};
use crate::formats::messages::Carrier;
use crate::names::FormatId;

/// OpenAI's own dialect.
const OPENAI: Dialect = Dialect {
    output_limit: OutputLimit::MaxCompletionTokens,
    developer_role: true,
    include_usage: true,
    effort: true,
    carrier: Carrier::Own,
    rejects: &[],
    renames: &[],
};

/// What nearly all servers understand that speak `chat` for models of others.
const COMPATIBLE: Dialect = Dialect { output_limit: OutputLimit::MaxTokens, developer_role: false, ..OPENAI };

/// A service that speaks `chat` at a public address with a bearer token.
const fn service(name: &'static str, endpoint: &'static str) -> Preset {
    Preset {
        name,
        endpoint: Some(endpoint),
        speaks: &[FormatId::Chat],
        api_key_header: None,
        base: Base::Versioned,
        dialect: COMPATIBLE,
        tokenizes: false,
        aws: None,
    }
}

/// A server of one's own that speaks `chat`.
const fn server(name: &'static str) -> Preset {
    Preset { endpoint: None, ..service(name, "") }
}

/// The same, where it speaks both of OpenAI's formats.
const fn both(preset: Preset) -> Preset {
    Preset { speaks: &[FormatId::Chat, FormatId::Responses], ..preset }
}

/// Every kind of this version. The first three are the ones that code names.
pub static PRESETS: &[Preset] = &[
    both(Preset { dialect: OPENAI, ..service("openai", "https://api.openai.com/v1") }),
    Preset {
        name: "anthropic",
        endpoint: Some("https://api.anthropic.com"),
        speaks: &[FormatId::Messages],
        api_key_header: Some("x-api-key"),
        base: Base::Bare,
        dialect: COMPATIBLE,
        tokenizes: false,
        aws: None,
    },
    server("openai-compatible"),
    Preset {
        speaks: &[FormatId::Gemini],
        api_key_header: Some("x-goog-api-key"),
        ..service("gemini", "https://generativelanguage.googleapis.com/v1beta")
    },
    // Its location says the endpoint; a key of its express mode says the project, too.
    Preset {
        speaks: &[FormatId::Gemini, FormatId::Messages],
        api_key_header: Some("x-goog-api-key"),
        base: Base::Vertex,
        dialect: Dialect { carrier: Carrier::Vertex, ..COMPATIBLE },
        ..server("vertex")
    },
    // Its own keys are bearer tokens. Of a Claude model Messages says more than Converse does: no tool at all, one tool at a time; and its
    // signatures are good at every carrier. What Messages can't say (documents of an office, guardrails) goes by Converse all the same.
    Preset {
        speaks: &[FormatId::Messages, FormatId::Converse],
        base: Base::Bare,
        dialect: Dialect { carrier: Carrier::Bedrock, ..COMPATIBLE },
        aws: Some(AwsService { signed_as: "bedrock", host: "bedrock-runtime" }),
        ..server("bedrock")
    },
    // The deployment is the model; with `api_version` it stands in the path, without it the newer paths of `/openai/v1` are used.
    both(Preset { api_key_header: Some("api-key"), base: Base::Azure, dialect: OPENAI, ..server("azure-openai") }),
    // Servers of one's own.
    Preset { tokenizes: true, ..server("vllm") },
    server("kserve"),
    Preset { endpoint: Some("http://localhost:11434/v1"), ..server("ollama") },
    // Services.
    Preset {
        // https://console.groq.com/docs/openai lists what is answered with 400.
        dialect: Dialect { rejects: &["logprobs", "top_logprobs", "logit_bias", "n"], ..COMPATIBLE },
        ..service("groq", "https://api.groq.com/openai/v1")
    },
    Preset {
        // The request of its own SDK has none of these, and the API refuses members that it does not know.
        dialect: Dialect {
            include_usage: false,
            effort: false,
            rejects: &[
                "user",
                "logit_bias",
                "logprobs",
                "top_logprobs",
                "metadata",
                "store",
                "service_tier",
                "verbosity",
                "prompt_cache_key",
                "stream_options",
            ],
            renames: &[("seed", "random_seed")],
            ..COMPATIBLE
        },
        ..service("mistral", "https://api.mistral.ai/v1")
    },
    service("together", "https://api.together.xyz/v1"),
    service("deepseek", "https://api.deepseek.com/v1"),
    both(service("xai", "https://api.x.ai/v1")),
    service("fireworks", "https://api.fireworks.ai/inference/v1"),
    both(service("openrouter", "https://openrouter.ai/api/v1")),
    service("cohere", "https://api.cohere.ai/compatibility/v1"),
];

/// The names of all kinds.
pub const NAMES: [&str; PRESETS.len()] = names();

#[expect(clippy::indexing_slicing, reason = "computed while compiling, within both lengths")]
const fn names() -> [&'static str; PRESETS.len()] {
    let mut names = [""; PRESETS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = PRESETS[at].name;
        at += 1;
    }
    names
}
