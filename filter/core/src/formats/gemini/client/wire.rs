//! The JSON of protocol buffers as clients write it: two spellings of each member, numbers in strings, whole numbers with a fraction.

use crate::formats::shape::Fault;
use crate::json::{Cursor, Kind, Raw, Str};
use std::borrow::Cow;

/// A member's name in the spelling with capitals, in which it stands in Google's documentation. SDKs mix both within one request.
pub(super) fn camel(name: Str<'_>) -> Cow<'_, str> {
    let name = name.into_plain();
    if !name.contains('_') {
        return name;
    }
    let mut camel = String::with_capacity(name.len());
    let mut up = false;
    for c in name.chars() {
        match c {
            '_' => up = !camel.is_empty(),
            c if up => {
                camel.push(c.to_ascii_uppercase());
                up = false;
            }
            c => camel.push(c),
        }
    }
    Cow::Owned(camel)
}

/// The next member that says something: its name with capitals, and where its value stands.
pub(super) fn member<'b>(cursor: &mut Cursor<'b>) -> Result<Option<(Cow<'b, str>, usize)>, Fault> {
    while let Some(name) = cursor.member()? {
        let at = cursor.offset();
        if !cursor.null()? {
            return Ok(Some((camel(name), at)));
        }
    }
    Ok(None)
}

/// Hands each element of a list to `each`; where one thing stands in the place of the list, that.
pub(super) fn list<'b>(cursor: &mut Cursor<'b>, mut each: impl FnMut(&mut Cursor<'b>) -> Result<(), Fault>) -> Result<(), Fault> {
    if cursor.peek()? != Kind::Array {
        return each(cursor);
    }
    cursor.enter_array()?;
    while cursor.element()? {
        each(cursor)?;
    }
    Ok(())
}

/// A number, which may stand in a string.
pub(super) fn number<'b>(cursor: &mut Cursor<'b>) -> Result<Raw<'b>, Fault> {
    let at = cursor.offset();
    if cursor.peek()? != Kind::String {
        return Ok(cursor.number()?);
    }
    let number = match cursor.string()?.into_plain() {
        Cow::Borrowed(text) => Raw::parse(text).ok().filter(|raw| raw.kind() == Kind::Number),
        Cow::Owned(_) => None,
    };
    number.ok_or_else(|| Fault::wrong(at, "it must be a number"))
}

/// A whole number; a fraction of zeros, as floats are printed, is none.
pub(super) fn whole<'b>(cursor: &mut Cursor<'b>) -> Result<Raw<'b>, Fault> {
    let at = cursor.offset();
    let number = number(cursor)?.as_str();
    let (digits, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole = fraction.bytes().all(|byte| byte == b'0') && digits.parse::<i64>().is_ok();
    Raw::parse(digits).ok().filter(|_| whole).ok_or_else(|| Fault::wrong(at, "it must be a whole number"))
}

/// A whole number from 0 on.
pub(super) fn count(cursor: &mut Cursor<'_>) -> Result<u64, Fault> {
    let at = cursor.offset();
    whole(cursor)?.as_str().parse().map_err(|_negative| Fault::wrong(at, "it must be a whole number from 0 on"))
}

/// The value of an enumeration that comes next, which is one of `words` in capitals or small letters; its own zero value is `None`.
pub(super) fn word<T: Copy>(cursor: &mut Cursor<'_>, words: &[(&str, T)]) -> Result<Option<T>, Fault> {
    let at = cursor.offset();
    let said = cursor.string()?.into_plain();
    if let Some((_, value)) = words.iter().find(|(word, _)| said.eq_ignore_ascii_case(word)) {
        return Ok(Some(*value));
    }
    if said.ends_with("_UNSPECIFIED") {
        return Ok(None);
    }
    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    Err(Fault::wrong(at, format!("it must be one of {}", known.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(text: &str) -> Cursor<'_> {
        Cursor::of_text(text)
    }

    #[test]
    fn both_spellings_are_one_name() {
        for (name, expected) in [("inline_data", "inlineData"), ("topP", "topP"), ("_x_y_", "xY"), ("a__b", "aB")] {
            assert_eq!(camel(Str::from_plain(name)), expected);
        }
    }

    #[test]
    fn numbers_come_in_three_forms() {
        for (text, number) in [("5", Some("5")), ("5.0", Some("5")), ("\"5\"", Some("5")), ("-1", Some("-1"))] {
            assert_eq!(whole(&mut cursor(text)).ok().map(Raw::as_str), number, "{text}");
        }
        for text in ["5.5", "\"x\"", "1e3", "true", "\"\""] {
            assert!(whole(&mut cursor(text)).is_err(), "{text}");
        }
        assert!(count(&mut cursor("-1")).is_err());
    }
}
