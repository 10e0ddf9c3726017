//! Content blocks: text, media, tool calls and their results.

use super::ids::wire_id;
use crate::formats::crossing::Crossing;
use crate::hub::{Alphabet, ErrorKind, Field, Modality, Part, PartKind, Rejection, Source};
use crate::json::{Json, Kind, Out, Raw, Str};

/// The media types of images that the API reads.
const IMAGES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// Writes one part as a block.
pub(super) fn encode(part: &Part<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    if part.cache.is_some() {
        crossing.meet_at(Field::CacheHint, part.at)?;
    }
    match &part.kind {
        PartKind::Text(text) => block(text, out),
        PartKind::Refusal(text) => {
            crossing.meet_at(Field::Refusal, part.at)?;
            block(text, out);
        }
        PartKind::Media { modality, mime_type, source, detail, name } => {
            if detail.is_some() {
                crossing.meet_at(Field::ImageDetail, part.at)?;
            }
            if name.is_some() {
                crossing.meet_at(Field::FileName, part.at)?;
            }
            media(*modality, mime_type, source, part.at, out, crossing)?;
        }
        PartKind::ToolCall { id, name, arguments } => call(id, name, arguments, part.at, out, crossing)?,
        PartKind::ToolCallResponse { id, content, is_error } => response(id, content, *is_error, out, crossing)?,
        PartKind::Reasoning { .. } | PartKind::RedactedReasoning(_) => {
            crossing.meet_at(Field::ForeignReasoning, part.at)?;
        }
        PartKind::Opaque(_) => {
            crossing.meet_at(Field::OpaquePart, part.at)?;
        }
    }
    Ok(())
}

fn block(text: &Str<'_>, out: &mut Out) {
    open(out, "text");
    out.key("text");
    out.string(text);
    out.close_object();
}

fn open(out: &mut Out, kind: &str) {
    out.open_object();
    out.key("type");
    out.plain(kind);
}

fn media(
    modality: Modality,
    mime_type: &Str<'_>,
    source: &Source<'_>,
    at: u32,
    out: &mut Out,
    crossing: &mut Crossing<'_>,
) -> Result<(), Rejection> {
    let kind = match modality {
        Modality::Image => "image",
        Modality::Document => "document",
        Modality::Audio => return refuse(Field::Audio, at, crossing),
        Modality::Video => return refuse(Field::Video, at, crossing),
    };
    let readable = match modality {
        Modality::Image => IMAGES.iter().any(|one| mime_type.is(one)),
        Modality::Document | Modality::Audio | Modality::Video => mime_type.is("application/pdf"),
    };
    let wrong = if modality == Modality::Image { Field::ImageType } else { Field::DocumentType };
    match source {
        Source::Base64(_, _) if !readable => return refuse(wrong, at, crossing),
        Source::File(_) => return refuse(Field::FileId, at, crossing),
        Source::Uri(uri) if !of_the_web(uri) => return refuse(Field::UriScheme, at, crossing),
        Source::Base64(_, _) | Source::Uri(_) => {}
    }
    open(out, kind);
    out.key("source");
    match source {
        Source::Base64(data, alphabet) => {
            open(out, "base64");
            out.key("media_type");
            out.string(mime_type);
            out.key("data");
            match alphabet {
                Alphabet::Standard if is_padded(data) => out.string(data),
                Alphabet::Standard | Alphabet::UrlSafe => out.plain(&standard(data)),
            }
        }
        Source::Uri(uri) => {
            open(out, "url");
            out.key("url");
            out.string(uri);
        }
        Source::File(_) => {}
    }
    out.close_object();
    out.close_object();
    Ok(())
}

/// An element that the table refuses for this format.
fn refuse(field: Field, at: u32, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    crossing.meet_at(field, at).map(|_| ())
}

fn of_the_web(uri: &Str<'_>) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| ["http", "https"].iter().any(|one| scheme.as_escaped().eq_ignore_ascii_case(one)))
}

/// Whether base64 can be copied as it stands: most comes so. What is escaped (`\/`, line ends) is measured only without its escapes.
fn is_padded(data: &Str<'_>) -> bool {
    data.as_escaped().len().is_multiple_of(4) && memchr::memchr2(b'\\', b' ', data.as_escaped().as_bytes()).is_none()
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

fn call(id: &Str<'_>, name: &Str<'_>, arguments: &Json<'_>, at: u32, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let plain;
    let input = match arguments {
        Json::Value(raw) => Some(*raw),
        Json::Text(text) => {
            plain = text.plain();
            match plain.trim() {
                "" | "null" => Some(Raw::EMPTY_OBJECT),
                text => Raw::parse(text).ok(),
            }
        }
    };
    let Some(input) = input.filter(|input| input.kind() == Kind::Object) else {
        crossing.meet_at(Field::BrokenArguments, at)?;
        return Err(crossing.invalid("the arguments of the tool call are no JSON object", at));
    };
    check_name(name, at, crossing)?;
    open(out, "tool_use");
    out.key("id");
    out.string(&wire_id(id));
    out.key("name");
    out.string(name);
    out.key("input");
    out.raw(input);
    out.close_object();
    Ok(())
}

fn response(
    id: &Str<'_>,
    content: &[Part<'_>],
    is_error: Option<bool>,
    out: &mut Out,
    crossing: &mut Crossing<'_>,
) -> Result<(), Rejection> {
    open(out, "tool_result");
    out.key("tool_use_id");
    out.string(&wire_id(id));
    let mut kept = Vec::with_capacity(content.len());
    for part in content {
        match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) if text.is_blank() => {
                crossing.meet_at(Field::EmptyText, part.at)?;
            }
            PartKind::Reasoning { .. } | PartKind::RedactedReasoning(_) => {
                crossing.meet_at(Field::ForeignReasoning, part.at)?;
            }
            PartKind::ToolCall { .. } | PartKind::ToolCallResponse { .. } => {
                return Err(crossing.invalid("a tool result can't hold this", part.at));
            }
            PartKind::Text(_) | PartKind::Refusal(_) | PartKind::Media { .. } | PartKind::Opaque(_) => kept.push(part),
        }
    }
    match kept.as_slice() {
        [] => {}
        [Part { kind: PartKind::Text(text), cache: None, .. }] => {
            out.key("content");
            out.string(text);
        }
        parts => {
            out.key("content");
            out.open_array();
            for part in parts {
                encode(part, out, crossing)?;
            }
            out.close_array();
        }
    }
    if let Some(is_error) = is_error {
        out.key("is_error");
        out.boolean(is_error);
    }
    out.close_object();
    Ok(())
}

/// A name in the alphabet of this format's tools; another one would be refused by the API with less to go by.
pub(super) fn check_name(name: &Str<'_>, at: u32, crossing: &Crossing<'_>) -> Result<(), Rejection> {
    if super::ids::is_safe(name.as_escaped()) && name.as_escaped().len() <= 64 {
        return Ok(());
    }
    let mut rejection = crossing.invalid("the provider of this model takes tool names of 1 to 64 letters, digits, _ and - only", at);
    rejection.kind = ErrorKind::Unsupported;
    Err(rejection.code("unsupported_by_target"))
}
