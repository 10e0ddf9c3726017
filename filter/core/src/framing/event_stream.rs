//! AWS event streams (`application/vnd.amazon.eventstream`): bytes in any pieces to whole messages, and messages to bytes.
//!
//! ```text
//! 0         4           8               12                12+H          total−4
//! total u32 │ H u32     │ CRC of 0..8   │ headers, H bytes │ payload     │ CRC of 0..total−4
//! ```
//!
//! All numbers are big-endian. A length counts only once its checksum is right: a wrong one would hold the stream up for ever.

mod header;
#[cfg(test)]
mod tests;

pub use header::Value;

use super::crc32::crc32;
use super::{Frame, FrameKind, FramingError};
use header::Headers;

/// Media type of such streams.
pub const MEDIA_TYPE: &str = "application/vnd.amazon.eventstream";

/// Longest headers of a message, in bytes, as the vendor's own readers have it.
const MAX_HEADERS: usize = 128 << 10;

/// Bytes in front of the headers.
const PRELUDE: usize = 12;

/// Bytes of a message beside headers and payload.
const AROUND: usize = PRELUDE + 4;

/// Room for an incomplete message that is kept from one to the next, in bytes; messages with text are far below it.
const KEPT: usize = 64 << 10;

/// Finds the messages in a stream of bytes. A message that lies in one chunk borrows it; only what is incomplete is copied.
#[derive(Clone, Debug)]
pub struct Reader {
    limit: usize,
    /// The incomplete message, from its first byte.
    pending: Vec<u8>,
    broken: Option<FramingError>,
}

impl Reader {
    /// A reader of messages of at most `limit` bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { limit, pending: Vec::new(), broken: None }
    }

    /// Takes the next bytes and hands out each message that they complete.
    ///
    /// # Errors
    /// A message is longer than the limit, has a wrong checksum or can't be read. Nothing behind it can be found, so that each
    /// further call fails in the same way.
    pub fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(Frame<'_>)) -> Result<(), FramingError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let result = self.take(bytes, each);
        self.broken = result.err();
        result
    }

    /// Whether a message has begun and not ended. Nothing can end one that was cut: its bytes must never go on.
    #[must_use]
    pub fn mid_message(&self) -> bool {
        !self.pending.is_empty()
    }

    fn take(&mut self, bytes: &[u8], each: &mut dyn FnMut(Frame<'_>)) -> Result<(), FramingError> {
        let mut rest = self.complete(bytes, each)?;
        while let Some(total) = self.total(rest)? {
            let Some((raw, behind)) = rest.split_at_checked(total) else { break };
            each(Message::read(raw)?.frame()?);
            rest = behind;
        }
        self.pending.extend_from_slice(rest);
        Ok(())
    }

    /// Completes the message that earlier chunks began; returns what is behind it.
    fn complete<'b>(&mut self, mut bytes: &'b [u8], each: &mut dyn FnMut(Frame<'_>)) -> Result<&'b [u8], FramingError> {
        while !self.pending.is_empty() && !bytes.is_empty() {
            let due = self.total(&self.pending)?.unwrap_or(PRELUDE).saturating_sub(self.pending.len());
            let (taken, rest) = bytes.split_at_checked(due).unwrap_or((bytes, &[]));
            self.pending.extend_from_slice(taken);
            bytes = rest;
            if self.total(&self.pending)? == Some(self.pending.len()) {
                each(Message::read(&self.pending)?.frame()?);
                self.pending.clear();
                self.pending.shrink_to(KEPT);
            }
        }
        Ok(bytes)
    }

    /// How long the message is that begins here; `None` while that has not come.
    fn total(&self, bytes: &[u8]) -> Result<Option<usize>, FramingError> {
        match prelude(bytes)? {
            Some((total, _)) if total > self.limit => Err(FramingError::TooLong),
            Some((total, _)) => Ok(Some(total)),
            None => Ok(None),
        }
    }
}

/// One message, complete and with right checksums.
#[derive(Clone, Copy, Debug)]
struct Message<'a> {
    raw: &'a [u8],
    /// In their order; each can be read.
    headers: Headers<'a>,
    payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// The message whose bytes these are.
    fn read(raw: &'a [u8]) -> Result<Self, FramingError> {
        let (content, sum) = raw.split_last_chunk().ok_or(FramingError::Malformed)?;
        if crc32(content) != u32::from_be_bytes(*sum) {
            return Err(FramingError::Checksum);
        }
        let headers_end = prelude(raw)?.map_or(PRELUDE, |(_, headers)| PRELUDE.saturating_add(headers));
        let (before, payload) = content.split_at_checked(headers_end).ok_or(FramingError::Malformed)?;
        let headers = Headers::of(before.get(PRELUDE..).unwrap_or_default());
        headers.into_iter().try_for_each(|header| header.map(|_| ()))?;
        Ok(Self { raw, headers, payload })
    }

    /// What its headers say it is: an event, or an error in the place of one.
    /// One that says so twice, or is of none of the three types that there are, is none.
    fn frame(&self) -> Result<Frame<'a>, FramingError> {
        let (mut kind, mut event, mut exception, mut code, mut words) = (None, None, None, None, None);
        for header in self.headers {
            let (name, Value::Text(value)) = header? else { continue };
            let place = match name {
                b":message-type" => &mut kind,
                b":event-type" => &mut event,
                b":exception-type" => &mut exception,
                b":error-code" => &mut code,
                b":error-message" => &mut words,
                _ => continue,
            };
            if place.replace(value).is_some() {
                return Err(FramingError::Malformed);
            }
        }
        let (kind, event, data) = match kind {
            Some(b"event") => (FrameKind::Message, event, Some(self.payload)),
            Some(b"exception") => (FrameKind::Exception, exception, Some(self.payload)),
            Some(b"error") => (FrameKind::Error, code, words),
            Some(_) | None => return Err(FramingError::Malformed),
        };
        Ok(Frame { raw: self.raw, event, data, kind })
    }
}

