//! The messages of a conversation, one to one; leading instructions apart.

use super::parts::decode_content;
use super::{citations, thinking};
use crate::formats::openai::content;
use crate::formats::shape::{Fault, place};
use crate::formats::sources;
use crate::hub::{CallKind, Citation, Message, Part, PartKind, Request, Role};
use crate::json::{Cursor, Json, Kind, Raw, Str};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Reads `messages` into the request; an earlier value of the member is forgotten.
pub(super) fn decode_messages<'b>(cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<(), Fault> {
    let mut legacy = Legacy::default();
    request.system_instructions.clear();
    request.messages.clear();
    request.citations.clear();
    cursor.enter_array()?;
    while cursor.element()? {
        let at = cursor.offset();
        let mut draft = Draft::read(cursor)?;
        let (named, foreign) = (core::mem::take(&mut draft.annotations), draft.foreign);
        let message = draft.message(at, &mut legacy)?;
        name(&message, named, foreign, request);
        let instruction = matches!(message.role, Role::System | Role::Developer);
        if instruction && message.parts.iter().any(|part| !matches!(part.kind, PartKind::Text(_))) {
            return Err(Fault::wrong(at, "an instruction can hold text only"));
        }
        if instruction && request.messages.is_empty() {
            request.system_instructions.extend(message.parts);
        } else {
            request.messages.push(message);
        }
    }
    Ok(())
}

/// Notes the sources of a message, whose places are in its whole text.
fn name<'b>(message: &Message<'b>, named: Vec<Citation<'b>>, foreign: bool, request: &mut Request<'b>) {
    if named.is_empty() && !foreign {
        return;
    }
    let mut texts = message.parts.iter().filter(|part| matches!(part.kind, PartKind::Text(_)));
    match (texts.next(), texts.next()) {
        (Some(text), None) if message.role == Role::Assistant => request.cite(text.at, named, foreign),
        (Some(_) | None, _) => request.cite(message.at, Vec::new(), true),
    }
}

/// The calls of the older form, which have no ids: a result names the function, and means the last call of it.
#[derive(Default)]
struct Legacy<'b> {
    calls: usize,
    /// Which call was the last one of each function, the first one being 1.
    last: BTreeMap<Cow<'b, str>, usize>,
}

impl<'b> Legacy<'b> {
    fn call(&mut self, name: Str<'b>) -> Str<'static> {
        self.calls = self.calls.saturating_add(1);
        self.last.insert(name.into_plain(), self.calls);
        Self::id(self.calls)
    }

    fn result(&self, name: &Str<'b>) -> Str<'static> {
        Self::id(self.last.get(&*name.plain()).copied().unwrap_or(0))
    }

    fn id(number: usize) -> Str<'static> {
        Str::from_plain_owned(format!("call_function_{number}"))
    }
}

/// The members of one message, in whatever order they came.
#[derive(Default)]
struct Draft<'b> {
    role: Option<(usize, Str<'b>)>,
    name: Option<Str<'b>>,
    content: Option<Vec<Part<'b>>>,
    reasoning: Option<Part<'b>>,
    /// Thinking that some vendor signed; it says all that `reasoning` does.
    signed: Vec<Part<'b>>,
    refusal: Option<Part<'b>>,
    calls: Vec<Part<'b>>,
    function_call: Option<Part<'b>>,
    annotations: Vec<Citation<'b>>,
    /// Whether a source is of a kind that nobody else has.
    foreign: bool,
    tool_call_id: Option<Str<'b>>,
    spoken: Option<Part<'b>>,
}

impl<'b> Draft<'b> {
    fn read(cursor: &mut Cursor<'b>) -> Result<Self, Fault> {
        let mut draft = Self::default();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            let at = cursor.offset();
            if cursor.null()? {
                continue;
            }
            match &*name.into_plain() {
                "role" => draft.role = Some((at, cursor.string()?)),
                "name" => draft.name = Some(cursor.string()?),
                "content" => draft.content = Some(decode_content(cursor)?),
                "refusal" => draft.refusal = part(at, PartKind::Refusal(cursor.string()?)),
                "reasoning_content" | "reasoning" if draft.reasoning.is_none() && cursor.peek()? == Kind::String => {
                    draft.reasoning = part(at, PartKind::Reasoning { text: cursor.string()?, signature: None });
                }
                thinking::BLOCKS | thinking::DETAILS if draft.signed.is_empty() => draft.signed = thinking::decode_blocks(cursor)?,
                "tool_calls" => draft.calls = decode_calls(cursor)?,
                "function_call" => draft.function_call = part(at, decode_function(cursor, CallKind::Function)?),
                "annotations" => draft.foreign = sources::read_all(cursor.raw()?, citations::read, &mut draft.annotations)?,
                "tool_call_id" => draft.tool_call_id = Some(cursor.string()?),
                // Speech of an earlier answer, by its id in the provider's store.
                "audio" => draft.spoken = Some(content::opaque(cursor)?),
                _ => cursor.leave()?,
            }
        }
        Ok(draft)
    }

