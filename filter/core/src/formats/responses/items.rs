//! The items of a request's input: turns, calls and their results, thinking, and what only the provider's own state explains.

use super::parts::{Sources, decode_content};
use super::tools::joined;
use crate::formats::shape::{Fault, place};
use crate::hub::{CallKind, Extension, Field, Message, Part, PartKind, Request, Role, envelope};
use crate::json::{Cursor, Json, Kind, Raw, Str};

/// Reads `input` into the request; an earlier value of the member is forgotten. What stands before the first turn is an instruction.
///
/// Neighbouring items of the assistant are one turn: its words, thoughts and calls.
pub(super) fn decode_input<'b>(cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<(), Fault> {
    let at = cursor.offset();
    request.system_instructions.clear();
    request.messages.clear();
    request.citations.clear();
    request.extensions.retain(|extension| !is_item(extension.field));
    if cursor.peek()? == Kind::String {
        let part = Part { at: place(at), cache: None, kind: PartKind::Text(cursor.string()?) };
        request.messages.push(Message { at: place(at), role: Role::User, name: None, parts: vec![part] });
        return Ok(());
    }
    cursor.enter_array()?;
    while cursor.element()? {
        let at = cursor.offset();
        let mut draft = Draft::read(cursor)?;
        let sources = core::mem::take(&mut draft.sources);
        let message = match draft.item(at)? {
            Item::Turn(message) => message,
            Item::Beyond(field) => {
                request.extensions.push(Extension { at: place(at), field });
                continue;
            }
        };
        let first = request.citations.len();
        request.citations.extend(sources.named);
        request.extensions.extend(sources.foreign.map(|at| Extension { at, field: Field::Citations }));
        if message.role != Role::Assistant {
            request.uncite(first);
        }
        let instruction = matches!(message.role, Role::System | Role::Developer);
        if instruction && message.parts.iter().any(|part| !matches!(part.kind, PartKind::Text(_))) {
            return Err(Fault::wrong(at, "an instruction can hold text only"));
        }
        match request.messages.last_mut() {
            None if instruction => request.system_instructions.extend(message.parts),
            Some(last) if last.role == Role::Assistant && message.role == Role::Assistant => last.parts.extend(message.parts),
            Some(_) | None => request.messages.push(message),
        }
    }
    Ok(())
}

/// Whether an extension is one that an item of the input makes.
const fn is_item(field: Field) -> bool {
    matches!(field, Field::ItemReference | Field::HostedItem | Field::Citations)
}

/// What an item comes to.
enum Item<'b> {
    Turn(Message<'b>),
    Beyond(Field),
}

/// The members of one item, in whatever order they came.
#[derive(Default)]
struct Draft<'b> {
    kind: Option<Str<'b>>,
    role: Option<(usize, Str<'b>)>,
    content: Option<Vec<Part<'b>>>,
    /// The sources that its texts name.
    sources: Sources<'b>,
    /// `content` of a reasoning item, whose parts are of another kind.
    thoughts: Option<Raw<'b>>,
    summary: Option<Raw<'b>>,
    encrypted_content: Option<Str<'b>>,
    id: bool,
    call_id: Option<Str<'b>>,
    name: Option<Str<'b>>,
    namespace: Option<Str<'b>>,
    input: Option<Json<'b>>,
    output: Option<Vec<Part<'b>>>,
}