/// The lengths of a message that begins here, and of its headers; `None` while they have not come.
fn prelude(bytes: &[u8]) -> Result<Option<(usize, usize)>, FramingError> {
    let Some((&lengths, [a, b, c, d, ..])) = bytes.split_first_chunk::<8>() else { return Ok(None) };
    if crc32(&lengths) != u32::from_be_bytes([*a, *b, *c, *d]) {
        return Err(FramingError::Checksum);
    }
    let [t0, t1, t2, t3, h0, h1, h2, h3] = lengths;
    let length = |bytes| usize::try_from(u32::from_be_bytes(bytes)).unwrap_or(usize::MAX);
    let (total, headers) = (length([t0, t1, t2, t3]), length([h0, h1, h2, h3]));
    if headers > MAX_HEADERS || total < headers.saturating_add(AROUND) {
        return Err(FramingError::Malformed);
    }
    Ok(Some((total, headers)))
}

/// Appends one event whose payload is JSON.
pub fn write_event(event: &str, payload: &[u8], out: &mut Vec<u8>) {
    write_json(":event-type", event, "event", payload, out);
}

/// Appends one exception of the service's model; `name` as the model spells its member, `payload` its JSON.
pub fn write_exception(name: &str, payload: &[u8], out: &mut Vec<u8>) {
    write_json(":exception-type", name, "exception", payload, out);
}

/// The three headers in the service's own order.
fn write_json(header: &str, name: &str, kind: &str, payload: &[u8], out: &mut Vec<u8>) {
    write_message(
        &[
            (header.as_bytes(), Value::Text(name.as_bytes())),
            (b":content-type", Value::Text(b"application/json")),
            (b":message-type", Value::Text(kind.as_bytes())),
        ],
        payload,
        out,
    );
}

/// Appends one message. A name is cut at 255 bytes and a value at 65535, the most that the format can say.
pub fn write_message(headers: &[(&[u8], Value<'_>)], payload: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; PRELUDE]);
    headers.iter().for_each(|(name, value)| header::write(name, value, out));
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    let headers = out.len().saturating_sub(start).saturating_sub(PRELUDE);
    let lengths = [length(headers.saturating_add(payload.len()).saturating_add(AROUND)), length(headers)].concat();
    let sum = crc32(&lengths).to_be_bytes();
    if let Some(prelude) = out.get_mut(start..) {
        prelude.iter_mut().zip(lengths.iter().chain(&sum)).for_each(|(place, byte)| *place = *byte);
    }
    out.extend_from_slice(payload);
    let sum = crc32(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&sum.to_be_bytes());
}
