//! The response object and the items of its output as clients read them: what whole answers and streams write alike.

use super::answer::Content;
use super::echo::Echo;
use super::{citations, error, usage};
use crate::formats::ids::digest;
use crate::hub::{CallKind, Citation, Finish, Rejection};
use crate::json::{Out, Str};
use crate::usage::Usage;

/// An item of the output.
#[derive(Clone, Debug)]
pub(super) struct Item<'b> {
    /// Its id.
    pub id: String,
    /// What it is.
    pub body: Body<'b>,
}

/// What an item is.
#[derive(Clone, Debug)]
pub(super) enum Body<'b> {
    /// Texts and refusals.
    Message(Vec<Content<'b>>),
    /// Thinking, with the ciphertext that brings it back.
    Reasoning(Str<'b>, Option<Str<'b>>),
    /// A call.
    Call {
        /// What kind of tool is called.
        kind: CallKind,
        /// Id that its result will name.
        call_id: Str<'b>,
        /// The namespace in which the tool stands.
        namespace: Option<Str<'b>>,
        /// The tool's name.
        name: Str<'b>,
        /// A function's arguments or a custom tool's input.
        input: Str<'b>,
    },
}

/// How far an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It has just begun and says nothing yet.
    Begun,
    /// It is complete.
    Completed,
    /// The answer was cut while it was said.
    Incomplete,
}

impl Progress {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
        }
    }
}

impl<'b> Item<'b> {
    /// The item with this number in the response with this id. Its own id depends on nothing else, so retries and replays agree.
    pub(super) fn new(response_id: &str, number: usize, body: Body<'b>) -> Self {
        let prefix = match &body {
            Body::Message(_) => "msg",
            Body::Reasoning(..) => "rs",
            Body::Call { kind: CallKind::Function, .. } => "fc",
            Body::Call { kind: CallKind::Custom, .. } => "ctc",
        };
        Self { id: format!("{prefix}_{}", digest(&format!("{response_id}/{number}"))), body }
    }

    /// Writes the item.
    pub(super) fn encode(&self, progress: Progress, out: &mut Out) {
        let begun = progress == Progress::Begun;
        out.open_object();
        out.key("id");
        out.plain(&self.id);
        out.key("type");
        out.plain(match &self.body {
            Body::Message(_) => "message",
            Body::Reasoning(..) => "reasoning",
            Body::Call { kind: CallKind::Function, .. } => "function_call",
            Body::Call { kind: CallKind::Custom, .. } => "custom_tool_call",
        });
        // The vendor's own reasoning items and custom calls have no status.
        if matches!(self.body, Body::Message(_) | Body::Call { kind: CallKind::Function, .. }) {
            out.key("status");
            out.plain(progress.as_str());
        }
        match &self.body {
            Body::Message(contents) => {
                out.key("role");
                out.plain("assistant");
                out.key("content");
                out.open_array();
                contents.iter().filter(|_| !begun).for_each(|content| encode_content(content, out));
                out.close_array();
            }
            Body::Reasoning(text, cipher) => {
                out.key("summary");
                out.open_array();
                if !begun && !text.is_empty() {
                    encode_summary(text, out);
                }
                out.close_array();
                if let Some(cipher) = cipher.as_ref().filter(|_| !begun) {
                    out.key("encrypted_content");
                    out.string(cipher);
                }
            }
            Body::Call { kind, call_id, namespace, name, input } => {
                out.key("call_id");
                out.string(call_id);
                if let Some(namespace) = namespace {
                    out.key("namespace");
                    out.string(namespace);
                }
                out.key("name");
                out.string(name);
                out.key(match kind {
                    CallKind::Function => "arguments",
                    CallKind::Custom => "input",
                });
                if begun { out.plain("") } else { out.string(input) }
            }
        }
        out.close_object();
    }
}

/// Writes one content part of a message.
pub(super) fn encode_content(content: &Content<'_>, out: &mut Out) {
    out.open_object();
    out.key("type");
    match content {
        Content::Text(text, sources, tokens) => {
            out.plain("output_text");
            out.key("text");
            out.string(text);
            out.key("annotations");
            citations::encode_all(sources.iter(), text, out);
            out.key("logprobs");
            tokens.encode(out);
        }
        Content::Refusal(text) => {
            out.plain("refusal");
            out.key("refusal");
            out.string(text);
        }
    }
    out.close_object();
}

