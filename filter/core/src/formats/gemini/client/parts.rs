//! The parts of a turn: text, media, calls and their results, thinking and the signatures that belong to it.

use super::decode::Decoded;
use super::signature;
use super::wire::{list, member, word};
use crate::base64::is_base64;
use crate::formats::media::type_of_address;
use crate::formats::media::{base64, stated};
use crate::formats::shape::{Fault, place};
use crate::formats::{Span, ids::digest};
use crate::hub::{CallKind, Extension, Field, Modality, Part, PartKind, Source};
use crate::json::{Cursor, Json, Kind, Raw, Str};
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

/// What begins the addresses of Google's own store of files, which nobody else can read.
const FILES: &str = "https://generativelanguage.googleapis.com/";

/// The calls of a conversation, so that a result that names no id finds its call.
#[derive(Debug, Default)]
pub(super) struct Calls<'b> {
    /// How many turns there were, and how many calls and results without an id in this one.
    turns: usize,
    ordinal: usize,
    /// The calls of the last turn that made some.
    open: Vec<Call<'b>>,
    /// The place of the first one of each id.
    by_id: BTreeMap<Cow<'b, str>, usize>,
    /// The places of those of each name that may have no result yet, in order.
    by_name: BTreeMap<Cow<'b, str>, VecDeque<usize>>,
}

#[derive(Debug)]
struct Call<'b> {
    id: Str<'b>,
    turn: usize,
    answered: bool,
}

impl<'b> Calls<'b> {
    /// Another turn begins.
    pub(super) const fn turn(&mut self) {
        self.turns = self.turns.saturating_add(1);
        self.ordinal = 0;
    }

    /// Notes a call; one without an id gets one that stays the same as long as the turns before it do.
    fn made(&mut self, id: Option<Str<'b>>, name: &Str<'b>) -> Str<'b> {
        if self.open.last().is_some_and(|call| call.turn != self.turns) {
            self.open.clear();
            self.by_id.clear();
            self.by_name.clear();
        }
        let id = id.unwrap_or_else(|| self.made_up(name));
        let place = self.open.len();
        self.by_id.entry(id.clone().into_plain()).or_insert(place);
        self.by_name.entry(name.clone().into_plain()).or_default().push_back(place);
        self.open.push(Call { id: id.clone(), turn: self.turns, answered: false });
        id
    }

    /// The id of the call that a result answers: the one of its id, else the first of its name that has no result.
    fn answered(&mut self, id: Option<Str<'b>>, name: &Str<'b>) -> Str<'b> {
        let by_id = id.as_ref().and_then(|id| self.by_id.get(&*id.plain()).copied());
        let found = by_id.or_else(|| self.unanswered(name));
        match found.and_then(|at| self.open.get_mut(at)) {
            Some(call) => {
                call.answered = true;
                call.id.clone()
            }
            None => id.unwrap_or_else(|| self.made_up(name)),
        }
    }

    /// The place of the first call of this name that has no result.
    fn unanswered(&mut self, name: &Str<'_>) -> Option<usize> {
        let places = self.by_name.get_mut(&*name.plain())?;
        while let Some(&place) = places.front() {
            if self.open.get(place).is_some_and(|call| !call.answered) {
                return Some(place);
            }
            places.pop_front();
        }
        None
    }

    fn made_up(&mut self, name: &Str<'_>) -> Str<'static> {
        self.ordinal = self.ordinal.saturating_add(1);
        Str::from_plain_owned(format!("call_{}", digest(&format!("{}/{}/{}", self.turns, self.ordinal, name.as_escaped()))))
    }
}

