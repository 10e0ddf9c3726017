//! The members that say what clients can ask for, and who answers it.

use super::super::shape::Presence::{Optional, Required};
use super::super::shape::{Shape, Value};
use super::{MOST_TOKENS, member};

pub(super) static MODEL: Shape = Shape {
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
