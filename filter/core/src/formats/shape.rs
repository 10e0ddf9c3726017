//! Faults in the shape of a request and where they stand, whatever the format; the path is worked out only when one is told.

use crate::hub::{ErrorKind, Rejection};
use crate::json::{Cursor, JsonError, JsonFault, Kind, Raw, Str, path_of, utf8};
use std::borrow::Cow;

/// Why a request is not of the format's shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Offset in bytes of the value that is wrong, or of the object that lacks a member.
    at: usize,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Json(JsonFault),
    Missing(&'static str),
    Wrong(Cow<'static, str>),
}

impl From<JsonError> for Fault {
    fn from(error: JsonError) -> Self {
        Self { at: error.at, what: What::Json(error.fault) }
    }
}

impl Fault {
    /// The object at `at` lacks a member.
    pub const fn missing(at: usize, member: &'static str) -> Self {
        Self { at, what: What::Missing(member) }
    }

    /// The value at `at` is none of those that the format has; `why` is the rest of a sentence about it.
    pub fn wrong(at: usize, why: impl Into<Cow<'static, str>>) -> Self {
        Self { at, what: What::Wrong(why.into()) }
    }

    /// The same as the client is told it, with the path of the member in its own body.
    pub fn rejection(&self, text: &str) -> Rejection {
        let refuse = |message: String| Rejection::new(ErrorKind::InvalidRequest, message);
        match &self.what {
            What::Json(JsonFault::Expected(kind)) => {
                let found = text.as_bytes().get(self.at).and_then(|&byte| Kind::of(byte)).unwrap_or(Kind::Null);
                let Some(path) = path_of(text, self.at) else {
                    return refuse(format!("the body must be {kind}, but it is {found}"));
                };
                refuse(format!("invalid type for '{path}': expected {kind}, but got {found} instead")).at(path).code("invalid_type")
            }
            What::Json(fault) => refuse(format!("the body is not valid JSON: {}", JsonError { at: self.at, fault: *fault })),
            What::Missing("model") => {
                refuse("you must provide a model parameter".to_owned()).at("model").code("missing_required_parameter")
            }
            What::Missing(member) => {
                let path = path_of(text, self.at).map_or_else(|| (*member).to_owned(), |path| format!("{path}.{member}"));
                refuse(format!("missing required parameter: '{path}'")).at(path).code("missing_required_parameter")
            }
            What::Wrong(why) => {
                let path = path_of(text, self.at).unwrap_or_default();
                refuse(format!("invalid value for '{path}': {why}")).at(path).code("invalid_value")
            }
        }
    }
}

/// The body as text.
///
/// # Errors
/// It is empty, begins with a byte order mark or is not UTF-8.
pub fn text(body: &[u8]) -> Result<&str, Rejection> {
    if body.is_empty() {
        return Err(Rejection::no_body());
    }
    if body.starts_with(b"\xEF\xBB\xBF") {
        return Err(Rejection::new(ErrorKind::InvalidRequest, "the body begins with a byte order mark, which JSON does not have"));
    }
    utf8(body).map_err(|error| Fault::from(error).rejection(""))
}

/// The whole number that comes next.
///
/// # Errors
/// It is no number, or not a whole one from 0 on.
pub fn count(cursor: &mut Cursor<'_>) -> Result<u64, Fault> {
    let at = cursor.offset();
    cursor.number()?.as_str().parse().map_err(|_not_whole| Fault::wrong(at, "it must be a whole number from 0 on"))
}

/// The number that comes next, as it is written.
///
/// # Errors
/// It is no number, or outside the range.
pub fn within<'b>(cursor: &mut Cursor<'b>, least: f64, most: f64) -> Result<Raw<'b>, Fault> {
    let at = cursor.offset();
    let number = cursor.number()?;
    if number.as_str().parse().is_ok_and(|value: f64| (least..=most).contains(&value)) {
        return Ok(number);
    }
    Err(Fault::wrong(at, format!("it must be from {least} to {most}")))
}

/// The object that comes next, as it is.
///
/// # Errors
/// No object comes next.
pub fn object<'b>(cursor: &mut Cursor<'b>) -> Result<Raw<'b>, Fault> {
    cursor.clone().enter_object()?;
    Ok(cursor.raw()?)
}

/// An offset as the hub keeps it. Bodies are capped far below 4 GiB; an offset that does not fit names the end of the range.
pub fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The `type` of the object that comes next, wherever in it the member stands; the cursor stays.
///
/// # Errors
/// No object comes next, or its `type` is no string.
pub fn type_of<'b>(cursor: &Cursor<'b>) -> Result<Option<Str<'b>>, Fault> {
    let mut ahead = cursor.clone();
    ahead.enter_object()?;
    while let Some(name) = ahead.member()? {
        if name.is("type") {
            return Ok(if ahead.null()? { None } else { Some(ahead.string()?) });
        }
        ahead.skip()?;
    }
    Ok(None)
}

/// Whether an object of this type comes next.
///
/// # Errors
/// What comes next is not JSON, or the type is no text.
pub fn is_of_type(cursor: &Cursor<'_>, kind: &str) -> Result<bool, Fault> {
    if cursor.clone().peek()? != Kind::Object {
        return Ok(false);
    }
    Ok(type_of(cursor)?.is_some_and(|one| one.is(kind)))
}

/// Whether an object comes next whose member `format` is a JSON schema.
///
/// # Errors
/// What comes next is not JSON, or the format's type is no text.
pub fn has_schema(cursor: &Cursor<'_>) -> Result<bool, Fault> {
    let mut ahead = cursor.clone();
    let mut found = false;
    if ahead.peek()? == Kind::Object {
        ahead.enter_object()?;
        while let Some(name) = ahead.member()? {
            found |= name.is("format") && is_of_type(&ahead, "json_schema")?;
            ahead.skip()?;
        }
    }
    Ok(found)
}

/// The string `name` of the object that comes next, which is passed; the last one of several.
///
/// # Errors
/// No object comes next, or the member is no string.
pub fn string_member<'b>(cursor: &mut Cursor<'b>, name: &str) -> Result<Option<Str<'b>>, Fault> {
    let mut found = None;
    cursor.enter_object()?;
    while let Some(member) = cursor.member()? {
        if member.is(name) {
            found = Some(cursor.string()?);
        } else {
            cursor.skip()?;
        }
    }
    Ok(found)
}

/// The object that comes next, as it is; `None` where it is empty.
///
/// # Errors
/// No object comes next.
pub fn filled_object<'b>(cursor: &mut Cursor<'b>) -> Result<Option<Raw<'b>>, Fault> {
    let mut inside = cursor.clone();
    inside.enter_object()?;
    let filled = inside.member()?.is_some();
    Ok(Some(cursor.raw()?).filter(|_| filled))
}
