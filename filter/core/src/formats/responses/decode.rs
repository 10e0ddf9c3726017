//! A whole Responses request into the hub, borrowed.

use super::{items, tools};
use crate::formats::shape::{self, Fault, count, filled_object, place, within};
use crate::hub::{Extension, Field, Part, PartKind, Reasoning, Rejection, Request};
use crate::json::{Cursor, Raw, Str};

/// Reads a request, or one whose tokens shall only be `counted`.
pub(super) fn decode(body: &[u8], counted: bool) -> Result<Request<'_>, Rejection> {
    let text = shape::text(body)?;
    read(text, counted).map_err(|fault| fault.rejection(text))
}

fn read(text: &str, counted: bool) -> Result<Request<'_>, Fault> {
    let mut request = Request { include_usage: true, ..Request::default() };
    let mut own = Own::default();
    let mut cursor = Cursor::of_text(text);
    let top = cursor.offset();
    let mut input = false;
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        let at = cursor.offset();
        if cursor.null()? {
            continue;
        }
        let plain = name.plain();
        input |= plain == "input";
        if !(content(&plain, &mut cursor, &mut request, &mut own)?
            || settings(&plain, &mut cursor, &mut request, &mut own)?
            || sampling(&plain, &mut cursor, &mut request)?)
        {
            let value = cursor.raw()?;
            if let Some(field) = extension(&plain, value) {
                request.extensions.push(Extension { at: place(at), field });
            }
        }
    }
    cursor.end()?;
    request.leave(cursor.left());
    if !input && !refers_to_state(&request) {
        return Err(Fault::missing(top, "input"));
    }
    own.settle(&mut request, counted);
    Ok(request)
}

/// Members of which the hub has another view than the format.
#[derive(Default)]
struct Own<'b> {
    /// The offset and the text of `instructions`, which stand before those of the input.
    instructions: Option<(usize, Str<'b>)>,
    user: Option<Str<'b>>,
    safety_identifier: Option<Str<'b>>,
    store: Option<bool>,
}

impl<'b> Own<'b> {
    fn settle(self, request: &mut Request<'b>, counted: bool) {
        if let Some((at, text)) = self.instructions {
            let part = Part { at: place(at), cache: None, kind: PartKind::Text(text) };
            request.system_instructions.insert(0, part);
        }
        request.end_user = self.safety_identifier.or(self.user);
        match self.store {
            Some(false) => request.state.store = Some(false),
            // What is counted has no answer to keep.
            Some(true) | None if counted => {}
            // Kept is the default: the client may come back with the id of the answer.
            Some(true) | None => request.extensions.push(Extension { at: 0, field: Field::KeptAnswer }),
        }
    }
}

/// What the model reads, and what it may call.
fn content<'b>(name: &str, cursor: &mut Cursor<'b>, request: &mut Request<'b>, own: &mut Own<'b>) -> Result<bool, Fault> {
    match name {
        "input" => items::decode_input(cursor, request)?,
        "instructions" => own.instructions = Some((cursor.offset(), cursor.string()?)),
        "tools" => tools::decode_tools(cursor, request)?,
        "tool_choice" => request.tool_choice = Some(tools::decode_choice(cursor)?),
        "parallel_tool_calls" => request.parallel_tool_calls = Some(cursor.boolean()?),
        "text" => {
            cursor.enter_object()?;
            while let Some(name) = cursor.member()? {
                if cursor.null()? {
                    continue;
                }
                match &*name.into_plain() {
                    "format" => request.output = Some(tools::decode_output(cursor)?),
                    "verbosity" => request.verbosity = Some(cursor.string()?),
                    _ => cursor.leave()?,
                }
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// How the request is handled.
fn settings<'b>(name: &str, cursor: &mut Cursor<'b>, request: &mut Request<'b>, own: &mut Own<'b>) -> Result<bool, Fault> {
    match name {
        // The outline has it.
        "model" => cursor.skip()?,
        "stream" => request.stream = cursor.boolean()?,
        // It says how events are padded.
        "stream_options" => cursor.skip()?,
        "reasoning" => request.reasoning = Some(decode_reasoning(cursor)?),
        "prompt_cache_key" => request.cache_key = Some(cursor.string()?),
        "metadata" => request.metadata = filled_object(cursor)?,
        "service_tier" => request.service_tier = Some(cursor.string()?),
        "user" => own.user = Some(cursor.string()?),
        "safety_identifier" => own.safety_identifier = Some(cursor.string()?),
        "store" => own.store = Some(cursor.boolean()?),
        "previous_response_id" => request.state.previous_response_id = Some(cursor.string()?),
        "include" => decode_include(cursor, request)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// How much is written, and how the next token is chosen.
fn sampling<'b>(name: &str, cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<bool, Fault> {
    match name {
        "max_output_tokens" => request.limits.max_tokens = Some(count(cursor)?),
        "temperature" => request.sampling.temperature = Some(within(cursor, 0.0, 2.0)?),
        "top_p" => request.sampling.top_p = Some(within(cursor, 0.0, 1.0)?),
        "top_logprobs" => request.sampling.top_logprobs = Some(cursor.number()?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn decode_reasoning<'b>(cursor: &mut Cursor<'b>) -> Result<Reasoning<'b>, Fault> {
    let mut reasoning = Reasoning::default();
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if cursor.null()? {
            continue;
        }
        match &*name.into_plain() {
            "effort" => reasoning.effort = Some(cursor.string()?),
            // The second is the older name.
            "summary" | "generate_summary" => {
                cursor.string()?;
                reasoning.show = Some(true);
            }
            _ => cursor.leave()?,
        }
    }
    Ok(reasoning)
}

/// Reads `include`: log probabilities are a setting of the hub's, ciphertext of thoughts is the writer's matter, and the rest tells more
/// about tools that only the provider itself runs.
fn decode_include<'b>(cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<(), Fault> {
    cursor.enter_array()?;
    while cursor.element()? {
        let at = cursor.offset();
        match &*cursor.string()?.plain() {
            LOGPROBS => request.sampling.logprobs = true,
            CIPHER => {}
            _ => request.extensions.push(Extension { at: place(at), field: Field::Include }),
        }
    }
    Ok(())
}

/// The element of `include` that asks for log probabilities.
pub(super) const LOGPROBS: &str = "message.output_text.logprobs";

/// The element of `include` that asks for ciphertext of the model's thinking.
pub(super) const CIPHER: &str = "reasoning.encrypted_content";

/// What a member is that no other format has; `None` where it asks for what happens anyway.
pub(super) fn extension(name: &str, value: Raw<'_>) -> Option<Field> {
    let text = value.as_str();
    Some(match name {
        "conversation" => Field::Conversation,
        "prompt" => Field::StoredPrompt,
        "background" if text == "false" => return None,
        "background" => Field::Background,
        "truncation" if text == "\"disabled\"" => return None,
        "truncation" => Field::Truncation,
        "context_management" if text == "[]" => return None,
        "context_management" => Field::ContextManagement,
        "moderation" => Field::Moderation,
        _ => Field::Extension,
    })
}

/// Whether there is something to say although `input` says nothing.
fn refers_to_state(request: &Request<'_>) -> bool {
    request.state.previous_response_id.is_some()
        || request.extensions.iter().any(|extension| matches!(extension.field, Field::Conversation | Field::StoredPrompt))
}
