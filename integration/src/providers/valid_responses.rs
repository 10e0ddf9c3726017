//! What OpenAI refuses in a `responses` request, so that a wrong translation fails here as it would there.
use serde_json::Value;

use super::responses::{CIPHER, items};
use super::valid::{Checked, demand, list, name, object, only, range, refuse};
use crate::http::Request;

const TOP: &[&str] = &[
    "model",
    "input",
    "instructions",
    "background",
    "client_metadata",
    "context_management",
    "conversation",
    "include",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "moderation",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];
const ITEM: &[&str] = &["type", "role", "content", "id", "status", "phase"];
const CALL: &[&str] = &["type", "call_id", "name", "arguments", "input", "id", "status", "namespace"];
const RESULT: &[&str] = &["type", "call_id", "output", "id", "status"];
const REASONING: &[&str] = &["type", "id", "summary", "content", "encrypted_content", "status"];
const INCLUDE: &[&str] = &["reasoning.encrypted_content", "message.output_text.logprobs", "web_search_call.action.sources"];

/// The request's body, if OpenAI would take it.
pub fn check(request: &Request) -> Checked<Value> {
    let body = object(request)?;
    only(&body, TOP, "")?;
    demand(body["model"].is_string(), "model", "you must provide a model parameter")?;
    range(&body, "temperature", 0.0, 2.0)?;
    range(&body, "top_p", 0.0, 1.0)?;
    range(&body, "max_output_tokens", 1.0, 1e9)?;
    range(&body, "top_logprobs", 0.0, 20.0)?;
    demand(body["stream"].is_null() || body["stream"].is_boolean(), "stream", "must be a boolean")?;
    demand(body["instructions"].is_null() || body["instructions"].is_string(), "instructions", "must be a string")?;
    for include in body["include"].as_array().into_iter().flatten() {
        demand(INCLUDE.iter().any(|known| include == known), "include", "unknown value")?;
    }
    settings(&body)?;
    tools(&body)?;
    demand(body["input"].is_string() || body["input"].is_array(), "input", "must be a string or a list")?;
    if body["input"].is_array() {
        input(&items(&body))?;
    }
    Ok(body)
}

fn settings(body: &Value) -> Checked {
    let reasoning = &body["reasoning"];
    if !reasoning.is_null() {
        only(reasoning, &["effort", "summary", "generate_summary"], "reasoning")?;
        let efforts = [Value::Null, "none".into(), "minimal".into(), "low".into(), "medium".into(), "high".into(), "xhigh".into()];
        demand(efforts.contains(&reasoning["effort"]), "reasoning.effort", "unsupported value")?;
    }
    let text = &body["text"];
    if !text.is_null() {
        only(text, &["format", "verbosity"], "text")?;
    }
    let format = &text["format"];
    match format["type"].as_str() {
        None | Some("text" | "json_object") => Ok(()),
        Some("json_schema") => {
            only(format, &["type", "name", "schema", "description", "strict"], "text.format")?;
            name(&format["name"], 64, "text.format.name")?;
            demand(format["schema"].is_object(), "text.format.schema", "must be an object")
        }
        Some(_) => refuse("text.format.type: unknown", "text.format.type"),
    }
}

fn tools(body: &Value) -> Checked {
    for tool in body["tools"].as_array().into_iter().flatten() {
        match tool["type"].as_str() {
            Some("function") => {
                only(tool, &["type", "name", "description", "parameters", "strict"], "tools[]")?;
                name(&tool["name"], 64, "tools[].name")?;
                demand(tool["parameters"].is_object(), "tools[].parameters", "must be an object")?;
                demand(tool["strict"].is_boolean(), "tools[].strict", "must be a boolean")?;
            }
            Some("custom") => {
                only(tool, &["type", "name", "description", "format"], "tools[]")?;
                name(&tool["name"], 64, "tools[].name")?;
            }
            Some("namespace" | "web_search") => {}
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

fn input(items: &[Value]) -> Checked {
    let mut owed: Vec<&str> = Vec::new();
    for (n, item) in items.iter().enumerate() {
        let at = format!("input[{n}]");
        match item["type"].as_str() {
            None | Some("message") => message(item, &at)?,
            Some("function_call" | "custom_tool_call") => {
                only(item, CALL, &at)?;
                name(&item["name"], 64, &at)?;
                demand(item["arguments"].is_string() || item["input"].is_string(), &at, "a call needs its arguments as a string")?;
                owed.push(id(item, &at)?);
            }
            Some("function_call_output" | "custom_tool_call_output") => {
                only(item, RESULT, &at)?;
                let id = id(item, &at)?;
                let Some(place) = owed.iter().position(|known| *known == id) else {
                    return refuse(format!("No tool call found for function call output with call_id {id}."), "input");
                };
                owed.remove(place);
                match &item["output"] {
                    Value::String(_) => {}
                    output => parts(output, &["input_text", "input_image", "input_file"], &at)?,
                }
            }
            Some("reasoning") => {
                only(item, REASONING, &at)?;
                demand(item["summary"].is_array(), &at, "a reasoning item needs its summary")?;
                let cipher = &item["encrypted_content"];
                demand(cipher.is_null() || cipher == CIPHER, &at, "the encrypted content could not be verified")?;
            }
            Some(kind) => return refuse(format!("{at}.type: invalid value {kind:?}"), &at),
        }
    }
    match owed.first() {
        Some(id) => refuse(format!("No tool output found for function call {id}."), "input"),
        None => Ok(()),
    }
}

fn id<'v>(item: &'v Value, at: &str) -> Checked<&'v str> {
    match item["call_id"].as_str() {
        Some(id) if (1..=64).contains(&id.len()) => Ok(id),
        _ => refuse(format!("{at}.call_id: must have 1 to 64 characters"), at),
    }
}

fn message(item: &Value, at: &str) -> Checked {
    only(item, ITEM, at)?;
    let role = item["role"].as_str().unwrap_or_default();
    let known: &[&str] = match role {
        "user" => &["input_text", "input_image", "input_file"],
        "system" | "developer" => &["input_text"],
        "assistant" => &["output_text", "refusal"],
        _ => return refuse(format!("{at}.role: unknown"), at),
    };
    if item["content"].is_string() { Ok(()) } else { parts(&item["content"], known, at) }
}

fn parts(content: &Value, known: &[&str], at: &str) -> Checked {
    for part in list(content, at)? {
        let kind = part["type"].as_str().unwrap_or_default();
        demand(known.contains(&kind), at, "invalid type of part")?;
        let members: &[&str] = match kind {
            "input_text" => &["type", "text", "prompt_cache_breakpoint"],
            "output_text" => &["type", "text", "annotations", "logprobs"],
            "input_image" => &["type", "image_url", "file_id", "detail", "prompt_cache_breakpoint"],
            "input_file" => &["type", "file_data", "file_id", "file_url", "filename", "prompt_cache_breakpoint"],
            _ => &["type", "refusal"],
        };
        only(part, members, at)?;
        demand(kind != "input_image" || part["image_url"].is_string() || part["file_id"].is_string(), at, "an image needs its place")?;
    }
    Ok(())
}
