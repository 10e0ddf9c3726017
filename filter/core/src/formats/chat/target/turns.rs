//! A conversation as chat has it: instructions first, each result of a tool a message of its own, calls behind the text of a turn.

use super::parts;
use super::tools::MAX_NAME;
use crate::formats::Onward;
use crate::formats::crossing::Crossing;
use crate::formats::ids::short_id;
use crate::hub::{CallKind, ErrorKind, Field, Message, Part, PartKind, Rejection, Request, Role};
use crate::json::{Json, Out, Str};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Writes `messages`.
pub(super) fn encode(request: &Request<'_>, onward: &Onward<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    if request.system_instructions.is_empty() && request.messages.is_empty() {
        return Err(Rejection::new(ErrorKind::InvalidRequest, "the conversation is empty").at("messages"));
    }
    out.key("messages");
    out.open_array();
    if !request.system_instructions.is_empty() {
        instruction("system", &request.system_instructions, out, crossing)?;
    }
    let mut results = Results::of(&request.messages);
    for (place, message) in request.messages.iter().enumerate() {
        match message.role {
            Role::System => instruction("system", &message.parts, out, crossing)?,
            Role::Developer => {
                instruction(if onward.dialect.developer_role { "developer" } else { "system" }, &message.parts, out, crossing)?;
            }
            Role::User | Role::Tool => said(message, &results, out, crossing)?,
            Role::Assistant => {
                answered(message, out, crossing)?;
                results.follow(message, place, out, crossing)?;
            }
        }
    }
    out.close_array();
    Ok(())
}

/// The results of tools, which the format wants right behind the turn that calls them, in the order of its calls, wherever clients of
/// others put them.
struct Results<'r, 'b> {
    /// Those that wait for their call, by its id: the place of the message that holds them, and the part.
    waiting: BTreeMap<Cow<'r, str>, VecDeque<(usize, &'r Part<'b>)>>,
    /// Where those stand in the client's body that are written.
    written: BTreeSet<u32>,
}

impl<'r, 'b> Results<'r, 'b> {
    fn of(messages: &'r [Message<'b>]) -> Self {
        let mut waiting: BTreeMap<Cow<'r, str>, VecDeque<_>> = BTreeMap::new();
        for (place, part) in messages.iter().enumerate().flat_map(|(place, message)| message.parts.iter().map(move |part| (place, part))) {
            if let PartKind::ToolCallResponse { id, .. } = &part.kind {
                waiting.entry(id.plain()).or_default().push_back((place, part));
            }
        }
        Self { waiting, written: BTreeSet::new() }
    }

    /// Writes the results of the calls in a turn, which stands at this place.
    fn follow(&mut self, turn: &'r Message<'b>, place: usize, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
        for part in &turn.parts {
            let PartKind::ToolCall { id, .. } = &part.kind else { continue };
            let Some(waiting) = self.waiting.get_mut(&*id.plain()) else { continue };
            // What stands before its call answers none.
            while waiting.front().is_some_and(|(stood, _)| *stood < place) {
                waiting.pop_front();
            }
            if let Some((_, result)) = waiting.pop_front() {
                write_result(result, out, crossing)?;
                self.written.insert(result.at);
            }
        }
        Ok(())
    }
}

fn open(role: &str, name: Option<&Str<'_>>, out: &mut Out) {
    out.open_object();
    out.key("role");
    out.plain(role);
    if let Some(name) = name {
        out.key("name");
        out.string(name);
    }
}

/// An instruction: its texts, a blank line between them. Servers with templates of their own take text alone here.
fn instruction(role: &str, parts: &[Part<'_>], out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    open(role, None, out);
    out.key("content");
    out.string(&joined(parts, "\n\n", crossing)?);
    out.close_object();
    Ok(())
}

/// The texts of parts that hold nothing else, with something between them.
fn joined<'p>(parts: &'p [Part<'_>], between: &str, crossing: &mut Crossing<'_>) -> Result<Str<'p>, Rejection> {
    let mut whole: Option<Str<'p>> = None;
    for part in parts {
        cache(part, crossing)?;
        let text = match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) => text,
            PartKind::Media { .. }
            | PartKind::Reasoning { .. }
            | PartKind::RedactedReasoning(_)
            | PartKind::ToolCall { .. }
            | PartKind::ToolCallResponse { .. }
            | PartKind::Opaque(_) => {
                crossing.meet_at(Field::OpaquePart, part.at)?;
                continue;
            }
        };
        match &mut whole {
            None => whole = Some(text.reborrow()),
            Some(whole) => {
                whole.push(&Str::from_plain(between));
                whole.push(text);
            }
        }
    }
    Ok(whole.unwrap_or_default())
}

/// The format's own breakpoints are taken by few models, so none is written.
fn cache(part: &Part<'_>, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    if part.cache.is_some() {
        crossing.meet_at(Field::CacheHint, part.at)?;
    }
    Ok(())
}

