//! What Anthropic refuses in a `messages` request, so that a wrong translation fails here as it would there.
use serde_json::Value;

use super::messages::SIGNATURE;
use super::valid::{Checked, demand, list, name, object, only, range, refuse};
use crate::http::Request;

const TOP: &[&str] = &[
    "model",
    "messages",
    "max_tokens",
    "system",
    "cache_control",
    "container",
    "diagnostics",
    "inference_geo",
    "metadata",
    "output_config",
    "service_tier",
    "speed",
    "stop_sequences",
    "stream",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
    "context_management",
    "mcp_servers",
    "fallbacks",
];
/// The block types and the members that each may have beside `type` and `cache_control`.
const BLOCKS: &[(&str, &[&str])] = &[
    ("text", &["text", "citations"]),
    ("image", &["source", "transformations"]),
    ("document", &["source", "title", "context", "citations"]),
    ("search_result", &["source", "title", "content", "citations"]),
    ("thinking", &["thinking", "signature"]),
    ("redacted_thinking", &["data"]),
    ("tool_use", &["id", "name", "input", "caller", "toolset_name"]),
    ("tool_result", &["tool_use_id", "content", "is_error"]),
];

/// The request's body, if Anthropic would take it.
pub fn check(request: &Request) -> Checked<Value> {
    let version = request.headers.value("anthropic-version").unwrap_or_default();
    demand(["2023-06-01", "2026-10-21"].contains(&version), "anthropic-version", "header is required")?;
    let body = object(request)?;
    check_body(&body, version)?;
    Ok(body)
}

/// The same of a body, whatever carries it.
pub fn check_body(body: &Value, version: &str) -> Checked {
    only(body, TOP, "")?;
    demand(body["model"].is_string(), "model", "Field required")?;
    demand(body["max_tokens"].is_u64(), "max_tokens", "Field required")?;
    demand(body["stream"].is_null() || body["stream"].is_boolean(), "stream", "Input should be a valid boolean")?;
    sampling(body, version)?;
    system(&body["system"])?;
    tools(body)?;
    messages(list(&body["messages"], "messages")?)
}

fn sampling(body: &Value, version: &str) -> Checked {
    range(body, "temperature", 0.0, 1.0)?;
    range(body, "top_p", 0.0, 1.0)?;
    let given = ["temperature", "top_p", "top_k"].iter().filter(|name| !body[**name].is_null()).count();
    demand(given == 0 || version == "2023-06-01", "temperature", "sampling parameters are not part of this version")?;
    let both = !body["temperature"].is_null() && !body["top_p"].is_null();
    demand(!both, "temperature", "`temperature` and `top_p` cannot both be specified for this model")?;
    if !body["metadata"].is_null() {
        only(&body["metadata"], &["user_id"], "metadata")?;
    }
    if !body["output_config"].is_null() {
        only(&body["output_config"], &["effort", "format", "task_budget"], "output_config")?;
    }
    for stop in body["stop_sequences"].as_array().into_iter().flatten() {
        demand(
            stop.as_str().is_some_and(|text| !text.trim().is_empty()),
            "stop_sequences",
            "each stop sequence must contain non-whitespace",
        )?;
    }
    Ok(())
}

fn system(system: &Value) -> Checked {
    match system {
        Value::Null | Value::String(_) => Ok(()),
        Value::Array(blocks) => blocks.iter().try_for_each(|block| {
            only(block, &["type", "text", "cache_control", "citations"], "system")?;
            demand(
                block["type"] == "text" && block["text"].as_str().is_some_and(|text| !text.is_empty()),
                "system",
                "text blocks must be non-empty",
            )
        }),
        _ => refuse("system: Input should be a valid list or string", "system"),
    }
}

fn tools(body: &Value) -> Checked {
    if body["tools"].is_null() {
        return demand(body["tool_choice"].is_null(), "tool_choice", "may only be specified while providing tools");
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        if tool["type"].is_null() || tool["type"] == "custom" {
            let known = [
                "type",
                "name",
                "description",
                "input_schema",
                "strict",
                "cache_control",
                "defer_loading",
                "eager_input_streaming",
                "input_examples",
                "allowed_callers",
            ];
            only(tool, &known, "tools[]")?;
            name(&tool["name"], 128, "tools[].name")?;
            demand(tool["input_schema"]["type"] == "object", "tools[].input_schema.type", "Field required")?;
        }
    }
    if !body["tool_choice"].is_null() {
        only(&body["tool_choice"], &["type", "name", "disable_parallel_tool_use"], "tool_choice")?;
        let kind = body["tool_choice"]["type"].as_str().unwrap_or_default();
        demand(["auto", "any", "tool", "none"].contains(&kind), "tool_choice", "unknown type")?;
        demand((kind == "tool") == body["tool_choice"]["name"].is_string(), "tool_choice", "name goes with type tool")?;
        demand(kind != "none" || body["tool_choice"]["disable_parallel_tool_use"].is_null(), "tool_choice", "extra input")?;
    }
    Ok(())
}

