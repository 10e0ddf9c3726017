//! A schema in the words of a dialect that has fewer of them, in one pass.

use crate::json::{Cursor, JsonError, Kind, Out, Raw, Str};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// What a target reads of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Anthropic's, for answers and strict tools: few words, and every object closed. What else a schema says goes into its description,
    /// where the model reads it.
    Closed,
    /// Gemini's: all words, of which it passes over `oneOf` and `allOf` in silence.
    Unions,
}

/// A schema in a dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rewritten<'s> {
    /// The schema; as it came where the dialect has all its words.
    pub text: Cow<'s, str>,
    /// Something is said in another way.
    pub altered: bool,
    /// Something is not said.
    pub lost: bool,
}

/// A schema in a dialect. What is no JSON stays as it is: whoever reads it says so.
pub(super) fn rewrite(schema: &str, dialect: Dialect) -> Rewritten<'_> {
    let as_it_is = Rewritten { text: Cow::Borrowed(schema), altered: false, lost: false };
    // Nearly no schema has these words, and one look is cheaper than a pass.
    if dialect == Dialect::Unions && !(schema.contains("oneOf\"") || schema.contains("allOf\"")) {
        return as_it_is;
    }
    let mut writer = Writer { out: Out::with_capacity(schema.len()), dialect, altered: false, lost: false };
    match writer.schema(&mut Cursor::of_text(schema)) {
        Ok(()) if writer.altered || writer.lost => {
            Rewritten { text: Cow::Owned(writer.out.into_string()), altered: writer.altered, lost: writer.lost }
        }
        Ok(()) | Err(_) => as_it_is,
    }
}

/// The formats of strings that Anthropic's dialect knows.
const FORMATS: [&str; 9] = ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6"];

/// What becomes of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It is written as it is.
    Keep,
    /// It is a schema.
    Schema,
    /// It is an object of schemas.
    Map,
    /// It is a list of schemas.
    List,
    /// It is a list of schemas of which exactly one fits: at least one is the nearest.
    Union,
    /// It is a list of schemas that all fit, which the dialect does not read.
    Merge,
    /// It is the description.
    Describe,
    /// It says whether there may be other members.
    Close,
    /// It is told in the description.
    Aside,
    /// It is not told.
    Leave,
}

/// What one object of a schema said so far.
#[derive(Default)]
struct Said<'b> {
    description: Option<Str<'b>>,
    aside: Vec<(Str<'b>, Raw<'b>)>,
    /// It is of an object.
    object: bool,
    /// It has no members but those that it names.
    closed: bool,
    /// It is a choice among others.
    union: bool,
    /// It had a list of schemas that all fit. A second one is not read: each costs a look at all members.
    merged: bool,
}

struct Writer {
    out: Out,
    dialect: Dialect,
    altered: bool,
    lost: bool,
}

impl Writer {
    /// Writes the schema that comes next. How deep it goes the cursor bounds.
    fn schema(&mut self, cursor: &mut Cursor<'_>) -> Result<(), JsonError> {
        if cursor.peek()? != Kind::Object {
            // `true`, which fits everything.
            if self.dialect == Dialect::Closed {
                cursor.skip()?;
                self.altered = true;
                self.out.raw(Raw::EMPTY_OBJECT);
            } else {
                self.out.raw(cursor.raw()?);
            }
            return Ok(());
        }
        let mut said = Said::default();
        self.out.open_object();
        self.members(cursor, &BTreeSet::new(), &mut said)?;
        self.finish(&said);
        self.out.close_object();
        Ok(())
    }

