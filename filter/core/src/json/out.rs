//! The writer of JSON bodies: bytes in order, commas by itself, escaped text as it came.

use super::text::escape_into;
use super::{Json, Raw, Str};

/// A growing JSON text. Commas come by themselves; nesting is the caller's to close.
#[derive(Debug, Default)]
pub struct Out {
    text: String,
}

impl Out {
    /// An empty text with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { text: String::with_capacity(capacity) }
    }

    /// Takes over a buffer, so that its room is used again; what is in it is kept.
    #[must_use]
    pub const fn onto(text: String) -> Self {
        Self { text }
    }

    /// The bytes written so far.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// How many bytes were written so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether nothing was written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The finished text.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    /// The finished text.
    #[must_use]
    pub fn into_string(self) -> String {
        self.text
    }

    /// Writes text as it is: frame lines, constant parts. No comma is added.
    #[inline]
    pub fn verbatim(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Writes the constant beginning of a value or member, whose last container or string stays open: one copy instead of one for each token.
    #[inline]
    pub fn constant(&mut self, text: &'static str) {
        self.comma();
        self.verbatim(text);
    }

    /// Opens an object.
    pub fn open_object(&mut self) {
        self.comma();
        self.text.push('{');
    }

    /// Closes an object.
    pub fn close_object(&mut self) {
        self.text.push('}');
    }

    /// Opens an array.
    pub fn open_array(&mut self) {
        self.comma();
        self.text.push('[');
    }

    /// Closes an array.
    pub fn close_array(&mut self) {
        self.text.push(']');
    }

    /// Writes a member's name, which must need no escapes (our own constants).
    pub fn key(&mut self, name: &str) {
        self.comma();
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
    }

    /// Writes a member's name as it came.
    pub fn key_escaped(&mut self, name: &Str<'_>) {
        self.key(name.as_escaped());
    }

    /// Writes a whole value as it came.
    pub fn raw(&mut self, value: Raw<'_>) {
        self.comma();
        self.text.push_str(value.as_str());
    }

    /// Writes a string whose inside is escaped already.
    pub fn string(&mut self, inside: &Str<'_>) {
        self.comma();
        self.text.push('"');
        self.text.push_str(inside.as_escaped());
        self.text.push('"');
    }

    /// Writes one string from pieces whose insides are escaped already.
    pub fn string_of(&mut self, pieces: &[&Str<'_>]) {
        self.comma();
        self.text.push('"');
        pieces.iter().for_each(|piece| self.text.push_str(piece.as_escaped()));
        self.text.push('"');
    }

    /// Writes a string from plain text.
    pub fn plain(&mut self, text: &str) {
        self.comma();
        self.text.push('"');
        escape_into(text, &mut self.text);
        self.text.push('"');
    }

    /// Writes a string that holds `text` where `text` is JSON or an escaped string's inside: it is escaped once more.
    ///
    /// An object `{"a":1}` becomes `"{\"a\":1}"`, as chat's `arguments` wants it.
    pub fn json_as_string(&mut self, json: &Json<'_>) {
        match json {
            Json::Value(raw) => self.plain(raw.as_str()),
            Json::Text(text) => self.string(text),
        }
    }

    /// Writes the JSON itself: what holds it as a string loses its quotes and escapes.
    pub fn json(&mut self, json: &Json<'_>) {
        match json {
            Json::Value(raw) => self.raw(*raw),
            Json::Text(text) => {
                self.comma();
                self.verbatim(&text.plain());
            }
        }
    }

    /// Writes an unsigned number.
    pub fn number(&mut self, value: u64) {
        self.comma();
        // Without the machinery of `fmt`, which takes ten times as long in a Wasm module.
        let mut digits = [0_u8; 20];
        let (mut left, mut length) = (value, 0_usize);
        for digit in digits.iter_mut().rev() {
            *digit = b'0'.saturating_add(u8::try_from(left % 10).unwrap_or(0));
            left /= 10;
            length = length.saturating_add(1);
            if left == 0 {
                break;
            }
        }
        let shown = digits.get(digits.len().saturating_sub(length)..).unwrap_or_default();
        self.text.push_str(core::str::from_utf8(shown).unwrap_or_default());
    }

    /// Writes `true` or `false`.
    pub fn boolean(&mut self, value: bool) {
        self.raw(Raw::trusted(if value { "true" } else { "false" }));
    }

    /// Writes `null`.
    pub fn null(&mut self) {
        self.raw(Raw::NULL);
    }

    /// A comma is due unless the text begins, a container has just opened, or a member's name stands before.
    fn comma(&mut self) {
        match self.text.as_bytes().last() {
            None | Some(b'{' | b'[' | b':' | b' ' | b'\n' | b',') => {}
            Some(_) => self.text.push(','),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_come_by_themselves() {
        let mut out = Out::onto("data: ".to_owned());
        out.open_object();
        out.key("a");
        out.open_array();
        for value in [Raw::EMPTY_OBJECT, Raw::NULL] {
            out.raw(value);
        }
        out.number(u64::MAX);
        out.boolean(true);
        out.null();
        out.plain("[");
        out.plain(":");
        out.string(&Str::from_plain("\"\\"));
        out.close_array();
        out.key("b");
        out.open_object();
        out.close_object();
        out.key_escaped(&Str::from_plain("\n"));
        out.plain("\u{1}\t");
        out.close_object();
        out.verbatim("\n\n");
        assert_eq!(
            out.into_string(),
            "data: {\"a\":[{},null,18446744073709551615,true,null,\"[\",\":\",\"\\\"\\\\\"],\"b\":{},\"\\n\":\"\\u0001\\t\"}\n\n"
        );
    }

    #[test]
    fn json_goes_into_a_string() {
        let raw = Raw::parse("{\"a\": \"\\n\"}").unwrap();
        let text = Str::from_plain("{\"a\": \"\\n\"}");
        for json in [Json::Value(raw), Json::Text(text)] {
            let mut out = Out::default();
            out.json_as_string(&json);
            assert_eq!(serde_json::from_slice::<String>(out.as_bytes()).unwrap(), raw.as_str());
            out.json(&json);
            assert!(out.into_string().ends_with(&format!("\",{}", raw.as_str())));
        }
    }
}
