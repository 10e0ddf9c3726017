//! The input of a request: turns, calls, results and thinking as items, in the client's order.

use super::asked_tools::MAX_NAME;
use super::encode::leading;
use crate::formats::crossing::Crossing;
use crate::formats::ids::short_id;
use crate::formats::media::{is_of_the_web, usual, usual_name};
use crate::hub::{CallKind, Citation, Field, Message, Modality, Part, PartKind, Rejection, Request, Role, Source, envelope};
use crate::json::{Json, Out, Str};
use crate::names::FormatId;
use std::collections::BTreeSet;

/// Where items are written, and what must be accounted for on the way.
pub(super) struct Pen<'p, 'c> {
    /// The request.
    pub out: &'p mut Out,
    /// What is not carried over.
    pub crossing: &'p mut Crossing<'c>,
    /// Ids of calls of custom tools, whose results are items of another type.
    custom: BTreeSet<String>,
    /// The sources that turns name.
    sources: &'p [(u32, Citation<'p>)],
}

impl<'p, 'c> Pen<'p, 'c> {
    pub(super) const fn new(request: &'p Request<'_>, out: &'p mut Out, crossing: &'p mut Crossing<'c>) -> Self {
        Self { out, crossing, custom: BTreeSet::new(), sources: request.citations.as_slice() }
    }

    /// Accounts for a prompt-cache breakpoint behind a part.
    pub(super) fn hint(&mut self, part: &Part<'_>) -> Result<(), Rejection> {
        if part.cache.is_some() {
            self.crossing.meet_at(Field::CacheHint, part.at)?;
        }
        Ok(())
    }

    /// Whether the text at byte `at` comes with sources.
    fn names(&mut self, at: u32) -> Result<bool, Rejection> {
        Ok(!self.sources.is_empty() && !self.crossing.sources(self.sources, at, |_| true)?.is_empty())
    }

    fn open(&mut self, kind: &str) {
        self.out.open_object();
        self.out.key("type");
        self.out.plain(kind);
    }

    fn leave(&mut self, field: Field, at: u32) -> Result<(), Rejection> {
        self.crossing.meet_at(field, at).map(|_| ())
    }
}

/// Writes `input`.
pub(super) fn input(request: &Request<'_>, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    pen.out.key("input");
    pen.out.open_array();
    let leading = leading(request);
    if !leading.is_empty() {
        said(Role::System, &leading.iter().collect::<Vec<_>>(), pen)?;
    }
    for message in &request.messages {
        if message.name.is_some() {
            pen.leave(Field::MessageName, message.at)?;
        }
        items(message, pen)?;
    }
    pen.out.close_array();
    Ok(())
}

/// Writes one turn: what is said in a row is one item, and every call, result and thought is one of its own.
fn items(message: &Message<'_>, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    let mut words: Vec<&Part<'_>> = Vec::new();
    for part in &message.parts {
        match &part.kind {
            PartKind::Text(_) | PartKind::Refusal(_) | PartKind::Media { .. } => {
                words.push(part);
                continue;
            }
            PartKind::Reasoning { .. }
            | PartKind::RedactedReasoning(_)
            | PartKind::ToolCall { .. }
            | PartKind::ToolCallResponse { .. }
            | PartKind::Opaque(_) => {}
        }
        said(message.role, &core::mem::take(&mut words), pen)?;
        pen.hint(part)?;
        match &part.kind {
            PartKind::Text(_) | PartKind::Refusal(_) | PartKind::Media { .. } => {}
            PartKind::Reasoning { text, signature } => thought(text, signature.as_ref(), part.at, pen)?,
            PartKind::RedactedReasoning(data) => thought(&Str::default(), Some(data), part.at, pen)?,
            PartKind::ToolCall { id, name, arguments, kind } => call(id, name, arguments, *kind, part.at, pen)?,
            PartKind::ToolCallResponse { id, content, is_error } => {
                if *is_error == Some(true) {
                    pen.leave(Field::ResultError, part.at)?;
                }
                result(id, content, pen)?;
            }
            PartKind::Opaque(_) => pen.leave(Field::OpaquePart, part.at)?,
        }
    }
    said(message.role, &words, pen)
}

/// Writes a message.
fn said(role: Role, parts: &[&Part<'_>], pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    if parts.is_empty() {
        return Ok(());
    }
    pen.open("message");
    pen.out.key("role");
    pen.out.plain(match role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User | Role::Tool => "user",
        Role::Assistant => "assistant",
    });
    pen.out.key("content");
    match parts {
        [Part { kind: PartKind::Text(text), at, .. }] if !pen.names(*at)? => {
            parts.iter().try_for_each(|part| pen.hint(part))?;
            pen.out.string(text);
        }
        parts => contents(parts, role == Role::Assistant, pen)?,
    }
    pen.out.close_object();
    Ok(())
}