fn messages(messages: &[Value]) -> Checked {
    demand(messages[0]["role"] == "user", "messages", "first message must use the \"user\" role")?;
    let mut owed: Vec<String> = Vec::new();
    for (n, message) in messages.iter().enumerate() {
        let at = format!("messages.{n}");
        only(message, &["role", "content"], &at)?;
        let role = message["role"].as_str().unwrap_or_default();
        demand(["user", "assistant", "system"].contains(&role), &at, "unexpected role")?;
        let mut used = Vec::new();
        match &message["content"] {
            Value::String(text) => demand(!text.is_empty(), &at, "text content must be non-empty")?,
            Value::Array(blocks) => {
                demand(!blocks.is_empty(), &at, "content must be non-empty")?;
                let last_result = blocks.iter().rposition(|block| block["type"] == "tool_result");
                let results_first = last_result.is_none_or(|last| blocks[..last].iter().all(|block| block["type"] == "tool_result"));
                demand(results_first, &at, "tool_result blocks must come first in the content")?;
                for block in blocks {
                    used.extend(block_in(block, role, &at, &mut owed)?);
                }
            }
            _ => return refuse(format!("{at}.content: Field required"), "messages"),
        }
        demand(owed.is_empty(), &at, "`tool_use` ids were found without `tool_result` blocks immediately after")?;
        owed = used;
    }
    demand(owed.is_empty(), "messages", "`tool_use` ids were found without `tool_result` blocks immediately after")
}

/// Checks one block; the id of a tool use, whose result the next message owes.
fn block_in(block: &Value, role: &str, at: &str, owed: &mut Vec<String>) -> Checked<Option<String>> {
    let kind = block["type"].as_str().unwrap_or_default();
    let Some((_, members)) = BLOCKS.iter().find(|(known, _)| *known == kind) else {
        return refuse(format!("{at}: Input tag {kind:?} found using 'type' does not match any of the expected tags"), "messages");
    };
    let known: Vec<&str> = members.iter().copied().chain(["type", "cache_control"]).collect();
    only(block, &known, at)?;
    match kind {
        "text" => demand(block["text"].as_str().is_some_and(|text| !text.is_empty()), at, "text content blocks must be non-empty")?,
        "thinking" => demand(block["signature"] == SIGNATURE, at, "Invalid `signature` in `thinking` block")?,
        "image" => image(&block["source"], at)?,
        "tool_use" => {
            demand(role == "assistant", at, "tool_use belongs to the assistant")?;
            name(&block["id"], 256, at)?;
            demand(block["input"].is_object(), at, "tool_use.input: Input should be a valid dictionary")?;
            return Ok(block["id"].as_str().map(str::to_owned));
        }
        "tool_result" => {
            demand(role == "user", at, "tool_result belongs to the user")?;
            let id = block["tool_use_id"].as_str().unwrap_or_default();
            let Some(place) = owed.iter().position(|known| known == id) else {
                return refuse(format!("{at}: unexpected `tool_use_id` found in `tool_result` blocks: {id}"), "messages");
            };
            owed.remove(place);
        }
        _ => {}
    }
    Ok(None)
}

fn image(source: &Value, at: &str) -> Checked {
    match source["type"].as_str() {
        Some("base64") => {
            only(source, &["type", "media_type", "data"], at)?;
            let known = ["image/jpeg", "image/png", "image/gif", "image/webp"];
            demand(known.contains(&source["media_type"].as_str().unwrap_or_default()), at, "media_type")?;
            demand(source["data"].as_str().is_some_and(|data| !data.is_empty() && !data.contains(',')), at, "image data must be base64")
        }
        Some("url") => only(source, &["type", "url"], at),
        Some("file") => only(source, &["type", "file_id"], at),
        _ => refuse(format!("{at}.image.source: unknown type"), "messages"),
    }
}
