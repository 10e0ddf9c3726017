//! The members that say who answers: providers, their credentials, and where they differ from what they speak.

use super::super::shape::Presence::{Optional, Required};
use super::super::shape::{Shape, Value};
use super::{MOST_TOKENS, later, member};
use crate::providers::KIND_NAMES;

pub(super) static PROVIDER: Shape = Shape {
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
