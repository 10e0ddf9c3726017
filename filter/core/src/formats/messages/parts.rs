//! Content blocks: text, media, tool calls and their results.

use super::citations;
use crate::formats::breakpoints::{Breakpoint, Breakpoints};
use crate::formats::crossing::Crossing;
use crate::formats::ids::wire_id;
use crate::formats::media::{is_of_the_web, usual};
use crate::hub::{About, Citation, Field, Modality, Part, PartKind, Rejection, Source, envelope};
use crate::json::{Json, Out, Raw, Str};
use crate::names::FormatId;

/// Longest name of a tool, in characters.
pub(super) const MAX_NAME: usize = 64;

/// Longest title of a document, in characters.
const MAX_TITLE: usize = 500;

/// The media types of images that the API reads.
const IMAGES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// Where blocks are written, and what must be accounted for on the way.
pub(super) struct Pen<'p, 'c> {
    /// The request.
    pub out: &'p mut Out,
    /// What is not carried over.
    pub crossing: &'p mut Crossing<'c>,
    /// The prompt-cache breakpoints.
    pub breakpoints: Breakpoints,
    /// The sources that turns name.
    pub sources: &'p [(u32, Citation<'p>)],
}

impl Pen<'_, '_> {
    /// Writes the breakpoint behind an element at byte `at`, if it has one, and closes its object.
    pub(super) fn close(&mut self, cache: Option<Raw<'_>>, at: u32) -> Result<(), Rejection> {
        if let Some(Breakpoint { time }) = self.breakpoints.next(cache, at, self.crossing)? {
            self.out.constant(r#""cache_control":{"type":"ephemeral""#);
            if let Some(time) = time {
                self.out.key("ttl");
                self.out.string(&time);
            }
            self.out.close_object();
        }
        self.out.close_object();
        Ok(())
    }
}

/// Whether thinking was made by a model of this format, and so may go back to one.
pub(super) fn is_own(part: &PartKind<'_>) -> bool {
    envelope::proof(part, FormatId::Messages).is_some()
}

/// Writes one part as a block.
pub(super) fn encode(part: &Part<'_>, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    // Each kind leaves its block open, or says that it wrote none.
    let opened = match &part.kind {
        PartKind::Text(text) => {
            let opened = said(text, pen);
            if !pen.sources.is_empty() {
                sources(part.at, pen)?;
            }
            opened
        }
        PartKind::Refusal(text) => {
            pen.crossing.meet_at(Field::Refusal, part.at)?;
            said(text, pen)
        }
        PartKind::Media { modality, mime_type, source, detail, name, about } => {
            if detail.is_some() {
                pen.crossing.meet_at(Field::ImageDetail, part.at)?;
            }
            let opened = media(*modality, mime_type, source, part.at, pen)?;
            if opened && *modality == Modality::Document {
                self::about(name.as_ref(), about.as_deref(), part.at, pen)?;
            } else if name.is_some() {
                pen.crossing.meet_at(Field::MediaName, part.at)?;
            }
            opened
        }
        PartKind::ToolCall { id, name, arguments, .. } => call(id, name, arguments, part.at, pen)?,
        PartKind::ToolCallResponse { id, content, is_error } => response(id, content, *is_error, pen)?,
        PartKind::Reasoning { text, .. } => return thought(part, Some(text), pen),
        PartKind::RedactedReasoning(_) => return thought(part, None, pen),
        PartKind::Opaque(_) => leave(Field::OpaquePart, part.at, pen)?,
    };
    if opened { pen.close(part.cache, part.at) } else { Ok(()) }
}

/// What is said of a document.
fn about(name: Option<&Str<'_>>, about: Option<&About<'_>>, at: u32, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        pen.out.key("title");
        let plain = name.plain();
        match plain.char_indices().nth(MAX_TITLE).and_then(|(end, _)| plain.get(..end)) {
            Some(beginning) => {
                pen.crossing.meet_at(Field::FileName, at)?;
                pen.out.plain(beginning);
            }
            None => pen.out.string(name),
        }
    }
    if let Some(context) = about.and_then(|about| about.context.as_ref()) {
        pen.out.key("context");
        pen.out.string(context);
    }
    if about.is_some_and(|about| about.cited) {
        pen.out.key("citations");
        pen.out.constant(r#"{"enabled":true}"#);
    }
    Ok(())
}

fn said(text: &Str<'_>, pen: &mut Pen<'_, '_>) -> bool {
    pen.out.constant(r#"{"type":"text","text":""#);
    pen.out.verbatim(text.as_escaped());
    pen.out.verbatim("\"");
    true
}

/// Writes what a text names as its sources: the service's own tokens stand behind pages alone, and nobody else has those.
fn sources(at: u32, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    let sources = pen.crossing.sources(pen.sources, at, |_| true)?;
    if !sources.is_empty() {
        pen.out.key("citations");
        pen.out.open_array();
        sources.iter().for_each(|source| citations::encode(source, pen.out));
        pen.out.close_array();
    }
    Ok(())
}

/// Writes thinking, whose text can be read or not. The API refuses a breakpoint behind it.
fn thought(part: &Part<'_>, text: Option<&Str<'_>>, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    let Some(proof) = envelope::proof(&part.kind, FormatId::Messages) else {
        return leave(Field::ForeignReasoning, part.at, pen).map(|_| ());
    };
    if part.cache.is_some() {
        pen.crossing.meet_at(Field::CacheCount, part.at)?;
    }
    let (kind, member) = if text.is_some() { ("thinking", "signature") } else { ("redacted_thinking", "data") };
    open(pen.out, kind);
    if let Some(text) = text {
        pen.out.key("thinking");
        pen.out.string(text);
    }
    pen.out.key(member);
    pen.out.string(&proof);
    pen.out.close_object();
    Ok(())
}

fn open(out: &mut Out, kind: &str) {
    out.open_object();
    out.key("type");
    out.plain(kind);
}

fn media(modality: Modality, mime_type: &Str<'_>, source: &Source<'_>, at: u32, pen: &mut Pen<'_, '_>) -> Result<bool, Rejection> {
    let kind = match modality {
        Modality::Image => "image",
        Modality::Document => "document",
        Modality::Audio => return leave(Field::Audio, at, pen),
        Modality::Video => return leave(Field::Video, at, pen),
    };
    let readable = match modality {
        Modality::Image => IMAGES.iter().any(|one| mime_type.is(one)),
        Modality::Document | Modality::Audio | Modality::Video => mime_type.is("application/pdf"),
    };
    let wrong = if modality == Modality::Image { Field::ImageType } else { Field::DocumentType };
    match source {
        Source::Base64(_, _) if !readable => return leave(wrong, at, pen),
        Source::File(_) => return leave(Field::FileId, at, pen),
        Source::Uri(uri) if !is_of_the_web(uri) => return leave(Field::UriScheme, at, pen),
        Source::Base64(_, _) | Source::Uri(_) | Source::Text(_) => {}
    }
    open(pen.out, kind);
    pen.out.key("source");
    match source {
        Source::Base64(data, alphabet) => {
            open(pen.out, "base64");
            pen.out.key("media_type");
            pen.out.string(mime_type);
            pen.out.key("data");
            pen.out.string(&usual(data, *alphabet));
        }
        Source::Uri(uri) => {
            open(pen.out, "url");
            pen.out.key("url");
            pen.out.string(uri);
        }
        Source::Text(text) => {
            open(pen.out, "text");
            pen.out.key("media_type");
            pen.out.plain("text/plain");
            pen.out.key("data");
            pen.out.string(text);
        }
        Source::File(_) => {}
    }
    pen.out.close_object();
    Ok(true)
}

/// Accounts for an element of which no block is written.
fn leave(field: Field, at: u32, pen: &mut Pen<'_, '_>) -> Result<bool, Rejection> {
    pen.crossing.meet_at(field, at).map(|_| false)
}

fn call(id: &Str<'_>, name: &Str<'_>, arguments: &Json<'_>, at: u32, pen: &mut Pen<'_, '_>) -> Result<bool, Rejection> {
    let input = pen.crossing.arguments(arguments, at)?;
    let name = pen.crossing.tool_name(name, MAX_NAME, at)?;
    open(pen.out, "tool_use");
    pen.out.key("id");
    pen.out.string(&wire_id(id));
    pen.out.key("name");
    pen.out.string(&name);
    pen.out.key("input");
    pen.out.verbatim(&input);
    Ok(true)
}

fn response(id: &Str<'_>, content: &[Part<'_>], is_error: Option<bool>, pen: &mut Pen<'_, '_>) -> Result<bool, Rejection> {
    open(pen.out, "tool_result");
    pen.out.key("tool_use_id");
    pen.out.string(&wire_id(id));
    let mut kept = Vec::with_capacity(content.len());
    for part in content {
        match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) if text.is_blank() => {
                pen.crossing.meet_at(Field::EmptyText, part.at)?;
            }
            PartKind::Reasoning { .. } | PartKind::RedactedReasoning(_) => {
                pen.crossing.meet_at(Field::ForeignReasoning, part.at)?;
            }
            PartKind::ToolCall { .. } | PartKind::ToolCallResponse { .. } => {
                return Err(pen.crossing.invalid("a tool result can't hold this", part.at));
            }
            PartKind::Text(_) | PartKind::Refusal(_) | PartKind::Media { .. } | PartKind::Opaque(_) => kept.push(part),
        }
    }
    match kept.as_slice() {
        [] => {}
        [Part { kind: PartKind::Text(text), cache: None, .. }] => {
            pen.out.key("content");
            pen.out.string(text);
        }
        parts => {
            pen.out.key("content");
            pen.out.open_array();
            for part in parts {
                encode(part, pen)?;
            }
            pen.out.close_array();
        }
    }
    if let Some(is_error) = is_error {
        pen.out.key("is_error");
        pen.out.boolean(is_error);
    }
    Ok(true)
}