/// Writes a text of the assistant's in the history of a request.
pub(super) fn encode_history(text: &Str<'_>, sources: &[&Citation<'_>], out: &mut Out) {
    out.open_object();
    out.key("type");
    out.plain("output_text");
    out.key("text");
    out.string(text);
    out.key("annotations");
    citations::encode_all(sources.iter().copied(), text, out);
    out.close_object();
}

/// Writes one summary of a reasoning item.
pub(super) fn encode_summary(text: &Str<'_>, out: &mut Out) {
    out.open_object();
    out.key("type");
    out.plain("summary_text");
    out.key("text");
    out.string(text);
    out.close_object();
}

/// How far a response is.
#[derive(Clone, Debug)]
pub(super) enum Status {
    /// It has begun.
    InProgress,
    /// It is complete.
    Completed,
    /// It was cut, for this reason.
    Incomplete(&'static str),
    /// It failed.
    Failed(Rejection),
}

impl Status {
    /// The status that a reason to end means.
    pub(super) const fn of(finish: &Finish<'_>) -> Self {
        match finish {
            Finish::Length | Finish::ContextWindow => Self::Incomplete("max_output_tokens"),
            Finish::ContentFilter => Self::Incomplete("content_filter"),
            Finish::Stop
            | Finish::StopSequence(_)
            | Finish::ToolCall
            | Finish::Refusal
            | Finish::Pause
            | Finish::Malformed
            | Finish::Error
            | Finish::Unknown(_) => Self::Completed,
        }
    }

    /// The word on the wire, which names the event that ends a stream, too.
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed(_) => "failed",
        }
    }

    /// How far the last item of such a response is.
    pub(super) const fn last_item(&self) -> Progress {
        match self {
            Self::Incomplete(_) | Self::Failed(_) => Progress::Incomplete,
            Self::InProgress | Self::Completed => Progress::Completed,
        }
    }
}

/// What every response of one answer says alike.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    pub id: String,
    pub created: u64,
    pub model: String,
    pub echo: Echo,
}

impl Envelope {
    /// Writes the response object around `items`, which writes the elements of its output.
    pub(super) fn encode(
        &self,
        status: &Status,
        tier: Option<&Str<'_>>,
        counts: Option<&Usage>,
        items: impl FnOnce(&mut Out),
        out: &mut Out,
    ) {
        out.open_object();
        out.key("id");
        out.plain(&self.id);
        out.key("object");
        out.plain("response");
        out.key("created_at");
        out.number(self.created);
        out.key("status");
        out.plain(status.as_str());
        out.key("background");
        out.boolean(false);
        out.key("error");
        match status {
            Status::Failed(rejection) => error::encode(rejection, out),
            Status::InProgress | Status::Completed | Status::Incomplete(_) => out.null(),
        }
        out.key("incomplete_details");
        match status {
            Status::Incomplete(reason) => {
                out.open_object();
                out.key("reason");
                out.plain(reason);
                out.close_object();
            }
            Status::InProgress | Status::Completed | Status::Failed(_) => out.null(),
        }
        out.verbatim(",");
        out.verbatim(&self.echo.members);
        out.key("model");
        out.plain(&self.model);
        out.key("output");
        out.open_array();
        items(out);
        out.close_array();
        out.key("previous_response_id");
        out.null();
        out.key("service_tier");
        match tier {
            Some(tier) => out.string(tier),
            None => out.null(),
        }
        // Whatever the client asked for, nobody keeps a translated answer.
        out.key("store");
        out.boolean(false);
        out.key("usage");
        match counts {
            Some(counts) => usage::encode(counts, out),
            None => out.null(),
        }
        out.close_object();
    }
}

/// What begins the id of every response.
const ID_PREFIX: &str = "resp_";

/// The id of a response: the provider's own, with the format's prefix; a provider that names none is given the time.
pub(super) fn response_id(id: Option<&Str<'_>>, now: u64) -> String {
    match id.map(Str::plain) {
        Some(id) if id.starts_with(ID_PREFIX) => id.into_owned(),
        Some(id) if !id.is_empty() => format!("{ID_PREFIX}{id}"),
        Some(_) | None => format!("{ID_PREFIX}{now}"),
    }
}
