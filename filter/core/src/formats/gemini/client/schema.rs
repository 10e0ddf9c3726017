//! Schemas as this format alone writes them – type names in capitals, `nullable`, counts in strings, names with underscores – in the words
//! of JSON Schema.

use super::wire::camel;
use crate::json::{Cursor, JsonError, Kind, Out, Raw};

/// Deepest nesting that is written anew; what is deeper stays as it is.
const MAX_DEPTH: usize = 32;

/// The schema in the words of JSON Schema; `None` where it is written in them already.
pub(super) fn plain(schema: Raw<'_>) -> Option<String> {
    let mut pen = Pen { out: Out::with_capacity(schema.as_str().len()), changed: false };
    pen.schema(&mut schema.cursor(), MAX_DEPTH).ok()?;
    pen.changed.then(|| pen.out.into_string())
}

struct Pen {
    out: Out,
    changed: bool,
}

impl Pen {
    fn schema(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Result<(), JsonError> {
        if cursor.peek()? != Kind::Object || depth == 0 {
            self.out.raw(cursor.raw()?);
            return Ok(());
        }
        let depth = depth.saturating_sub(1);
        let nullable = is_nullable(cursor.clone())?;
        self.out.open_object();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            let spelled = name.as_escaped().to_owned();
            let name = camel(name);
            self.changed |= spelled != *name;
            let member = if name == "defs" { "$defs" } else { &*name };
            if name == "nullable" {
                self.changed = true;
                cursor.skip()?;
                continue;
            }
            self.out.key(member);
            match (member, cursor.peek()?) {
                ("type", Kind::String | Kind::Array) => self.types(cursor, nullable)?,
                ("properties" | "$defs" | "definitions" | "patternProperties", Kind::Object) => {
                    self.out.open_object();
                    cursor.enter_object()?;
                    while let Some(property) = cursor.member()? {
                        self.out.key_escaped(&property);
                        self.schema(cursor, depth)?;
                    }
                    self.out.close_object();
                }
                ("anyOf" | "oneOf" | "allOf" | "prefixItems", Kind::Array) => {
                    self.out.open_array();
                    cursor.enter_array()?;
                    while cursor.element()? {
                        self.schema(cursor, depth)?;
                    }
                    self.out.close_array();
                }
                ("items" | "additionalProperties" | "not", Kind::Object) => self.schema(cursor, depth)?,
                ("minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties" | "maxProperties", Kind::String) => {
                    self.count(cursor)?;
                }
                _ => self.out.raw(cursor.raw()?),
            }
        }
        self.out.close_object();
        Ok(())
    }

    /// One type or several, in small letters; `null` is one more where the value may be missing.
    fn types(&mut self, cursor: &mut Cursor<'_>, nullable: bool) -> Result<(), JsonError> {
        let mut types: Vec<String> = Vec::new();
        let many = cursor.peek()? == Kind::Array;
        let mut read = |cursor: &mut Cursor<'_>, changed: &mut bool| -> Result<(), JsonError> {
            let said = cursor.string()?.into_plain();
            let small = said.to_ascii_lowercase();
            *changed |= small != said;
            types.push(small);
            Ok(())
        };
        if many {
            cursor.enter_array()?;
            while cursor.element()? {
                read(cursor, &mut self.changed)?;
            }
        } else {
            read(cursor, &mut self.changed)?;
        }
        if nullable && !types.iter().any(|one| one == "null") {
            types.push("null".to_owned());
        }
        match types.as_slice() {
            [one] if !many => self.out.plain(one),
            types => {
                self.out.open_array();
                types.iter().for_each(|one| self.out.plain(one));
                self.out.close_array();
            }
        }
        Ok(())
    }

    /// A number that stands in a string, as protocol buffers write those of 64 bits.
    fn count(&mut self, cursor: &mut Cursor<'_>) -> Result<(), JsonError> {
        let raw = cursor.raw()?;
        match raw.as_str().trim_matches('"').parse() {
            Ok(count) => {
                self.changed = true;
                self.out.number(count);
            }
            Err(_) => self.out.raw(raw),
        }
        Ok(())
    }
}

/// Whether the schema that comes next says that its value may be missing.
fn is_nullable(mut cursor: Cursor<'_>) -> Result<bool, JsonError> {
    let mut nullable = false;
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        nullable |= cursor.raw()? == Raw::TRUE && name.is("nullable");
    }
    Ok(nullable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        plain(Raw::parse(text).unwrap())
    }

    #[test]
    fn what_is_json_schema_stays() {
        for text in ["true", "{}", r#"{"type":"object","properties":{"TYPE":{"type":["string","null"]},"a_b":{"enum":["X"]}}}"#, "[]"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn googles_words_become_those_of_json_schema() {
        let schema = r#"{"type":"OBJECT","properties":{"Nullable":{"type":"STRING","nullable":true},"a_b":{"type":"ARRAY","min_items":"1","items":{"any_of":[{"type":"INTEGER"},{"type":"NULL"}]}},"c":{"type":["NUMBER","null"],"nullable":true}},"property_ordering":["a_b"],"additional_properties":false}"#;
        let expected = r#"{"type":"object","properties":{"Nullable":{"type":["string","null"]},"a_b":{"type":"array","minItems":1,"items":{"anyOf":[{"type":"integer"},{"type":"null"}]}},"c":{"type":["number","null"]}},"propertyOrdering":["a_b"],"additionalProperties":false}"#;
        assert_eq!(of(schema).as_deref(), Some(expected));
        assert_eq!(of(expected), None);
    }

    #[test]
    fn no_depth_does_harm() {
        let deep = format!("{}{{\"type\":\"STRING\"}}{}", "{\"items\":".repeat(100), "}".repeat(100));
        assert_eq!(of(&deep), None);
    }
}
