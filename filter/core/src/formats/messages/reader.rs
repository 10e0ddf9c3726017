//! A streamed Messages answer as events.
//!
//! ```text
//! message_start ─► ( content_block_start · content_block_delta* · content_block_stop | ping )* ─► message_delta+ ─► message_stop
//! ```
//! The type in the data decides; the `event:` line is optional and unknown types are skipped. The stop reason is held until the
//! answer ends, because a later `message_delta` may replace it.

use super::answer::{Block, finish, text};
use super::usage::Counts;
use crate::formats::StreamReader;
use crate::framing::sse::Frame;
use crate::hub::{ErrorKind, Event, Failure, Finish, Piece, PieceKind, Start};
use crate::json::{Cursor, JsonError, Kind, Raw, Str};

/// Reads one stream.
#[derive(Default)]
pub(super) struct Reader {
    started: bool,
    over: bool,
    counts: Counts,
    finish: Option<Finish<'static>>,
    /// The hub's number of the next part.
    next: u32,
    /// Open blocks: the wire's index, and the hub's number where the block is a part.
    open: Vec<(u64, Option<u32>)>,
}

type Sink<'s> = &'s mut dyn FnMut(Event<'_>);

impl StreamReader for Reader {
    fn frame(&mut self, frame: &Frame<'_>, sink: Sink<'_>) {
        let Some(data) = frame.data.filter(|data| !self.over && !data.is_empty()) else { return };
        if data.trim_ascii() == b"[DONE]" {
            return;
        }
        match Wire::read(data) {
            Ok(wire) => self.event(&wire, data, sink),
            Err(error) => {
                self.fail(Failure::new(ErrorKind::BadGateway, format!("an event of the provider's stream can't be read: {error}")), sink)
            }
        }
    }

    fn end(&mut self, sink: Sink<'_>) {
        if self.over {
            return;
        }
        if self.finish.is_some() {
            return self.complete(sink);
        }
        self.fail(Failure::new(ErrorKind::BadGateway, "the provider's stream ended early"), sink);
    }
}

impl Reader {
    fn event(&mut self, wire: &Wire<'_>, data: &[u8], sink: Sink<'_>) {
        let done = match &*wire.kind.plain() {
            "message_start" => self.start(wire, sink),
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
            self.fail(Failure::new(ErrorKind::BadGateway, format!("an event of the provider's stream can't be read: {error}")), sink);
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
        let block = wire.content_block.map(Block::read).transpose()?.unwrap_or_default();
        let (kind, first) = match &*block.kind.plain() {
            "text" => (PieceKind::Text, Some(Piece::Text(block.text))),
            "thinking" => (PieceKind::Reasoning, Some(Piece::Text(block.thinking))),
            "redacted_thinking" => (PieceKind::RedactedReasoning(block.data), None),
            "tool_use" => {
                // The input begins as `{}` and comes in pieces; some servers send it whole here.
                let input = block.input.filter(|input| !matches!(input.as_str(), "{}" | "null"));
                (
                    PieceKind::ToolCall { id: block.id, name: block.name },
                    input.map(|input| Piece::Arguments(Str::from_plain(input.as_str()))),
                )
            }
            _ => {
                // A block of a tool that the provider runs by itself.
                self.open.push((wire.index, None));
                return Ok(());
            }
        };
        let index = self.next;
        self.next = self.next.saturating_add(1);
        self.open.push((wire.index, Some(index)));
        sink(Event::PartStart { choice: 0, index, kind });
        if let Some(piece) = first.filter(|piece| !matches!(piece, Piece::Text(text) if text.is_empty())) {
            sink(Event::PartDelta { choice: 0, index, piece });
        }
        Ok(())
    }

    fn block_delta(&mut self, wire: &Wire<'_>, sink: Sink<'_>) -> Result<(), JsonError> {
        let Some(Some(index)) = self.open.iter().find(|(wire_index, _)| *wire_index == wire.index).map(|(_, part)| *part) else {
            return Ok(());
        };
        let Some(delta) = wire.delta else { return Ok(()) };
        let mut cursor = delta.cursor();
        cursor.enter_object()?;
        let mut piece = None;
        while let Some(name) = cursor.member()? {
            match &*name.plain() {
                "text" | "thinking" => piece = text(&mut cursor)?.map(Piece::Text),
                "partial_json" => piece = text(&mut cursor)?.map(Piece::Arguments),
                "signature" => piece = text(&mut cursor)?.map(Piece::Signature),
                _ => cursor.skip()?,
            }
        }
        if let Some(piece) = piece.filter(|piece| !matches!(piece, Piece::Text(text) | Piece::Arguments(text) if text.is_empty())) {
            sink(Event::PartDelta { choice: 0, index, piece });
        }
        Ok(())
    }

    fn block_stop(&mut self, index: u64, sink: Sink<'_>) {
        self.open.retain(|(wire_index, part)| {
            if *wire_index != index {
                return true;
            }
            if let Some(index) = *part {
                sink(Event::PartEnd { choice: 0, index });
            }
            false
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
        for index in core::mem::take(&mut self.open).into_iter().filter_map(|(_, part)| part) {
            sink(Event::PartEnd { choice: 0, index });
        }
        self.over = true;
        sink(Event::Finish { choice: 0, reason: self.finish.take().unwrap_or(Finish::Stop) });
        sink(Event::End);
    }

    fn fail(&mut self, failure: Failure, sink: Sink<'_>) {
        self.over = true;
        sink(Event::Error(failure));
    }
}

/// The members of an event that mean something in one or another type.
#[derive(Default)]
struct Wire<'f> {
    kind: Str<'f>,
    index: u64,
    message: Option<Raw<'f>>,
    content_block: Option<Raw<'f>>,
    delta: Option<Raw<'f>>,
    usage: Option<Raw<'f>>,
    error: bool,
}

impl<'f> Wire<'f> {
    fn read(data: &'f [u8]) -> Result<Self, JsonError> {
        let mut cursor = Cursor::new(data)?;
        let mut wire = Self::default();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match &*name.plain() {
                "type" => wire.kind = text(&mut cursor)?.unwrap_or_default(),
                "index" if cursor.peek()? == Kind::Number => wire.index = cursor.number()?.as_str().parse().unwrap_or(0),
                "message" => wire.message = object(&mut cursor)?,
                "content_block" => wire.content_block = object(&mut cursor)?,
                "delta" => wire.delta = object(&mut cursor)?,
                "usage" => wire.usage = object(&mut cursor)?,
                "error" => wire.error = cursor.raw()?.kind() != Kind::Null,
                _ => cursor.skip()?,
            }
        }
        cursor.end()?;
        Ok(wire)
    }
}

fn object<'f>(cursor: &mut Cursor<'f>) -> Result<Option<Raw<'f>>, JsonError> {
    let raw = cursor.raw()?;
    Ok((raw.kind() == Kind::Object).then_some(raw))
}
