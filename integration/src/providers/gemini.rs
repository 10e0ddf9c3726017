//! The `gemini` format as Google serves it: requests read, answers, streams and errors written.
use serde_json::{Value, json};

use super::Refusal;
use super::turn::{Ask, Finish, Forced, Reply, THOUGHT, Thinking, Tool, pieces};

/// What signs the simulated model's thinking; it must come back unchanged.
pub const SIGNATURE: &str = "U2ltdWxhdGVkR2VtaW5p";

/// The model and the method of a path.
pub fn method(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("/v1beta/models/")?.split_once(':')
}

/// What a valid request asks.
pub fn ask(body: &Value, model: &str, stream: bool) -> Ask {
    let contents = body["contents"].as_array().cloned().unwrap_or_default();
    let parts = |content: &Value| content["parts"].as_array().cloned().unwrap_or_default();
    let last_user = contents.iter().rev().find(|content| content["role"] != "model" && !text(content).is_empty());
    let system = text(&body["systemInstruction"]).len();
    let config = &body["generationConfig"];
    // Google reads both spellings, and its Python SDK sends both.
    let is_image = |part: &Value| {
        let mime = |member: &str| ["mimeType", "mime_type"].into_iter().find_map(|name| part[member][name].as_str());
        mime("inlineData").or_else(|| mime("fileData")).is_some_and(|mime| mime.starts_with("image/"))
    };
    Ask {
        model: model.to_owned(),
        stream,
        include_usage: true,
        last_user_text: last_user.map(text).unwrap_or_default(),
        system_size: system,
        prompt_size: system + contents.iter().map(|content| text(content).len()).sum::<usize>(),
        tools: body["tools"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|tool| tool["functionDeclarations"].as_array())
            .flatten()
            .map(tool)
            .collect(),
        forced: forced(&body["toolConfig"]["functionCallingConfig"]),
        thinking: if ["includeThoughts", "include_thoughts"].iter().any(|name| config["thinkingConfig"][*name] == true) {
            Thinking::Told
        } else {
            Thinking::No
        },
        after_results: contents.last().is_some_and(|content| parts(content).iter().any(|part| part["functionResponse"].is_object())),
        images: contents.iter().flat_map(parts).filter(is_image).count(),
        limit: config["maxOutputTokens"].as_u64(),
        stops: config["stopSequences"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
        choices: config["candidateCount"].as_u64().unwrap_or(1),
    }
}

/// A whole answer.
pub fn whole(ask: &Ask, reply: &Reply, number: usize) -> Value {
    let mut parts = Vec::new();
    if ask.thinking == Thinking::Told {
        parts.push(json!({"text": THOUGHT, "thought": true}));
    }
    if !reply.text.is_empty() {
        parts.push(signed(ask, 0, json!({"text": reply.text})));
    }
    parts.extend(calls(ask, reply));
    chunk(ask, reply, number, &parts, true)
}

/// A stream's events, each whole.
pub fn stream(ask: &Ask, reply: &Reply, number: usize) -> Vec<Vec<u8>> {
    let mut told = Vec::new();
    if ask.thinking == Thinking::Told {
        told.extend(pieces(THOUGHT).into_iter().map(|piece| json!({"text": piece, "thought": true})));
    }
    told.extend(pieces(&reply.text).into_iter().map(|piece| json!({"text": piece})));
    told.extend(calls(ask, reply));
    // The signature of a text comes behind it, on a part without text.
    if ask.thinking == Thinking::Told && reply.calls.is_empty() {
        told.push(json!({"text": "", "thoughtSignature": SIGNATURE}));
    }
    let last = told.len().saturating_sub(1);
    let event = |(n, part): (usize, Value)| format!("data: {}\r\n\r\n", chunk(ask, reply, number, &[part], n == last)).into_bytes();
    told.into_iter().enumerate().map(event).collect()
}

/// An error's body.
pub fn error(refusal: &Refusal) -> Value {
    let status = match refusal.status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    };
    json!({"error": {"code": refusal.status, "message": refusal.message, "status": status}})
}

fn calls(ask: &Ask, reply: &Reply) -> Vec<Value> {
    let call =
        |(n, call): (usize, &super::turn::Call)| signed(ask, n, json!({"functionCall": {"name": call.name, "args": call.arguments}}));
    reply.calls.iter().enumerate().map(call).collect()
}

/// The first part that is no thought carries the signature.
fn signed(ask: &Ask, n: usize, mut part: Value) -> Value {
    if n == 0 && ask.thinking == Thinking::Told {
        part["thoughtSignature"] = json!(SIGNATURE);
    }
    part
}

fn chunk(ask: &Ask, reply: &Reply, number: usize, parts: &[Value], last: bool) -> Value {
    let mut candidate = json!({"content": {"role": "model", "parts": parts}, "index": 0});
    if last {
        candidate["finishReason"] = json!(if reply.finish == Finish::Length { "MAX_TOKENS" } else { "STOP" });
    }
    let mut answer = json!({"candidates": [candidate], "modelVersion": ask.model, "responseId": format!("sim{number}")});
    if let Some(counts) = reply.usage {
        let spoken = if last { counts.output } else { 1 };
        answer["usageMetadata"] = json!({"promptTokenCount": counts.input, "cachedContentTokenCount": counts.cached,
            "candidatesTokenCount": spoken, "totalTokenCount": counts.input + spoken});
    }
    answer
}

/// The texts of a content's parts, thoughts apart.
fn text(content: &Value) -> String {
    let parts = content["parts"].as_array().into_iter().flatten().filter(|part| part["thought"] != true);
    parts.filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
}

fn tool(tool: &Value) -> Tool {
    let schema = either(tool, ["parametersJsonSchema", "parameters_json_schema"]);
    Tool { name: tool["name"].as_str().unwrap_or_default().to_owned(), schema: schema.clone() }
}

/// A member in one of its two spellings, both of which the API reads.
fn either<'v>(object: &'v Value, [usual, other]: [&str; 2]) -> &'v Value {
    if object[usual].is_null() { &object[other] } else { &object[usual] }
}

fn forced(config: &Value) -> Forced {
    match (config["mode"].as_str(), either(config, ["allowedFunctionNames", "allowed_function_names"])[0].as_str()) {
        (Some("NONE"), _) => Forced::Never,
        (Some("ANY"), Some(name)) => Forced::Named(name.to_owned()),
        (Some("ANY"), None) => Forced::Any,
        _ => Forced::No,
    }
}
