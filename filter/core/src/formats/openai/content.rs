//! The content of a message or an item: a text or a list of parts, and the parts that OpenAI's two formats write alike.

use crate::formats::media::{base64, decode_mime};
use crate::formats::shape::{Fault, place};
use crate::hub::{Modality, Part, PartKind, Source};
use crate::json::{Cursor, Kind, Str};

/// Reads content: a string, a list of parts, or `null`, which is none; `part` reads one of them.
///
/// # Errors
/// It is of another type, or a part is not of the format's shape.
pub fn decode_content<'b>(
    cursor: &mut Cursor<'b>,
    mut part: impl FnMut(&mut Cursor<'b>) -> Result<Part<'b>, Fault>,
) -> Result<Vec<Part<'b>>, Fault> {
    let at = cursor.offset();
    match cursor.peek()? {
        Kind::Null => {
            cursor.skip()?;
            Ok(Vec::new())
        }
        Kind::String => Ok(vec![text(cursor)?]),
        Kind::Array => {
            let mut parts = Vec::new();
            cursor.enter_array()?;
            while cursor.element()? {
                part(cursor)?.join(&mut parts);
            }
            Ok(parts)
        }
        Kind::Object | Kind::Number | Kind::Boolean => Err(Fault::wrong(at, "it must be a string or a list of parts")),
    }
}

/// The string that comes next, as a part.
///
/// # Errors
/// No string comes next.
pub fn text<'b>(cursor: &mut Cursor<'b>) -> Result<Part<'b>, Fault> {
    let at = place(cursor.offset());
    Ok(Part { at, cache: None, kind: PartKind::Text(cursor.string()?) })
}

/// A part that only the vendor knows.
///
/// # Errors
/// It is not JSON.
pub fn opaque<'b>(cursor: &mut Cursor<'b>) -> Result<Part<'b>, Fault> {
    let at = place(cursor.offset());
    Ok(Part { at, cache: None, kind: PartKind::Opaque(cursor.raw()?) })
}

/// A file in the vendor's store.
#[must_use]
pub fn stored<'b>(modality: Modality, id: Str<'b>, detail: Option<Str<'b>>, name: Option<Str<'b>>) -> PartKind<'b> {
    PartKind::Media { modality, mime_type: Str::default(), source: Source::File(id), detail, name, about: None }
}

/// Reads the object of a piece of sound.
///
/// # Errors
/// A member is of another type, or one is missing.
pub fn audio<'b>(cursor: &mut Cursor<'b>) -> Result<PartKind<'b>, Fault> {
    let at = cursor.offset();
    let (mut data, mut format) = (None, None);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match &*name.into_plain() {
            "data" => data = Some((cursor.offset(), cursor.string()?)),
            "format" => format = Some(cursor.string()?),
            _ => cursor.leave()?,
        }
    }
    let (data_at, data) = data.ok_or(Fault::missing(at, "data"))?;
    let mut mime = Str::from_plain("audio/");
    mime.push(&format.ok_or(Fault::missing(at, "format"))?);
    let source = base64(data_at, data)?;
    Ok(PartKind::Media { modality: Modality::Audio, mime_type: decode_mime(mime), source, detail: None, name: None, about: None })
}