    fn message(mut self, at: usize, legacy: &mut Legacy<'b>) -> Result<Message<'b>, Fault> {
        let (role_at, role) = self.role.take().ok_or(Fault::missing(at, "role"))?;
        let (role, parts) = match &*role.plain() {
            "system" => (Role::System, self.content.unwrap_or_default()),
            "developer" => (Role::Developer, self.content.unwrap_or_default()),
            "user" => (Role::User, self.content.ok_or(Fault::missing(at, "content"))?),
            "assistant" => (Role::Assistant, self.assistant(legacy)),
            "tool" => {
                let id = self.tool_call_id.take().ok_or(Fault::missing(at, "tool_call_id"))?;
                (Role::Tool, vec![result(at, id, self.content.take())])
            }
            "function" => {
                let name = self.name.take().ok_or(Fault::missing(at, "name"))?;
                return Ok(Message {
                    at: place(at),
                    role: Role::Tool,
                    name: None,
                    parts: vec![result(at, legacy.result(&name), self.content.take())],
                });
            }
            _ => return Err(Fault::wrong(role_at, "it must be system, developer, user, assistant, tool or function")),
        };
        Ok(Message { at: place(at), role, name: self.name.take(), parts })
    }

    fn assistant(&mut self, legacy: &mut Legacy<'b>) -> Vec<Part<'b>> {
        let mut parts = Vec::new();
        if self.signed.is_empty() {
            parts.extend(self.reasoning.take());
        }
        parts.append(&mut self.signed);
        parts.extend(self.content.take().unwrap_or_default());
        parts.extend(self.refusal.take());
        parts.extend(self.spoken.take());
        parts.append(&mut self.calls);
        if let Some(mut call) = self.function_call.take() {
            if let PartKind::ToolCall { id, name, .. } = &mut call.kind {
                *id = legacy.call(name.clone());
            }
            parts.push(call);
        }
        parts
    }
}

#[expect(clippy::unnecessary_wraps, reason = "every caller keeps an optional part")]
fn part(at: usize, kind: PartKind<'_>) -> Option<Part<'_>> {
    Some(Part { at: place(at), cache: None, kind })
}

fn result<'b>(at: usize, id: Str<'b>, content: Option<Vec<Part<'b>>>) -> Part<'b> {
    let content = content.unwrap_or_default();
    Part { at: place(at), cache: None, kind: PartKind::ToolCallResponse { id, content, is_error: None } }
}

fn decode_calls<'b>(cursor: &mut Cursor<'b>) -> Result<Vec<Part<'b>>, Fault> {
    let mut calls = Vec::new();
    cursor.enter_array()?;
    while cursor.element()? {
        let at = cursor.offset();
        let (mut id, mut call, mut signature) = (Str::default(), None, None);
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            if cursor.null()? {
                continue;
            }
            match &*name.into_plain() {
                "id" => id = cursor.string()?,
                "function" => call = Some(decode_function(cursor, CallKind::Function)?),
                // Some servers put an empty one beside every function.
                "custom" if call.is_none() => call = Some(decode_function(cursor, CallKind::Custom)?),
                thinking::OF_CALL => signature = thinking::decode_of_call(cursor)?,
                "type" | "index" => cursor.skip()?,
                _ => cursor.leave()?,
            }
        }
        let mut kind = call.ok_or(Fault::missing(at, "function"))?;
        if let PartKind::ToolCall { id: place_of_id, .. } = &mut kind {
            if id.is_empty() {
                return Err(Fault::missing(at, "id"));
            }
            *place_of_id = id;
        }
        if signature.is_some() {
            calls.extend(part(at, PartKind::Reasoning { text: Str::default(), signature }));
        }
        calls.push(Part { at: place(at), cache: None, kind });
    }
    Ok(calls)
}

fn decode_function<'b>(cursor: &mut Cursor<'b>, kind: CallKind) -> Result<PartKind<'b>, Fault> {
    let at = cursor.offset();
    let (mut function, mut arguments) = (None, Json::Value(Raw::EMPTY_OBJECT));
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if cursor.null()? {
            continue;
        }
        match &*name.into_plain() {
            "name" => function = Some(cursor.string()?),
            // Mistral's may be an object.
            "arguments" if cursor.peek()? == Kind::Object => arguments = Json::Value(cursor.raw()?),
            "arguments" | "input" => arguments = Json::Text(cursor.string()?),
            _ => cursor.leave()?,
        }
    }
    Ok(PartKind::ToolCall { id: Str::default(), name: function.ok_or(Fault::missing(at, "name"))?, arguments, kind })
}
