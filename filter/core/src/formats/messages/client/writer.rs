//! Streamed answers as Messages clients read them: events in, named events out.
//!
//! ```text
//! Before ─Start► Started ─(anything but usage)► Running ─End► Over          any ─Error► Over
//! ```
//! The first event tells what the prompt cost, so it waits for the usage that most providers tell at once. Blocks stand one behind
//! the other.

use super::answer::{head, stop_reason};
use super::{error, usage};
use crate::formats::ids::wire_id;
use crate::formats::in_turn::InTurn;
use crate::formats::messages::citations;
use crate::formats::{Asked, StreamWriter};
use crate::hub::{CallKind, ErrorKind, Event, Finish, Piece, PieceKind, Rejection, Start};
use crate::json::{Out, Str};
use crate::usage::Usage;

/// Writes one stream.
#[derive(Debug)]
pub(in super::super) struct Writer {
    asked: Asked,
    phase: Phase,
    usage: Usage,
    open: InTurn<Voice>,
    spoke: bool,
    calls: bool,
    finish: Option<Finish<'static>>,
}

#[derive(Debug)]
enum Phase {
    Before,
    Started { id: Option<Str<'static>> },
    Running,
    Over,
}

/// How the pieces of a block are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    Text,
    Thinking,
    Arguments,
    /// Free text for a tool, which stands in an object here.
    Input,
}

impl Voice {
    const fn of(kind: &PieceKind<'_>) -> Self {
        match kind {
            PieceKind::Text | PieceKind::Refusal => Self::Text,
            PieceKind::Reasoning | PieceKind::RedactedReasoning(_) => Self::Thinking,
            PieceKind::ToolCall { kind: CallKind::Function, .. } => Self::Arguments,
            PieceKind::ToolCall { kind: CallKind::Custom, .. } => Self::Input,
        }
    }
}

impl StreamWriter for Writer {
    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if matches!(self.phase, Phase::Over) {
            return;
        }
        match event {
            Event::Start(start) => self.start(start),
            Event::Usage(later) => self.usage.merge_snapshot(later),
            // Before the start there is nothing that a ping could keep alive.
            Event::Ping if matches!(self.phase, Phase::Before) => {}
            Event::Ping => {
                self.begin(out);
                out.extend_from_slice(b"event: ping\ndata: {\"type\":\"ping\"}\n\n");
            }
            // The format has one choice.
            Event::PartStart { choice: 0, index, kind } => self.part_start(*index, kind, out),
            Event::PartDelta { choice: 0, index, piece } => self.part_delta(*index, piece, out),
            Event::PartEnd { choice: 0, index } => self.part_end(*index, out),
            Event::Finish { choice: 0, reason } => self.finish = Some(reason.to_owned()),
            Event::PartStart { .. }
            | Event::PartDelta { .. }
            | Event::PartEnd { .. }
            | Event::Finish { .. }
            | Event::Likelihood { .. }
            | Event::Met(_) => {}
            Event::Error(failure) => self.fail(&Rejection::from(failure), out),
            Event::End => self.end(out),
        }
    }
}

impl Writer {
    pub(in super::super) fn new(asked: &Asked) -> Self {
        Self {
            asked: asked.clone(),
            phase: Phase::Before,
            usage: Usage::default(),
            open: InTurn::new(),
            spoke: false,
            calls: false,
            finish: None,
        }
    }

    fn start(&mut self, start: &Start<'_>) {
        if matches!(self.phase, Phase::Before) {
            self.phase = Phase::Started { id: start.id.as_ref().map(|id| id.clone().into_owned()) };
        }
    }

    /// Writes the first event, once.
    fn begin(&mut self, out: &mut Vec<u8>) {
        let id = match &mut self.phase {
            Phase::Before => None,
            Phase::Started { id } => id.take(),
            Phase::Running | Phase::Over => return,
        };
        self.phase = Phase::Running;
        let mut body = event("message_start");
        body.key("message");
        body.open_object();
        head(id.as_ref(), &self.asked, &mut body);
        body.key("content");
        body.open_array();
        body.close_array();
        body.key("stop_reason");
        body.null();
        body.key("stop_sequence");
        body.null();
        body.key("usage");
        usage::encode(&self.usage, &mut body);
        body.close_object();
        close(body, out);
    }

