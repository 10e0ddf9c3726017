//! One event of a Responses stream, its members taken apart, whatever its type.

use super::answer::text;
use crate::framing::Frame;
use crate::json::{Cursor, JsonError, Kind, Raw, Str};

/// The members of an event that mean something in one or another type.
#[derive(Debug, Default)]
pub(super) struct Wire<'f> {
    /// The type; where the data has none, the name of the event.
    pub kind: Str<'f>,
    pub output_index: Option<u64>,
    /// `content_index` or `summary_index`: which part of an item is meant.
    pub part_index: Option<u64>,
    pub item_id: Str<'f>,
    pub item: Option<Raw<'f>>,
    pub part: Option<Raw<'f>>,
    pub delta: Option<Str<'f>>,
    /// What a `done` event says again: `text`, `refusal`, `arguments` or `input`.
    pub whole: Option<Str<'f>>,
    pub annotation: Option<Raw<'f>>,
    pub logprobs: Option<Raw<'f>>,
    pub response: Option<Raw<'f>>,
    /// `error`, where it is an object.
    pub error: Option<Raw<'f>>,
}

impl<'f> Wire<'f> {
    /// Reads an event's data.
    ///
    /// # Errors
    /// The data is no JSON object.
    pub(super) fn read(frame: &Frame<'f>, data: &'f [u8]) -> Result<Self, JsonError> {
        let mut cursor = Cursor::new(data)?;
        let mut wire = Self::default();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match &*name.plain() {
                "type" => wire.kind = text(&mut cursor)?.unwrap_or_default(),
                "delta" => wire.delta = text(&mut cursor)?,
                "output_index" => wire.output_index = number(&mut cursor)?,
                "content_index" | "summary_index" => wire.part_index = number(&mut cursor)?,
                "item_id" => wire.item_id = text(&mut cursor)?.unwrap_or_default(),
                "item" => wire.item = object(&mut cursor)?,
                "part" => wire.part = object(&mut cursor)?,
                "text" | "refusal" | "arguments" | "input" => wire.whole = text(&mut cursor)?,
                "logprobs" => wire.logprobs = Some(cursor.raw()?),
                "annotation" => wire.annotation = object(&mut cursor)?,
                "response" => wire.response = object(&mut cursor)?,
                "error" => wire.error = object(&mut cursor)?,
                _ => cursor.skip()?,
            }
        }
        cursor.end()?;
        if wire.kind.is_empty() {
            wire.kind = frame.event.and_then(|event| core::str::from_utf8(event).ok()).map(Str::from_plain).unwrap_or_default();
        }
        Ok(wire)
    }
}

fn object<'f>(cursor: &mut Cursor<'f>) -> Result<Option<Raw<'f>>, JsonError> {
    let raw = cursor.raw()?;
    Ok((raw.kind() == Kind::Object).then_some(raw))
}

fn number(cursor: &mut Cursor<'_>) -> Result<Option<u64>, JsonError> {
    if cursor.peek()? == Kind::Number {
        return Ok(cursor.number()?.as_str().parse().ok());
    }
    cursor.skip()?;
    Ok(None)
}