/// What a part says: exactly one of these.
#[derive(Debug)]
enum Payload<'b> {
    Text(Str<'b>),
    Other(PartKind<'b>),
}

/// Reads one part into those of its turn.
pub(super) fn decode<'b>(
    cursor: &mut Cursor<'b>,
    parts: &mut Vec<Part<'b>>,
    calls: &mut Calls<'b>,
    decoded: &mut Decoded<'b>,
) -> Result<(), Fault> {
    let at = cursor.offset();
    let whole = cursor.clone().raw()?;
    let (mut payload, mut thought, mut signed, mut detail) = (None, false, None, None);
    let mut unknown = Vec::new();
    cursor.enter_object()?;
    while let Some((name, member)) = member(cursor)? {
        let said = match &*name {
            "text" => Payload::Text(cursor.string()?),
            "inlineData" => Payload::Other(inline(cursor)?),
            "fileData" => Payload::Other(file(cursor)?),
            "functionCall" => Payload::Other(call(cursor, calls, decoded)?),
            "functionResponse" => Payload::Other(response(cursor, calls, decoded)?),
            "executableCode" | "codeExecutionResult" | "toolCall" | "toolResponse" => {
                cursor.skip()?;
                Payload::Other(PartKind::Opaque(whole))
            }
            "thought" => {
                thought = cursor.boolean()?;
                continue;
            }
            "thoughtSignature" => {
                let value = cursor.string()?;
                if !is_bytes(&value) {
                    return Err(Fault::wrong(member, "it must be base64"));
                }
                if signature::is_foreign(&value) {
                    decoded.foreign.push(Span { start: place(member), end: place(cursor.passed()) });
                }
                signed = (!value.is_empty()).then(|| signature::read(value));
                continue;
            }
            "mediaResolution" => {
                detail = resolution(cursor)?;
                continue;
            }
            _ => {
                cursor.skip()?;
                unknown.push(Extension { at: place(member), field: Field::Extension });
                continue;
            }
        };
        if payload.replace(said).is_some() {
            return Err(Fault::wrong(at, "a part can hold one thing only"));
        }
    }
    let part = |kind| Part { at: place(at), cache: None, kind };
    let payload = match payload {
        Some(payload) => payload,
        None if signed.is_some() => Payload::Text(Str::default()),
        // What nobody knows is no part that could be left out.
        None if !unknown.is_empty() => Payload::Other(PartKind::Opaque(whole)),
        None => return Err(Fault::wrong(at, "a part must hold something: text, inlineData, fileData, functionCall or functionResponse")),
    };
    decoded.request.extensions.append(&mut unknown);
    let kind = match payload {
        Payload::Text(text) if thought => {
            let signature = match signed.take() {
                Some(PartKind::Reasoning { signature, .. }) => signature,
                other => {
                    signed = other;
                    None
                }
            };
            Some(PartKind::Reasoning { text, signature })
        }
        Payload::Text(text) if text.is_empty() && signed.is_some() => None,
        Payload::Text(text) => Some(PartKind::Text(text)),
        Payload::Other(PartKind::Media { modality, mime_type, source, name, .. }) => {
            Some(PartKind::Media { modality, mime_type, source, detail, name, about: None })
        }
        Payload::Other(kind) => Some(kind),
    };
    match (signed, parts.last_mut().map(|part| &mut part.kind)) {
        (None, _) => {}
        // A signature belongs to the thinking before its part, whose text the client may have left out.
        (Some(PartKind::Reasoning { signature: own, .. }), Some(PartKind::Reasoning { signature: signature @ None, .. })) => {
            *signature = own;
        }
        (Some(kind), _) => parts.push(part(kind)),
    }
    if let Some(kind) = kind {
        part(kind).join(parts);
    }
    Ok(())
}

/// Whether a text is base64, on as many lines as it likes.
fn is_bytes(value: &Str<'_>) -> bool {
    let plain = value.plain();
    is_base64(&plain) || is_base64(&plain.replace(|c: char| c.is_ascii_whitespace(), ""))
}

fn modality(mime: &Str<'_>) -> Modality {
    let mime = mime.plain();
    match mime.split('/').next() {
        Some("image") => Modality::Image,
        Some("audio") => Modality::Audio,
        Some("video") => Modality::Video,
        Some(_) | None => Modality::Document,
    }
}

fn medium<'b>(mime_type: Str<'b>, source: Source<'b>, name: Option<Str<'b>>) -> PartKind<'b> {
    PartKind::Media { modality: modality(&mime_type), mime_type, source, detail: None, name, about: None }
}

fn inline<'b>(cursor: &mut Cursor<'b>) -> Result<PartKind<'b>, Fault> {
    let start = cursor.offset();
    let (mut mime, mut data, mut title) = (None, None, None);
    cursor.enter_object()?;
    while let Some((name, at)) = member(cursor)? {
        match &*name {
            "mimeType" => mime = Some(stated(cursor)?),
            "data" => data = Some(base64(at, cursor.string()?)?),
            "displayName" => title = Some(cursor.string()?),
            _ => cursor.skip()?,
        }
    }
    let data = data.ok_or(Fault::missing(start, "data"))?;
    Ok(medium(mime.ok_or(Fault::missing(start, "mimeType"))?, data, title))
}

fn file<'b>(cursor: &mut Cursor<'b>) -> Result<PartKind<'b>, Fault> {
    let start = cursor.offset();
    let whole = cursor.clone().raw()?;
    let (mut mime, mut uri, mut title) = (None, None, None);
    cursor.enter_object()?;
    while let Some((name, _)) = member(cursor)? {
        match &*name {
            "mimeType" => mime = Some(stated(cursor)?),
            "fileUri" => uri = Some(cursor.string()?),
            "displayName" => title = Some(cursor.string()?),
            _ => cursor.skip()?,
        }
    }
    let uri = uri.ok_or(Fault::missing(start, "fileUri"))?;
    if uri.as_escaped().starts_with(FILES) || !uri.as_escaped().contains("://") {
        return Ok(PartKind::Opaque(whole));
    }
    let mime = mime.unwrap_or_else(|| Str::from_plain(type_of_address(&uri).unwrap_or("application/pdf")));
    Ok(medium(mime, Source::Uri(uri), title))
}