    /// Writes the members of an object but for those that the object around it has itself.
    fn members<'b>(&mut self, cursor: &mut Cursor<'b>, outer: &BTreeSet<Cow<'b, str>>, said: &mut Said<'b>) -> Result<(), JsonError> {
        let whole = cursor.clone();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            if outer.contains(&*name.plain()) {
                self.lost = true;
                cursor.skip()?;
                continue;
            }
            match self.step(&name, cursor, said)? {
                Step::Keep => {
                    let value = cursor.raw()?;
                    said.object |= name.is("type") && value.as_str().contains("\"object\"");
                    self.out.key_escaped(&name);
                    self.out.raw(value);
                }
                Step::Schema => {
                    self.out.key_escaped(&name);
                    self.schema(cursor)?;
                }
                Step::Map => {
                    said.object |= name.is("properties");
                    self.out.key_escaped(&name);
                    self.map(cursor)?;
                }
                Step::List => {
                    said.union |= name.is("anyOf");
                    self.out.key_escaped(&name);
                    self.list(cursor)?;
                }
                Step::Union => {
                    said.union = true;
                    self.altered = true;
                    self.out.key("anyOf");
                    self.list(cursor)?;
                }
                Step::Merge => self.merge(cursor, &whole, said)?,
                Step::Describe => said.description = Some(cursor.string()?),
                Step::Close => {
                    said.object = true;
                    let value = cursor.raw()?;
                    said.closed = value.as_str() == "false";
                    if value.kind() == Kind::Object {
                        said.aside.push((name, value));
                    }
                }
                Step::Aside => said.aside.push((name, cursor.raw()?)),
                Step::Leave => {
                    self.lost = true;
                    cursor.skip()?;
                }
            }
        }
        Ok(())
    }

    fn step(&self, name: &Str<'_>, cursor: &mut Cursor<'_>, said: &Said<'_>) -> Result<Step, JsonError> {
        Ok(match (&*name.plain(), cursor.peek()?) {
            ("properties" | "$defs" | "definitions", Kind::Object) => Step::Map,
            ("items", Kind::Object) => Step::Schema,
            ("anyOf", Kind::Array) if !said.union => Step::List,
            ("oneOf", Kind::Array) if !said.union => Step::Union,
            ("allOf", Kind::Array) if said.merged => Step::Leave,
            (name, kind) => match self.dialect {
                Dialect::Unions => unions(name, kind),
                Dialect::Closed => closed(name, kind, cursor.clone())?,
            },
        })
    }

    fn map(&mut self, cursor: &mut Cursor<'_>) -> Result<(), JsonError> {
        self.out.open_object();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            self.out.key_escaped(&name);
            self.schema(cursor)?;
        }
        self.out.close_object();
        Ok(())
    }

    fn list(&mut self, cursor: &mut Cursor<'_>) -> Result<(), JsonError> {
        self.out.open_array();
        cursor.enter_array()?;
        while cursor.element()? {
            self.schema(cursor)?;
        }
        self.out.close_array();
        Ok(())
    }

    /// Writes the members of the one schema of a list into the object that has it; of several none can be written so.
    fn merge<'b>(&mut self, cursor: &mut Cursor<'b>, whole: &Cursor<'b>, said: &mut Said<'b>) -> Result<(), JsonError> {
        said.merged = true;
        let mut list = cursor.clone();
        cursor.skip()?;
        list.enter_array()?;
        if !list.element()? {
            return Ok(());
        }
        let mut only = list.clone();
        list.skip()?;
        if list.element()? || only.peek()? != Kind::Object {
            self.lost = true;
            return Ok(());
        }
        self.altered = true;
        let mut outer = BTreeSet::new();
        let mut around = whole.clone();
        around.enter_object()?;
        while let Some(name) = around.member()? {
            outer.insert(name.into_plain());
            around.skip()?;
        }
        self.members(&mut only, &outer, said)
    }

    /// Writes what is known of an object only at its end.
    fn finish(&mut self, said: &Said<'_>) {
        let mut text = said.description.clone().map(Str::into_owned);
        if !said.aside.is_empty() {
            self.altered = true;
            let mut rest = Out::default();
            rest.open_object();
            for (name, value) in &said.aside {
                rest.key_escaped(name);
                rest.raw(*value);
            }
            rest.close_object();
            let rest = Str::from_plain_owned(rest.into_string());
            text = Some(match text {
                Some(mut text) if !text.is_empty() => {
                    text.push(&Str::from_plain("\n\n"));
                    text.push(&rest);
                    text
                }
                Some(_) | None => rest,
            });
        }
        if let Some(text) = text {
            self.out.key("description");
            self.out.string(&text);
        }
        if said.object && self.dialect == Dialect::Closed {
            self.altered |= !said.closed;
            self.out.key("additionalProperties");
            self.out.boolean(false);
        }
    }
}

/// Gemini's dialect.
fn unions(name: &str, kind: Kind) -> Step {
    match (name, kind) {
        ("allOf", Kind::Array) => Step::Merge,
        ("patternProperties" | "dependentSchemas", Kind::Object) => Step::Map,
        ("additionalProperties" | "not" | "contains" | "propertyNames" | "if" | "then" | "else", Kind::Object) => Step::Schema,
        ("items" | "prefixItems", Kind::Array) => Step::List,
        // Two choices at once.
        ("anyOf" | "oneOf", _) => Step::Leave,
        _ => Step::Keep,
    }
}

