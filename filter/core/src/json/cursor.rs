//! One pass over a JSON text: members and elements are pulled, what is skipped is validated.

use super::scan::Specials;
use super::{JsonError, JsonFault, Kind, MAX_DEPTH, Raw, Str, utf8};

/// A place in a JSON text. Every method moves it past what it returns; a value that nobody wants is passed with [`Cursor::skip`].
///
/// ```
/// # use weir_core::json::Cursor;
/// let mut cursor = Cursor::new(br#"{"model":"m","n":1}"#)?;
/// cursor.enter_object()?;
/// while let Some(key) = cursor.member()? {
///     if key.is("model") { assert!(cursor.string()?.is("m")) } else { cursor.skip()? }
/// }
/// cursor.end()?;
/// # Ok::<(), weir_core::json::JsonError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cursor<'b> {
    pub(super) text: &'b str,
    pub(super) at: usize,
    /// A container was entered and nothing in it was read yet, so no comma is due.
    pub(super) fresh: bool,
    /// How many containers were entered and not left.
    depth: usize,
    /// Where the last value stands that was left; 0 where none was.
    left: usize,
    /// Where the ends and escapes of strings are.
    pub(super) specials: Specials,
}

impl<'b> Cursor<'b> {
    /// A cursor at the beginning of `body`, which is checked to be UTF-8 once.
    ///
    /// # Errors
    /// [`JsonFault::Utf8`] with the first bad byte.
    pub fn new(body: &'b [u8]) -> Result<Self, JsonError> {
        utf8(body).map(Self::of_text)
    }

    /// A cursor at the beginning of a text.
    #[must_use]
    pub const fn of_text(text: &'b str) -> Self {
        Self::at(text, 0)
    }

    /// A cursor at byte `at` of the same text, where a value begins: how a span from an outline is read again.
    #[must_use]
    pub const fn at(text: &'b str, at: usize) -> Self {
        Self { text, at, fresh: true, depth: 0, left: 0, specials: Specials::new() }
    }

    /// Offset in bytes of the next token.
    pub fn offset(&mut self) -> usize {
        self.space();
        self.at
    }

    /// Offset in bytes behind what was read last; white space that follows is not passed.
    #[must_use]
    pub const fn passed(&self) -> usize {
        self.at
    }

    /// The kind of the value that comes next.
    ///
    /// # Errors
    /// The text ends here, or no value begins here.
    pub fn peek(&mut self) -> Result<Kind, JsonError> {
        self.space();
        match self.byte() {
            Some(byte) => Kind::of(byte).ok_or_else(|| self.fault(JsonFault::Syntax)),
            None => Err(self.fault(JsonFault::Truncated)),
        }
    }

    /// Enters the object that comes next.
    ///
    /// # Errors
    /// The next value is no object.
    pub fn enter_object(&mut self) -> Result<(), JsonError> {
        self.enter(Kind::Object)
    }

    /// Enters the array that comes next.
    ///
    /// # Errors
    /// The next value is no array.
    pub fn enter_array(&mut self) -> Result<(), JsonError> {
        self.enter(Kind::Array)
    }