/// A turn of the user's: the results in it come first, each a message; media of theirs follow in the user's own.
fn said(message: &Message<'_>, placed: &Results<'_, '_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let mut own: Vec<parts::Piece<'_, '_>> = Vec::with_capacity(message.parts.len());
    let (mut shown, mut results) = (Vec::new(), false);
    for part in &message.parts {
        cache(part, crossing)?;
        match &part.kind {
            PartKind::ToolCallResponse { id, content, .. } => {
                results = true;
                if !placed.written.contains(&part.at) {
                    write_result(part, out, crossing)?;
                }
                let mut media = content.iter().filter(|part| is_media(part)).peekable();
                if media.peek().is_some() {
                    shown.push(parts::Piece::Label(id));
                    shown.extend(media.map(parts::Piece::Part));
                }
            }
            PartKind::Reasoning { .. } | PartKind::RedactedReasoning(_) => {
                crossing.meet_at(Field::ForeignReasoning, part.at)?;
            }
            PartKind::ToolCall { .. } => return Err(crossing.invalid("the user can't call tools", part.at)),
            PartKind::Text(_) | PartKind::Refusal(_) | PartKind::Media { .. } | PartKind::Opaque(_) => own.push(parts::Piece::Part(part)),
        }
    }
    shown.append(&mut own);
    if results && shown.is_empty() {
        return Ok(());
    }
    open("user", message.name.as_ref(), out);
    out.key("content");
    parts::encode(&shown, out, crossing)?;
    out.close_object();
    Ok(())
}

const fn is_media(part: &Part<'_>) -> bool {
    matches!(part.kind, PartKind::Media { .. })
}

/// The result of a tool, which is text alone here; what it shows follows in the turn that holds it.
fn write_result(part: &Part<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let PartKind::ToolCallResponse { id, content, is_error } = &part.kind else { return Ok(()) };
    if *is_error == Some(true) {
        crossing.meet_at(Field::ResultError, part.at)?;
    }
    let texts: Vec<Part<'_>> = content.iter().filter(|part| !is_media(part)).cloned().collect();
    let mut text = joined(&texts, "\n", crossing)?.into_owned();
    let mut media = content.iter().filter(|part| is_media(part));
    if let Some(first) = media.next() {
        crossing.meet_at(Field::ResultMedia, first.at)?;
        cache(first, crossing)?;
        media.try_for_each(|part| cache(part, crossing))?;
        if !text.is_empty() {
            text.push(&Str::from_plain("\n"));
        }
        text.push(&Str::from_plain("(what the tool shows is in the next message)"));
    }
    open("tool", None, out);
    out.key("tool_call_id");
    out.string(&short_id(id));
    out.key("content");
    out.string(&text);
    out.close_object();
    Ok(())
}

/// A turn of the model's: its text in one piece, and its calls behind.
fn answered(message: &Message<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let (mut text, mut refusal, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    for part in &message.parts {
        cache(part, crossing)?;
        match &part.kind {
            PartKind::Text(said) => {
                if !calls.is_empty() && !said.is_blank() {
                    crossing.meet_at(Field::TextAfterCall, part.at)?;
                }
                text.push(said);
            }
            PartKind::Refusal(said) => refusal.push(said),
            PartKind::ToolCall { .. } => calls.push(part),
            PartKind::Reasoning { .. } | PartKind::RedactedReasoning(_) => {
                crossing.meet_at(Field::ForeignReasoning, part.at)?;
            }
            PartKind::Media { .. } => {
                crossing.meet_at(Field::AssistantMedia, part.at)?;
            }
            PartKind::ToolCallResponse { .. } | PartKind::Opaque(_) => {
                crossing.meet_at(Field::OpaquePart, part.at)?;
            }
        }
    }
    if text.is_empty() && refusal.is_empty() && calls.is_empty() {
        // Nothing of the turn is this vendor's.
        return Ok(());
    }
    open("assistant", message.name.as_ref(), out);
    out.key("content");
    if text.is_empty() {
        out.null()
    } else {
        out.string(&concatenated(&text))
    }
    if !refusal.is_empty() {
        out.key("refusal");
        out.string(&concatenated(&refusal));
    }
    if !calls.is_empty() {
        out.key("tool_calls");
        out.open_array();
        for part in calls {
            call(part, out, crossing)?;
        }
        out.close_array();
    }
    out.close_object();
    Ok(())
}

fn concatenated<'p>(texts: &[&'p Str<'_>]) -> Str<'p> {
    let mut texts = texts.iter();
    let mut whole = texts.next().map_or_else(Str::default, |text| text.reborrow());
    texts.for_each(|text| whole.push(text));
    whole
}

fn call(part: &Part<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let PartKind::ToolCall { id, name, arguments, kind } = &part.kind else { return Ok(()) };
    let (kind, input) = match kind {
        CallKind::Function => ("function", "arguments"),
        CallKind::Custom => ("custom", "input"),
    };
    out.open_object();
    out.key("id");
    out.string(&short_id(id));
    out.key("type");
    out.plain(kind);
    out.key(kind);
    out.open_object();
    out.key("name");
    out.string(&crossing.tool_name(name, MAX_NAME, part.at)?);
    out.key(input);
    match arguments {
        // No arguments are an empty object to every server that parses them.
        Json::Text(text) if text.is_empty() && kind == "function" => out.plain("{}"),
        arguments => out.json_as_string(arguments),
    }
    out.close_object();
    out.close_object();
    Ok(())
}
