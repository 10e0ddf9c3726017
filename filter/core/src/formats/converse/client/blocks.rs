//! Content blocks of a Converse request: text, media, thinking, calls and their results, and cache points between them.

use super::media;
use super::scan::Scan;
use crate::base64;
use crate::formats::converse::citations;
use crate::formats::shape::{Fault, place};
use crate::formats::sources;
use crate::hub::{CallKind, Extension, Field, Part, PartKind, envelope};
use crate::json::{Json, Raw, Str};

/// Where blocks stand, which decides what they may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In `system`.
    System,
    /// In a message.
    Message,
    /// In what a tool gave back.
    Result,
}

impl Place {
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::System => &["text", "guardContent", "cachePoint"],
            Self::Message => &[
                "text",
                "image",
                "document",
                "video",
                "audio",
                "toolUse",
                "toolResult",
                "guardContent",
                "cachePoint",
                "reasoningContent",
                "citationsContent",
            ],
            Self::Result => &["text", "json", "image", "document", "video"],
        }
    }
}

/// What a block is.
enum Block<'b> {
    Part(PartKind<'b>),
    /// The breakpoint behind what stands before it.
    CachePoint(Raw<'b>),
    /// What only this format has.
    Opaque,
}

/// Reads a list of blocks.
pub(super) fn content<'b>(scan: &mut Scan<'b>, of: Place) -> Result<Vec<Part<'b>>, Fault> {
    let mut parts: Vec<Part<'b>> = Vec::new();
    scan.list(&mut |scan, at| {
        let block = scan.union(of.names(), &mut |scan, name, at| block(scan, name, at, of))?;
        let kind = match block {
            Some(Block::Part(kind)) => kind,
            Some(Block::CachePoint(point)) => {
                match parts.last_mut() {
                    Some(part) => part.cache = Some(point),
                    None => scan.extensions.push(Extension { at: place(at), field: Field::Extension }),
                }
                return Ok(());
            }
            Some(Block::Opaque) | None => PartKind::Opaque(scan.cursor.since(at)),
        };
        let named = core::mem::take(&mut scan.cited);
        scan.citations.extend(named.into_iter().map(|citation| (place(at), citation)));
        Part { at: place(at), cache: None, kind }.join(&mut parts);
        Ok(())
    })?;
    Ok(parts)
}

fn block<'b>(scan: &mut Scan<'b>, name: &'static str, at: usize, of: Place) -> Result<Block<'b>, Fault> {
    Ok(Block::Part(match name {
        "text" if of == Place::System => PartKind::Text(scan.filled()?),
        "text" => PartKind::Text(scan.cursor.string()?),
        "json" => PartKind::Text(Str::from_plain(scan.cursor.raw()?.as_str())),
        "cachePoint" => return cache_point(scan).map(Block::CachePoint),
        "toolUse" => return call(scan, at),
        "toolResult" => return result(scan, at),
        "reasoningContent" => match scan.union(&["reasoningText", "redactedContent"], &mut reasoning)? {
            Some(kind) => kind,
            None => return Ok(Block::Opaque),
        },
        "guardContent" => match scan.union(&["text", "image"], &mut guarded)? {
            Some(kind) => kind,
            None => return Ok(Block::Opaque),
        },
        "citationsContent" => PartKind::Text(cited(scan)?),
        _ => return Ok(media::medium(scan, name, at)?.map_or(Block::Opaque, Block::Part)),
    }))
}

/// Reads a cache point.
pub(super) fn cache_point<'b>(scan: &mut Scan<'b>) -> Result<Raw<'b>, Fault> {
    let at = scan.cursor.offset();
    let mut kind = None;
    scan.structure(&["type", "ttl"], &mut |scan, name, _| {
        if name == "type" {
            kind = Some(scan.word(&["default"])?);
        } else {
            scan.word(&["5m", "1h"])?;
        }
        Ok(())
    })?;
    kind.ok_or(Fault::missing(at, "type"))?;
    Ok(scan.cursor.since(at))
}

