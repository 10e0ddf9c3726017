//! Images, documents, sound and moving pictures: bytes inline, or in the provider's own store.

use super::media_types;
use super::parts::Pen;
use crate::formats::media::{guessed, is_amazons, usual};
use crate::hub::{About, Field, Modality, Rejection, Source};
use crate::json::Str;
use std::borrow::Cow;

/// The name of a document that has none, or none that the API takes.
const NAMELESS: &str = "document";

/// Longest name of a document, in characters, less room for what tells two of one name apart.
const MAX_NAME: usize = 190;

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
    /// What else is said of it.
    pub about: Option<&'m About<'b>>,
    /// Where it stands in the client's body, in bytes.
    pub at: u32,
}

impl Medium<'_, '_> {
    /// The block's name, the name of the format where the API has one for it, and what is accounted for where it has none.
    fn kind(&self) -> (&'static str, Option<&'static str>, Field) {
        let mime = if self.mime_type.is_empty() { Cow::Borrowed(guessed(self.modality, self.source)) } else { self.mime_type.plain() };
        let (member, unreadable) = match self.modality {
            Modality::Image => ("image", Field::ImageType),
            Modality::Document => ("document", Field::MediaSource),
            Modality::Audio => ("audio", Field::MediaSource),
            Modality::Video => ("video", Field::MediaSource),
        };
        (member, media_types::word(self.modality, &mime), unreadable)
    }

    /// What is accounted for where the API can't fetch it.
    const fn by_address(&self) -> Field {
        match self.modality {
            Modality::Image => Field::ImageUri,
            Modality::Document => Field::DocumentUri,
            Modality::Audio | Modality::Video => Field::MediaSource,
        }
    }
}

/// Writes a block, or nothing where its fate is to be left out.
pub(super) fn encode(medium: &Medium<'_, '_>, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    let (member, format, unreadable) = medium.kind();
    let reason = match medium.source {
        Source::File(_) => Some(Field::FileId),
        Source::Uri(uri) if !is_amazons(uri) => Some(medium.by_address()),
        Source::Base64(_, _) | Source::Uri(_) if format.is_none() => Some(unreadable),
        Source::Base64(_, _) | Source::Uri(_) | Source::Text(_) => None,
    };
    if let Some(field) = reason {
        pen.crossing.meet_at(field, medium.at)?;
        return Ok(());
    }
    pen.out.open_object();
    pen.out.key(member);
    pen.out.open_object();
    pen.out.key("format");
    pen.out.plain(format.unwrap_or("txt"));
    if medium.modality == Modality::Document {
        let name = name(medium, pen)?;
        pen.out.key("name");
        pen.out.plain(&name);
    } else if medium.name.is_some() {
        pen.crossing.meet_at(Field::MediaName, medium.at)?;
    }
    pen.out.key("source");
    pen.out.open_object();
    match medium.source {
        Source::Base64(data, alphabet) => {
            pen.out.key("bytes");
            pen.out.string(&usual(data, *alphabet));
        }
        Source::Uri(uri) => {
            pen.out.constant(r#""s3Location":{"uri":""#);
            pen.out.verbatim(uri.as_escaped());
            pen.out.verbatim("\"}");
        }
        Source::Text(text) => {
            pen.out.key("text");
            pen.out.string(text);
        }
        Source::File(_) => {}
    }
    pen.out.close_object();
    if let Some(about) = medium.about.filter(|_| medium.modality == Modality::Document) {
        if let Some(context) = &about.context {
            pen.out.key("context");
            pen.out.string(context);
        }
        if about.cited {
            pen.out.key("citations");
            pen.out.constant(r#"{"enabled":true}"#);
        }
    }
    pen.out.verbatim("}}");
    Ok(())
}

/// The name of a document: letters, digits, single spaces, hyphens and brackets, and none twice.
fn name(medium: &Medium<'_, '_>, pen: &mut Pen<'_, '_>) -> Result<String, Rejection> {
    let own = medium.name.map(Str::plain).unwrap_or_default();
    let taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '(' | ')' | '[' | ']');
    let words: Vec<&str> = own.split(|c| !taken(c)).filter(|word| !word.is_empty()).collect();
    let mut name: String = words.join(" ").chars().take(MAX_NAME).collect();
    if name.is_empty() {
        NAMELESS.clone_into(&mut name);
    }
    let base = name.clone();
    let mut count = pen.documents.get(&base).copied().unwrap_or(1);
    while pen.documents.contains_key(&name) {
        count = count.saturating_add(1);
        name = format!("{base} {count}");
    }
    pen.documents.insert(base, count);
    pen.documents.entry(name.clone()).or_insert(1);
    if !own.is_empty() && own != name {
        pen.crossing.meet_at(Field::FileName, medium.at)?;
    }
    Ok(name)
}
