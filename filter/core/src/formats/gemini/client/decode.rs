//! A whole Gemini request into the hub, borrowed.

use super::parts::{self, Calls};
use super::wire::{list, member, word};
use super::{config, tools};
use crate::formats::Span;
use crate::formats::google_paths::{Method, called};
use crate::formats::head::Head;
use crate::formats::shape::{self, Fault, place};
use crate::hub::{Extension, Field, Message, Part, PartKind, Rejection, Request, Role};
use crate::json::{Cursor, Kind};

/// Members that may stand once: a second value would be a way round what the first one was checked for.
const MEMBERS: [&str; 12] = [
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "generationConfig",
    "safetySettings",
    "cachedContent",
    "labels",
    "serviceTier",
    "store",
    "model",
    "generateContentRequest",
];

/// A request, and where in its body stands what only clients of this format write so.
#[derive(Debug, Default)]
pub(super) struct Decoded<'b> {
    /// The request.
    pub request: Request<'b>,
    /// Where the value of a member `model` stands, which repeats what the path says.
    pub model: Option<Span>,
    /// Signatures of other vendors.
    pub foreign: Vec<Span>,
    /// Schemas that no other format would understand as they stand.
    pub schemas: Vec<Span>,
}

/// Reads a request.
pub(in super::super) fn decode<'b>(head: &Head<'_>, body: &'b [u8]) -> Result<Request<'b>, Rejection> {
    decode_all(head, body).map(|decoded| decoded.request)
}

/// Reads a request and notes what has to be spliced.
pub(super) fn decode_all<'b>(head: &Head<'_>, body: &'b [u8]) -> Result<Decoded<'b>, Rejection> {
    let text = shape::text(body)?;
    let method = called(head).map(|called| called.method);
    // The format always sends usage.
    let request = Request { include_usage: true, stream: method == Some(Method::Stream), ..Request::default() };
    let mut decoded = Decoded { request, ..Decoded::default() };
    let mut cursor = Cursor::of_text(text);
    decoded.read(&mut cursor, method == Some(Method::Count)).map_err(|fault| fault.rejection(text))?;
    cursor.end().map_err(|error| Fault::from(error).rejection(text))?;
    Ok(decoded)
}

impl<'b> Decoded<'b> {
    /// Reads a request. One whose tokens shall only be counted may stand in another object.
    fn read(&mut self, cursor: &mut Cursor<'b>, counts: bool) -> Result<(), Fault> {
        let top = cursor.offset();
        let (mut seen, mut wrapped) = (0_u32, false);
        cursor.enter_object()?;
        while let Some((name, at)) = member(cursor)? {
            let bit = MEMBERS.iter().zip(0_u32..).find(|(one, _)| **one == name).and_then(|(_, place)| 1_u32.checked_shl(place));
            let bit = bit.unwrap_or(0);
            if seen & bit != 0 {
                return Err(Fault::wrong(at, format!("the request has {name} twice")));
            }
            seen |= bit;
            if counts && name == "generateContentRequest" {
                wrapped = true;
                self.read(cursor, false)?;
            } else {
                self.member(&name, at, cursor)?;
            }
        }
        if !wrapped && self.request.messages.is_empty() {
            return Err(Fault::missing(top, "contents"));
        }
        Ok(())
    }