/// How closely a medium shall be looked at, in the word that other formats have for it.
fn resolution<'b>(cursor: &mut Cursor<'b>) -> Result<Option<Str<'b>>, Fault> {
    const LEVELS: [(&str, &str); 4] = [
        ("MEDIA_RESOLUTION_LOW", "low"),
        ("MEDIA_RESOLUTION_MEDIUM", "auto"),
        ("MEDIA_RESOLUTION_HIGH", "high"),
        ("MEDIA_RESOLUTION_ULTRA_HIGH", "high"),
    ];
    if cursor.peek()? == Kind::String {
        return Ok(word(cursor, &LEVELS)?.map(Str::from_plain));
    }
    let mut detail = None;
    cursor.enter_object()?;
    while let Some((name, _)) = member(cursor)? {
        if name == "level" { detail = word(cursor, &LEVELS)? } else { cursor.skip()? }
    }
    Ok(detail.map(Str::from_plain))
}

fn call<'b>(cursor: &mut Cursor<'b>, calls: &mut Calls<'b>, decoded: &mut Decoded<'b>) -> Result<PartKind<'b>, Fault> {
    let start = cursor.offset();
    let (mut id, mut called, mut arguments) = (None, None, Raw::EMPTY_OBJECT);
    cursor.enter_object()?;
    while let Some((name, at)) = member(cursor)? {
        match &*name {
            "id" => id = Some(cursor.string()?).filter(|id| !id.is_empty()),
            "name" => called = Some(cursor.string()?),
            "args" => {
                arguments = cursor.clone().raw()?;
                cursor.enter_object()?;
                while cursor.member()?.is_some() {
                    cursor.skip()?;
                }
            }
            _ => {
                cursor.skip()?;
                decoded.request.extensions.push(Extension { at: place(at), field: Field::Extension });
            }
        }
    }
    let name = called.filter(|name| !name.is_empty()).ok_or(Fault::missing(start, "name"))?;
    let id = calls.made(id, &name);
    Ok(PartKind::ToolCall { id, name, arguments: Json::Value(arguments), kind: CallKind::Function })
}

fn response<'b>(cursor: &mut Cursor<'b>, calls: &mut Calls<'b>, decoded: &mut Decoded<'b>) -> Result<PartKind<'b>, Fault> {
    let start = cursor.offset();
    let (mut id, mut called, mut said, mut media) = (None, None, None, Vec::new());
    cursor.enter_object()?;
    while let Some((name, at)) = member(cursor)? {
        match &*name {
            "id" => id = Some(cursor.string()?).filter(|id| !id.is_empty()),
            "name" => called = Some(cursor.string()?),
            "response" => said = Some(result(cursor)?),
            "parts" => list(cursor, |cursor| {
                let at = place(cursor.offset());
                let whole = cursor.clone().raw()?;
                let mut kind = PartKind::Opaque(whole);
                cursor.enter_object()?;
                while let Some((name, _)) = member(cursor)? {
                    match &*name {
                        "inlineData" => kind = inline(cursor)?,
                        "fileData" => kind = file(cursor)?,
                        _ => cursor.skip()?,
                    }
                }
                media.push(Part { at, cache: None, kind });
                Ok(())
            })?,
            _ => {
                cursor.skip()?;
                decoded.request.extensions.push(Extension { at: place(at), field: Field::Extension });
            }
        }
    }
    let name = called.filter(|name| !name.is_empty()).ok_or(Fault::missing(start, "name"))?;
    let (text, is_error) = said.ok_or(Fault::missing(start, "response"))?;
    let mut content = vec![Part { at: place(start), cache: None, kind: PartKind::Text(text) }];
    content.append(&mut media);
    Ok(PartKind::ToolCallResponse { id: calls.answered(id, &name), content, is_error: is_error.then_some(true) })
}

/// What a function gave: the text of the one member in which clients put it, else the object itself; and whether it is an error.
fn result<'b>(cursor: &mut Cursor<'b>) -> Result<(Str<'b>, bool), Fault> {
    let start = cursor.offset();
    let (mut members, mut alone) = (0_usize, None);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        members = members.saturating_add(1);
        let error = name.is("error");
        if (error || name.is("output") || name.is("result")) && cursor.peek()? == Kind::String {
            alone = Some((cursor.string()?, error));
        } else {
            cursor.skip()?;
        }
    }
    Ok(match alone {
        Some(alone) if members == 1 => alone,
        Some(_) | None => (Str::from_plain(cursor.since(start).as_str()), false),
    })
}
