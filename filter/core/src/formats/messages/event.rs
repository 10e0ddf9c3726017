//! One event of a Messages stream as the wire has it.

use super::answer::text;
use crate::json::{Cursor, JsonError, Kind, Raw, Str};

/// The members of an event that mean something in one or another type.
#[derive(Default)]
pub(super) struct Wire<'f> {
    pub kind: Str<'f>,
    pub index: u64,
    pub message: Option<Raw<'f>>,
    pub content_block: Option<Raw<'f>>,
    pub delta: Option<Raw<'f>>,
    pub usage: Option<Raw<'f>>,
    pub error: bool,
}

impl<'f> Wire<'f> {
    pub(super) fn read(data: &'f [u8]) -> Result<Self, JsonError> {
        let mut cursor = Cursor::new(data)?;
        let mut wire = Self::default();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match &*name.plain() {
                "type" => wire.kind = text(&mut cursor)?.unwrap_or_default(),
                "index" if cursor.peek()? == Kind::Number => wire.index = cursor.number()?.as_str().parse().unwrap_or(0),
                "message" => wire.message = object(&mut cursor)?,
                "content_block" => wire.content_block = object(&mut cursor)?,
                "delta" => wire.delta = object(&mut cursor)?,
                "usage" => wire.usage = object(&mut cursor)?,
                "error" => wire.error = cursor.raw()?.kind() != Kind::Null,
                _ => cursor.skip()?,
            }
        }
        cursor.end()?;
        Ok(wire)
    }
}

fn object<'f>(cursor: &mut Cursor<'f>) -> Result<Option<Raw<'f>>, JsonError> {
    let raw = cursor.raw()?;
    Ok((raw.kind() == Kind::Object).then_some(raw))
}
