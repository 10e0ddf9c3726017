//! A streamed Converse answer as events.
//!
//! ```text
//! messageStart ─► ( contentBlockStart? · contentBlockDelta* · contentBlockStop )* ─► messageStop ─► metadata? ─► end of body
//! ```
//! Text and thinking have no start: their first delta is one. The reason comes before the counts, so it is held until they came.

use super::said::{Block, Delta, Said};
use super::usage;
use crate::formats::{StreamReader, aws_error};
use crate::framing::Frame;
use crate::hub::{CallKind, ErrorKind, Event, Failure, Field, Finish, Piece, PieceKind, Start};
use crate::json::Str;

/// Most blocks that may be open at a time; the service sends them one by one.
const MAX_OPEN: usize = 64;

/// Longest signature of thinking that is kept, in bytes; real ones have some kilobytes.
const MAX_SIGNATURE: usize = 1 << 20;

/// Reads one stream.
#[derive(Default)]
pub(super) struct Reader {
    phase: Phase,
    /// The hub's number of the next part.
    next: u32,
    open: Vec<Open>,
    /// Whether the model called a tool.
    called: bool,
    finish: Option<Finish<'static>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Before,
    Running,
    /// The reason was told; it needs no more than the end of the body.
    Finished,
    Over,
}

/// A block that more may be added to.
#[derive(Debug)]
struct Open {
    /// The wire's number of it.
    index: u64,
    kind: OpenKind,
}

