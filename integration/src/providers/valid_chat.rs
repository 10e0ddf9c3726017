//! What OpenAI refuses in a `chat` request, so that a wrong translation fails here as it would there.
use serde_json::Value;

use super::valid::{Checked, demand, list, name, object, only, range, refuse};
use crate::http::Request;

const TOP: &[&str] = &[
    "messages",
    "model",
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];
const MESSAGE: &[&str] = &["role", "content", "name", "tool_calls", "tool_call_id", "refusal", "audio", "function_call", "annotations"];
const PARTS: &[&str] = &["text", "image_url", "input_audio", "file", "refusal"];

/// The request's body, if OpenAI would take it.
pub fn check(request: &Request) -> Checked<Value> {
    let body = object(request)?;
    only(&body, TOP, "")?;
    demand(body["model"].is_string(), "model", "you must provide a model parameter")?;
    range(&body, "temperature", 0.0, 2.0)?;
    range(&body, "top_p", 0.0, 1.0)?;
    range(&body, "presence_penalty", -2.0, 2.0)?;
    range(&body, "frequency_penalty", -2.0, 2.0)?;
    range(&body, "n", 1.0, 128.0)?;
    range(&body, "max_tokens", 1.0, 1e9)?;
    range(&body, "max_completion_tokens", 1.0, 1e9)?;
    demand(
        body["max_tokens"].is_null() || body["max_completion_tokens"].is_null(),
        "max_tokens",
        "not together with max_completion_tokens",
    )?;
    demand(body["stream"].is_null() || body["stream"].is_boolean(), "stream", "must be a boolean")?;
    demand(body["stream_options"].is_null() || body["stream"] == true, "stream_options", "only allowed when stream is enabled")?;
    if !body["stream_options"].is_null() {
        only(&body["stream_options"], &["include_usage", "include_obfuscation"], "stream_options")?;
    }
    let stops = body["stop"].as_array().map_or(0, Vec::len);
    demand(stops <= 4, "stop", "at most four sequences")?;
    tools(&body)?;
    messages(list(&body["messages"], "messages")?)?;
    Ok(body)
}

fn tools(body: &Value) -> Checked {
    if body["tools"].is_null() {
        demand(body["tool_choice"].is_null(), "tool_choice", "only allowed when tools are specified")?;
        return demand(body["parallel_tool_calls"].is_null(), "parallel_tool_calls", "only allowed when tools are specified");
    }
    for tool in list(&body["tools"], "tools")? {
        match tool["type"].as_str() {
            Some("function") => {
                only(tool, &["type", "function"], "tools[]")?;
                only(&tool["function"], &["name", "description", "parameters", "strict"], "tools[].function")?;
                name(&tool["function"]["name"], 64, "tools[].function.name")?;
                let parameters = &tool["function"]["parameters"];
                demand(parameters.is_null() || parameters.is_object(), "tools[].function.parameters", "must be an object")?;
            }
            Some("custom") => name(&tool["custom"]["name"], 64, "tools[].custom.name")?,
            _ => return refuse("tools[].type: unknown", "tools"),
        }
    }
    match &body["tool_choice"] {
        Value::Null => Ok(()),
        Value::String(word) => demand(["none", "auto", "required"].contains(&word.as_str()), "tool_choice", "unknown word"),
        object => demand(
            ["function", "custom", "allowed_tools"].contains(&object["type"].as_str().unwrap_or_default()),
            "tool_choice",
            "unknown type",
        ),
    }
}

fn messages(messages: &[Value]) -> Checked {
    let mut owed: Vec<&str> = Vec::new();
    for (n, message) in messages.iter().enumerate() {
        let at = format!("messages[{n}]");
        only(message, MESSAGE, &at)?;
        let role = message["role"].as_str().unwrap_or_default();
        if role == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            let Some(place) = owed.iter().position(|known| *known == id) else {
                return refuse(format!("{at}: a 'tool' message must answer a preceding message with 'tool_calls' ({id:?})"), &at);
            };
            owed.remove(place);
        } else {
            demand(owed.is_empty(), &at, "an assistant message with 'tool_calls' must be followed by tool messages responding to each")?;
        }
        content(message, role, &at)?;
        if role == "assistant" && !message["tool_calls"].is_null() {
            for call in list(&message["tool_calls"], &at)? {
                owed.push(tool_call(call, &at)?);
            }
        }
    }
    demand(owed.is_empty(), "messages", "an assistant message with 'tool_calls' must be followed by tool messages responding to each")
}

fn tool_call<'v>(call: &'v Value, at: &str) -> Checked<&'v str> {
    only(call, &["id", "type", "function", "custom"], at)?;
    if call["type"] == "function" {
        only(&call["function"], &["name", "arguments"], at)?;
        demand(call["function"]["arguments"].is_string(), at, "tool call arguments must be a string")?;
        name(&call["function"]["name"], 64, at)?;
    }
    match call["id"].as_str() {
        Some(id) if !id.is_empty() => Ok(id),
        _ => refuse(format!("{at}: a tool call needs an id"), at),
    }
}

fn content(message: &Value, role: &str, at: &str) -> Checked {
    demand(["developer", "system", "user", "assistant", "tool", "function"].contains(&role), at, "unknown role")?;
    match &message["content"] {
        Value::String(_) => Ok(()),
        Value::Null => {
            demand(role == "assistant" && (message["tool_calls"].is_array() || message["refusal"].is_string()), at, "content is null")
        }
        Value::Array(parts) => {
            demand(!parts.is_empty(), at, "content has no part")?;
            for part in parts {
                let kind = part["type"].as_str().unwrap_or_default();
                demand(PARTS.contains(&kind), at, "unknown kind of part")?;
                demand(role == "user" || kind == "text" || (role == "assistant" && kind == "refusal"), at, "only text here")?;
                only(part, &["type", kind, "prompt_cache_breakpoint"], at)?;
                demand(kind != "image_url" || part["image_url"]["url"].is_string(), at, "image_url needs a url")?;
            }
            Ok(())
        }
        _ => refuse(format!("{at}.content: must be a string or a list"), at),
    }
}
