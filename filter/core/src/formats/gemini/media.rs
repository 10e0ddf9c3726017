//! Media: bytes inline, or by an address that the API fetches.

use super::parts::{Pen, said};
use crate::formats::media::{guessed, is_amazons, usual};
use crate::hub::{Field, Modality, Rejection, Source};
use crate::json::Str;

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
    if let Source::Uri(uri) = medium.source
        && is_amazons(uri)
    {
        pen.crossing.meet_at(Field::ForeignStore, medium.at)?;
        return Ok(false);
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
        pen.out.plain(guessed(medium.modality, medium.source));
    } else {
        pen.out.string(medium.mime_type);
    }
    pen.out.key(place);
    pen.out.string(&value);
    pen.out.close_object();
    Ok(true)
}
