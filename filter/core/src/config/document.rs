//! The members of the configuration document, version 1: all of them, those of later versions of Weir included.

use super::shape::{Member, Presence, Shape, Value};
use crate::providers::KIND_NAMES;
use Presence::{Later, Optional, Required};

const fn member(name: &'static str, presence: Presence, value: Value, about: &'static str) -> Member {
    Member { name, presence, value, about }
}

const fn later(name: &'static str, about: &'static str) -> Member {
    Member { name, presence: Later, value: Value::Any, about }
}

/// A body that is held is copied when it is translated, and a VM has one GiB for all requests of its worker.
const LARGEST_BODY: u64 = 256 << 20;

/// The largest number that is sent as `max_tokens`.
const MOST_TOKENS: u64 = 0xffff_ffff;

/// The document itself.
pub static DOCUMENT: Shape = Shape {
    members: &[
        member("version", Required, Value::Count(1, 1), "The version of the document; 1."),
        member("listen", Optional, Value::Object(&LISTEN), "Where Envoy listens; only `weir render envoy` reads it."),
        member(
            "providers",
            Required,
            Value::Named(&Value::Object(&PROVIDER)),
            "Who answers: a name for each, without dots and not `weir-…`.",
        ),
        member("models", Required, Value::List(&Value::Object(&MODEL), false), "What clients can ask for, and who answers it."),
        member(
            "endpoints",
            Optional,
            Value::List(&Value::Object(&ENDPOINT), true),
            "Paths that name no model and pass to one provider, unread.",
        ),
        member(
            "standalone",
            Optional,
            Value::Object(&STANDALONE),
            "For hosts that can't hold headers, such as Istio's `WasmPlugin`: what is known of a request before its body is.",
        ),
        later("keys", "Virtual keys."),
        member("identity", Optional, Value::Named(&Value::Object(&IDENTITY)), "What is known about who is asking: a name for each."),
        member("demands", Optional, Value::List(&Value::Object(&DEMAND), true), "Labels that requests demand of whoever answers them."),
        member("limits", Optional, Value::Object(&LIMITS), "Budgets and the rate-limit service that keeps their counters."),
        member(
            "losses",
            Optional,
            Value::Choice(&["lenient", "strict"], &[]),
            "Whether what a provider's format can't carry is left out and told (`lenient`, if left out) or refused (`strict`).",
        ),
        later("policies", "What some may not do."),
        member("prices", Optional, Value::Object(&PRICES), "What tokens cost; needed by budgets in money."),
        member("tell", Optional, Value::Object(&TELL), "What clients are told in headers of their answers."),
        member("caps", Optional, Value::Object(&CAPS), "How much may be held in memory."),
    ],
};

static LISTEN: Shape = Shape {
    members: &[
        member("address", Optional, Value::Text, "The listener's IP address and port; `127.0.0.1:8080` if left out."),
        member("admin", Optional, Value::Text, "Envoy's admin address; `127.0.0.1:9901` if left out."),
        member("tls", Optional, Value::Object(&TLS), "Makes the listener speak TLS."),
        member("prefix", Optional, Value::Text, "The path in front of every other; only `/` in this version."),
        member("cors", Optional, Value::List(&Value::Text, false), "The origins whose pages may call; `*` is any."),
    ],
};

static TLS: Shape = Shape {
    members: &[
        member("certificate", Required, Value::Text, "The file of the certificate chain (PEM), beside the document unless absolute."),
        member("key", Required, Value::Text, "The file of the private key (PEM), beside the document unless absolute."),
    ],
};

