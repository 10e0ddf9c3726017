//! A whole chat request into the hub, borrowed.

use super::{tools, turns};
use crate::formats::shape::{self, Fault, count, filled_object, place, within};
use crate::hub::{Extension, Field, Reasoning, Rejection, Request};
use crate::json::{Cursor, Kind, Raw, Str};

/// Reads a request.
pub(super) fn decode(body: &[u8]) -> Result<Request<'_>, Rejection> {
    let text = shape::text(body)?;
    read(text).map_err(|fault| fault.rejection(text))
}

fn read(text: &str) -> Result<Request<'_>, Fault> {
    let mut request = Request::default();
    let mut older = Older::default();
    let mut cursor = Cursor::of_text(text);
    let top = cursor.offset();
    let mut messages = false;
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        let at = cursor.offset();
        if cursor.null()? {
            continue;
        }
        let plain = name.plain();
        messages |= plain == "messages";
        if !(content(&plain, &mut cursor, &mut request)?
            || settings(&plain, &mut cursor, &mut request)?
            || sampling(&plain, &mut cursor, &mut request)?
            || older.read(&plain, &mut cursor)?)
        {
            let value = cursor.raw()?;
            if !is_default(&plain, value) {
                request.extensions.push(Extension { at: place(at), field: field(&plain) });
            }
        }
    }
    cursor.end()?;
    request.leave(cursor.left());
    if !messages {
        return Err(Fault::missing(top, "messages"));
    }
    older.settle(&mut request);
    Ok(request)
}

/// What the model reads, and what it may call.
fn content<'b>(name: &str, cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<bool, Fault> {
    match name {
        "messages" => turns::decode_messages(cursor, request)?,
        "tools" => request.tools = tools::decode_tools(cursor)?,
        "tool_choice" => request.tool_choice = Some(tools::decode_choice(cursor)?),
        "parallel_tool_calls" => request.parallel_tool_calls = Some(cursor.boolean()?),
        "response_format" => request.output = Some(tools::decode_output(cursor)?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// How the request is handled.
fn settings<'b>(name: &str, cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<bool, Fault> {
    match name {
        // The outline has it.
        "model" => cursor.skip()?,
        "stream" => request.stream = cursor.boolean()?,
        "stream_options" => {
            cursor.enter_object()?;
            while let Some(name) = cursor.member()? {
                if name.is("include_usage") {
                    request.include_usage = !cursor.null()? && cursor.boolean()?;
                } else if name.is("include_obfuscation") {
                    cursor.skip()?;
                } else {
                    cursor.leave()?;
                }
            }
        }
        "reasoning_effort" => request.reasoning = Some(Reasoning { effort: Some(cursor.string()?), ..Reasoning::default() }),
        "prompt_cache_key" => request.cache_key = Some(cursor.string()?),
        "metadata" => request.metadata = filled_object(cursor)?,
        "service_tier" => request.service_tier = Some(cursor.string()?),
        "verbosity" => request.verbosity = Some(cursor.string()?),
        "store" => request.state.store = Some(cursor.boolean()?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// How much is written, how the next token is chosen, and when to stop.
fn sampling<'b>(name: &str, cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<bool, Fault> {
    let sampling = &mut request.sampling;
    match name {
        "n" => {
            let at = cursor.offset();
            let choices = count(cursor)?;
            request.limits.choice_count = Some(choices);
            if choices == 0 {
                return Err(Fault::wrong(at, "it must be at least 1"));
            }
        }
        "temperature" => sampling.temperature = Some(within(cursor, 0.0, 2.0)?),
        "top_p" => sampling.top_p = Some(within(cursor, 0.0, 1.0)?),
        "top_k" => sampling.top_k = Some(cursor.number()?),
        "seed" => sampling.seed = Some(cursor.number()?),
        "frequency_penalty" => sampling.frequency_penalty = Some(within(cursor, -2.0, 2.0)?),
        "presence_penalty" => sampling.presence_penalty = Some(within(cursor, -2.0, 2.0)?),
        "logit_bias" => sampling.logit_bias = filled_object(cursor)?,
        "logprobs" => sampling.logprobs = cursor.boolean()?,
        "top_logprobs" => sampling.top_logprobs = Some(cursor.number()?),
        "stop" => {
            sampling.stop_sequences.clear();
            if cursor.peek()? == Kind::String {
                sampling.stop_sequences.push(cursor.string()?);
            } else {
                cursor.enter_array()?;
                while cursor.element()? {
                    sampling.stop_sequences.push(cursor.string()?);
                }
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Members of which the format has an older and a newer form; the newer one counts where both are given.
#[derive(Default)]
struct Older<'b> {
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    user: Option<Str<'b>>,
    safety_identifier: Option<Str<'b>>,
    functions: Vec<crate::hub::Tool<'b>>,
    function_call: Option<crate::hub::ToolChoice<'b>>,
}

impl<'b> Older<'b> {
    fn read(&mut self, name: &str, cursor: &mut Cursor<'b>) -> Result<bool, Fault> {
        match name {
            "max_tokens" => self.max_tokens = Some(count(cursor)?),
            "max_completion_tokens" => self.max_completion_tokens = Some(count(cursor)?),
            "user" => self.user = Some(cursor.string()?),
            "safety_identifier" => self.safety_identifier = Some(cursor.string()?),
            "functions" => self.functions = tools::decode_functions(cursor)?,
            "function_call" => self.function_call = Some(tools::decode_choice(cursor)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn settle(self, request: &mut Request<'b>) {
        request.limits.max_tokens = self.max_completion_tokens.or(self.max_tokens);
        request.end_user = self.safety_identifier.or(self.user);
        if request.tools.is_empty() {
            request.tools = self.functions;
        }
        request.tool_choice = request.tool_choice.take().or(self.function_call);
    }
}

/// What a member is that no other format has.
fn field(name: &str) -> Field {
    match name {
        "modalities" | "audio" => Field::Modalities,
        "web_search_options" => Field::WebSearch,
        "moderation" => Field::Moderation,
        "prediction" => Field::Prediction,
        _ => Field::Extension,
    }
}

/// Members that ask for what happens anyway.
fn is_default(name: &str, value: Raw<'_>) -> bool {
    name == "modalities" && value.as_str().chars().filter(|c| !c.is_whitespace()).eq("[\"text\"]".chars())
}
