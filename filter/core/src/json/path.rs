//! The path of a value in a JSON text, worked out from its offset only when somebody has to be told of it.

use super::{Cursor, JsonError, Kind};
use core::fmt::Write as _;

/// The path (`messages[2].content[0].text`) of the innermost value that holds byte `at`; `None` where that is the text's own value
/// or nothing.
///
/// The text may be broken behind `at`: what stands before is enough.
#[must_use]
pub fn path_of(text: &str, at: usize) -> Option<String> {
    let mut path = String::new();
    let mut cursor = Cursor::of_text(text);
    while let Ok(true) = descend(&mut cursor, at, &mut path) {}
    if path.is_empty() { None } else { Some(path) }
}

/// Moves the cursor from a value to the item in it that holds `at`, and appends the item's name; `false` where there is none.
fn descend(cursor: &mut Cursor<'_>, at: usize, path: &mut String) -> Result<bool, JsonError> {
    if cursor.offset() >= at {
        return Ok(false);
    }
    match cursor.peek()? {
        Kind::Object => {
            cursor.enter_object()?;
            while let Some(name) = cursor.member()? {
                if holds(cursor, at) {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(&name.plain());
                    return Ok(true);
                }
                cursor.skip()?;
            }
            Ok(false)
        }
        Kind::Array => {
            cursor.enter_array()?;
            let mut index = 0_usize;
            while cursor.element()? {
                if holds(cursor, at) {
                    let _infallible = write!(path, "[{index}]");
                    return Ok(true);
                }
                cursor.skip()?;
                index += 1;
            }
            Ok(false)
        }
        Kind::String | Kind::Number | Kind::Boolean | Kind::Null => Ok(false),
    }
}

/// Whether the value that comes next reaches to `at`. A broken one does.
fn holds(cursor: &mut Cursor<'_>, at: usize) -> bool {
    cursor.offset() >= at || {
        let mut behind = cursor.clone();
        behind.skip().is_err() || behind.passed() > at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_value_at_every_kind_of_place() {
        let text = r#"{"a": 1, "m\u006f": [ {"x":[]}, {"c": [ "s" , {"t":"u"}]} ], "z": }"#;
        let path = |needle: &str| path_of(text, text.find(needle).unwrap()).unwrap();
        assert_eq!(path_of(text, 0), None);
        assert_eq!(path_of("12", 1), None);
        assert_eq!(path("1,"), "a");
        assert_eq!(path("[]"), "mo[0].x");
        assert_eq!(path("\"s\""), "mo[1].c[0]");
        assert_eq!(path("\"u\""), "mo[1].c[1].t");
        assert_eq!(path("}]} ]"), "mo[1].c[1]");
        assert_eq!(path("}"), "mo[0]");
    }

    #[test]
    fn no_place_is_too_far() {
        for text in ["", "{", "[1, {\"a\": [tru", "{\"a\":{\"b\":[1,2]}} x", "nonsense"] {
            for at in 0..text.len() + 2 {
                let _any = path_of(text, at);
            }
        }
        assert_eq!(path_of("[1, {\"a\": [tru", 11).as_deref(), Some("[1].a[0]"));
    }
}
