//! Media: bytes inline, or by an address that the API fetches.

use super::parts::{Pen, said};
use crate::formats::media::usual;
use crate::hub::{Field, Modality, Rejection, Source};
use crate::json::Str;

/// Media types by the ends of file names, for addresses without one: the API demands a type.
const TYPES: [(&str, &str); 16] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("heic", "image/heic"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("csv", "text/csv"),
    ("html", "text/html"),
    ("mp3", "audio/mpeg"),
    ("wav", "audio/wav"),
    ("mp4", "video/mp4"),
    ("mov", "video/quicktime"),
    ("webm", "video/webm"),
];

/// A medium of the client's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Medium<'m, 'b> {
    /// What kind of medium.
    pub modality: Modality,
    /// Its media type; may be empty.
    pub mime_type: &'m Str<'b>,
    /// Where its bytes are.
    pub source: &'m Source<'b>,
    /// Its file name.
    pub name: Option<&'m Str<'b>>,
    /// Where it stands in the client's body, in bytes.
    pub at: u32,
}

/// Opens the part of a medium; says whether there is one.
pub(super) fn encode(medium: &Medium<'_, '_>, pen: &mut Pen<'_, '_>) -> Result<bool, Rejection> {
    if let Source::Text(plain) = medium.source {
        pen.crossing.meet_at(Field::PlainDocument, medium.at)?;
        match medium.name {
            Some(title) => said(&[title, &Str::from_plain("\n\n"), plain], pen.out),
            None => said(&[plain], pen.out),
        }
        return Ok(true);
    }
    if medium.name.is_some() {
        pen.crossing.meet_at(Field::FileName, medium.at)?;
    }
    let (member, place, value) = match medium.source {
        Source::Base64(data, alphabet) => ("inlineData", "data", usual(data, *alphabet)),
        Source::Uri(uri) => ("fileData", "fileUri", uri.reborrow()),
        Source::File(_) | Source::Text(_) => {
            pen.crossing.meet_at(Field::FileId, medium.at)?;
            return Ok(false);
        }
    };
    pen.out.open_object();
    pen.out.key(member);
    pen.out.open_object();
    pen.out.key("mimeType");
    if medium.mime_type.is_empty() {
        pen.out.plain(guessed(medium));
    } else {
        pen.out.string(medium.mime_type);
    }
    pen.out.key(place);
    pen.out.string(&value);
    pen.out.close_object();
    Ok(true)
}

/// The media type that an address ends in, or the usual one of the modality.
fn guessed(medium: &Medium<'_, '_>) -> &'static str {
    let usual = match medium.modality {
        Modality::Image => "image/jpeg",
        Modality::Audio => "audio/mpeg",
        Modality::Video => "video/mp4",
        Modality::Document => "application/pdf",
    };
    let Source::Uri(uri) = medium.source else { return usual };
    type_of_address(uri).unwrap_or(usual)
}

/// The media type that an address ends in; `None` where it says none.
pub(super) fn type_of_address(uri: &Str<'_>) -> Option<&'static str> {
    let plain = uri.plain();
    let path = plain.split(['?', '#']).next().unwrap_or_default();
    let file = path.rsplit('/').next().unwrap_or_default();
    let (_, end) = file.rsplit_once('.')?;
    TYPES.iter().find(|(one, _)| end.eq_ignore_ascii_case(one)).map(|(_, mime)| *mime)
}