    fn part_start(&mut self, index: u32, kind: &PieceKind<'_>, out: &mut Vec<u8>) {
        self.begin(out);
        self.spoke |= !matches!(kind, PieceKind::Reasoning | PieceKind::RedactedReasoning(_));
        self.calls |= matches!(kind, PieceKind::ToolCall { .. });
        self.open.begin(index, Voice::of(kind));
        let mut body = event("content_block_start");
        body.key("index");
        body.number(u64::from(index));
        body.key("content_block");
        body.open_object();
        body.key("type");
        match kind {
            PieceKind::Text | PieceKind::Refusal => {
                body.plain("text");
                body.key("text");
                body.plain("");
            }
            PieceKind::Reasoning => {
                body.plain("thinking");
                body.key("thinking");
                body.plain("");
                body.key("signature");
                body.plain("");
            }
            PieceKind::RedactedReasoning(data) => {
                body.plain("redacted_thinking");
                body.key("data");
                body.string(data);
            }
            PieceKind::ToolCall { id, name, .. } => {
                body.plain("tool_use");
                body.key("id");
                body.string(&wire_id(id));
                body.key("name");
                body.string(name);
                body.key("input");
                body.open_object();
                body.close_object();
            }
        }
        body.close_object();
        self.tell(index, body, out);
        if Voice::of(kind) == Voice::Input {
            self.json(index, &Str::from_plain("{\"input\":\""), out);
        }
    }

    fn part_delta(&mut self, index: u32, piece: &Piece<'_>, out: &mut Vec<u8>) {
        let Some(voice) = self.open.kept(index).copied() else { return };
        match (piece, voice) {
            (Piece::Citation(citation), Voice::Text) if citations::is_expressible(citation) => {
                let mut body = event("content_block_delta");
                body.key("index");
                body.number(u64::from(index));
                body.key("delta");
                body.constant(r#"{"type":"citations_delta","citation":"#);
                citations::encode(citation, &mut body);
                body.close_object();
                self.tell(index, body, out);
            }
            (Piece::Citation(_), _) => {}
            (Piece::Signature(text), _) => self.delta(index, "signature_delta", "signature", text, out),
            (Piece::Text(text), Voice::Thinking) => self.delta(index, "thinking_delta", "thinking", text, out),
            (Piece::Text(text), Voice::Text | Voice::Arguments | Voice::Input) => self.delta(index, "text_delta", "text", text, out),
            (Piece::Arguments(text), Voice::Text | Voice::Thinking | Voice::Arguments) => self.json(index, text, out),
            (Piece::Arguments(text), Voice::Input) => self.json(index, &Str::from_plain(text.as_escaped()), out),
        }
    }

    /// Writes more of the JSON of a call.
    fn json(&mut self, index: u32, text: &Str<'_>, out: &mut Vec<u8>) {
        self.delta(index, "input_json_delta", "partial_json", text, out);
    }

    fn delta(&mut self, index: u32, kind: &str, member: &str, text: &Str<'_>, out: &mut Vec<u8>) {
        let mut body = event("content_block_delta");
        body.key("index");
        body.number(u64::from(index));
        body.key("delta");
        body.open_object();
        body.key("type");
        body.plain(kind);
        body.key(member);
        body.string(text);
        body.close_object();
        self.tell(index, body, out);
    }

    fn part_end(&mut self, index: u32, out: &mut Vec<u8>) {
        if self.open.kept(index).is_some_and(|voice| *voice == Voice::Input) {
            self.json(index, &Str::from_plain("\"}"), out);
        }
        let mut body = event("content_block_stop");
        body.key("index");
        body.number(u64::from(index));
        self.tell(index, body, out);
        self.open.end(index, out);
    }

    /// Writes an event of a block.
    fn tell(&mut self, index: u32, mut body: Out, out: &mut Vec<u8>) {
        finish(&mut body);
        if let Err(rejection) = self.open.say(index, body.as_bytes(), out) {
            self.fail(&rejection, out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        for index in self.open.unended() {
            self.part_end(index, out);
        }
        let finish = self.finish.take().unwrap_or(Finish::Stop);
        if matches!(finish, Finish::Error) || matches!(finish, Finish::Malformed) && !self.spoke {
            return self.fail(&Rejection::new(ErrorKind::BadGateway, "the provider broke off its answer"), out);
        }
        let (reason, sequence) = stop_reason(&finish, self.calls);
        let mut body = event("message_delta");
        body.key("delta");
        body.open_object();
        body.key("stop_reason");
        body.plain(reason);
        body.key("stop_sequence");
        match sequence {
            Some(sequence) => body.string(&sequence),
            None => body.null(),
        }
        body.close_object();
        body.key("usage");
        usage::encode(&self.usage, &mut body);
        close(body, out);
        out.extend_from_slice(b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
        self.phase = Phase::Over;
    }

    fn fail(&mut self, rejection: &Rejection, out: &mut Vec<u8>) {
        self.phase = Phase::Over;
        error::event(rejection, out);
    }
}

/// An event that was opened; [`close`] ends it.
fn event(kind: &str) -> Out {
    let mut body = Out::with_capacity(128);
    body.verbatim("event: ");
    body.verbatim(kind);
    body.verbatim("\ndata: ");
    body.open_object();
    body.key("type");
    body.plain(kind);
    body
}

fn close(mut body: Out, out: &mut Vec<u8>) {
    finish(&mut body);
    out.extend_from_slice(body.as_bytes());
}

fn finish(body: &mut Out) {
    body.close_object();
    body.verbatim("\n\n");
}
