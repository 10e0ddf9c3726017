//! The raw-JSON cursor against `serde_json`: generated documents, cut at every byte and with changed bytes, get the same verdict.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic, and so may what they share")]

use serde::de::IgnoredAny;
use serde_json::Value;
use weir_core::json::{Cursor, JsonError, JsonFault, Kind, Out, Raw, Str, path_of};

/// Makes documents, always the same ones for one seed (xorshift, Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % below
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.next(words.len())]
    }

    fn space(&mut self) -> &'static str {
        self.of(&["", "", "", " ", "\n", "\r\n\t "])
    }

    fn string(&mut self) -> String {
        let pieces = [
            "a",
            "model",
            "é",
            "😀",
            "\\n",
            "\\\"",
            "\\\\",
            "\\/",
            "\\u00e9",
            "\\ud83d\\ude00",
            "\u{2028}",
            "\u{7f}",
            " ",
            "0123456789abcdef",
        ];
        let inside: String = (0..self.next(8)).map(|_| self.of(&pieces)).collect();
        format!("\"{inside}\"")
    }

    fn document(&mut self, depth: usize) -> String {
        let mut text = self.space().to_owned();
        match self.next(if depth == 0 { 5 } else { 9 }) {
            0 | 1 => text += &self.string(),
            2 => text += self.of(&["0", "-0", "12", "-3.5", "1e9", "6.02E+23", "1E-7", "123456789012345678901234567890"]),
            3 => text += self.of(&["true", "false"]),
            4 => text += "null",
            5 | 6 => {
                let items: Vec<String> = (0..self.next(5)).map(|_| self.document(depth - 1)).collect();
                text += &format!("[{}{}]", items.join(","), self.space());
            }
            _ => {
                let members: Vec<String> = (0..self.next(5))
                    .map(|_| format!("{}{}{}:{}", self.space(), self.string(), self.space(), self.document(depth - 1)))
                    .collect();
                text += &format!("{{{}{}}}", members.join(","), self.space());
            }
        }
        text + self.space()
    }
}

/// Pulls a whole value through every method of the cursor, into the text that the writer makes of it.
fn pull(cursor: &mut Cursor<'_>, out: &mut Out) -> Result<(), JsonError> {
    match cursor.peek()? {
        Kind::Object => {
            cursor.enter_object()?;
            out.open_object();
            while let Some(name) = cursor.member()? {
                out.key_escaped(&name);
                pull(cursor, out)?;
            }
            out.close_object();
        }
        Kind::Array => {
            cursor.enter_array()?;
            out.open_array();
            while cursor.element()? {
                pull(cursor, out)?;
            }
            out.close_array();
        }
        Kind::String => out.string(&cursor.string()?),
        Kind::Number => out.raw(cursor.number()?),
        Kind::Boolean => out.boolean(cursor.boolean()?),
        Kind::Null => {
            assert!(cursor.null()?);
            out.null();
        }
    }
    Ok(())
}

fn skipped(bytes: &[u8]) -> Result<(), JsonError> {
    let mut cursor = Cursor::new(bytes)?;
    cursor.skip()?;
    cursor.end()
}

fn pulled(bytes: &[u8]) -> Result<String, JsonError> {
    let mut cursor = Cursor::new(bytes)?;
    let mut out = Out::default();
    pull(&mut cursor, &mut out)?;
    cursor.end()?;
    Ok(out.into_string())
}

/// The verdict, which must be the one of `serde_json` whether values are skipped or pulled.
fn verdict(bytes: &[u8]) -> Result<(), JsonError> {
    let expected = core::str::from_utf8(bytes).is_ok() && serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
    let result = skipped(bytes);
    assert_eq!(result.is_ok(), expected, "{:?} gave {result:?}", String::from_utf8_lossy(bytes));
    assert_eq!(pulled(bytes).map(|_| ()), result, "{:?}", String::from_utf8_lossy(bytes));
    result
}

#[test]
fn generated_documents_are_read_and_written() {
    let mut chance = Chance(0x57e1_2026);
    for _ in 0..2_000 {
        let text = chance.document(5);
        assert_eq!(verdict(text.as_bytes()), Ok(()), "{text}");
        let written = pulled(text.as_bytes()).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), serde_json::from_str::<Value>(&text).unwrap(), "{text}");
        assert_eq!(Raw::parse(&text).unwrap().as_str(), text.trim());
    }
}

#[test]
fn cut_documents_end_early() {
    let mut chance = Chance(0x0c07_2026);
    for _ in 0..400 {
        let text = format!("[{}]", chance.document(4));
        for cut in 0..text.len() {
            let error = verdict(text.as_bytes().get(..cut).unwrap()).expect_err("half a document");
            match error.fault {
                JsonFault::Truncated => assert_eq!(error.at, cut, "{text} at {cut}"),
                fault => assert!(fault == JsonFault::Utf8 && !text.is_char_boundary(cut), "{fault:?}: {text} at {cut}"),
            }
        }
    }
}

#[test]
fn changed_bytes_get_the_same_verdict() {
    let mut chance = Chance(0xbadb_0175);
    let mut refused = 0;
    for _ in 0..20_000 {
        let mut bytes = chance.document(3).into_bytes();
        for _ in 0..=chance.next(2) {
            let at = chance.next(bytes.len());
            bytes[at] = match chance.next(3) {
                0 => u8::try_from(chance.next(256)).unwrap(),
                1 => chance.of(&["{", "}", "[", "]", ",", ":", "\"", "\\", "-", ".", "e", "u"]).as_bytes()[0],
                _ => u8::try_from(chance.next(0x21)).unwrap(),
            };
        }
        if let Err(error) = verdict(&bytes) {
            refused += 1;
            assert!(error.at <= bytes.len());
            let _any = path_of(&String::from_utf8_lossy(&bytes), error.at);
        }
    }
    assert!(refused > 5_000, "the changes break documents: {refused}");
}

#[test]
fn strings_say_what_serde_json_says() {
    let mut chance = Chance(0x5721_1965);
    for _ in 0..5_000 {
        let text = chance.string();
        let expected: String = serde_json::from_str(&text).unwrap();
        let inside = Cursor::of_text(&text).string().unwrap();
        assert_eq!(inside.plain(), expected);
        assert!(inside.is(&expected));
        let mut out = Out::default();
        out.plain(&expected);
        assert_eq!(serde_json::from_str::<String>(&out.into_string()).unwrap(), expected);
        assert_eq!(Str::from_plain(&expected).plain(), expected);
    }
}
