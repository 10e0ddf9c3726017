//! The rules of OpenAI for schemas that an answer must fit: everything is named, required and closed.

use crate::json::{Cursor, JsonError, Kind, Raw};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Deepest nesting of objects that any of its models takes.
const MAX_LEVELS: usize = 10;

/// Words that the rules don't have.
const UNKNOWN: [&str; 9] = ["default", "allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas"];

/// Whether a schema keeps the rules.
pub(super) fn is_closed(schema: Raw<'_>) -> bool {
    schema.kind() == Kind::Object && object(&mut schema.cursor(), 0).is_ok_and(|closed| closed)
}

/// Reads one schema. `level` is how many lie around it; the outermost may not be a choice among others.
fn object(cursor: &mut Cursor<'_>, level: usize) -> Result<bool, JsonError> {
    if level > MAX_LEVELS || cursor.peek()? != Kind::Object {
        cursor.skip()?;
        return Ok(false);
    }
    let (mut named, mut required) = (BTreeSet::new(), BTreeSet::new());
    let (mut good, mut closed, mut of_members) = (true, false, false);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match (&*name.into_plain(), cursor.peek()?) {
            ("properties", Kind::Object) => {
                of_members = true;
                cursor.enter_object()?;
                while let Some(name) = cursor.member()? {
                    named.insert(name.into_plain());
                    good &= object(cursor, level.saturating_add(1))?;
                }
            }
            ("$defs" | "definitions", Kind::Object) => {
                cursor.enter_object()?;
                while cursor.member()?.is_some() {
                    good &= object(cursor, level.saturating_add(1))?;
                }
            }
            ("required", Kind::Array) => strings(cursor, &mut required)?,
            ("additionalProperties", _) => closed = cursor.raw()?.as_str() == "false",
            ("type", _) => of_members |= cursor.raw()?.as_str().contains("\"object\""),
            ("items", _) => good &= object(cursor, level.saturating_add(1))?,
            ("anyOf", Kind::Array) => {
                good &= level > 0;
                cursor.enter_array()?;
                while cursor.element()? {
                    good &= object(cursor, level.saturating_add(1))?;
                }
            }
            (name, _) => {
                good &= !UNKNOWN.contains(&name);
                cursor.skip()?;
            }
        }
    }
    let whole = !of_members || closed && named.is_subset(&required);
    Ok(good && whole)
}

fn strings<'b>(cursor: &mut Cursor<'b>, into: &mut BTreeSet<Cow<'b, str>>) -> Result<(), JsonError> {
    cursor.enter_array()?;
    while cursor.element()? {
        if cursor.peek()? == Kind::String {
            into.insert(cursor.string()?.into_plain());
        } else {
            cursor.skip()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_named_required_and_closed() {
        let closed = |text: &str| is_closed(Raw::parse(text).unwrap());
        for good in [
            r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}"#,
            r##"{"type":"object","properties":{"a":{"anyOf":[{"$ref":"#/$defs/x"},{"type":"null"}]}},"required":["a"],"additionalProperties":false,
                "$defs":{"x":{"type":"array","items":{"type":"object","properties":{},"additionalProperties":false}}}}"##,
            r#"{"type":"object","properties":{"default":{"type":"string"}},"required":["default"],"additionalProperties":false}"#,
        ] {
            assert!(closed(good), "{good}");
        }
        for bad in [
            "true",
            r#"{"type":"object","properties":{}}"#,
            r#"{"type":["object","null"],"required":[]}"#,
            r#"{"type":"object","properties":{"a":{},"b":{}},"required":["a"],"additionalProperties":false}"#,
            r#"{"type":"object","properties":{"a":{"type":"string","default":"x"}},"required":["a"],"additionalProperties":false}"#,
            r#"{"type":"object","properties":{"a":{"items":{"type":"object"}}},"required":["a"],"additionalProperties":false}"#,
            r#"{"anyOf":[{"type":"string"}]}"#,
        ] {
            assert!(!closed(bad), "{bad}");
        }
        let deep = |levels: usize| {
            let open = r#"{"type":"object","required":["a"],"additionalProperties":false,"properties":{"a":"#;
            format!("{}{{\"type\":\"string\"}}{}", open.repeat(levels), "}}".repeat(levels))
        };
        assert!(closed(&deep(10)) && !closed(&deep(11)));
    }
}
