//! One frame of a stream, whichever framing it came in, and what is wrong with a stream that can't be framed.

use core::fmt;

/// One frame, complete. It borrows the reader or the chunk that it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// All bytes of the frame. The raw bytes of all frames are the stream, less a byte order mark at the start of server-sent
    /// events: clients' readers fail on one, so it is never passed on.
    pub raw: &'a [u8],
    /// What kind of event it is, where it says so: the value of its last `event` field, or `:event-type` and its like.
    pub event: Option<&'a [u8]>,
    /// The values of its `data` fields, joined by line feeds, or the payload; `None` where there are none, as in a block of comments.
    pub data: Option<&'a [u8]>,
    /// How it was framed.
    pub kind: FrameKind,
}

/// How a frame was framed, and with it whether it tells of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A server-sent event.
    Sent,
    /// A message of an AWS event stream.
    Message,
    /// The same with an error of the service's model: `event` is its name, `data` its JSON.
    Exception,
    /// The same with an error of the transport: `event` is its code, `data` its words, which are no JSON. Either may be missing.
    Error,
}

impl Frame<'_> {
    /// Whether it came to its end. The last server-sent event of a body may lack the blank line that ends it, and then its data may
    /// be cut.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        match self.kind {
            FrameKind::Sent => {
                let line = |bytes: &'_ [u8]| {
                    bytes.len().checked_sub([&b"\r\n"[..], b"\n", b"\r"].into_iter().find(|end| bytes.ends_with(end))?.len())
                };
                let Some(text) = line(self.raw).and_then(|end| self.raw.get(..end)) else { return false };
                line(text).is_some()
            }
            FrameKind::Message | FrameKind::Exception | FrameKind::Error => true,
        }
    }
}

/// A stream that can't be framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramingError {
    /// One frame is longer than the limit.
    TooLong,
    /// A checksum of an AWS event stream is wrong, so that even the length can't be believed.
    Checksum,
    /// A message of an AWS event stream is not built as one.
    Malformed,
    /// The stream ended inside a message of an AWS event stream.
    Cut,
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "an event of the stream is longer than the limit",
            Self::Checksum => "an event of the stream has a wrong checksum",
            Self::Malformed => "an event of the stream is not built as one",
            Self::Cut => "the stream ended inside an event",
        })
    }
}
