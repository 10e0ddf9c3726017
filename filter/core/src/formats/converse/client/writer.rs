//! Streamed answers as Converse clients read them: events in, messages of an AWS event stream out.
//!
//! ```text
//! Before ─(anything but a ping)► Running ─End► Over          any ─Error► Over
//! ```
//! Only calls have an event for their start. Why the answer ended stands before what it cost.

use super::answer::{call, counts, redacted, stop_reason};
use crate::formats::converse::citations;
use crate::formats::in_turn::InTurn;
use crate::formats::{Asked, StreamWriter, aws_reply};
use crate::framing::event_stream::write_event;
use crate::hub::{ErrorKind, Event, Finish, Piece, PieceKind, Rejection};
use crate::json::{Out, Str};
use crate::usage::Usage;

/// Writes one stream.
#[derive(Debug)]
pub(in super::super) struct Writer {
    asked: Asked,
    phase: Phase,
    usage: Usage,
    open: InTurn<Block>,
    calls: bool,
    finish: Option<Finish<'static>>,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Before,
    Running,
    Over,
}

/// What is known of an open block.
#[derive(Clone, Copy, Debug)]
struct Block {
    voice: Voice,
    /// Whether anything of it was written. What says nothing is left out, as in a whole answer.
    said: bool,
}

/// How the pieces of a block are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    Text,
    Thinking,
    Arguments,
}

impl StreamWriter for Writer {
    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.phase == Phase::Over {
            return;
        }
        match event {
            // The format has nothing that keeps a connection alive.
            Event::Ping | Event::Likelihood { .. } | Event::Met(_) => {}
            Event::Start(_) => self.begin(out),
            Event::Usage(later) => self.usage.merge_snapshot(later),
            // The format has one choice.
            Event::PartStart { choice: 0, index, kind } => self.part_start(*index, kind, out),
            Event::PartDelta { choice: 0, index, piece } => self.part_delta(*index, piece, out),
            Event::PartEnd { choice: 0, index } => self.part_end(*index, out),
            Event::Finish { choice: 0, reason } => self.finish = Some(reason.to_owned()),
            Event::PartStart { .. } | Event::PartDelta { .. } | Event::PartEnd { .. } | Event::Finish { .. } => {}
            Event::Error(failure) => self.fail(&Rejection::from(failure), out),
            Event::End => self.end(out),
        }
    }
}

impl Writer {
    pub(in super::super) fn new(asked: &Asked) -> Self {
        Self { asked: asked.clone(), phase: Phase::Before, usage: Usage::default(), open: InTurn::new(), calls: false, finish: None }
    }

    /// Writes the first message, once.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.phase == Phase::Before {
            self.phase = Phase::Running;
            write_event("messageStart", br#"{"role":"assistant"}"#, out);
        }
    }

    fn part_start(&mut self, index: u32, kind: &PieceKind<'_>, out: &mut Vec<u8>) {
        self.begin(out);
        let voice = match kind {
            PieceKind::Text | PieceKind::Refusal => Voice::Text,
            PieceKind::Reasoning | PieceKind::RedactedReasoning(_) => Voice::Thinking,
            PieceKind::ToolCall { .. } => Voice::Arguments,
        };
        self.open.begin(index, Block { voice, said: false });
        match kind {
            PieceKind::Text | PieceKind::Refusal | PieceKind::Reasoning => {}
            PieceKind::RedactedReasoning(data) => self.thought(index, "redactedContent", &redacted(data), out),
            PieceKind::ToolCall { id, name, .. } => {
                self.calls = true;
                let mut body = payload(index);
                body.key("start");
                body.constant(r#"{"toolUse":"#);
                call(id, name, &mut body);
                body.verbatim("}}");
                self.tell(index, "contentBlockStart", body, out);
            }
        }
    }

    fn part_delta(&mut self, index: u32, piece: &Piece<'_>, out: &mut Vec<u8>) {
        let Some(voice) = self.open.kept(index).map(|block| block.voice) else { return };
        match (piece, voice) {
            (Piece::Text(text), Voice::Thinking) => self.thought(index, "text", text, out),
            (Piece::Signature(text), _) => self.thought(index, "signature", text, out),
            (Piece::Text(text), Voice::Text | Voice::Arguments) => self.delta(index, r#"{"text":"#, text, "}", out),
            (Piece::Arguments(text), _) => self.delta(index, r#"{"toolUse":{"input":"#, text, "}}", out),
            (Piece::Citation(citation), Voice::Text) => {
                let mut body = payload(index);
                body.key("delta");
                body.constant(r#"{"citation":"#);
                citations::encode(citation, &mut body);
                body.close_object();
                self.tell(index, "contentBlockDelta", body, out);
            }
            (Piece::Citation(_), Voice::Thinking | Voice::Arguments) => {}
        }
    }

    fn thought(&mut self, index: u32, member: &str, text: &Str<'_>, out: &mut Vec<u8>) {
        let before = format!("{{\"reasoningContent\":{{\"{member}\":");
        self.delta(index, &before, text, "}}", out);
    }

    /// Writes more of a block, between what makes an object of it.
    fn delta(&mut self, index: u32, before: &str, text: &Str<'_>, behind: &str, out: &mut Vec<u8>) {
        let mut body = payload(index);
        body.key("delta");
        body.verbatim(before);
        body.string(text);
        body.verbatim(behind);
        self.tell(index, "contentBlockDelta", body, out);
    }

    fn part_end(&mut self, index: u32, out: &mut Vec<u8>) {
        if self.open.kept(index).is_some_and(|block| block.said) {
            self.tell(index, "contentBlockStop", payload(index), out);
        }
        self.open.end(index, out);
    }

    /// Writes a message about a block, whose payload is still open.
    fn tell(&mut self, index: u32, event: &str, mut body: Out, out: &mut Vec<u8>) {
        body.close_object();
        if let Some(block) = self.open.kept(index) {
            block.said = true;
        }
        let mut message = Vec::new();
        write_event(event, body.as_bytes(), &mut message);
        if let Err(rejection) = self.open.say(index, &message, out) {
            self.fail(&rejection, out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        for index in self.open.unended() {
            self.part_end(index, out);
        }
        let finish = self.finish.take().unwrap_or(Finish::Stop);
        if matches!(finish, Finish::Error) {
            return self.fail(&Rejection::new(ErrorKind::BadGateway, "the provider broke off its answer"), out);
        }
        let mut body = Out::default();
        body.open_object();
        body.key("stopReason");
        body.plain(stop_reason(&finish, self.calls));
        body.close_object();
        write_event("messageStop", body.as_bytes(), out);
        let mut body = Out::default();
        body.open_object();
        counts(&self.usage, &self.asked, &mut body);
        body.close_object();
        write_event("metadata", body.as_bytes(), out);
        self.phase = Phase::Over;
    }

    fn fail(&mut self, rejection: &Rejection, out: &mut Vec<u8>) {
        self.phase = Phase::Over;
        aws_reply::event(rejection, out);
    }
}

/// The payload of a message about a block; its object stays open.
fn payload(index: u32) -> Out {
    let mut body = Out::with_capacity(128);
    body.open_object();
    body.key("contentBlockIndex");
    body.number(u64::from(index));
    body
}
