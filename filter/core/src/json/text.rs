//! Pieces of JSON that borrow the body: a whole value, the escaped inside of a string, and JSON that may stand inside a string.

use super::scan::{Specials, plain_run};
use super::{Cursor, JsonError, Kind};
use core::cmp::Ordering;
use std::borrow::Cow;

/// One JSON value exactly as it came: a schema, a number, an unknown member. Always valid JSON without surrounding space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'b>(&'b str);

impl<'b> Raw<'b> {
    /// The JSON literal `true`.
    pub const TRUE: Raw<'static> = Raw("true");
    /// The JSON literal `false`.
    pub const FALSE: Raw<'static> = Raw("false");
    /// The JSON literal `null`.
    pub const NULL: Raw<'static> = Raw("null");
    /// The JSON object without members.
    pub const EMPTY_OBJECT: Raw<'static> = Raw("{}");

    /// Wraps text that a cursor has already walked over.
    pub(super) const fn trusted(text: &'b str) -> Self {
        Self(text)
    }

    /// Checks that `text` is one JSON value, surrounding space allowed.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn parse(text: &'b str) -> Result<Self, JsonError> {
        let mut cursor = Cursor::of_text(text);
        let raw = cursor.raw()?;
        cursor.end()?;
        Ok(raw)
    }

    /// Whether it holds nothing: `null`, or a list, an object or a text that is empty.
    #[must_use]
    pub fn is_vacant(self) -> bool {
        match self.kind() {
            Kind::Null => true,
            Kind::Array | Kind::Object | Kind::String => self.0.bytes().filter(|byte| !byte.is_ascii_whitespace()).take(3).count() == 2,
            Kind::Number | Kind::Boolean => false,
        }
    }

    /// The text of the value.
    #[must_use]
    pub const fn as_str(self) -> &'b str {
        self.0
    }

    /// What kind of value it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        Kind::of(self.0.as_bytes().first().copied().unwrap_or(b'n')).unwrap_or(Kind::Null)
    }

    /// A cursor at the beginning of the value.
    #[must_use]
    pub fn cursor(self) -> Cursor<'b> {
        Cursor::of_text(self.0)
    }
}

/// The inside of a JSON string, still escaped; owned only if it was joined or made up.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Str<'b>(Cow<'b, str>);

impl<'b> Str<'b> {
    /// Wraps the inside of a JSON string that a cursor has walked over.
    pub(super) const fn escaped(text: &'b str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Takes plain text and escapes it where it must be.
    #[must_use]
    pub fn from_plain(text: &'b str) -> Self {
        if needs_escape(text) {
            let mut escaped = String::with_capacity(text.len().saturating_add(16));
            escape_into(text, &mut escaped);
            Self(Cow::Owned(escaped))
        } else {
            Self(Cow::Borrowed(text))
        }
    }

    /// Takes plain text that nobody else owns and escapes it where it must be.
    #[must_use]
    pub fn from_plain_owned(text: String) -> Str<'static> {
        if needs_escape(&text) {
            let mut escaped = String::with_capacity(text.len().saturating_add(16));
            escape_into(&text, &mut escaped);
            Str(Cow::Owned(escaped))
        } else {
            Str(Cow::Owned(text))
        }
    }

    /// The escaped text, without quotes.
    #[must_use]
    pub fn as_escaped(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the text, unescaped, is white space only (an empty one is, too).
    #[must_use]
    pub fn is_blank(&self) -> bool {
        match self.0.trim_start() {
            "" => true,
            rest => rest.starts_with('\\') && self.plain().trim().is_empty(),
        }
    }

    /// Whether the text, unescaped, equals `plain`.
    #[must_use]
    pub fn is(&self, plain: &str) -> bool {
        // Every escape is longer than what it says.
        match self.0.len().cmp(&plain.len()) {
            Ordering::Less => false,
            Ordering::Equal => self.0 == plain,
            Ordering::Greater => is_escaped(&self.0) && self.plain() == plain,
        }
    }

    /// The text without escapes. Half surrogates, which plain text can't hold, become U+FFFD.
    #[must_use]
    pub fn plain(&self) -> Cow<'_, str> {
        if is_escaped(&self.0) { Cow::Owned(unescape(&self.0)) } else { Cow::Borrowed(&self.0) }
    }

