//! Content blocks of a Messages request: text, media, thinking, calls and their results.

use crate::formats::media::{base64, stated};
use crate::formats::messages::citations;
use crate::formats::shape::{Fault, object, place, type_of};
use crate::formats::sources;
use crate::hub::{About, CallKind, Citation, Modality, Part, PartKind, Request, Source};
use crate::json::{Cursor, Json, Kind, Raw, Str};

/// What is wrong with a result in a result: the API knows none, and each level would be scanned for its type again.
pub(super) const NESTED_RESULT: &str = "a tool_result can't hold a tool_result";

/// Reads content: a string or a list of blocks.
pub(super) fn decode_content<'b>(cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<Vec<Part<'b>>, Fault> {
    content(cursor, false, request)
}

/// Reads content, which may be what a tool gave back.
fn content<'b>(cursor: &mut Cursor<'b>, of_result: bool, request: &mut Request<'b>) -> Result<Vec<Part<'b>>, Fault> {
    let at = cursor.offset();
    if cursor.peek()? == Kind::String {
        return Ok(vec![Part { at: place(at), cache: None, kind: PartKind::Text(cursor.string()?) }]);
    }
    let mut parts = Vec::new();
    cursor.enter_array()?;
    while cursor.element()? {
        block(cursor, of_result, request)?.join(&mut parts);
    }
    Ok(parts)
}

fn block<'b>(cursor: &mut Cursor<'b>, of_result: bool, request: &mut Request<'b>) -> Result<Part<'b>, Fault> {
    let at = cursor.offset();
    let kind = type_of(cursor)?.ok_or(Fault::missing(at, "type"))?;
    if of_result && kind.is("tool_result") {
        return Err(Fault::wrong(at, NESTED_RESULT));
    }
    let whole = cursor.clone().raw()?;
    let draft = Draft::read(cursor, &kind, request)?;
    let cache = draft.cache;
    request.cite(place(at), draft.citations, draft.foreign);
    let missing = |member| Fault::missing(at, member);
    let kind = match &*kind.plain() {
        "text" => PartKind::Text(draft.text.ok_or(missing("text"))?),
        "thinking" => PartKind::Reasoning {
            text: draft.thinking.ok_or(missing("thinking"))?,
            signature: draft.signature.filter(|signature| !signature.is_empty()),
        },
        "redacted_thinking" => PartKind::RedactedReasoning(draft.data.ok_or(missing("data"))?),
        "tool_use" => PartKind::ToolCall {
            id: draft.id.ok_or(missing("id"))?,
            name: draft.name.ok_or(missing("name"))?,
            arguments: Json::Value(draft.input.ok_or(missing("input"))?),
            kind: CallKind::Function,
        },
        "tool_result" => {
            let id = draft.tool_use_id.ok_or(missing("tool_use_id"))?;
            PartKind::ToolCallResponse { id, content: draft.content, is_error: draft.is_error }
        }
        kind @ ("image" | "document") => match draft.source.ok_or(missing("source"))? {
            Found::Source(mime_type, source) => {
                let modality = if kind == "image" { Modality::Image } else { Modality::Document };
                PartKind::Media { modality, mime_type, source, detail: None, name: draft.title, about: draft.about }
            }
            Found::Opaque => PartKind::Opaque(whole),
        },
        _ => PartKind::Opaque(whole),
    };
    Ok(Part { at: place(at), cache, kind })
}

/// The members of one block, in whatever order they came.
#[derive(Default)]
struct Draft<'b> {
    cache: Option<Raw<'b>>,
    text: Option<Str<'b>>,
    citations: Vec<Citation<'b>>,
    /// Whether a source is of a kind that nobody else has.
    foreign: bool,
    thinking: Option<Str<'b>>,
    signature: Option<Str<'b>>,
    data: Option<Str<'b>>,
    id: Option<Str<'b>>,
    name: Option<Str<'b>>,
    input: Option<Raw<'b>>,
    tool_use_id: Option<Str<'b>>,
    content: Vec<Part<'b>>,
    is_error: Option<bool>,
    source: Option<Found<'b>>,
    title: Option<Str<'b>>,
    about: Option<Box<About<'b>>>,
}

