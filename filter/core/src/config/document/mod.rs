//! The members of the configuration document, version 1: all of them, those of later versions of Weir included.

mod limits;
mod models;
mod providers;

use super::shape::{Member, Presence, Shape, Value};
use Presence::{Later, Optional, Required};
use limits::{DEMAND, IDENTITY, LIMITS, PRICES};
use models::MODEL;
use providers::PROVIDER;

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
