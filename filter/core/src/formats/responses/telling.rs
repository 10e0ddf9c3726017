//! The events of a client's stream on the wire: named, numbered, one line of data each.

use super::answer::Content;
use super::citations;
use super::output::{Body, Item, encode_content};
use crate::hub::{CallKind, Likelihood};
use crate::json::{Out, Str, characters};

/// Writes events; each has the next number.
#[derive(Debug, Default)]
pub(super) struct Teller {
    sequence: u64,
    /// Room in which events are made up.
    scratch: String,
}

impl Teller {
    /// The number of the next event.
    pub(super) const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Writes an event of this type; `fill` writes its other members.
    pub(super) fn event(&mut self, kind: &str, out: &mut Vec<u8>, fill: impl FnOnce(&mut Out)) {
        let mut body = Out::onto(core::mem::take(&mut self.scratch));
        body.verbatim("event: ");
        body.verbatim(kind);
        body.verbatim("\ndata: ");
        body.open_object();
        body.key("type");
        body.plain(kind);
        body.key("sequence_number");
        body.number(self.sequence);
        fill(&mut body);
        body.close_object();
        body.verbatim("\n\n");
        out.extend_from_slice(body.as_bytes());
        self.sequence = self.sequence.saturating_add(1);
        self.scratch = body.into_string();
        self.scratch.clear();
    }

    /// Writes an event about the item in place `at` of the output.
    pub(super) fn about(&mut self, kind: &str, at: usize, item: &Item<'_>, out: &mut Vec<u8>, fill: impl FnOnce(&mut Out)) {
        self.event(kind, out, |body| {
            body.key("item_id");
            body.plain(&item.id);
            place(body, "output_index", at);
            fill(body);
        });
    }

    /// Tells that a content part of a message begins.
    pub(super) fn content_added(&mut self, at: usize, item: &Item<'_>, content: usize, fresh: &Content<'_>, out: &mut Vec<u8>) {
        self.about("response.content_part.added", at, item, out, |body| {
            place(body, "content_index", content);
            body.key("part");
            encode_content(fresh, body);
        });
    }

    /// Tells more of a content part of a message: of a text with its tokens, of a refusal without.
    pub(super) fn content_delta(
        &mut self,
        at: usize,
        item: &Item<'_>,
        (content, tokens): (usize, Option<&Likelihood<'_>>),
        text: &Str<'_>,
        out: &mut Vec<u8>,
    ) {
        let kind = if tokens.is_none() { "response.refusal.delta" } else { "response.output_text.delta" };
        self.about(kind, at, item, out, |body| {
            place(body, "content_index", content);
            member(body, "delta", text);
            if let Some(tokens) = tokens {
                logprobs(tokens, body);
            }
        });
    }

    /// Tells a source of a content part of a message, in its place among them.
    pub(super) fn source_added(&mut self, at: usize, item: &Item<'_>, content: usize, source: usize, out: &mut Vec<u8>) {
        let Body::Message(contents) = &item.body else { return };
        let Some(Content::Text(text, sources, _)) = contents.get(content) else { return };
        let Some(citation) = sources.get(source) else { return };
        self.about("response.output_text.annotation.added", at, item, out, |body| {
            place(body, "content_index", content);
            place(body, "annotation_index", source);
            body.key("annotation");
            citations::encode(citation, characters(text), body);
        });
    }

    /// Tells that a content part of a message is complete, and what it says.
    pub(super) fn content_done(&mut self, at: usize, item: &Item<'_>, content: usize, said: &Content<'_>, out: &mut Vec<u8>) {
        match said {
            Content::Text(text, _, tokens) => self.about("response.output_text.done", at, item, out, |body| {
                place(body, "content_index", content);
                member(body, "text", text);
                logprobs(tokens, body);
            }),
            Content::Refusal(text) => self.about("response.refusal.done", at, item, out, |body| {
                place(body, "content_index", content);
                member(body, "refusal", text);
            }),
        }
        self.about("response.content_part.done", at, item, out, |body| {
            place(body, "content_index", content);
            body.key("part");
            encode_content(said, body);
        });
    }

    /// Tells that the summary of a reasoning item begins.
    pub(super) fn summary_added(&mut self, at: usize, item: &Item<'_>, out: &mut Vec<u8>) {
        self.summary_part("response.reasoning_summary_part.added", at, item, &Str::default(), out);
    }

    /// Tells more of the summary of a reasoning item.
    pub(super) fn summary_delta(&mut self, at: usize, item: &Item<'_>, text: &Str<'_>, out: &mut Vec<u8>) {
        self.about("response.reasoning_summary_text.delta", at, item, out, |body| {
            place(body, "summary_index", 0);
            member(body, "delta", text);
        });
    }

    /// Tells more of what a tool is called with.
    pub(super) fn input_delta(&mut self, at: usize, item: &Item<'_>, kind: CallKind, text: &Str<'_>, out: &mut Vec<u8>) {
        let kind = match kind {
            CallKind::Function => "response.function_call_arguments.delta",
            CallKind::Custom => "response.custom_tool_call_input.delta",
        };
        self.about(kind, at, item, out, |body| member(body, "delta", text));
    }

    /// Tells what a whole item says, before its end is told. The parts of a message end by themselves.
    pub(super) fn said(&mut self, at: usize, item: &Item<'_>, out: &mut Vec<u8>) {
        match &item.body {
            Body::Message(_) => {}
            Body::Reasoning(text, _) if text.is_empty() => {}
            Body::Reasoning(text, _) => {
                self.about("response.reasoning_summary_text.done", at, item, out, |body| {
                    place(body, "summary_index", 0);
                    member(body, "text", text);
                });
                self.summary_part("response.reasoning_summary_part.done", at, item, text, out);
            }
            Body::Call { kind: CallKind::Function, name, input, .. } => {
                self.about("response.function_call_arguments.done", at, item, out, |body| {
                    member(body, "name", name);
                    member(body, "arguments", input);
                });
            }
            Body::Call { kind: CallKind::Custom, input, .. } => {
                self.about("response.custom_tool_call_input.done", at, item, out, |body| member(body, "input", input));
            }
        }
    }

    fn summary_part(&mut self, kind: &str, at: usize, item: &Item<'_>, text: &Str<'_>, out: &mut Vec<u8>) {
        self.about(kind, at, item, out, |body| {
            place(body, "summary_index", 0);
            body.key("part");
            super::output::encode_summary(text, body);
        });
    }
}

/// Writes a place in a list.
pub(super) fn place(body: &mut Out, name: &str, at: usize) {
    body.key(name);
    body.number(u64::try_from(at).unwrap_or(u64::MAX));
}

fn member(body: &mut Out, name: &str, text: &Str<'_>) {
    body.key(name);
    body.string(text);
}

/// Strict clients demand the list, whether the tokens come with probabilities or not.
fn logprobs(tokens: &Likelihood<'_>, body: &mut Out) {
    body.key("logprobs");
    tokens.encode(body);
}
