//! The lines and fields of one event, found while its bytes come.

use super::KEPT;
use crate::framing::{Frame, FrameKind};

/// The fields of the event that is being read, as places in its bytes.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// Where the current line begins.
    line: usize,
    /// Up to here no line end is in the current line.
    scanned: usize,
    /// The last byte read was the CR of a line end, so that an LF belongs to it.
    after_cr: bool,
    event: Option<(usize, usize)>,
    data: Data,
    /// The values of several `data` fields.
    joined: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Data {
    Absent,
    One(usize, usize),
    Joined,
}

impl Block {
    pub(super) const fn new() -> Self {
        Self { line: 0, scanned: 0, after_cr: false, event: None, data: Data::Absent, joined: Vec::new() }
    }

    /// Begins the next event. That a CR was the last byte is still true.
    pub(super) fn reset(&mut self) {
        self.line = 0;
        self.scanned = 0;
        self.event = None;
        self.data = Data::Absent;
        self.joined.clear();
        self.joined.shrink_to(KEPT);
    }

    /// Reads the lines of the event, whose bytes from the first on are `bytes`; returns its length once it is complete.
    pub(super) fn lines(&mut self, bytes: &[u8]) -> Option<usize> {
        loop {
            let first = *bytes.get(self.line)?;
            if core::mem::take(&mut self.after_cr) && first == b'\n' {
                self.line += 1;
                continue;
            }
            let blank = matches!(first, b'\n' | b'\r');
            let end = if blank {
                self.line
            } else {
                let from = self.scanned.max(self.line);
                let Some(found) = line_end(bytes.get(from..)?) else {
                    self.scanned = bytes.len();
                    return None;
                };
                from + found
            };
            self.field(bytes, end);
            self.line = end + 1;
            if bytes.get(end) == Some(&b'\r') {
                match bytes.get(self.line) {
                    Some(b'\n') => self.line += 1,
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
            if blank {
                return Some(self.line);
            }
        }
    }

    /// Takes the bytes behind the last line end for a line.
    pub(super) fn last_line(&mut self, bytes: &[u8]) {
        self.field(bytes, bytes.len());
    }

    /// Notes the field in the current line, which ends at `end`.
    fn field(&mut self, bytes: &[u8], end: usize) {
        let line = bytes.get(self.line..end).unwrap_or_default();
        if let Some(value) = value_of(line, b"data") {
            self.data = match self.data {
                Data::Absent => Data::One(end - value.len(), end),
                Data::One(from, to) => {
                    self.joined.extend_from_slice(bytes.get(from..to).unwrap_or_default());
                    self.join(value)
                }
                Data::Joined => self.join(value),
            };
        } else if let Some(value) = value_of(line, b"event") {
            self.event = Some((end - value.len(), end));
        }
    }

    fn join(&mut self, value: &[u8]) -> Data {
        self.joined.push(b'\n');
        self.joined.extend_from_slice(value);
        Data::Joined
    }

    pub(super) fn frame<'a>(&'a self, raw: &'a [u8]) -> Frame<'a> {
        Frame {
            raw,
            event: self.event.and_then(|(from, to)| raw.get(from..to)),
            data: match self.data {
                Data::Absent => None,
                Data::One(from, to) => raw.get(from..to),
                Data::Joined => Some(&self.joined),
            },
            kind: FrameKind::Sent,
        }
    }
}

/// The value of a line whose field is `name`, less the one space that may stand before it.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

/// Where the first CR or LF is.
pub(super) fn line_end(bytes: &[u8]) -> Option<usize> {
    #[cfg(test)]
    SCANNED.with(|scanned| scanned.set(scanned.get() + bytes.len()));
    memchr::memchr2(b'\n', b'\r', bytes)
}

#[cfg(test)]
std::thread_local! {
    /// Bytes that were looked at for line ends; an upper bound, since a scan stops at the first one.
    pub(super) static SCANNED: core::cell::Cell<usize> = const { core::cell::Cell::new(0) };
}