/// Anthropic's dialect; `value` stands before what the member holds.
fn closed(name: &str, kind: Kind, mut value: Cursor<'_>) -> Result<Step, JsonError> {
    let known = match (name, kind) {
        ("allOf", Kind::Array) => return Ok(Step::List),
        ("description", Kind::String) => return Ok(Step::Describe),
        ("additionalProperties", _) => return Ok(Step::Close),
        ("type" | "required" | "title" | "$ref", _) => true,
        ("const", kind) => is_plain(kind),
        ("enum", Kind::Array) => {
            let mut plain = true;
            value.enter_array()?;
            while value.element()? {
                plain &= is_plain(value.peek()?);
                value.skip()?;
            }
            plain
        }
        ("minItems", Kind::Number) => matches!(value.raw()?.as_str(), "0" | "1"),
        ("format", Kind::String) => {
            let format = value.string()?;
            FORMATS.iter().any(|known| format.is(known))
        }
        _ => false,
    };
    Ok(if known { Step::Keep } else { Step::Aside })
}

/// Whether a value is neither an object nor a list.
const fn is_plain(kind: Kind) -> bool {
    !matches!(kind, Kind::Object | Kind::Array)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schema in a dialect; whether something was altered, and lost.
    fn told(schema: &str, dialect: Dialect) -> (String, bool, bool) {
        let rewritten = rewrite(schema, dialect);
        (rewritten.text.into_owned(), rewritten.altered, rewritten.lost)
    }

    #[test]
    fn what_the_dialect_has_stays_as_it_is() {
        let good = r##"{ "type":"object","description":"d","properties":{"a":{"enum":["{",1,null]},"b":{"type":"array","minItems":1,
            "items":{"$ref":"#/$defs/x"}}},"required":["a"],"additionalProperties":false,"$defs":{"x":{"type":"string","format":"date"}}}"##;
        assert_eq!(told(good, Dialect::Closed), (good.to_owned(), false, false));
        let words =
            r#"{"type":"object","properties":{"oneOf":{"minLength":2},"allOf":{"anyOf":[{"const":1}]}},"patternProperties":{"^x":{}}}"#;
        assert_eq!(told(words, Dialect::Unions), (words.to_owned(), false, false));
        assert_eq!(told("no JSON", Dialect::Closed).0, "no JSON");
    }

    #[test]
    fn what_anthropic_does_not_read_is_told_in_the_description() {
        for (schema, expected) in [
            (
                r#"{"type":"string","minLength":2,"description":"d","pattern":"a\"b"}"#,
                r#"{"type":"string","description":"d\n\n{\"minLength\":2,\"pattern\":\"a\\\"b\"}"}"#,
            ),
            (r#"{"type":"object"}"#, r#"{"type":"object","additionalProperties":false}"#),
            (
                r#"{"properties":{"a":true},"additionalProperties":{"type":"string"}}"#,
                r#"{"properties":{"a":{}},"description":"{\"additionalProperties\":{\"type\":\"string\"}}","additionalProperties":false}"#,
            ),
            (r#"{"oneOf":[{"const":{"a":1}}]}"#, r#"{"anyOf":[{"description":"{\"const\":{\"a\":1}}"}]}"#),
            (r#"{"anyOf":[{}],"oneOf":[{}]}"#, r#"{"anyOf":[{}],"description":"{\"oneOf\":[{}]}"}"#),
        ] {
            assert_eq!(told(schema, Dialect::Closed), (expected.to_owned(), true, false), "{schema}");
        }
    }

    #[test]
    fn gemini_gets_unions_and_no_conjunctions() {
        for (schema, expected, altered, lost) in [
            (r#"{"oneOf":[{"type":"string"},{"allOf":[]}]}"#, r#"{"anyOf":[{"type":"string"},{}]}"#, true, false),
            (
                r#"{"description":"d","allOf":[{"type":"object","properties":{"a":{"oneOf":[{}]}}}]}"#,
                r#"{"description":"d","type":"object","properties":{"a":{"anyOf":[{}]}}}"#,
                true,
                false,
            ),
            (r#"{"allOf":[{"type":"string","title":"t"}],"type":"integer"}"#, r#"{"title":"t","type":"integer"}"#, true, true),
            (r#"{"allOf":[{"minimum":1},{"maximum":2}],"type":"integer"}"#, r#"{"type":"integer"}"#, false, true),
            (r#"{"anyOf":[{}],"oneOf":[{}]}"#, r#"{"anyOf":[{}]}"#, false, true),
        ] {
            assert_eq!(told(schema, Dialect::Unions), (expected.to_owned(), altered, lost), "{schema}");
        }
    }

    #[test]
    fn nothing_is_too_deep() {
        let deep = format!("{}{}", r#"{"items":"#.repeat(100_000), "}".repeat(100_000));
        for dialect in [Dialect::Closed, Dialect::Unions] {
            assert_eq!(told(&deep, dialect).0, deep);
        }
    }
}