static PROVIDER: Shape = Shape {
    members: &[
        member("kind", Required, Value::Choice(&KIND_NAMES, &[]), "The preset: what stands below may be left out where the kind says it."),
        member("endpoint", Optional, Value::Url, "The base URL that the vendor's own SDK would take; required where the kind has none."),
        member(
            "endpoints",
            Optional,
            Value::List(&Value::Url, false),
            "The base URLs of its servers, in the place of `endpoint`: of one scheme and one path. Each address that a name resolves to is a server.",
        ),
        member(
            "speaks",
            Optional,
            Value::List(&Value::Choice(&["chat", "responses", "messages", "converse", "gemini"], &[]), false),
            "The formats that it takes, the preferred one first.",
        ),
        member("auth", Optional, Value::Object(&AUTH), "The credential, by name; required where the endpoint is the kind's own."),
        member("dialect", Optional, Value::Object(&DIALECT), "Where it differs from the format that it speaks."),
        member(
            "default_max_tokens",
            Optional,
            Value::Count(1, MOST_TOKENS),
            "`max_tokens` where the format demands it and the client gave none; 8192 if left out.",
        ),
        member(
            "pass_headers",
            Optional,
            Value::List(&Value::Text, true),
            "Request headers of the client that pass beside those that always do.",
        ),
        member(
            "api_version",
            Optional,
            Value::Text,
            "The version of the API in the paths of `azure-openai`; without it the newer paths are used.",
        ),
        member(
            "concurrency",
            Optional,
            Value::Count(1, 1_000_000),
            "The most requests under way there at a time, for each worker of each Envoy; over it the plan moves on, or the client gets 429.",
        ),
        member("cooldown", Optional, Value::Object(&COOLDOWN), "When it is left alone because it fails."),
        member(
            "labels",
            Optional,
            Value::Named(&Value::Text),
            "What is true of it, such as `residency: eu`: a value for each name, of letters, digits, `.`, `_` and `-`.",
        ),
        member(
            "project",
            Optional,
            Value::Text,
            "The project of Google Cloud, for `vertex`; without it and `location` a key of the express mode says both.",
        ),
        member(
            "location",
            Optional,
            Value::Text,
            "The location of Google Cloud, for `vertex`: a region, `us`, `eu` or `global`. It says the endpoint where that is left out.",
        ),
        member(
            "region",
            Optional,
            Value::Text,
            "The region of AWS: it says the endpoint of `bedrock` where that is left out, and what `auth.aws` signs for.",
        ),
    ],
};

static COOLDOWN: Shape = Shape {
    members: &[
        member(
            "failures",
            Optional,
            Value::Count(0, 1_000),
            "Failures in a row behind which requests leave it alone, a model of its by itself where the failure is the model's; 5 if left out, 0 for never.",
        ),
        member(
            "pause",
            Optional,
            Value::Duration,
            "For how long; `10s` if left out. What a provider asks for by `retry-after` counts instead, from the first time on.",
        ),
        member("longest", Optional, Value::Duration, "The pause doubles while it goes on failing, up to this; `5m` if left out."),
    ],
};

static AUTH: Shape = Shape {
    members: &[
        member("bearer", Optional, Value::Object(&SECRET), "`authorization: Bearer SECRET`."),
        member("api_key", Optional, Value::Object(&API_KEY), "`HEADER: SECRET`."),
        member(
            "aws",
            Optional,
            Value::Object(&AWS),
            "AWS Signature Version 4, `aws: {}`: Envoy signs behind Weir, with the AWS credentials that it finds by itself.",
        ),
        later("gcp", "Google's tokens."),
        later("client", "The client's own credential."),
    ],
};

static AWS: Shape = Shape { members: &[] };

static SECRET: Shape = Shape {
    members: &[
        member("env", Optional, Value::Text, "The environment variable of Envoy that holds the secret."),
        later("secret", "The name of a secret that Envoy discovers."),
    ],
};

static API_KEY: Shape = Shape {
    members: &[
        member("env", Optional, Value::Text, "The environment variable of Envoy that holds the secret."),
        member("header", Optional, Value::Text, "The header that carries it; required where the kind has none."),
        later("secret", "The name of a secret that Envoy discovers."),
    ],
};

static DIALECT: Shape = Shape {
    members: &[
        member(
            "output_limit",
            Optional,
            Value::Choice(&["max_completion_tokens", "max_tokens"], &[]),
            "The member of a `chat` request that limits the answer.",
        ),
        member(
            "developer_role",
            Optional,
            Value::Flag,
            "Whether `chat` messages may have the role `developer`; if not they are written as `system`.",
        ),
        member(
            "include_usage",
            Optional,
            Value::Flag,
            "Whether `chat` takes `stream_options.include_usage`, and so reports what a stream used.",
        ),
    ],
};

static MODEL: Shape = Shape {
    members: &[
        member("name", Required, Value::Text, "What clients ask for; each `*` stands for any characters."),
        member("targets", Required, Value::List(&Value::Object(&TARGET), false), "Who can answer."),
        member(
            "prefer",
            Optional,
            Value::Choice(&["weights", "cheapest"], &[]),
            "What decides inside a priority: the weights (if left out), or what the request is expected to cost.",
        ),
        member(
            "demands",
            Optional,
            Value::Named(&Value::List(&Value::Text, false)),
            "Labels that its targets must have to be asked: one of these values each.",
        ),
        member("affinity", Optional, Value::Object(&AFFINITY), "Lets a conversation keep its target, so that prompt caches hit."),
    ],
};

static AFFINITY: Shape = Shape {
    members: &[
        member("header", Optional, Value::Text, "A request header that names the conversation; looked at first."),
        member(
            "by",
            Optional,
            Value::List(&Value::Choice(&["prompt_cache_key", "user", "prompt"], &[]), false),
            "Members of the request that name it, the first that is there; `prompt` is its beginning up to the user's first turn.",
        ),
    ],
};