    /// The name of the next member, whose value comes next; `None` when the object is closed.
    ///
    /// # Errors
    /// The text is not JSON here.
    pub fn member(&mut self) -> Result<Option<Str<'b>>, JsonError> {
        if self.another(b'}')? { self.name().map(Some) } else { Ok(None) }
    }

    /// Passes the name of a member, at which the cursor stands, and its colon.
    #[inline]
    fn name(&mut self) -> Result<Str<'b>, JsonError> {
        if self.byte() != Some(b'"') {
            return Err(self.unexpected());
        }
        let start = self.at + 1;
        self.pass_string()?;
        let name = Str::escaped(self.slice(start, self.at - 1));
        self.space();
        if self.byte() != Some(b':') {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(name)
    }

    /// Whether another element comes next; `false` when the array is closed.
    ///
    /// # Errors
    /// The text is not JSON here.
    pub fn element(&mut self) -> Result<bool, JsonError> {
        self.another(b']')
    }

    /// The inside of the string that comes next.
    ///
    /// # Errors
    /// The next value is no string, or a broken one.
    pub fn string(&mut self) -> Result<Str<'b>, JsonError> {
        self.expect(Kind::String)?;
        let start = self.at + 1;
        self.pass_string()?;
        Ok(Str::escaped(self.slice(start, self.at - 1)))
    }

    /// The text of the number that comes next.
    ///
    /// # Errors
    /// The next value is no number, or a broken one.
    pub fn number(&mut self) -> Result<Raw<'b>, JsonError> {
        self.expect(Kind::Number)?;
        let start = self.at;
        self.pass_number()?;
        Ok(Raw::trusted(self.slice(start, self.at)))
    }

    /// The boolean that comes next.
    ///
    /// # Errors
    /// The next value is no boolean.
    pub fn boolean(&mut self) -> Result<bool, JsonError> {
        self.expect(Kind::Boolean)?;
        let value = self.byte() == Some(b't');
        self.literal(if value { "true" } else { "false" })?;
        Ok(value)
    }

    /// Passes `null` if it comes next, and says whether it did.
    ///
    /// # Errors
    /// The text is not JSON here.
    pub fn null(&mut self) -> Result<bool, JsonError> {
        if self.peek()? == Kind::Null {
            self.literal("null")?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Whether the value that comes next, which is skipped, holds anything: see [`Raw::is_vacant`].
    ///
    /// # Errors
    /// It is no JSON value.
    pub fn filled(&mut self) -> Result<bool, JsonError> {
        Ok(!self.raw()?.is_vacant())
    }

    /// The whole value that comes next, validated.
    ///
    /// # Errors
    /// The text is not JSON here.
    pub fn raw(&mut self) -> Result<Raw<'b>, JsonError> {
        self.space();
        let start = self.at;
        self.skip()?;
        Ok(Raw::trusted(self.slice(start, self.at)))
    }

    /// The value that began at byte `start` and that was just passed, by whatever way.
    #[must_use]
    pub fn since(&self, start: usize) -> Raw<'b> {
        let text = self.slice(start, self.at);
        if text.is_empty() { Raw::NULL } else { Raw::trusted(text) }
    }

    /// Passes over a value that nobody knows, and remembers where it stands unless it says nothing.
    ///
    /// # Errors
    /// As [`Cursor::skip`].
    pub fn leave(&mut self) -> Result<(), JsonError> {
        let at = self.offset();
        if self.filled()? {
            self.left = at;
        }
        Ok(())
    }

    /// Where the last value stands that was left.
    #[must_use]
    pub const fn left(&self) -> Option<usize> {
        if self.left == 0 { None } else { Some(self.left) }
    }

    /// Passes over the value that comes next and validates it. The stack is explicit and bounded, so no input can exhaust it.
    ///
    /// # Errors
    /// The text is not JSON here, or nested too deep.
    pub fn skip(&mut self) -> Result<(), JsonError> {
        let mut depth = 0_usize;
        let mut objects = 0_u128;
        loop {
            match self.peek()? {
                kind @ (Kind::Object | Kind::Array) => {
                    self.open()?;
                    objects = (objects << 1) | u128::from(kind == Kind::Object);
                    depth += 1;
                }
                Kind::String => {
                    self.pass_string()?;
                }
                Kind::Number => self.pass_number()?,
                Kind::Boolean => self.literal(if self.byte() == Some(b't') { "true" } else { "false" })?,
                Kind::Null => self.literal("null")?,
            }
            while depth > 0 {
                let more = if objects & 1 == 1 { self.another(b'}')? && self.name().map(|_| true)? } else { self.another(b']')? };
                if more {
                    break;
                }
                objects >>= 1;
                depth -= 1;
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Checks that nothing but white space follows.
    ///
    /// # Errors
    /// [`JsonFault::Trailing`] otherwise.
    pub fn end(&mut self) -> Result<(), JsonError> {
        self.space();
        if self.byte().is_none() { Ok(()) } else { Err(self.fault(JsonFault::Trailing)) }
    }

    fn enter(&mut self, kind: Kind) -> Result<(), JsonError> {
        self.expect(kind)?;
        self.open()
    }

    /// Moves behind the bracket that opens a container; the cursor stands at it.
    fn open(&mut self) -> Result<(), JsonError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.fault(JsonFault::Depth));
        }
        self.at += 1;
        self.fresh = true;
        self.depth += 1;
        Ok(())
    }

    /// Passes the comma between two items or the closing bracket; says whether another item follows.
    fn another(&mut self, close: u8) -> Result<bool, JsonError> {
        self.space();
        let fresh = core::mem::replace(&mut self.fresh, false);
        match self.byte() {
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth = self.depth.saturating_sub(1);
                Ok(false)
            }
            Some(b',') if !fresh => {
                self.at += 1;
                self.space();
                if self.byte() == Some(close) { Err(self.fault(JsonFault::Syntax)) } else { Ok(true) }
            }
            Some(_) if fresh => Ok(true),
            _ => Err(self.unexpected()),
        }
    }

    #[inline]
    fn expect(&mut self, kind: Kind) -> Result<(), JsonError> {
        self.space();
        if self.byte().and_then(Kind::of) == Some(kind) { Ok(()) } else { Err(self.other_than(kind)) }
    }

    #[cold]
    fn other_than(&mut self, kind: Kind) -> JsonError {
        self.peek().map_or_else(|error| error, |_other| self.fault(JsonFault::Expected(kind)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid(text: &str) -> bool {
        Raw::parse(text).is_ok()
    }

    #[test]
    fn agrees_with_serde_json() {
        for text in [
            "{}",
            "[]",
            "[1,2]",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "[,1]",
            "01",
            "1.",
            "-",
            "-0",
            "1e5",
            "1E+5",
            "1e",
            "tru",
            "true",
            "\"\\u12\"",
            "\"\\u1234\"",
            "\"\\x\"",
            "\"a",
            "\"\u{1}\"",
            "{\"a\":{\"b\":[null,false,{}]}}",
            " [ ] ",
            "[] x",
            "",
            "{1:2}",
            "[1 2]",
            "{\"a\":1 \"b\":2}",
            "nul",
            "[[],[]]",
            "{\"a\":[],\"b\":{}}",
        ] {
            assert_eq!(valid(text), serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(valid(&deep(MAX_DEPTH)));
        assert_eq!(Raw::parse(&deep(MAX_DEPTH + 1)).map_err(|e| e.fault), Err(JsonFault::Depth));
        let text = deep(MAX_DEPTH + 1);
        let mut cursor = Cursor::of_text(&text);
        cursor.enter_array().unwrap();
        assert!(cursor.element().unwrap());
        assert_eq!(cursor.skip().map_err(|e| e.fault), Err(JsonFault::Depth), "what was entered counts");
        assert!(valid(&format!("[{}[]]", "[],".repeat(2 * MAX_DEPTH))), "what was left does not");
    }

    #[test]
    fn pulls_members() {
        let mut cursor = Cursor::new(br#" {"a":[1,"x"],"b":null,"c":true} "#).unwrap();
        let mut seen = Vec::new();
        cursor.enter_object().unwrap();
        while let Some(key) = cursor.member().unwrap() {
            seen.push((key.plain().into_owned(), cursor.raw().unwrap().as_str()));
        }
        cursor.end().unwrap();
        assert_eq!(seen, [("a".into(), "[1,\"x\"]"), ("b".into(), "null"), ("c".into(), "true")]);
    }
}
