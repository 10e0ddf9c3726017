//! Media by address, whatever the format: `data:` addresses taken apart, media types in their usual spelling, base64 in the usual alphabet.

use super::shape::Fault;
use crate::base64::is_base64;
use crate::hub::{Alphabet, Field, Modality, PartKind, Source};
use crate::json::{Cursor, Str};

/// The media type of newer text documents of an office.
pub const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
/// The media type of its newer tables.
pub const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Media types by the ends of file names, for addresses without one: the API demands a type.
const TYPES: [(&str, &str); 20] = [
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
    ("doc", "application/msword"),
    ("docx", DOCX),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", XLSX),
    ("mp3", "audio/mpeg"),
    ("wav", "audio/wav"),
    ("mp4", "video/mp4"),
    ("mov", "video/quicktime"),
    ("webm", "video/webm"),
];

/// The media type in a `data:` address, lower case; `None` where the address is another one.
#[must_use]
pub fn media_type<'b>(url: &Str<'b>) -> Option<Str<'b>> {
    let (scheme, rest) = url.split_once(':')?;
    if !scheme.as_escaped().eq_ignore_ascii_case("data") {
        return None;
    }
    let head = rest.split_once(',').map_or_else(|| rest.clone(), |(head, _)| head);
    Some(decode_mime(head.split_once(';').map_or_else(|| head.clone(), |(mime, _)| mime)))
}

/// A medium by its address at byte `at`. What it is its media type says, whatever the part is called.
///
/// # Errors
/// The address is neither one of a scheme nor a `data:` address with base64.
pub fn media<'b>(
    at: usize,
    url: Str<'b>,
    modality: Modality,
    detail: Option<Str<'b>>,
    name: Option<Str<'b>>,
) -> Result<PartKind<'b>, Fault> {
    let Some(mime_type) = media_type(&url) else {
        if !url.plain().contains("://") {
            return Err(Fault::wrong(at, "it must be an http(s) address or a data URI"));
        }
        return Ok(PartKind::Media { modality, mime_type: Str::default(), source: Source::Uri(url), detail, name, about: None });
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
    Ok(PartKind::Media { modality, mime_type, source: base64(at, data)?, detail, name, about: None })
}

/// A media type in its usual spelling. Most come in it already and are borrowed.
#[must_use]
pub fn decode_mime<'b>(mime: Str<'b>) -> Str<'b> {
    let plain = mime.plain();
    let usual = match plain.to_ascii_lowercase().trim() {
        "image/jpg" => "image/jpeg".to_owned(),
        "audio/mp3" => "audio/mpeg".to_owned(),
        other if other == plain && !mime.as_escaped().contains('\\') => return mime.clone(),
        other => other.to_owned(),
    };
    Str::from_plain_owned(usual)
}

/// The media type that comes next, in its usual spelling.
///
/// # Errors
/// It is no text, or an empty one.
pub fn stated<'b>(cursor: &mut Cursor<'b>) -> Result<Str<'b>, Fault> {
    let at = cursor.offset();
    let mime = decode_mime(cursor.string()?);
    if mime.is_empty() { Err(Fault::wrong(at, "it must be a media type")) } else { Ok(mime) }
}

/// The bytes of a medium, which stand at byte `at` or in what does.
///
/// # Errors
/// They are in neither alphabet of base64, or of a length that it does not have.
pub fn base64<'b>(at: usize, data: Str<'b>) -> Result<Source<'b>, Fault> {
    let plain = data.plain();
    let dense = || plain.chars().filter(|c| !c.is_ascii_whitespace()).collect::<String>();
    // Some clients break it into lines.
    let good = is_base64(&plain) || is_base64(&dense());
    drop(plain);
    if !good {
        return Err(Fault::wrong(at, "it must be base64"));
    }
    let alphabet = alphabet(&data);
    Ok(Source::Base64(data, alphabet))
}

/// The media type that an address ends in, or the usual one of the modality.
#[must_use]
pub fn guessed(modality: Modality, source: &Source<'_>) -> &'static str {
    let usual = match modality {
        Modality::Image => "image/jpeg",
        Modality::Audio => "audio/mpeg",
        Modality::Video => "video/mp4",
        Modality::Document => "application/pdf",
    };
    let Source::Uri(uri) = source else { return usual };
    type_of_address(uri).unwrap_or(usual)
}

/// The media type that an address ends in; `None` where it says none.
#[must_use]
pub fn type_of_address(uri: &Str<'_>) -> Option<&'static str> {
    let plain = uri.plain();
    let path = plain.split(['?', '#']).next().unwrap_or_default();
    let file = path.rsplit('/').next().unwrap_or_default();
    let (_, end) = file.rsplit_once('.')?;
    TYPES.iter().find(|(one, _)| end.eq_ignore_ascii_case(one)).map(|(_, mime)| *mime)
}

/// A name for a document that has none: OpenAI's formats demand one, and go by its end.
#[must_use]
pub fn usual_name(mime_type: &Str<'_>) -> String {
    let end = TYPES.iter().find(|(_, mime)| mime_type.is(mime)).map_or("pdf", |(end, _)| end);
    format!("document.{end}")
}

/// The alphabet of base64 text.
fn alphabet(data: &Str<'_>) -> Alphabet {
    if memchr::memchr2(b'-', b'_', data.as_escaped().as_bytes()).is_some() { Alphabet::UrlSafe } else { Alphabet::Standard }
}

/// Whether anybody can fetch an address: `http` and `https`.
#[must_use]
pub fn is_of_the_web(uri: &Str<'_>) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| ["http", "https"].iter().any(|one| scheme.as_escaped().eq_ignore_ascii_case(one)))
}

/// Whether an address is one of Amazon's store.
#[must_use]
pub fn is_amazons(uri: &Str<'_>) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| scheme.as_escaped().eq_ignore_ascii_case("s3"))
}

/// What an address that is not of the web is in the table of fates.
#[must_use]
pub fn store(uri: &Str<'_>) -> Field {
    if is_amazons(uri) { Field::ForeignStore } else { Field::UriScheme }
}

/// Whether base64 can be copied as it stands: most comes so. What is escaped (`\/`, line ends) is measured only without its escapes.
fn is_padded(data: &Str<'_>) -> bool {
    data.as_escaped().len().is_multiple_of(4) && memchr::memchr2(b'\\', b' ', data.as_escaped().as_bytes()).is_none()
}

/// Base64 as every vendor takes it: copied where it stands so already, which most does.
#[must_use]
pub fn usual<'d>(data: &'d Str<'_>, alphabet: Alphabet) -> Str<'d> {
    match alphabet {
        Alphabet::Standard if is_padded(data) => data.reborrow(),
        Alphabet::Standard | Alphabet::UrlSafe => Str::from_plain_owned(standard(data)),
    }
}

/// Base64 in the alphabet with `+` and `/`, padded and on one line (RFC 4648, section 4).
fn standard(data: &Str<'_>) -> String {
    let mut text: String = data
        .plain()
        .chars()
        .filter(|c| *c != '=' && !c.is_ascii_whitespace())
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            c => c,
        })
        .collect();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}