    /// The length in bytes of the text without escapes, which are not undone for it. Each half of a surrogate pair counts as two.
    #[must_use]
    pub fn plain_len(&self) -> usize {
        plain_length(&self.0)
    }

    /// The text without escapes, for as long as the body lives where nothing had to be unescaped.
    #[must_use]
    pub fn into_plain(self) -> Cow<'b, str> {
        if is_escaped(&self.0) { Cow::Owned(unescape(&self.0)) } else { self.0 }
    }

    /// The same text, borrowed from this one.
    #[must_use]
    pub fn reborrow(&self) -> Str<'_> {
        Str(Cow::Borrowed(&self.0))
    }

    /// The same text with an owner of its own.
    #[must_use]
    pub fn into_owned(self) -> Str<'static> {
        Str(Cow::Owned(self.0.into_owned()))
    }

    /// The texts before and behind the first `mark`, an ASCII character that JSON never escapes and no escape contains (`,`, `;`, `:`).
    #[must_use]
    pub fn split_once(&self, mark: char) -> Option<(Str<'b>, Str<'b>)> {
        match &self.0 {
            Cow::Borrowed(text) => text.split_once(mark).map(|(before, behind)| (Self::escaped(before), Self::escaped(behind))),
            Cow::Owned(text) => {
                text.split_once(mark).map(|(before, behind)| (Str(Cow::Owned(before.to_owned())), Str(Cow::Owned(behind.to_owned()))))
            }
        }
    }

    /// Appends `other` as it is; escaped texts concatenate.
    pub fn push(&mut self, other: &Str<'_>) {
        if self.0.is_empty() {
            self.0 = Cow::Owned(other.0.clone().into_owned());
        } else {
            self.0.to_mut().push_str(&other.0);
        }
    }
}

/// The same JSON bare (`tool_use.input`) or inside a string (chat's `arguments`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json<'b> {
    /// A value that stands bare in the body.
    Value(Raw<'b>),
    /// A text that holds JSON, escaped as a string's inside. Models may have left it empty or broken.
    Text(Str<'b>),
}

impl Json<'_> {
    /// The text of the object that this is, without space around it. An empty text and `null` are the empty object, as clients mean them;
    /// `None` where it is anything else.
    #[must_use]
    pub fn object(&self) -> Option<Cow<'_, str>> {
        let text = match self {
            Self::Value(raw) => return (raw.kind() == Kind::Object).then_some(Cow::Borrowed(raw.as_str())),
            Self::Text(text) => text.plain(),
        };
        let text = match text {
            Cow::Borrowed(plain) => Cow::Borrowed(plain.trim()),
            Cow::Owned(plain) => Cow::Owned(plain.trim().to_owned()),
        };
        if matches!(&*text, "" | "null") {
            return Some(Cow::Borrowed(Raw::EMPTY_OBJECT.as_str()));
        }
        Raw::parse(&text).is_ok_and(|raw| raw.kind() == Kind::Object).then_some(text)
    }
}

/// A JSON text without line breaks, which can only be white space in it: an event of a stream is one line.
#[must_use]
pub fn on_one_line(text: &str) -> Cow<'_, str> {
    match memchr::memchr2(b'\n', b'\r', text.as_bytes()) {
        Some(_) => Cow::Owned(text.replace(['\n', '\r'], " ")),
        None => Cow::Borrowed(text),
    }
}

fn needs_escape(text: &str) -> bool {
    plain_run(text.as_bytes()) < text.len()
}

/// Appends `text` to `out` with quotes, backslashes and control characters escaped (RFC 8259 section 7).
pub(super) fn escape_into(text: &str, out: &mut String) {
    let mut specials = Specials::new();
    let mut at = 0;
    loop {
        // What ends the run is ASCII, so both cuts are between characters.
        let end = specials.next(text.as_bytes(), at);
        out.push_str(text.get(at..end).unwrap_or_default());
        let Some(&byte) = text.as_bytes().get(end) else { return };
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                out.push_str("\\u00");
                out.extend([control >> 4, control & 15].into_iter().filter_map(|nibble| char::from_digit(u32::from(nibble), 16)));
            }
        }
        at = end + 1;
    }
}

