//! The text in the one member of an object that comes in pieces, each an escaped string's inside: `{"input":"…"}` to what stands for `…`.

use super::Str;
use super::text::escape_into;

/// What stands before the text; white space may stand between its tokens.
const HEAD: &[u8] = b"{\"input\":\"";

/// Places in [`HEAD`] before which white space may stand.
const GAPS: [usize; 4] = [0, 1, 8, 9];

/// Takes the pieces of an object and gives the pieces of its text. What is no such object is given as it is.
#[derive(Clone, Debug, Default)]
pub struct Inner {
    /// Plain text that was taken and not given yet.
    held: String,
    /// An escaped half of a character, whose other half may be in the next piece.
    half: String,
    place: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before the text; the object may turn out to be none.
    #[default]
    Before,
    /// In the text.
    Inside,
    /// Behind the text.
    Behind,
    /// There is no such object.
    Elsewhere,
}

impl Inner {
    /// The text that another piece completes.
    pub fn push(&mut self, piece: &Str<'_>) -> Str<'static> {
        self.half.push_str(piece.as_escaped());
        let whole = self.half.len().saturating_sub(if ends_in_half(&self.half) { 6 } else { 0 });
        let rest = self.half.split_off(whole);
        let piece = core::mem::replace(&mut self.half, rest);
        self.held.push_str(&Str::escaped(&piece).plain());
        if self.place == Place::Before {
            match behind_head(&self.held) {
                Head::Whole(at) => {
                    self.held = self.held.split_off(at);
                    self.place = Place::Inside;
                }
                Head::Part => return Str::default(),
                Head::Other => self.place = Place::Elsewhere,
            }
        }
        match self.place {
            Place::Inside => self.inside(),
            Place::Elsewhere => Str::from_plain_owned(core::mem::take(&mut self.held)),
            Place::Before | Place::Behind => {
                self.held.clear();
                Str::default()
            }
        }
    }

    /// Gives what is held of the text, up to its end or to an escape that is not whole.
    fn inside(&mut self) -> Str<'static> {
        let held = core::mem::take(&mut self.held);
        let mut given = String::with_capacity(held.len());
        let mut chars = held.chars();
        loop {
            let rest = chars.as_str();
            match chars.next() {
                None => break,
                Some('"') => {
                    self.place = Place::Behind;
                    break;
                }
                Some('\\') => {
                    let Some(length) = escape(chars.as_str()) else {
                        self.held.push_str(rest);
                        break;
                    };
                    let (escape, behind) = chars.as_str().split_at_checked(length).unwrap_or_default();
                    // A backslash that begins no escape is one that the model forgot to double.
                    given.push_str(if length == 0 { "\\\\" } else { "\\" });
                    given.push_str(escape);
                    chars = behind.chars();
                }
                // Line ends that the model forgot to escape.
                Some(other) => escape_into(other.encode_utf8(&mut [0; 4]), &mut given),
            }
        }
        Str::escaped(&given).into_owned()
    }
}

/// How many characters behind a backslash are its escape: none where they are no escape; `None` where there are too few to tell.
fn escape(behind: &str) -> Option<usize> {
    match behind.bytes().next()? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(1),
        b'u' => {
            let digits = behind.bytes().skip(1).take(4).take_while(u8::is_ascii_hexdigit).count();
            match digits {
                4 => Some(5),
                digits if digits + 1 == behind.len() => None,
                _ => Some(0),
            }
        }
        _ => Some(0),
    }
}

enum Head {
    /// The text begins at this byte.
    Whole(usize),
    /// More has to come.
    Part,
    Other,
}

fn behind_head(held: &str) -> Head {
    let mut place = 0;
    for (at, byte) in held.bytes().enumerate() {
        if HEAD.get(place) == Some(&byte) {
            place += 1;
            if place == HEAD.len() {
                return Head::Whole(at + 1);
            }
        } else if !(GAPS.contains(&place) && byte.is_ascii_whitespace()) {
            return Head::Other;
        }
    }
    Head::Part
}

/// Whether the last escape of an escaped text is the first half of a pair.
fn ends_in_half(escaped: &str) -> bool {
    let Some(last) = escaped.len().checked_sub(6).and_then(|at| escaped.get(at..)) else { return false };
    let mut bytes = last.bytes();
    let backslashes = escaped.get(..escaped.len() - 6).unwrap_or_default().bytes().rev().take_while(|byte| *byte == b'\\').count();
    bytes.next() == Some(b'\\')
        && bytes.next() == Some(b'u')
        && matches!(bytes.next(), Some(b'd' | b'D'))
        && matches!(bytes.next(), Some(b'8' | b'9' | b'a' | b'b' | b'A' | b'B'))
        && backslashes.is_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text in a plain object that comes in pieces of this many characters of its escaped form.
    fn inner(plain: &str, size: usize) -> String {
        let (mut inner, mut text) = (Inner::default(), Str::default());
        let escaped = Str::from_plain(plain);
        let chars: Vec<char> = escaped.as_escaped().chars().collect();
        let mut piece = String::new();
        for c in chars {
            piece.push(c);
            // An escape is never cut: each piece is an escaped text of its own.
            let whole = crate::json::Raw::parse(&format!("\"{piece}\"")).is_ok();
            if whole && piece.chars().count() >= size {
                text.push(&inner.push(&Str::escaped(&piece)));
                piece.clear();
            }
        }
        text.push(&inner.push(&Str::escaped(&piece)));
        assert!(crate::json::Raw::parse(&format!("\"{}\"", text.as_escaped())).is_ok(), "{text:?}");
        text.plain().into_owned()
    }

    #[test]
    fn the_text_comes_out_whatever_the_pieces() {
        for (plain, text) in [
            (r#"{"input":"* a \"b\"\n+ c\\d"}"#, "* a \"b\"\n+ c\\d"),
            (" {\n \"input\" : \"x\" , \"more\": 1}", "x"),
            (r#"{"input":"\ud83d\ude00 é 😀"}"#, "😀 é 😀"),
            (r#"{"input":""}"#, ""),
            ("{\"input\":\"a\nb\\qc", "a\nb\\qc"),
            (r#"{"other":"x"}"#, r#"{"other":"x"}"#),
            ("plain words", "plain words"),
            ("", ""),
            (r#"{"inp"#, ""),
            (r#"{"input":"cut \u00"#, "cut "),
        ] {
            for size in 1..12 {
                assert_eq!(inner(plain, size), text, "{plain} in pieces of {size}");
            }
        }
    }

    #[test]
    fn halves_of_a_character_meet() {
        let mut inner = Inner::default();
        let mut text = inner.push(&Str::escaped("{\\\"input\\\":\\\"\\ud83d"));
        text.push(&inner.push(&Str::escaped("\\ude00\\\"}")));
        assert_eq!(text.plain(), "😀");
    }
}
