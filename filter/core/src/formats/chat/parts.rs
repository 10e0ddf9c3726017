//! The parts of a message's content: text, images, sound, files, refusals.

use super::shape::{Fault, place};
use crate::hub::{Alphabet, Modality, Part, PartKind, Source};
use crate::json::{Cursor, Kind, Raw, Str};

/// Reads content: a string, a list of parts, or `null`, which is none.
pub(super) fn decode_content<'b>(cursor: &mut Cursor<'b>) -> Result<Vec<Part<'b>>, Fault> {
    let at = cursor.offset();
    match cursor.peek()? {
        Kind::Null => {
            cursor.skip()?;
            Ok(Vec::new())
        }
        Kind::String => Ok(vec![Part { at: place(at), cache: None, kind: PartKind::Text(cursor.string()?) }]),
        Kind::Array => {
            let mut parts = Vec::new();
            cursor.enter_array()?;
            while cursor.element()? {
                parts.push(decode_part(cursor)?);
            }
            Ok(parts)
        }
        Kind::Object | Kind::Number | Kind::Boolean => Err(Fault::wrong(at, "it must be a string or a list of parts")),
    }
}

/// The media type in a `data:` address, lower case; `None` where the address is another one.
pub(super) fn media_type<'b>(url: &Str<'b>) -> Option<Str<'b>> {
    let (scheme, rest) = url.split_once(':')?;
    if !scheme.as_escaped().eq_ignore_ascii_case("data") {
        return None;
    }
    let head = rest.split_once(',').map_or_else(|| rest.clone(), |(head, _)| head);
    Some(decode_mime(head.split_once(';').map_or_else(|| head.clone(), |(mime, _)| mime)))
}

fn decode_part<'b>(cursor: &mut Cursor<'b>) -> Result<Part<'b>, Fault> {
    let at = cursor.offset();
    if cursor.peek()? == Kind::String {
        return Ok(Part { at: place(at), cache: None, kind: PartKind::Text(cursor.string()?) });
    }
    let kind = type_of(cursor)?.ok_or(Fault::missing(at, "type"))?;
    let kind = kind.plain();
    let (mut cache, mut found) = (None, None);
    if !matches!(&*kind, "text" | "refusal" | "image_url" | "input_audio" | "file") {
        return Ok(Part { at: place(at), cache: None, kind: PartKind::Opaque(cursor.raw()?) });
    }
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match &*name.into_plain() {
            "prompt_cache_breakpoint" | "cache_control" => cache = Some(cursor.raw()?).filter(|raw: &Raw<'_>| raw.kind() != Kind::Null),
            name if name != kind => cursor.skip()?,
            "text" => found = Some(PartKind::Text(cursor.string()?)),
            "refusal" => found = Some(PartKind::Refusal(cursor.string()?)),
            "image_url" => found = Some(image(cursor)?),
            "input_audio" => found = Some(audio(cursor)?),
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

/// The `type` of the object that comes next, wherever in it the member stands; the cursor stays.
pub(super) fn type_of<'b>(cursor: &Cursor<'b>) -> Result<Option<Str<'b>>, Fault> {
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
                _ => cursor.skip()?,
            }
        }
    }
    let (at, url) = url.ok_or(Fault::missing(at, "url"))?;
    media(at, url, Modality::Image, detail, None)
}

fn audio<'b>(cursor: &mut Cursor<'b>) -> Result<PartKind<'b>, Fault> {
    let at = cursor.offset();
    let (mut data, mut format) = (None, None);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match &*name.into_plain() {
            "data" => data = Some(cursor.string()?),
            "format" => format = Some(cursor.string()?),
            _ => cursor.skip()?,
        }
    }
    let data = data.ok_or(Fault::missing(at, "data"))?;
    let format = format.ok_or(Fault::missing(at, "format"))?;
    let mut mime = Str::from_plain("audio/");
    mime.push(&format);
    let alphabet = alphabet(&data);
    Ok(PartKind::Media {
        modality: Modality::Audio,
        mime_type: decode_mime(mime),
        source: Source::Base64(data, alphabet),
        detail: None,
        name: None,
    })
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
            _ => cursor.skip()?,
        }
    }
    match (data, id) {
        (Some((at, data)), _) if media_type(&data).is_some() => media(at, data, Modality::Document, None, file_name),
        (Some((at, _)), _) => Err(Fault::wrong(at, "it must be a data URI such as data:application/pdf;base64,…")),
        (None, Some(id)) => Ok(PartKind::Media {
            modality: Modality::Document,
            mime_type: Str::default(),
            source: Source::File(id),
            detail: None,
            name: file_name,
        }),
        (None, None) => Err(Fault::missing(at, "file_data")),
    }
}

/// A medium by its address at byte `at`. What it is its media type says, whatever the part is called.
fn media<'b>(at: usize, url: Str<'b>, modality: Modality, detail: Option<Str<'b>>, name: Option<Str<'b>>) -> Result<PartKind<'b>, Fault> {
    let Some(mime_type) = media_type(&url) else {
        if !url.plain().contains("://") {
            return Err(Fault::wrong(at, "it must be an http(s) address or a data URI"));
        }
        return Ok(PartKind::Media { modality, mime_type: Str::default(), source: Source::Uri(url), detail, name });
    };
    let Some((_, data)) = url.split_once(',').filter(|(head, _)| head.plain().trim_end().to_ascii_lowercase().ends_with(";base64")) else {
        return Err(Fault::wrong(at, "a data URI must hold base64"));
    };
    let mime = mime_type.plain();
    let modality = match mime.split('/').next() {
        Some("image") => Modality::Image,
        Some("audio") => Modality::Audio,
        Some("video") => Modality::Video,
        Some("") | None => modality,
        Some(_) => Modality::Document,
    };
    drop(mime);
    let alphabet = alphabet(&data);
    Ok(PartKind::Media { modality, mime_type, source: Source::Base64(data, alphabet), detail, name })
}

/// A media type in its usual spelling. Most come in it already and are borrowed.
fn decode_mime<'b>(mime: Str<'b>) -> Str<'b> {
    let plain = mime.plain();
    let usual = match plain.to_ascii_lowercase().trim() {
        "image/jpg" => "image/jpeg".to_owned(),
        "audio/mp3" => "audio/mpeg".to_owned(),
        other if other == plain && !mime.as_escaped().contains('\\') => return mime.clone(),
        other => other.to_owned(),
    };
    Str::from_plain_owned(usual)
}

fn alphabet(data: &Str<'_>) -> Alphabet {
    if memchr::memchr2(b'-', b'_', data.as_escaped().as_bytes()).is_some() { Alphabet::UrlSafe } else { Alphabet::Standard }
}