impl<'b> Draft<'b> {
    fn read(cursor: &mut Cursor<'b>) -> Result<Self, Fault> {
        let kind = crate::formats::shape::type_of(cursor)?;
        let known = match kind.as_ref().map(Str::plain).as_deref() {
            None => true,
            Some(kind) => matches!(
                kind,
                "message" | "reasoning" | "function_call" | "function_call_output" | "custom_tool_call" | "custom_tool_call_output"
            ),
        };
        if !known {
            cursor.skip()?;
            return Ok(Self { kind, ..Self::default() });
        }
        let thinking = kind.as_ref().is_some_and(|kind| kind.is("reasoning"));
        let mut draft = Self { kind, ..Self::default() };
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            let at = cursor.offset();
            if cursor.null()? {
                continue;
            }
            match &*name.into_plain() {
                "role" => draft.role = Some((at, cursor.string()?)),
                "content" if thinking => draft.thoughts = Some(cursor.raw()?),
                "content" => draft.content = Some(decode_content(cursor, &mut draft.sources)?),
                "summary" => draft.summary = Some(cursor.raw()?),
                "encrypted_content" => draft.encrypted_content = Some(cursor.string()?).filter(|text| !text.is_empty()),
                "id" => {
                    cursor.skip()?;
                    draft.id = true;
                }
                "call_id" => draft.call_id = Some(cursor.string()?),
                "name" => draft.name = Some(cursor.string()?),
                "namespace" => draft.namespace = Some(cursor.string()?).filter(|text| !text.is_empty()),
                "arguments" if cursor.peek()? == Kind::Object => draft.input = Some(Json::Value(cursor.raw()?)),
                "arguments" | "input" => draft.input = Some(Json::Text(cursor.string()?)),
                "output" => draft.output = Some(decode_content(cursor, &mut draft.sources)?),
                "type" | "status" => cursor.skip()?,
                _ => cursor.leave()?,
            }
        }
        Ok(draft)
    }

    fn item(self, at: usize) -> Result<Item<'b>, Fault> {
        let kind = self.kind.clone();
        let message = match kind.as_ref().map(Str::plain).as_deref() {
            Some("message") => self.message(at)?,
            None if self.role.is_some() => self.message(at)?,
            // The type may be left out of a reference.
            None if self.id => return Ok(Item::Beyond(Field::ItemReference)),
            None => return Err(Fault::missing(at, "role")),
            Some("function_call") => self.call(at, CallKind::Function)?,
            Some("custom_tool_call") => self.call(at, CallKind::Custom)?,
            Some("function_call_output" | "custom_tool_call_output") => self.result(at)?,
            Some("reasoning") => self.reasoning(at)?,
            Some("item_reference") => return Ok(Item::Beyond(Field::ItemReference)),
            Some(_) => return Ok(Item::Beyond(Field::HostedItem)),
        };
        Ok(Item::Turn(message))
    }

    fn message(self, at: usize) -> Result<Message<'b>, Fault> {
        let (role_at, role) = self.role.ok_or(Fault::missing(at, "role"))?;
        let role = match &*role.plain() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            "developer" => Role::Developer,
            _ => return Err(Fault::wrong(role_at, "it must be user, assistant, system or developer")),
        };
        Ok(Message { at: place(at), role, name: None, parts: self.content.ok_or(Fault::missing(at, "content"))? })
    }

    fn call(self, at: usize, kind: CallKind) -> Result<Message<'b>, Fault> {
        let missing = match kind {
            CallKind::Function => "arguments",
            CallKind::Custom => "input",
        };
        let name = self.name.ok_or(Fault::missing(at, "name"))?;
        let kind = PartKind::ToolCall {
            id: self.call_id.ok_or(Fault::missing(at, "call_id"))?,
            name: self.namespace.as_ref().map_or(name.clone(), |namespace| joined(namespace, &name)),
            arguments: self.input.ok_or(Fault::missing(at, missing))?,
            kind,
        };
        Ok(turn(at, Role::Assistant, Some(kind)))
    }

    fn result(self, at: usize) -> Result<Message<'b>, Fault> {
        let id = self.call_id.ok_or(Fault::missing(at, "call_id"))?;
        let content = self.output.ok_or(Fault::missing(at, "output"))?;
        Ok(turn(at, Role::Tool, Some(PartKind::ToolCallResponse { id, content, is_error: None })))
    }

    /// Thinking. An item that says nothing, as clients bring back what they were not shown, leaves an empty turn.
    fn reasoning(self, at: usize) -> Result<Message<'b>, Fault> {
        let item = super::answer::Item::thinking(self.summary, self.thoughts);
        let text = item.thought()?;
        let kind = match self.encrypted_content {
            Some(sealed) if envelope::is_sealed(&sealed) => Some(PartKind::RedactedReasoning(sealed)),
            None if text.is_empty() => None,
            signature => Some(PartKind::Reasoning { text, signature }),
        };
        Ok(turn(at, Role::Assistant, kind))
    }
}

fn turn(at: usize, role: Role, kind: Option<PartKind<'_>>) -> Message<'_> {
    let parts = kind.into_iter().map(|kind| Part { at: place(at), cache: None, kind }).collect();
    Message { at: place(at), role, name: None, parts }
}
