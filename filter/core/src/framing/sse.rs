//! Server-sent events (WHATWG HTML, section 9.2): bytes in any pieces to whole events, and events to bytes.

mod block;
#[cfg(test)]
mod tests;

use super::{Frame, FramingError};
use block::{Block, line_end};

/// Longest event that a reader takes, in bytes: inline images and final responses are megabytes.
pub const MAX_EVENT: usize = 16 << 20;

/// Ends an event that was cut anywhere, so that what follows it is read as an event of its own.
///
/// Two line feeds, because one may end a line only, or be taken for the second half of CR LF.
pub const EVENT_END: &[u8] = b"\n\n";

/// The byte order mark that may stand at the very start of a stream and means nothing there.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Room for incomplete events that is kept from one event to the next, in bytes; text events are far below it.
const KEPT: usize = 64 << 10;

/// Finds the events in a stream of bytes.
///
/// Lines end with LF, CR LF or CR, and a chunk may end anywhere. An event that lies in one chunk borrows it; only what is incomplete
/// is copied. An event is handed out as soon as its blank line has begun: where that is a CR at the end of a chunk, an LF that
/// follows belongs to the raw bytes of the next frame.
#[derive(Clone, Debug)]
pub struct Reader {
    limit: usize,
    /// How many bytes of a byte order mark were read, while only such bytes were.
    mark: Option<usize>,
    /// The incomplete event, from its first byte.
    pending: Vec<u8>,
    block: Block,
    broken: bool,
}

impl Reader {
    /// A reader of events of at most `limit` bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { limit, mark: Some(0), pending: Vec::new(), block: Block::new(), broken: false }
    }

    /// Takes the next bytes and hands out each event that they complete.
    ///
    /// # Errors
    /// An event is longer than the limit. From then on [`Reader::pending`] is everything that was not handed out, for a caller
    /// that passes bytes on all the same, and each further call fails without taking anything.
    pub fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(Frame<'_>)) -> Result<(), FramingError> {
        if self.broken {
            return Err(FramingError::TooLong);
        }
        let bytes = self.pass_mark(bytes);
        let taken = self.complete(bytes, each)?;
        let mut rest = bytes.get(taken..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        while let Some(end) = self.block.lines(rest) {
            if end > self.limit {
                return self.fail(rest);
            }
            let (raw, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            each(self.block.frame(raw));
            self.block.reset();
            rest = behind;
            if rest.is_empty() {
                return Ok(());
            }
        }
        if rest.len() > self.limit {
            return self.fail(rest);
        }
        self.pending.extend_from_slice(rest);
        Ok(())
    }

    /// The body ended: hands out the event that no blank line ended, if there is one. Its last line may be cut, so it counts only
    /// where what it says is complete by itself.
    pub fn finish(&mut self, each: &mut dyn FnMut(Frame<'_>)) {
        let mark = self.mark.take().and_then(|read| MARK.get(..read)).unwrap_or_default();
        self.pending.extend_from_slice(mark);
        if self.pending.is_empty() || self.broken {
            return;
        }
        self.block.last_line(&self.pending);
        each(self.block.frame(&self.pending));
        self.block.reset();
        self.pending.clear();
    }

    /// The bytes of the incomplete event.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        &self.pending
    }

    /// Whether an event has begun and not ended. Where its bytes went on as they came, [`EVENT_END`] must come before another event.
    #[must_use]
    pub fn mid_event(&self) -> bool {
        !matches!(self.pending.as_slice(), [] | [b'\n'])
    }

    /// Passes a byte order mark at the start of the stream. Bytes that only began like one become part of the first event.
    fn pass_mark<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(read) = self.mark else { return bytes };
        let due = MARK.get(read..).unwrap_or_default();
        let same = due.iter().zip(bytes).take_while(|(one, other)| one == other).count();
        if same < due.len() && same == bytes.len() {
            self.mark = Some(read + same);
            return &[];
        }
        self.mark = None;
        if same == due.len() {
            return bytes.get(same..).unwrap_or_default();
        }
        self.pending.extend_from_slice(MARK.get(..read).unwrap_or_default());
        bytes
    }

    /// Completes the event that earlier chunks began, line by line; returns how many bytes it took.
    fn complete(&mut self, bytes: &[u8], each: &mut dyn FnMut(Frame<'_>)) -> Result<usize, FramingError> {
        let mut taken = 0;
        while !self.pending.is_empty() {
            let rest = bytes.get(taken..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            let line = match line_end(rest) {
                Some(at) if rest.get(at..at + 2) == Some(b"\r\n") => at + 2,
                Some(at) => at + 1,
                None => rest.len(),
            };
            if self.pending.len().saturating_add(line) > self.limit {
                self.fail(rest)?;
            }
            self.pending.extend_from_slice(rest.get(..line).unwrap_or_default());
            taken += line;
            if self.block.lines(&self.pending).is_some() {
                each(self.block.frame(&self.pending));
                self.block.reset();
                self.pending.clear();
                self.pending.shrink_to(KEPT);
            }
        }
        Ok(taken)
    }

    fn fail(&mut self, rest: &[u8]) -> Result<(), FramingError> {
        self.broken = true;
        self.pending.extend_from_slice(rest);
        Err(FramingError::TooLong)
    }
}

/// Appends one event. Each line of `data` becomes a field of its own, so that white space in JSON that came from elsewhere can't
/// end the event.
pub fn write_event(event: Option<&str>, data: &str, out: &mut Vec<u8>) {
    if let Some(event) = event {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(event.as_bytes());
        out.push(b'\n');
    }
    let mut rest = data.as_bytes();
    loop {
        let end = line_end(rest);
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default());
        out.push(b'\n');
        let Some(end) = end else { break };
        let passed = if rest.get(end..end + 2) == Some(b"\r\n") { end + 2 } else { end + 1 };
        rest = rest.get(passed..).unwrap_or_default();
    }
    out.push(b'\n');
}