impl<'b> Draft<'b> {
    fn read(cursor: &mut Cursor<'b>, kind: &Str<'b>, request: &mut Request<'b>) -> Result<Self, Fault> {
        let mut draft = Self::default();
        let kind = kind.plain();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            if cursor.null()? {
                continue;
            }
            match (&*kind, &*name.into_plain()) {
                (_, "cache_control") => draft.cache = Some(cursor.raw()?),
                ("text", "text") => draft.text = Some(cursor.string()?),
                ("text", "citations") => draft.foreign = sources::read_all(cursor.raw()?, citations::read, &mut draft.citations)?,
                ("thinking", "thinking") => draft.thinking = Some(cursor.string()?),
                ("thinking", "signature") => draft.signature = Some(cursor.string()?),
                ("redacted_thinking", "data") => draft.data = Some(cursor.string()?),
                ("tool_use", "id") => draft.id = Some(cursor.string()?),
                ("tool_use", "name") => draft.name = Some(cursor.string()?),
                ("tool_use", "input") => draft.input = Some(object(cursor)?),
                ("tool_result", "tool_use_id") => draft.tool_use_id = Some(cursor.string()?),
                ("tool_result", "content") => draft.content = content(cursor, true, request)?,
                ("tool_result", "is_error") => draft.is_error = Some(cursor.boolean()?),
                ("image" | "document", "source") => draft.source = Some(Found::read(cursor)?),
                ("document", "title") => draft.title = Some(cursor.string()?),
                ("document", "context") => draft.about.get_or_insert_default().context = Some(cursor.string()?),
                ("document", "citations") => {
                    if cites(cursor)? {
                        draft.about.get_or_insert_default().cited = true;
                    }
                }
                (_, "type") => cursor.skip()?,
                _ => cursor.leave()?,
            }
        }
        Ok(draft)
    }
}

/// Whether a document's words shall be cited.
fn cites(cursor: &mut Cursor<'_>) -> Result<bool, Fault> {
    let mut cited = false;
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if name.is("enabled") && cursor.peek()? == Kind::Boolean {
            cited = cursor.boolean()?;
        } else {
            cursor.skip()?;
        }
    }
    Ok(cited)
}

/// Where the bytes of a medium are.
enum Found<'b> {
    Source(Str<'b>, Source<'b>),
    /// In a form that only this format has.
    Opaque,
}

impl<'b> Found<'b> {
    fn read(cursor: &mut Cursor<'b>) -> Result<Self, Fault> {
        let at = cursor.offset();
        let kind = type_of(cursor)?.ok_or(Fault::missing(at, "type"))?;
        let (mut mime_type, mut value, mut value_at) = (None, None, at);
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match &*name.into_plain() {
                "media_type" => mime_type = Some(stated(cursor)?),
                "data" | "url" | "file_id" => {
                    value_at = cursor.offset();
                    value = Some(cursor.string()?);
                }
                "content" if cursor.peek()? == Kind::String => value = Some(cursor.string()?),
                "type" | "content" => cursor.skip()?,
                _ => cursor.leave()?,
            }
        }
        let missing = |member| Fault::missing(at, member);
        Ok(match &*kind.plain() {
            "base64" => {
                let data = base64(value_at, value.ok_or(missing("data"))?)?;
                Self::Source(mime_type.ok_or(missing("media_type"))?, data)
            }
            "url" => Self::Source(mime_type.unwrap_or_default(), Source::Uri(value.ok_or(missing("url"))?)),
            // A file in Anthropic's store is nobody else's.
            "file" => Self::Opaque,
            "text" => Self::Source(mime_type.unwrap_or_default(), Source::Text(value.ok_or(missing("data"))?)),
            "content" => value.map_or(Self::Opaque, |text| Self::Source(mime_type.unwrap_or_default(), Source::Text(text))),
            _ => return Err(Fault::wrong(at, "its type must be base64, url, file, text or content")),
        })
    }
}