/// Whether there is an escape in a string's inside. Most that are asked about are names, for which a search of its own is too much.
fn is_escaped(text: &str) -> bool {
    const SHORT: usize = 16;
    if text.len() < SHORT { text.bytes().any(|byte| byte == b'\\') } else { memchr::memchr(b'\\', text.as_bytes()).is_some() }
}

/// Undoes the escapes of a JSON string's inside.
fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((run, behind)) = memchr::memchr(b'\\', rest.as_bytes()).and_then(|at| rest.split_at_checked(at)) {
        plain.push_str(run);
        let mut chars = behind.chars();
        chars.next();
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some('b') => plain.push('\u{8}'),
            Some('f') => plain.push('\u{c}'),
            Some('u') => plain.push(unescape_unit(&mut chars)),
            Some(other) => plain.push(other),
            None => {}
        }
        rest = chars.as_str();
    }
    plain.push_str(rest);
    plain
}

/// Reads the four digits behind `\u`, and the second half of a surrogate pair where it follows.
fn unescape_unit(chars: &mut core::str::Chars<'_>) -> char {
    let first = hex4(chars);
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    let mut ahead = chars.clone();
    if ahead.next() == Some('\\') && ahead.next() == Some('u') {
        let second = hex4(&mut ahead);
        if (0xDC00..0xE000).contains(&second) {
            *chars = ahead;
            let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            return char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
    }
    char::REPLACEMENT_CHARACTER
}

fn hex4(chars: &mut core::str::Chars<'_>) -> u32 {
    (0..4).fold(0, |code, _| (code << 4) | chars.next().and_then(|c| c.to_digit(16)).unwrap_or(0))
}

/// The length in bytes that an escaped text has without its escapes.
fn plain_length(escaped: &str) -> usize {
    let mut rest = escaped.as_bytes();
    let mut length = rest.len();
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let unit = rest.get(at + 1) == Some(&b'u');
        // An escape is one byte; four digits are a unit of UTF-16, two or three bytes of UTF-8.
        let (written, means) = if unit { (6, unit_length(rest.get(at + 2..at + 6).unwrap_or_default())) } else { (2, 1) };
        length = length.saturating_sub(written - means);
        rest = rest.get(at + written..).unwrap_or_default();
    }
    length
}

fn unit_length(digits: &[u8]) -> usize {
    match digits {
        [b'0', b'0', b'0'..=b'7', _] => 1,
        [b'0', b'0'..=b'7', _, _] | [b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', _, _] => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_without_escapes() {
        for text in ["", "abc", "a\\n\\\"b", "\\u00e9\\u20ac\\u0041", "\\ud83d\\ude00x", "é"] {
            let inside = Str::escaped(text);
            assert_eq!(inside.plain_len(), inside.plain().len(), "{text}");
        }
    }

    #[test]
    fn escapes_and_back() {
        for plain in ["", "a", "a\"b\\c\n\r\t\u{1}\u{7f}é😀", "\u{8}\u{c}"] {
            let s = Str::from_plain(plain);
            assert_eq!(s.plain(), plain);
            assert!(s.is(plain));
            assert!(Raw::parse(&format!("\"{}\"", s.as_escaped())).is_ok());
        }
    }

    #[test]
    fn blank_is_white_space_only() {
        for (inside, blank) in [("", true), (" ", true), ("\\n\\u0020 ", true), ("a\\n", false), (" \\n.", false), ("\u{a0}", true)] {
            assert_eq!(Str::escaped(inside).is_blank(), blank, "{inside}");
        }
    }

    #[test]
    fn texts_join_and_part() {
        let mut text = Str::default();
        for piece in ["\\ud83d", "\\ude00", "\\\"", ""] {
            text.push(&Str::escaped(piece));
        }
        assert_eq!(text.plain(), "😀\"");
        let (before, behind) = Str::escaped("a\\n;b;c").split_once(';').unwrap();
        assert_eq!((before.as_escaped(), behind.as_escaped()), ("a\\n", "b;c"));
        assert_eq!(text.split_once(';'), None);
        assert!(Str::escaped("mod\\u0065l").is("model"));
        assert!(!Str::escaped("model\\u0000").is("model"));
    }

    #[test]
    fn surrogates() {
        let pair = Str::escaped("\\ud83d\\ude00 \\ud83d");
        assert_eq!(pair.plain(), "😀 \u{fffd}");
    }
}