static TARGET: Shape = Shape {
    members: &[
        member("provider", Required, Value::Text, "The name of a provider."),
        member("model", Optional, Value::Text, "The provider's name for the model; the client's if left out."),
        member(
            "weight",
            Optional,
            Value::Count(0, 1_000_000),
            "The share among the targets of the same priority; 1 if left out, 0 only if the others fail.",
        ),
        member("priority", Optional, Value::Count(0, 1_000), "Targets of a lower number are tried first; 0 if left out."),
        member("default_max_tokens", Optional, Value::Count(1, MOST_TOKENS), "The provider's member of this name, for this target."),
        member(
            "context_length",
            Optional,
            Value::Count(1, MOST_TOKENS),
            "The tokens that the model can take in and write together; requests that seem longer are not sent there.",
        ),
        member("concurrency", Optional, Value::Count(1, 1_000_000), "The same for the model at the provider."),
        member(
            "capabilities",
            Optional,
            Value::Object(&CAPABILITIES),
            "What its model has; requests that use what it lacks (`false`) are not sent there. It is taken to have what is left out.",
        ),
        member(
            "when",
            Optional,
            Value::Named(&Value::List(&Value::Text, false)),
            "Only for requests whose identities have one of these values each.",
        ),
        member(
            "labels",
            Optional,
            Value::Named(&Value::Text),
            "What is true of this target; a name that is here too counts before the provider's.",
        ),
        member(
            "first_content",
            Optional,
            Value::Duration,
            "How long the first content of a stream is waited for; then the next target is tried. Until the answer's headers have come, the longest of the request's targets counts.",
        ),
        member(
            "stream_idle",
            Optional,
            Value::Duration,
            "How long a stream may be silent once its answer has begun; then it ends with an error.",
        ),
        member(
            "answer",
            Optional,
            Value::Duration,
            "How long an answer may take that is not streamed, and how long a stream's beginning; `300s` if left out.",
        ),
        member(
            "answer_timeout",
            Optional,
            Value::Choice(&["fail", "next"], &[]),
            "What happens to a request that is not streamed when `answer` has passed: it ends with 504 (if left out), or goes to the next target, and may be billed twice.",
        ),
    ],
};

static CAPABILITIES: Shape = Shape {
    members: &[
        member("images", Optional, Value::Flag, "Looks at images."),
        member("audio", Optional, Value::Flag, "Hears sound."),
        member("tools", Optional, Value::Flag, "Calls tools."),
        member("json_schema", Optional, Value::Flag, "Fits its answer to a JSON schema."),
        member("reasoning", Optional, Value::Flag, "Thinks as much as it is told."),
    ],
};

static ENDPOINT: Shape = Shape {
    members: &[
        member("prefix", Required, Value::Text, "The path, and all below it."),
        member("provider", Required, Value::Text, "The name of a provider."),
    ],
};

static STANDALONE: Shape = Shape {
    members: &[member("provider", Required, Value::Object(&PICKER), "What of a request's head picks its provider: exactly one of these.")],
};

static PICKER: Shape = Shape {
    members: &[
        member("header", Optional, Value::Text, "A request header that holds the provider's name."),
        member(
            "prefix",
            Optional,
            Value::Named(&Value::Text),
            "A provider for each prefix of the path; the prefix is taken off, clients have it in their base URL.",
        ),
        member("host", Optional, Value::Named(&Value::Text), "A provider for each host name under which clients reach the gateway."),
        member("constant", Optional, Value::Text, "Always this provider."),
    ],
};

static IDENTITY: Shape = Shape {
    members: &[
        member("header", Optional, Value::Text, "A request header; needs `trusted: true`."),
        member("trusted", Optional, Value::Flag, "The operator's word that something in front sets the header, and removes the client's."),
        member("constant", Optional, Value::Text, "Always this value."),
        later("key", "From the virtual key."),
        later("jwt", "A claim of the token."),
        later("certificate", "From the client's certificate."),
        member(
            "missing",
            Optional,
            Value::Choice(&["together", "skip", "refuse"], &[]),
            "Requests without it: share one budget (if left out), are not counted by budgets that need it, or are refused.",
        ),
    ],
};

static DEMAND: Shape = Shape {
    members: &[
        member(
            "labels",
            Optional,
            Value::Named(&Value::List(&Value::Text, false)),
            "What is demanded: each label with one of these values. This, or a header.",
        ),
        member(
            "header",
            Optional,
            Value::Text,
            "A request header in which clients may say values of `label`, with commas between them; one of them does.",
        ),
        member("label", Optional, Value::Text, "The label that the header speaks of."),
        member(
            "when",
            Optional,
            Value::Named(&Value::List(&Value::Text, false)),
            "Only of requests whose identities have one of these values each; of all if left out.",
        ),
    ],
};

