//! The members that say who is asking, how much they may use and what it costs.

use super::super::shape::Presence::{Optional, Required};
use super::super::shape::{Shape, Value};
use super::{later, member};

pub(super) static IDENTITY: Shape = Shape {
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

pub(super) static DEMAND: Shape = Shape {
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

pub(super) static LIMITS: Shape = Shape {
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

pub(super) static PRICES: Shape = Shape {
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
