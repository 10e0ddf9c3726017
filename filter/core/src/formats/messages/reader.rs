//! A streamed Messages answer as events.
//!
//! ```text
//! message_start ─► ( content_block_start · content_block_delta* · content_block_stop | ping )* ─► message_delta+ ─► message_stop
//! ```
//! The type in the data decides; the `event:` line is optional and unknown types are skipped. The stop reason is held until the
//! answer ends, because a later `message_delta` may replace it.

use super::answer::{self, finish, text};
use super::citations;
use super::event::Wire;
use super::usage::Counts;
use crate::formats::sources::read_all;
use crate::formats::{StreamReader, aws_error};
use crate::framing::Frame;
use crate::hub::{CallKind, ErrorKind, Event, Failure, Field, Finish, Piece, PieceKind, Start};
use crate::json::{JsonError, Kind, Raw, Str};

/// Most blocks that may be open at a time; real streams open one.
const MAX_OPEN: usize = 128;

/// Reads one stream.
#[derive(Default)]
pub(super) struct Reader {
    started: bool,
    over: bool,
    counts: Counts,
    finish: Option<Finish<'static>>,
    /// The model called a tool.
    calls: bool,
    /// The hub's number of the next part.
    next: u32,
    /// Open blocks by the wire's index.
    open: Vec<(u64, Block)>,
}

/// What an open block of the wire is to the hub; parts have the hub's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    /// A block of a tool that the provider runs by itself.
    Skipped,
    /// A part.
    Part(u32),
    /// A call without arguments so far.
    BareCall(u32),
}