static LIMITS: Shape = Shape {
    members: &[
        member("service", Optional, Value::Object(&SERVICE), "envoyproxy/ratelimit; required where there is a budget."),
        member("budgets", Optional, Value::List(&Value::Object(&BUDGET), true), "The budgets; a request must be within all of them."),
        member("concurrency", Optional, Value::List(&Value::Object(&CONCURRENCY), true), "How many requests may be under way at a time."),
    ],
};

static CONCURRENCY: Shape = Shape {
    members: &[
        member(
            "key",
            Required,
            Value::List(&Value::Text, true),
            "Identities and `model`: requests that have them in common share the limit; none: all do.",
        ),
        member(
            "requests",
            Required,
            Value::Count(1, 1_000_000),
            "The most that are under way at a time, for each worker of each Envoy; over it the client gets 429.",
        ),
    ],
};

static SERVICE: Shape = Shape {
    members: &[
        member("endpoint", Required, Value::Url, "The URL of its JSON API, such as `http://ratelimit:8080/json`."),
        member("domain", Optional, Value::Text, "The domain of its rules; `weir` if left out."),
        member("timeout", Optional, Value::Duration, "How long its answer is waited for; `250ms` if left out."),
    ],
};

static BUDGET: Shape = Shape {
    members: &[
        member("name", Required, Value::Text, "Letters, digits, `.`, `_` and `-`; each once."),
        member(
            "key",
            Required,
            Value::List(&Value::Text, true),
            "Identities and `model`: requests that have them in common share a counter; none: all do.",
        ),
        member("tokens", Optional, Value::Count(1, u64::MAX / 4), "The limit, in input and output tokens together."),
        member("requests", Optional, Value::Count(1, u64::MAX / 4), "The limit, in requests."),
        member("usd", Optional, Value::Usd, "The limit, in dollars; every target needs a price."),
        member(
            "per",
            Required,
            Value::Choice(&["minute", "hour", "day", "week", "month"], &[]),
            "The window: fixed, UTC; a week begins on Thursday, a month on its first.",
        ),
        member("mode", Optional, Value::Choice(&["check"], &["hold"]), "`check`: look before the request, charge after it."),
        member(
            "on_failure",
            Optional,
            Value::Choice(&["allow", "deny"], &["last_known"]),
            "What happens to requests while the service does not answer; `allow` if left out.",
        ),
        member("shadow", Optional, Value::Flag, "Decides and records, but refuses nothing."),
    ],
};

static PRICES: Shape = Shape {
    members: &[
        member("models", Optional, Value::List(&Value::Object(&PRICE), false), "The prices; the first that fits is taken."),
        member(
            "file",
            Optional,
            Value::Text,
            "A file with more of `models`, which come after those that stand here; `weir` puts them in its place.",
        ),
    ],
};

static PRICE: Shape = Shape {
    members: &[
        member("model", Required, Value::Text, "The provider's name for the model; each `*` stands for any characters."),
        member("provider", Optional, Value::Text, "Only at this provider."),
        member("input", Required, Value::Usd, "Dollars for a million input tokens."),
        member("cache_read", Optional, Value::Usd, "The same for those read from the provider's cache; as `input` if left out."),
        member("cache_write", Optional, Value::Usd, "The same for those written to the cache; as `input` if left out."),
        member("cache_write_1h", Optional, Value::Usd, "The same for those kept for an hour; as `cache_write` if left out."),
        member("input_audio", Optional, Value::Usd, "The same for sound; as `input` if left out."),
        member("output", Required, Value::Usd, "Dollars for a million output tokens, reasoning included."),
        member("output_audio", Optional, Value::Usd, "The same for sound; as `output` if left out."),
    ],
};

static TELL: Shape = Shape {
    members: &[member("target", Optional, Value::Flag, "Which target answered: `x-weir-target: PROVIDER/MODEL`; `false` if left out.")],
};

static CAPS: Shape = Shape {
    members: &[
        member("request_body", Optional, Value::Size(1024, LARGEST_BODY), "The longest body of a request; 32MiB if left out."),
        member(
            "answer",
            Optional,
            Value::Size(1024, LARGEST_BODY),
            "The longest answer, not streamed, that is translated or inflated; 16MiB if left out.",
        ),
        member("held", Optional, Value::Size(1024, 16 << 20), "How much of a stream is held before its first content; 64KiB if left out."),
    ],
};