fn contents(parts: &[&Part<'_>], assistant: bool, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    pen.out.open_array();
    for part in parts {
        pen.hint(part)?;
        match &part.kind {
            PartKind::Text(text) if assistant => {
                let sources = pen.crossing.sources(pen.sources, part.at, |_| true)?;
                super::output::encode_history(text, &sources, pen.out);
            }
            PartKind::Text(text) => plain(&[text], pen),
            PartKind::Refusal(text) if assistant => {
                pen.open("refusal");
                pen.out.key("refusal");
                pen.out.string(text);
                pen.out.close_object();
            }
            PartKind::Refusal(text) => plain(&[text], pen),
            PartKind::Media { .. } if assistant => pen.leave(Field::AssistantMedia, part.at)?,
            PartKind::Media { modality, mime_type, source, detail, name, about } => {
                if about.is_some() {
                    pen.leave(Field::DocumentExtras, part.at)?;
                }
                media(*modality, mime_type, source, (detail.as_ref(), name.as_ref()), part.at, pen)?;
            }
            PartKind::Reasoning { .. }
            | PartKind::RedactedReasoning(_)
            | PartKind::ToolCall { .. }
            | PartKind::ToolCallResponse { .. }
            | PartKind::Opaque(_) => pen.leave(Field::OpaquePart, part.at)?,
        }
    }
    pen.out.close_array();
    Ok(())
}

fn plain(pieces: &[&Str<'_>], pen: &mut Pen<'_, '_>) {
    pen.open("input_text");
    pen.out.key("text");
    pen.out.string_of(pieces);
    pen.out.close_object();
}

/// What a medium is called, and how closely it shall be looked at.
type Labels<'a> = (Option<&'a Str<'a>>, Option<&'a Str<'a>>);

fn media(
    modality: Modality,
    mime_type: &Str<'_>,
    source: &Source<'_>,
    (detail, name): Labels<'_>,
    at: u32,
    pen: &mut Pen<'_, '_>,
) -> Result<(), Rejection> {
    let image = match modality {
        Modality::Image => true,
        Modality::Document => false,
        Modality::Audio => return pen.leave(Field::Audio, at),
        Modality::Video => return pen.leave(Field::Video, at),
    };
    match source {
        Source::Uri(uri) if !is_of_the_web(uri) => pen.leave(Field::UriScheme, at)?,
        Source::Text(text) => {
            pen.leave(Field::PlainDocument, at)?;
            match name {
                Some(title) => plain(&[title, &Str::from_plain("\n\n"), text], pen),
                None => plain(&[text], pen),
            }
            return Ok(());
        }
        Source::Uri(_) | Source::Base64(..) | Source::File(_) => {}
    }
    if name.is_some() && (image || !matches!(source, Source::Base64(..))) {
        pen.leave(Field::MediaName, at)?;
    }
    pen.open(if image { "input_image" } else { "input_file" });
    if image {
        pen.out.key("detail");
        match detail {
            Some(detail) => pen.out.string(detail),
            None => pen.out.plain("auto"),
        }
    }
    match source {
        Source::Base64(data, alphabet) => {
            if !image {
                pen.out.key("filename");
                match name {
                    Some(name) => pen.out.string(name),
                    None => pen.out.plain(&usual_name(mime_type)),
                }
            }
            pen.out.key(if image { "image_url" } else { "file_data" });
            let [scheme, coding] = ["data:", ";base64,"].map(Str::from_plain);
            pen.out.string_of(&[&scheme, mime_type, &coding, &usual(data, *alphabet)]);
        }
        Source::Uri(uri) => {
            pen.out.key(if image { "image_url" } else { "file_url" });
            pen.out.string(uri);
        }
        Source::File(id) => {
            pen.out.key("file_id");
            pen.out.string(id);
        }
        Source::Text(_) => {}
    }
    pen.out.close_object();
    Ok(())
}

/// Thinking goes back to the vendor that signed it, and to nobody else.
fn thought(text: &Str<'_>, signature: Option<&Str<'_>>, at: u32, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    let Some(cipher) = signature.and_then(|signature| envelope::unwrap(signature, FormatId::Responses)) else {
        return pen.leave(Field::ForeignReasoning, at);
    };
    pen.open("reasoning");
    pen.out.key("summary");
    pen.out.open_array();
    if !text.is_empty() {
        super::output::encode_summary(text, pen.out);
    }
    pen.out.close_array();
    pen.out.key("encrypted_content");
    pen.out.string(&cipher);
    pen.out.close_object();
    Ok(())
}

fn call(id: &Str<'_>, name: &Str<'_>, arguments: &Json<'_>, kind: CallKind, at: u32, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    let sent = pen.crossing.tool_name(name, MAX_NAME, at)?;
    pen.open(match kind {
        CallKind::Function => "function_call",
        CallKind::Custom => "custom_tool_call",
    });
    pen.out.key("call_id");
    pen.out.string(&short_id(id));
    pen.out.key("name");
    pen.out.string(&sent);
    match kind {
        CallKind::Function => pen.out.key("arguments"),
        CallKind::Custom => {
            pen.custom.insert(id.plain().into_owned());
            pen.out.key("input");
        }
    }
    match (kind, arguments) {
        // No arguments are an empty object to every server that parses them.
        (CallKind::Function, Json::Text(text)) if text.is_empty() => pen.out.plain("{}"),
        (CallKind::Function | CallKind::Custom, _) => pen.out.json_as_string(arguments),
    }
    pen.out.close_object();
    Ok(())
}

fn result(id: &Str<'_>, content: &[Part<'_>], pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    let custom = pen.custom.contains(&*id.plain());
    pen.open(if custom { "custom_tool_call_output" } else { "function_call_output" });
    pen.out.key("call_id");
    pen.out.string(&short_id(id));
    pen.out.key("output");
    match content {
        [] => pen.out.plain(""),
        [Part { kind: PartKind::Text(text), .. }] => {
            content.iter().try_for_each(|part| pen.hint(part))?;
            pen.out.string(text);
        }
        parts => contents(&parts.iter().collect::<Vec<_>>(), false, pen)?,
    }
    pen.out.close_object();
    Ok(())
}