type Sink<'s> = &'s mut dyn FnMut(Event<'_>);

impl StreamReader for Reader {
    fn frame(&mut self, frame: &Frame<'_>, sink: Sink<'_>) {
        if let Some(failure) = aws_error::in_stream(frame).filter(|_| !self.over) {
            return self.fail(failure, sink);
        }
        let Some(data) = frame.data.filter(|data| !self.over && !data.is_empty()) else { return };
        if data.trim_ascii() == b"[DONE]" {
            return;
        }
        match Wire::read(data) {
            Ok(wire) => self.event(&wire, data, sink),
            // What the end of the body cut counts as if it had never come; the end itself says whether something is missing.
            Err(_) if !frame.is_ended() => {}
            Err(error) => self.fail_to_read(error, sink),
        }
    }

    fn end(&mut self, sink: Sink<'_>) {
        if self.over {
            return;
        }
        if self.finish.is_some() {
            return self.complete(sink);
        }
        self.break_off("the provider's stream ended early", sink);
    }
}

impl Reader {
    fn event(&mut self, wire: &Wire<'_>, data: &[u8], sink: Sink<'_>) {
        let done = match &*wire.kind.plain() {
            "message_start" => self.start(wire, sink),
            "content_block_start" if self.open.len() >= MAX_OPEN => {
                self.break_off("the provider's stream has too many open blocks", sink);
                Ok(())
            }
            "content_block_start" => self.block_start(wire, sink),
            "content_block_delta" => self.block_delta(wire, sink),
            "content_block_stop" => {
                self.block_stop(wire.index, sink);
                Ok(())
            }
            "message_delta" => self.message_delta(wire, sink),
            "message_stop" => {
                self.begin(sink);
                self.complete(sink);
                Ok(())
            }
            "ping" => {
                sink(Event::Ping);
                Ok(())
            }
            "error" => {
                self.fail(super::error::in_stream(data), sink);
                Ok(())
            }
            _ if wire.error => {
                self.fail(super::error::in_stream(data), sink);
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(error) = done {
            self.fail_to_read(error, sink);
        }
    }

    fn start(&mut self, wire: &Wire<'_>, sink: Sink<'_>) -> Result<(), JsonError> {
        if self.started {
            return Ok(());
        }
        let mut start = Start::default();
        if let Some(message) = wire.message {
            let mut cursor = message.cursor();
            cursor.enter_object()?;
            while let Some(name) = cursor.member()? {
                match &*name.plain() {
                    "id" => start.id = text(&mut cursor)?,
                    "model" => start.model = text(&mut cursor)?,
                    "usage" => self.counts.merge(Counts::read(cursor.raw()?)),
                    _ => cursor.skip()?,
                }
            }
        }
        self.started = true;
        sink(Event::Start(start));
        self.tell_usage(sink);
        Ok(())
    }

    /// A stream whose start was left out begins all the same.
    fn begin(&mut self, sink: Sink<'_>) {
        if !self.started {
            self.started = true;
            sink(Event::Start(Start::default()));
        }
    }

    fn block_start(&mut self, wire: &Wire<'_>, sink: Sink<'_>) -> Result<(), JsonError> {
        self.begin(sink);
        self.block_stop(wire.index, sink);
        let block = wire.content_block.map(answer::Block::read).transpose()?.unwrap_or_default();
        let mut sources = Vec::new();
        if let Some(list) = block.citations.filter(|_| block.kind.is("text"))
            && read_all(list, citations::read, &mut sources)?
        {
            sink(Event::Met(Field::AnswerCitations));
        }
        let (kind, first) = match &*block.kind.plain() {
            "text" => (PieceKind::Text, Some(Piece::Text(block.text))),
            "thinking" => (PieceKind::Reasoning, Some(Piece::Text(block.thinking))),
            "redacted_thinking" => (PieceKind::RedactedReasoning(block.data), None),
            "tool_use" => {
                // The input begins as `{}` and comes in pieces; some servers send it whole here.
                let input = block.input.map(|input| Ok((!is_placeholder(input)?).then_some(input))).transpose()?.flatten();
                (
                    PieceKind::ToolCall { id: block.id, name: block.name, kind: CallKind::Function },
                    input.map(|input| Piece::Arguments(Str::from_plain(input.as_str()))),
                )
            }
            _ => {
                self.open.push((wire.index, Block::Skipped));
                sink(Event::Met(Field::AnswerHosted));
                return Ok(());
            }
        };
        let (calls, thinks) = (matches!(kind, PieceKind::ToolCall { .. }), matches!(kind, PieceKind::Reasoning));
        self.calls |= calls;
        let index = self.next;
        self.next = self.next.saturating_add(1);
        self.open.push((wire.index, if calls && first.is_none() { Block::BareCall(index) } else { Block::Part(index) }));
        sink(Event::PartStart { choice: 0, index, kind });
        if let Some(piece) = first.filter(|piece| !matches!(piece, Piece::Text(text) if text.is_empty())) {
            sink(Event::PartDelta { choice: 0, index, piece });
        }
        for citation in sources {
            sink(Event::PartDelta { choice: 0, index, piece: Piece::Citation(Box::new(citation)) });
        }
        if thinks && !block.signature.is_empty() {
            sink(Event::PartDelta { choice: 0, index, piece: Piece::Signature(block.signature) });
        }
        Ok(())
    }

    fn block_delta(&mut self, wire: &Wire<'_>, sink: Sink<'_>) -> Result<(), JsonError> {
        let Some((_, block)) = self.open.iter_mut().find(|(index, _)| *index == wire.index) else {
            self.break_off("the provider's stream adds to a block that is not open", sink);
            return Ok(());
        };
        let (Block::Part(index) | Block::BareCall(index)) = *block else { return Ok(()) };
        let Some(delta) = wire.delta else { return Ok(()) };
        let mut cursor = delta.cursor();
        cursor.enter_object()?;
        let mut piece = None;
        while let Some(name) = cursor.member()? {
            match &*name.plain() {
                "text" | "thinking" => piece = text(&mut cursor)?.map(Piece::Text),
                "partial_json" => piece = text(&mut cursor)?.map(Piece::Arguments),
                "signature" => piece = text(&mut cursor)?.map(Piece::Signature),
                "citation" => match citations::read(cursor.raw()?)? {
                    Some(citation) => piece = Some(Piece::Citation(Box::new(citation))),
                    None => sink(Event::Met(Field::AnswerCitations)),
                },
                _ => cursor.skip()?,
            }
        }
        if let Some(piece) = piece.filter(|piece| !matches!(piece, Piece::Text(text) | Piece::Arguments(text) if text.is_empty())) {
            *block = Block::Part(index);
            sink(Event::PartDelta { choice: 0, index, piece });
        }
        Ok(())
    }

    fn block_stop(&mut self, index: u64, sink: Sink<'_>) {
        self.open.retain(|(open, block)| {
            if *open == index {
                close(*block, sink);
            }
            *open != index
        });
    }

    fn message_delta(&mut self, wire: &Wire<'_>, sink: Sink<'_>) -> Result<(), JsonError> {
        self.begin(sink);
        if let Some(usage) = wire.usage {
            self.counts.merge(Counts::read(usage));
            self.tell_usage(sink);
        }
        let Some(delta) = wire.delta else { return Ok(()) };
        let (mut reason, mut sequence) = (None, None);
        let mut cursor = delta.cursor();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match &*name.plain() {
                "stop_reason" => reason = text(&mut cursor)?,
                "stop_sequence" => sequence = text(&mut cursor)?,
                _ => cursor.skip()?,
            }
        }
        if reason.is_some() {
            self.finish = Some(finish(reason.map(Str::into_owned), sequence.map(Str::into_owned)));
        }
        Ok(())
    }

    fn tell_usage(&self, sink: Sink<'_>) {
        if let Some(usage) = self.counts.usage() {
            sink(Event::Usage(usage));
        }
    }

    fn complete(&mut self, sink: Sink<'_>) {
        for (_, block) in core::mem::take(&mut self.open) {
            close(block, sink);
        }
        self.over = true;
        let finish = self.finish.take().unwrap_or(Finish::Stop);
        sink(Event::Finish { choice: 0, reason: finish.settled(self.calls) });
        sink(Event::End);
    }

    fn fail_to_read(&mut self, error: JsonError, sink: Sink<'_>) {
        self.break_off(&format!("an event of the provider's stream can't be read: {error}"), sink);
    }

    fn break_off(&mut self, sentence: &str, sink: Sink<'_>) {
        self.fail(Failure::new(ErrorKind::BadGateway, sentence), sink);
    }

    fn fail(&mut self, failure: Failure, sink: Sink<'_>) {
        self.over = true;
        sink(Event::Error(failure));
    }
}

/// Whether the input with which a call begins says nothing yet.
fn is_placeholder(input: Raw<'_>) -> Result<bool, JsonError> {
    if input.kind() != Kind::Object {
        return Ok(input.kind() == Kind::Null);
    }
    let mut cursor = input.cursor();
    cursor.enter_object()?;
    Ok(cursor.member()?.is_none())
}

/// Ends a block's part. A call without arguments has the empty object, as a whole answer says it.
fn close(block: Block, sink: Sink<'_>) {
    let (Block::Part(index) | Block::BareCall(index)) = block else { return };
    if matches!(block, Block::BareCall(_)) {
        sink(Event::PartDelta { choice: 0, index, piece: Piece::Arguments(Str::from_plain("{}")) });
    }
    sink(Event::PartEnd { choice: 0, index });
}
