//! Images, documents, sound and moving pictures of a Converse request.

use super::blocks::texts;
use super::scan::Scan;
use crate::base64;
use crate::formats::converse::media_types;
use crate::formats::shape::Fault;
use crate::hub::{About, Alphabet, Modality, PartKind, Source};
use crate::json::Str;

/// Reads a medium; `None` where its bytes are in a place that nobody knows.
pub(super) fn medium<'b>(scan: &mut Scan<'b>, kind: &str, at: usize) -> Result<Option<PartKind<'b>>, Fault> {
    let modality = match kind {
        "image" => Modality::Image,
        "audio" => Modality::Audio,
        "video" => Modality::Video,
        _ => Modality::Document,
    };
    let document = modality == Modality::Document;
    let (mut format, mut source, mut name, mut about) = (None, None, None, None::<Box<About<'b>>>);
    // What a document alone has stands at the end.
    let members: &[&'static str] = &["format", "source", "error", "name", "context", "citations"];
    let members = if document { members } else { members.get(..3).unwrap_or_default() };
    scan.structure(members, &mut |scan, member, at| {
        match member {
            "format" => format = Some(media_type(scan, modality, at)?),
            "source" => source = Some(scan.union(&["bytes", "s3Location", "text", "content"], &mut place_of)?),
            "name" => name = Some(scan.filled()?),
            "context" => about.get_or_insert_default().context = Some(scan.filled()?),
            "citations" => {
                if cites(scan)? {
                    about.get_or_insert_default().cited = true;
                }
            }
            _ => scan.cursor.skip()?,
        }
        Ok(())
    })?;
    let source = source.ok_or(Fault::missing(at, "source"))?;
    if document && name.is_none() {
        return Err(Fault::missing(at, "name"));
    }
    let mime_type = match (format, document) {
        (Some(mime_type), _) => mime_type,
        (None, true) => "text/plain",
        (None, false) => return Err(Fault::missing(at, "format")),
    };
    let source = match source {
        Some(Source::Base64(data, alphabet)) if mime_type.starts_with("text/") => plain(data, alphabet),
        Some(source) => source,
        None => return Ok(None),
    };
    let mime_type = Str::from_plain(mime_type);
    Ok(Some(PartKind::Media { modality, mime_type, source, detail: None, name, about }))
}

fn media_type(scan: &mut Scan<'_>, modality: Modality, at: usize) -> Result<&'static str, Fault> {
    let format = scan.cursor.string()?;
    let known = media_types::media_type(modality, &format);
    known.ok_or_else(|| Fault::wrong(at, format!("it must be one of {}", media_types::words(modality))))
}

/// A document that is text: no other format takes the bytes of one.
fn plain<'b>(data: Str<'b>, alphabet: Alphabet) -> Source<'b> {
    let text = base64::decode(&data.plain()).and_then(|bytes| String::from_utf8(bytes).ok());
    text.map_or(Source::Base64(data, alphabet), |text| Source::Text(Str::from_plain_owned(text)))
}

/// Where the bytes of a medium are, or its text.
fn place_of<'b>(scan: &mut Scan<'b>, member: &'static str, at: usize) -> Result<Source<'b>, Fault> {
    Ok(match member {
        "bytes" => match base64(scan)? {
            data if data.is_empty() => return Err(Fault::wrong(at, "it must not be empty")),
            data => Source::Base64(data, Alphabet::Standard),
        },
        "s3Location" => {
            let mut uri = None;
            scan.structure(&["uri", "bucketOwner"], &mut |scan, name, _| {
                let value = scan.filled()?;
                if name == "uri" {
                    uri = Some(value);
                }
                Ok(())
            })?;
            Source::Uri(uri.ok_or(Fault::missing(at, "uri"))?)
        }
        "text" => Source::Text(scan.cursor.string()?),
        _ => {
            let mut text = Str::default();
            texts(scan, "\n", &mut text)?;
            Source::Text(text)
        }
    })
}

fn cites(scan: &mut Scan<'_>) -> Result<bool, Fault> {
    let mut enabled = false;
    scan.structure(&["enabled"], &mut |scan, _, _| {
        enabled = scan.cursor.boolean()?;
        Ok(())
    })?;
    Ok(enabled)
}

/// The base64 that comes next.
pub(super) fn base64<'b>(scan: &mut Scan<'b>) -> Result<Str<'b>, Fault> {
    let at = scan.cursor.offset();
    let data = scan.cursor.string()?;
    if base64::is_base64(&data.plain()) { Ok(data) } else { Err(Fault::wrong(at, "it must be base64")) }
}
