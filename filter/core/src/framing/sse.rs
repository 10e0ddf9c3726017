//! Server-sent events (WHATWG HTML, section 9.2): bytes in any pieces to whole events, and events to bytes.

use core::fmt;

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

/// One event, complete. It borrows the reader or the chunk that it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// All bytes of the event, its blank line included. The raw bytes of all frames are the stream, less a byte order mark at its
    /// start: clients' readers fail on one, so it is never passed on.
    pub raw: &'a [u8],
    /// The value of its last `event` field.
    pub event: Option<&'a [u8]>,
    /// The values of its `data` fields, joined by line feeds; `None` where there are none, as in a block of comments.
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

/// The fields of the event that is being read, as places in its bytes.
#[derive(Clone, Debug)]
struct Block {
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
    const fn new() -> Self {
        Self { line: 0, scanned: 0, after_cr: false, event: None, data: Data::Absent, joined: Vec::new() }
    }

    /// Begins the next event. That a CR was the last byte is still true.
    fn reset(&mut self) {
        self.line = 0;
        self.scanned = 0;
        self.event = None;
        self.data = Data::Absent;
        self.joined.clear();
        self.joined.shrink_to(KEPT);
    }

    /// Reads the lines of the event, whose bytes from the first on are `bytes`; returns its length once it is complete.
    fn lines(&mut self, bytes: &[u8]) -> Option<usize> {
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
    fn last_line(&mut self, bytes: &[u8]) {
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

    fn frame<'a>(&'a self, raw: &'a [u8]) -> Frame<'a> {
        Frame {
            raw,
            event: self.event.and_then(|(from, to)| raw.get(from..to)),
            data: match self.data {
                Data::Absent => None,
                Data::One(from, to) => raw.get(from..to),
                Data::Joined => Some(&self.joined),
            },
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
fn line_end(bytes: &[u8]) -> Option<usize> {
    #[cfg(test)]
    tests::SCANNED.with(|scanned| scanned.set(scanned.get() + bytes.len()));
    memchr::memchr2(b'\n', b'\r', bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    std::thread_local! {
        /// Bytes that were looked at for line ends; an upper bound, since a scan stops at the first one.
        pub(super) static SCANNED: Cell<usize> = const { Cell::new(0) };
    }

    type Read = (Option<String>, Option<String>);

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// The events in some pieces; checks that the raw bytes are the stream.
    fn read(pieces: &[&[u8]]) -> Vec<Read> {
        let mut reader = Reader::new(MAX_EVENT);
        let (mut raw, mut events) = (Vec::new(), Vec::new());
        let mut each = |frame: Frame<'_>| {
            raw.extend_from_slice(frame.raw);
            events.push((frame.event.map(text), frame.data.map(text)));
        };
        for piece in pieces {
            reader.push(piece, &mut each).unwrap();
        }
        reader.finish(&mut each);
        let whole = pieces.concat();
        assert_eq!(text(&raw), text(whole.strip_prefix(MARK).unwrap_or(&whole)));
        events
    }

    /// Without frames that say nothing: a lone LF behind a CR becomes one only at the end of the body.
    fn telling(pieces: &[&[u8]]) -> Vec<Read> {
        read(pieces).into_iter().filter(|event| *event != (None, None)).collect()
    }

    fn event(event: &str, data: &str) -> Read {
        (Some(event.to_owned()), Some(data.to_owned()))
    }

    fn data(data: &str) -> Read {
        (None, Some(data.to_owned()))
    }

    #[test]
    fn reads_fields() {
        for (stream, expected) in [
            ("data: a\n\n", vec![data("a")]),
            ("data:a\n\ndata:  b \n\n", vec![data("a"), data(" b ")]),
            ("event: e\ndata: a\nid: 1\nretry: 2\nother: x\n\n", vec![event("e", "a")]),
            ("data: {\"a\":\ndata\ndata: 1}\n\n", vec![data("{\"a\":\n\n1}")]),
            (": comment\n\n", vec![(None, None)]),
            (": comment\ndata: a\n\n", vec![data("a")]),
            ("event: ping\n\n", vec![(Some("ping".into()), None)]),
            ("event: a\nevent: b\ndata:\n\n", vec![event("b", "")]),
            ("\n\n", vec![(None, None), (None, None)]),
            ("database: x\ndata : y\n data: z\n\n", vec![(None, None)]),
            ("data: a\u{2028}b\u{85}c\n\n", vec![data("a\u{2028}b\u{85}c")]),
            ("data: a\n\ndata: cut", vec![data("a"), data("cut")]),
            ("data: a\n", vec![data("a")]),
            ("data: [DONE]\r\rdata: x\r\n\r\n", vec![data("[DONE]"), data("x")]),
            ("\u{feff}data: a\n\n\u{feff}data: b\n\n", vec![data("a"), (None, None)]),
            ("\u{feff}", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(read(&[stream.as_bytes()]), expected, "{stream:?}");
        }
    }

    #[test]
    fn cuts_change_nothing() {
        let stream = "event: a\ndata: {\"é\": \" \"}\n\n: hi\n\ndata: 1\ndata: 2\n\n\ndata: x \nevent: b\n\ndata: [DONE]\n\n";
        for line_end in ["\n", "\r\n", "\r"] {
            for mark in ["", "\u{feff}"] {
                let stream = format!("{mark}{}", stream.replace('\n', line_end));
                let bytes = stream.as_bytes();
                let expected = telling(&[bytes]);
                assert_eq!(expected.len(), 4, "{expected:?}");
                let single: Vec<&[u8]> = bytes.chunks(1).collect();
                assert_eq!(telling(&single), expected);
                for cut in 0..=bytes.len() {
                    let (one, other) = bytes.split_at_checked(cut).unwrap();
                    assert_eq!(telling(&[one, other]), expected, "{line_end:?} at {cut}");
                    assert_eq!(telling(&[one, b"", other]), expected, "{line_end:?} at {cut}");
                }
            }
        }
    }

    #[test]
    fn an_event_leaves_with_its_last_byte() {
        for line_end in ["\n", "\r\n", "\r"] {
            let stream = format!("data: a{line_end}{line_end}");
            let due = if line_end == "\r\n" { stream.len() - 1 } else { stream.len() };
            let mut reader = Reader::new(64);
            let mut came = 0;
            for (at, byte) in stream.bytes().enumerate() {
                reader.push(&[byte], &mut |_| came += 1).unwrap();
                assert_eq!(came, usize::from(at + 1 >= due), "{line_end:?} {at}");
            }
            assert!(!reader.mid_event());
        }
    }

    #[test]
    fn long_events_are_scanned_twice_at_most() {
        let stream = format!("data: {}\n\n", "x".repeat(100_000));
        for size in [1, 7, 4096, stream.len()] {
            SCANNED.with(|scanned| scanned.set(0));
            let pieces: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
            assert_eq!(read(&pieces).len(), 1);
            let scanned = SCANNED.with(Cell::get);
            assert!(scanned <= 2 * stream.len() + 4096, "{scanned} in pieces of {size}");
        }
    }

    #[test]
    fn limits_are_kept_and_nothing_is_lost() {
        let stream = b"data: a\n\ndata: 0123456789\n\ndata: b\n\n";
        for size in [1, 5, 12, stream.len()] {
            let mut reader = Reader::new(12);
            let mut raw = Vec::new();
            let mut passed = 0;
            let result = stream.chunks(size).try_for_each(|piece| {
                passed += piece.len();
                reader.push(piece, &mut |frame| raw.extend_from_slice(frame.raw))
            });
            assert_eq!(result, Err(FramingError::TooLong));
            assert_eq!(raw, b"data: a\n\n");
            raw.extend_from_slice(reader.pending());
            assert_eq!(text(&raw), text(stream.get(..passed).unwrap()));
            assert_eq!(reader.push(b"data: c\n\n", &mut |_| panic!("handed out")), Err(FramingError::TooLong));
        }
    }

    #[test]
    fn a_cut_event_can_be_ended() {
        let whole = "data: a\r\nevent: b\ndata: c\r\r";
        for cut in 0..whole.len() {
            let mut reader = Reader::new(64);
            let mut stream = whole.as_bytes().get(..cut).unwrap().to_vec();
            reader.push(&stream, &mut |_| {}).unwrap();
            if reader.mid_event() {
                stream.extend_from_slice(EVENT_END);
            }
            write_event(Some("error"), "{}", &mut stream);
            assert_eq!(telling(&[&stream]).last(), Some(&event("error", "{}")), "{cut}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        let mut out = Vec::new();
        write_event(None, "{}", &mut out);
        write_event(Some("ping"), "{\n \"a\":\r\n1}", &mut out);
        write_event(None, "", &mut out);
        assert_eq!(text(&out), "data: {}\n\nevent: ping\ndata: {\ndata:  \"a\":\ndata: 1}\n\ndata: \n\n");
        assert_eq!(read(&[&out]), [data("{}"), event("ping", "{\n \"a\":\n1}"), data("")]);
    }
}
