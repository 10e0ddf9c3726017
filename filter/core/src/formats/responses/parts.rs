//! The parts of an item's content: text, refusals, images, files, sound.

use super::citations;
use crate::formats::media::{base64, media, media_type};
use crate::formats::openai::content;
use crate::formats::shape::{Fault, place, string_member, type_of};
use crate::formats::sources;
use crate::hub::{Citation, Modality, Part, PartKind};
use crate::json::{Cursor, Kind, Raw, Str};

/// Sources that texts name.
#[derive(Debug, Default)]
pub(super) struct Sources<'b> {
    /// Each with the place of its text.
    pub named: Vec<(u32, Citation<'b>)>,
    /// Where the last one stands that nobody else has.
    pub foreign: Option<u32>,
}

/// Reads content: a string, a list of parts, or `null`, which is none.
pub(super) fn decode_content<'b>(cursor: &mut Cursor<'b>, sources: &mut Sources<'b>) -> Result<Vec<Part<'b>>, Fault> {
    content::decode_content(cursor, |cursor| decode_part(cursor, sources))
}

fn decode_part<'b>(cursor: &mut Cursor<'b>, named: &mut Sources<'b>) -> Result<Part<'b>, Fault> {
    let at = cursor.offset();
    let kind = type_of(cursor)?.ok_or(Fault::missing(at, "type"))?;
    let kind = kind.plain();
    if !matches!(&*kind, "input_text" | "output_text" | "text" | "refusal" | "input_image" | "input_file" | "input_audio") {
        return content::opaque(cursor);
    }
    let draft = Draft::read(cursor)?;
    let cache = draft.cache;
    if let Some(list) = draft.annotations {
        let mut found = Vec::new();
        if sources::read_all(list, citations::read, &mut found)? {
            named.foreign = Some(place(at));
        }
        named.named.extend(found.into_iter().map(|citation| (place(at), citation)));
    }
    let kind = match &*kind {
        "refusal" => PartKind::Refusal(draft.refusal.ok_or(Fault::missing(at, "refusal"))?),
        "input_image" => draft.image(at)?,
        "input_file" => draft.file(at)?,
        "input_audio" => draft.audio.ok_or(Fault::missing(at, "input_audio"))?,
        _ => PartKind::Text(draft.text.ok_or(Fault::missing(at, "text"))?),
    };
    Ok(Part { at: place(at), cache, kind })
}

/// The members of one part, whatever its type.
#[derive(Default)]
struct Draft<'b> {
    cache: Option<Raw<'b>>,
    annotations: Option<Raw<'b>>,
    text: Option<Str<'b>>,
    refusal: Option<Str<'b>>,
    image_url: Option<(usize, Str<'b>)>,
    file_data: Option<(usize, Str<'b>)>,
    file_url: Option<(usize, Str<'b>)>,
    file_id: Option<Str<'b>>,
    file_name: Option<Str<'b>>,
    detail: Option<Str<'b>>,
    audio: Option<PartKind<'b>>,
}

impl<'b> Draft<'b> {
    fn read(cursor: &mut Cursor<'b>) -> Result<Self, Fault> {
        let mut draft = Self::default();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            let at = cursor.offset();
            if cursor.null()? {
                continue;
            }
            match &*name.into_plain() {
                "prompt_cache_breakpoint" => draft.cache = Some(cursor.raw()?),
                "annotations" => draft.annotations = Some(cursor.raw()?),
                "text" => draft.text = Some(cursor.string()?),
                "refusal" => draft.refusal = Some(cursor.string()?),
                "image_url" => draft.image_url = Some((at, address(cursor)?)),
                "file_data" => draft.file_data = Some((at, cursor.string()?)),
                "file_url" => draft.file_url = Some((at, cursor.string()?)),
                "file_id" => draft.file_id = Some(cursor.string()?),
                "filename" => draft.file_name = Some(cursor.string()?),
                "detail" => draft.detail = Some(cursor.string()?),
                "input_audio" => draft.audio = Some(content::audio(cursor)?),
                "type" | "logprobs" => cursor.skip()?,
                _ => cursor.leave()?,
            }
        }
        Ok(draft)
    }

    fn image(self, at: usize) -> Result<PartKind<'b>, Fault> {
        match (self.image_url, self.file_id) {
            (Some((at, url)), _) => media(at, url, Modality::Image, self.detail, None),
            (None, Some(id)) => Ok(content::stored(Modality::Image, id, self.detail, None)),
            (None, None) => Err(Fault::missing(at, "image_url")),
        }
    }

    fn file(self, at: usize) -> Result<PartKind<'b>, Fault> {
        match (self.file_data, self.file_url, self.file_id) {
            (Some((at, data)), _, _) if media_type(&data).is_some() => media(at, data, Modality::Document, None, self.file_name),
            // The vendor takes bare base64, too; then the file's name says what it is.
            (Some((at, data)), _, _) => {
                let mime_type = self.file_name.as_ref().map_or_else(Str::default, by_name);
                let source = base64(at, data)?;
                Ok(PartKind::Media { modality: Modality::Document, mime_type, source, detail: None, name: self.file_name, about: None })
            }
            (None, Some((at, url)), _) => media(at, url, Modality::Document, None, self.file_name),
            (None, None, Some(id)) => Ok(content::stored(Modality::Document, id, None, self.file_name)),
            (None, None, None) => Err(Fault::missing(at, "file_data")),
        }
    }
}

/// The media type that a file name tells.
fn by_name(name: &Str<'_>) -> Str<'static> {
    let name = name.plain().to_ascii_lowercase();
    Str::from_plain(if name.ends_with(".pdf") { "application/pdf" } else { "" })
}

/// An image's address: a string, or, as the vendor's other format has it, an object around one.
fn address<'b>(cursor: &mut Cursor<'b>) -> Result<Str<'b>, Fault> {
    let at = cursor.offset();
    if cursor.peek()? != Kind::Object {
        return Ok(cursor.string()?);
    }
    string_member(cursor, "url")?.ok_or(Fault::missing(at, "url"))
}