#[derive(Debug)]
enum OpenKind {
    Text(u32),
    /// With the signature as far as it came: the hub has it whole.
    Thought(u32, Str<'static>),
    /// Thinking that only the vendor can read; it came whole.
    Redacted(u32),
    Call(u32),
    /// What the client has no part in.
    Hosted,
}

type Sink<'s> = &'s mut dyn FnMut(Event<'_>);

impl StreamReader for Reader {
    fn frame(&mut self, frame: &Frame<'_>, sink: Sink<'_>) {
        if self.phase == Phase::Over {
            return;
        }
        if let Some(failure) = aws_error::in_stream(frame) {
            return self.fail(failure, sink);
        }
        let (Some(event), Some(data)) = (frame.event, frame.data) else { return };
        match Said::read(event, data) {
            Ok(said) => self.take(said, sink),
            Err(error) => {
                let sentence = format!("an event of the provider's stream can't be read: {error}");
                self.fail(Failure::new(ErrorKind::BadGateway, sentence), sink);
            }
        }
    }

    fn end(&mut self, sink: Sink<'_>) {
        self.tell_finish(sink);
        match self.phase {
            Phase::Over => {}
            Phase::Finished => {
                self.phase = Phase::Over;
                sink(Event::End);
            }
            Phase::Before | Phase::Running => self.fail(Failure::new(ErrorKind::BadGateway, "the provider's stream ended early"), sink),
        }
    }
}

impl Reader {
    fn take(&mut self, said: Said<'_>, sink: Sink<'_>) {
        if self.phase == Phase::Before {
            self.phase = Phase::Running;
            sink(Event::Start(Start::default()));
        }
        match said {
            Said::Start | Said::Nothing => {}
            Said::Block { index, kind: Block::Call { id, name } } => {
                self.called = true;
                self.begin(index, PieceKind::ToolCall { id, name, kind: CallKind::Function }, OpenKind::Call, sink);
            }
            Said::Block { index, kind: Block::Hosted } => {
                sink(Event::Met(Field::AnswerHosted));
                self.close(index, sink);
                self.keep(index, OpenKind::Hosted, sink);
            }
            // What has no kind yet is opened by its first delta.
            Said::Block { index, kind: Block::Other } | Said::Stop { index } => self.close(index, sink),
            Said::Delta { index, piece } => self.delta(index, piece, sink),
            Said::Finish(reason) => {
                while let Some(index) = self.open.first().map(|open| open.index) {
                    self.close(index, sink);
                }
                self.finish = Some(reason.settled(self.called).to_owned());
            }
            Said::Metadata(counts) => {
                if let Some(usage) = counts.and_then(usage::read) {
                    sink(Event::Usage(usage));
                }
                self.tell_finish(sink);
            }
        }
    }

    fn delta(&mut self, index: u64, piece: Delta<'_>, sink: Sink<'_>) {
        let open = self.open.iter_mut().find(|open| open.index == index).map(|open| &mut open.kind);
        let (part, piece) = match (piece, open) {
            (Delta::Other, _) | (_, Some(OpenKind::Hosted)) => return,
            (Delta::Text(text) | Delta::Thought(text), _) if text.is_empty() => return,
            (Delta::Text(text), Some(OpenKind::Text(part))) => (*part, Piece::Text(text)),
            (Delta::Thought(text), Some(OpenKind::Thought(part, _))) => (*part, Piece::Text(text)),
            (Delta::Arguments(text), Some(OpenKind::Call(part))) => (*part, Piece::Arguments(text)),
            (Delta::Arguments(_), _) => {
                let sentence = "the provider's stream adds to a call that is not open";
                return self.fail(Failure::new(ErrorKind::BadGateway, sentence), sink);
            }
            (Delta::Signature(text), Some(OpenKind::Thought(_, signature))) => {
                signature.push(&text);
                if signature.as_escaped().len() > MAX_SIGNATURE {
                    self.fail(Failure::new(ErrorKind::BadGateway, "the provider's signature is too long"), sink);
                }
                return;
            }
            (Delta::Citation(citation), Some(OpenKind::Text(part))) => (*part, Piece::Citation(citation)),
            (Delta::Citation(citation), _) => (self.begin(index, PieceKind::Text, OpenKind::Text, sink), Piece::Citation(citation)),
            (Delta::Text(text), _) => (self.begin(index, PieceKind::Text, OpenKind::Text, sink), Piece::Text(text)),
            (Delta::Thought(text), _) => (self.begin(index, PieceKind::Reasoning, thought(Str::default()), sink), Piece::Text(text)),
            (Delta::Signature(text), _) => {
                self.begin(index, PieceKind::Reasoning, thought(text.into_owned()), sink);
                return;
            }
            (Delta::Redacted(data), _) => {
                self.begin(index, PieceKind::RedactedReasoning(data), OpenKind::Redacted, sink);
                return;
            }
        };
        if self.phase != Phase::Over {
            sink(Event::PartDelta { choice: 0, index: part, piece });
        }
    }

    /// Begins a part; what stood at its place on the wire is complete.
    fn begin(&mut self, index: u64, kind: PieceKind<'_>, open: impl FnOnce(u32) -> OpenKind, sink: Sink<'_>) -> u32 {
        self.close(index, sink);
        let part = self.next;
        self.next = self.next.saturating_add(1);
        sink(Event::PartStart { choice: 0, index: part, kind });
        self.keep(index, open(part), sink);
        part
    }

    fn keep(&mut self, index: u64, kind: OpenKind, sink: Sink<'_>) {
        if self.open.len() >= MAX_OPEN {
            return self.fail(Failure::new(ErrorKind::BadGateway, "the provider's stream has too many open blocks"), sink);
        }
        self.open.push(Open { index, kind });
    }

    fn close(&mut self, index: u64, sink: Sink<'_>) {
        let Some(place) = self.open.iter().position(|open| open.index == index) else { return };
        let behind = self.open.split_off(place);
        let mut behind = behind.into_iter();
        let closed = behind.next();
        self.open.extend(behind);
        let part = match closed.map(|open| open.kind) {
            Some(OpenKind::Text(part) | OpenKind::Redacted(part) | OpenKind::Call(part)) => part,
            Some(OpenKind::Thought(part, signature)) => {
                if !signature.is_empty() {
                    sink(Event::PartDelta { choice: 0, index: part, piece: Piece::Signature(signature) });
                }
                part
            }
            Some(OpenKind::Hosted) | None => return,
        };
        sink(Event::PartEnd { choice: 0, index: part });
    }

    /// Tells the reason, if there is one that was not told.
    fn tell_finish(&mut self, sink: Sink<'_>) {
        let Some(reason) = self.finish.take().filter(|_| self.phase == Phase::Running) else { return };
        if self.next == 0 && reason.is_broken() {
            return self.fail(Failure::wordless(), sink);
        }
        self.phase = Phase::Finished;
        sink(Event::Finish { choice: 0, reason });
    }

    fn fail(&mut self, failure: Failure, sink: Sink<'_>) {
        self.phase = Phase::Over;
        sink(Event::Error(failure));
    }
}

fn thought(signature: Str<'static>) -> impl FnOnce(u32) -> OpenKind {
    |part| OpenKind::Thought(part, signature)
}