fn call<'b>(scan: &mut Scan<'b>, at: usize) -> Result<Block<'b>, Fault> {
    let (mut id, mut called, mut input, mut hosted) = (None, None, None, false);
    scan.structure(&["toolUseId", "name", "input", "type"], &mut |scan, name, _| {
        match name {
            "toolUseId" => id = Some(scan.name("_.:-")?),
            "name" => called = Some(scan.name("_-")?),
            "input" => input = Some(scan.cursor.raw()?),
            _ => hosted = !scan.word(&["server_tool_use"])?.is_empty(),
        }
        Ok(())
    })?;
    let call = PartKind::ToolCall {
        id: id.ok_or(Fault::missing(at, "toolUseId"))?,
        name: called.ok_or(Fault::missing(at, "name"))?,
        arguments: Json::Value(input.ok_or(Fault::missing(at, "input"))?),
        kind: CallKind::Function,
    };
    // What the service's own tools did is nobody else's.
    Ok(if hosted { Block::Opaque } else { Block::Part(call) })
}

fn result<'b>(scan: &mut Scan<'b>, at: usize) -> Result<Block<'b>, Fault> {
    let (mut id, mut content, mut is_error, mut hosted) = (None, None, None, false);
    scan.structure(&["toolUseId", "content", "status", "type"], &mut |scan, name, _| {
        match name {
            "toolUseId" => id = Some(scan.name("_.:-")?),
            "content" => content = Some(self::content(scan, Place::Result)?),
            "status" => is_error = Some(scan.word(&["success", "error"])? == "error"),
            _ => {
                scan.cursor.string()?;
                hosted = true;
            }
        }
        Ok(())
    })?;
    let id = id.ok_or(Fault::missing(at, "toolUseId"))?;
    let content = content.ok_or(Fault::missing(at, "content"))?;
    Ok(if hosted { Block::Opaque } else { Block::Part(PartKind::ToolCallResponse { id, content, is_error }) })
}

fn reasoning<'b>(scan: &mut Scan<'b>, name: &'static str, at: usize) -> Result<PartKind<'b>, Fault> {
    if name == "redactedContent" {
        let data = media::base64(scan)?;
        // What another vendor made is in an envelope, and bytes here.
        let own = base64::decode(&data.plain()).and_then(|bytes| String::from_utf8(bytes).ok()).map(Str::from_plain_owned);
        return Ok(PartKind::RedactedReasoning(own.filter(envelope::is_envelope).unwrap_or(data)));
    }
    let (mut text, mut signature) = (None, None);
    scan.structure(&["text", "signature"], &mut |scan, name, _| {
        *(if name == "text" { &mut text } else { &mut signature }) = Some(scan.cursor.string()?);
        Ok(())
    })?;
    let text = text.ok_or(Fault::missing(at, "text"))?;
    Ok(PartKind::Reasoning { text, signature: signature.filter(|signature| !signature.is_empty()) })
}

/// What the service's guardrails shall look at, which the model reads like any other content.
fn guarded<'b>(scan: &mut Scan<'b>, name: &'static str, at: usize) -> Result<PartKind<'b>, Fault> {
    if name == "image" {
        return Ok(media::medium(scan, name, at)?.unwrap_or(PartKind::Opaque(Raw::NULL)));
    }
    let mut text = None;
    scan.structure(&["text", "qualifiers"], &mut |scan, name, _| match name {
        "text" => {
            text = Some(scan.cursor.string()?);
            Ok(())
        }
        _ => scan.list(&mut |scan, _| scan.word(&["grounding_source", "query", "guard_content"]).map(|_| ())),
    })?;
    text.map(PartKind::Text).ok_or(Fault::missing(at, "text"))
}

/// The text of an earlier answer that cites sources.
fn cited<'b>(scan: &mut Scan<'b>) -> Result<Str<'b>, Fault> {
    let mut text = Str::default();
    scan.structure(&["content", "citations"], &mut |scan, name, at| match name {
        "content" => texts(scan, "", &mut text),
        _ => {
            if sources::read_all(scan.cursor.raw()?, citations::read, &mut scan.cited)? {
                scan.extensions.push(Extension { at: place(at), field: Field::Citations });
            }
            Ok(())
        }
    })?;
    Ok(text)
}

/// Appends the texts of a list of blocks that hold text alone.
pub(super) fn texts<'b>(scan: &mut Scan<'b>, between: &str, text: &mut Str<'b>) -> Result<(), Fault> {
    scan.list(&mut |scan, _| {
        if let Some(more) = scan.union(&["text"], &mut |scan, _, _| Ok(scan.cursor.string()?))? {
            if !text.is_empty() {
                text.push(&Str::from_plain(between));
            }
            text.push(&more);
        }
        Ok(())
    })
}