    fn member(&mut self, name: &str, at: usize, cursor: &mut Cursor<'b>) -> Result<(), Fault> {
        let field = match name {
            "contents" => return self.contents(cursor),
            "systemInstruction" => return self.instruction(at, cursor),
            "tools" => return tools::decode_tools(cursor, self),
            "toolConfig" => return tools::decode_config(cursor, &mut self.request),
            "generationConfig" => return config::decode(cursor, self),
            "labels" => {
                if cursor.peek()? != Kind::Object {
                    cursor.enter_object()?;
                }
                self.request.metadata = Some(cursor.raw()?);
                return Ok(());
            }
            "serviceTier" => {
                const TIERS: [(&str, &str); 3] = [("flex", "flex"), ("standard", "standard"), ("priority", "priority")];
                self.request.service_tier = word(cursor, &TIERS)?.map(crate::json::Str::from_plain);
                return Ok(());
            }
            "store" => {
                self.request.state.store = Some(cursor.boolean()?);
                return Ok(());
            }
            "model" => {
                cursor.string()?;
                self.model = Some(Span { start: place(at), end: place(cursor.passed()) });
                return Ok(());
            }
            "cachedContent" | "continuationToken" => Field::ServerState,
            "modelArmorConfig" => Field::Moderation,
            "safetySettings" => filters(cursor.clone())?,
            _ => Field::Extension,
        };
        if !matches!(cursor.raw()?.as_str(), "[]" | "{}" | "\"\"") {
            self.request.extensions.push(Extension { at: place(at), field });
        }
        Ok(())
    }

    fn contents(&mut self, cursor: &mut Cursor<'b>) -> Result<(), Fault> {
        let mut calls = Calls::default();
        list(cursor, |cursor| {
            let at = cursor.offset();
            calls.turn();
            let (role, parts) = content(cursor, &mut calls, self)?;
            if role == Role::System {
                return Err(Fault::wrong(at, "a turn's role must be user or model"));
            }
            if parts.is_empty() {
                return Err(Fault::missing(at, "parts"));
            }
            self.request.messages.push(Message { at: place(at), role, name: None, parts });
            Ok(())
        })
    }

    /// Instructions: text alone, whatever role they are said to have.
    fn instruction(&mut self, at: usize, cursor: &mut Cursor<'b>) -> Result<(), Fault> {
        if cursor.peek()? == Kind::String {
            let kind = PartKind::Text(cursor.string()?);
            self.request.system_instructions = vec![Part { at: place(at), cache: None, kind }];
            return Ok(());
        }
        let parts = content(cursor, &mut Calls::default(), self)?.1;
        if parts.iter().any(|part| !matches!(part.kind, PartKind::Text(_))) {
            return Err(Fault::wrong(at, "an instruction can hold text only"));
        }
        self.request.system_instructions = parts;
        Ok(())
    }
}

/// Reads a turn; whose it is may stand behind what is said.
fn content<'b>(cursor: &mut Cursor<'b>, calls: &mut Calls<'b>, decoded: &mut Decoded<'b>) -> Result<(Role, Vec<Part<'b>>), Fault> {
    let (mut role, mut parts) = (Role::User, Vec::new());
    cursor.enter_object()?;
    while let Some((name, at)) = member(cursor)? {
        match &*name {
            "role" => {
                role = match &*cursor.string()?.plain() {
                    "user" | "function" | "" => Role::User,
                    "model" => Role::Assistant,
                    "system" => Role::System,
                    _ => return Err(Fault::wrong(at, "it must be user or model")),
                };
            }
            "parts" => list(cursor, |cursor| parts::decode(cursor, &mut parts, calls, decoded))?,
            _ => {
                cursor.skip()?;
                decoded.request.extensions.push(Extension { at: place(at), field: Field::Extension });
            }
        }
    }
    Ok((role, parts))
}

/// What settings of filters ask for: that they step in, or merely that they don't, as many tools send it with every request.
fn filters(mut cursor: Cursor<'_>) -> Result<Field, Fault> {
    let mut field = Field::SafetySettings;
    list(&mut cursor, |cursor| {
        if cursor.peek()? != Kind::Object {
            return Ok(cursor.skip()?);
        }
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            let value = cursor.raw()?;
            if !name.is("threshold") || value.kind() == Kind::Null {
                continue;
            }
            // A word, or its number.
            let threshold = value.as_str().to_ascii_uppercase();
            if !matches!(threshold.trim_matches('"'), "BLOCK_NONE" | "4" | "OFF" | "5" | "HARM_BLOCK_THRESHOLD_UNSPECIFIED" | "0") {
                field = Field::SafetyFilters;
            }
        }
        Ok(())
    })?;
    Ok(field)
}
