//! The parts of a message's content: text, images, sound, files, refusals.

use crate::formats::media::{media, media_type};
use crate::formats::openai::content;
use crate::formats::shape::{Fault, place, type_of};
use crate::hub::{Modality, Part, PartKind};
use crate::json::{Cursor, Kind, Raw};

/// Reads content: a string, a list of parts, or `null`, which is none.
pub(super) fn decode_content<'b>(cursor: &mut Cursor<'b>) -> Result<Vec<Part<'b>>, Fault> {
    content::decode_content(cursor, decode_part)
}

fn decode_part<'b>(cursor: &mut Cursor<'b>) -> Result<Part<'b>, Fault> {
    let at = cursor.offset();
    if cursor.peek()? == Kind::String {
        return content::text(cursor);
    }
    let kind = type_of(cursor)?.ok_or(Fault::missing(at, "type"))?;
    let kind = kind.plain();
    let (mut cache, mut found) = (None, None);
    if !matches!(&*kind, "text" | "refusal" | "image_url" | "input_audio" | "file") {
        return content::opaque(cursor);
    }
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match &*name.into_plain() {
            "prompt_cache_breakpoint" | "cache_control" => cache = Some(cursor.raw()?).filter(|raw: &Raw<'_>| raw.kind() != Kind::Null),
            "type" => cursor.skip()?,
            name if name != kind => cursor.leave()?,
            "text" => found = Some(PartKind::Text(cursor.string()?)),
            "refusal" => found = Some(PartKind::Refusal(cursor.string()?)),
            "image_url" => found = Some(image(cursor)?),
            "input_audio" => found = Some(content::audio(cursor)?),
            _ => found = Some(file(cursor)?),
        }
    }
    let missing = match &*kind {
        "text" => "text",
        "refusal" => "refusal",
        "image_url" => "image_url",
        "input_audio" => "input_audio",
        _ => "file",
    };
    Ok(Part { at: place(at), cache, kind: found.ok_or(Fault::missing(at, missing))? })
}

fn image<'b>(cursor: &mut Cursor<'b>) -> Result<PartKind<'b>, Fault> {
    let at = cursor.offset();
    let (mut url, mut detail) = (None, None);
    if cursor.peek()? == Kind::String {
        url = Some((at, cursor.string()?));
    } else {
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match &*name.into_plain() {
                "url" => url = Some((cursor.offset(), cursor.string()?)),
                "detail" if !cursor.null()? => detail = Some(cursor.string()?),
                "detail" => {}
                _ => cursor.leave()?,
            }
        }
    }
    let (at, url) = url.ok_or(Fault::missing(at, "url"))?;
    media(at, url, Modality::Image, detail, None)
}

fn file<'b>(cursor: &mut Cursor<'b>) -> Result<PartKind<'b>, Fault> {
    let at = cursor.offset();
    let (mut data, mut id, mut file_name) = (None, None, None);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if cursor.null()? {
            continue;
        }
        match &*name.into_plain() {
            "file_data" => data = Some((cursor.offset(), cursor.string()?)),
            "file_id" => id = Some(cursor.string()?),
            "filename" => file_name = Some(cursor.string()?),
            _ => cursor.leave()?,
        }
    }
    match (data, id) {
        (Some((at, data)), _) if media_type(&data).is_some() => media(at, data, Modality::Document, None, file_name),
        (Some((at, _)), _) => Err(Fault::wrong(at, "it must be a data URI such as data:application/pdf;base64,…")),
        (None, Some(id)) => Ok(content::stored(Modality::Document, id, None, file_name)),
        (None, None) => Err(Fault::missing(at, "file_data")),
    }
}
