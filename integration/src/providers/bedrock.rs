//! Converse as Bedrock serves it: requests read, answers, event streams and errors written.
use serde_json::{Value, json};
use weir_core::framing::event_stream::{write_event, write_exception};

use super::chat::halves;
use super::messages::{SIGNATURE, thinking, thought};
use super::sigv4::Signer;
use super::turn::{Ask, Finish, Forced, Reply, Tool, pieces};
use super::{Checked, Refusal};
use crate::http::Request;

/// The one region in which the simulated service is.
pub const REGION: &str = "eu-central-1";

/// The model and the operation of a path.
pub fn operation(path: &str) -> Option<(String, &str)> {
    let (model, operation) = path.strip_prefix("/model/")?.split_once('/')?;
    Some((model.replace("%3A", ":").replace("%2F", "/"), operation))
}

/// Refuses a request that is not the owner's: `key` is `ID:SECRET:TOKEN`, with which it has to be signed, or a key that it brings.
pub fn authorised(key: &str, request: &Request) -> Checked {
    if let [id, secret, token] = key.split(':').collect::<Vec<_>>()[..] {
        return Signer { id, secret, token, region: REGION, service: "bedrock" }.verify(request);
    }
    if request.headers.value("authorization").and_then(|value| value.strip_prefix("Bearer ")) == Some(key) {
        return Ok(());
    }
    Err(Refusal { status: 403, message: "Authentication failed: please make sure your API Key is valid.".into(), param: None })
}

/// What a valid request asks.
pub fn ask(body: &Value, model: String, stream: bool) -> Ask {
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let blocks = |message: &Value| message["content"].as_array().cloned().unwrap_or_default();
    let last_user = messages.iter().rev().find(|message| message["role"] == "user" && !text(&message["content"]).is_empty());
    let system = text(&body["system"]).len();
    let size = |message: &Value| {
        text(&message["content"]).len() + blocks(message).iter().map(|block| block["toolUse"]["input"].to_string().len()).sum::<usize>()
    };
    let config = &body["inferenceConfig"];
    Ask {
        model,
        stream,
        include_usage: true,
        last_user_text: last_user.map(|message| text(&message["content"])).unwrap_or_default(),
        system_size: system,
        prompt_size: system + messages.iter().map(size).sum::<usize>(),
        tools: body["toolConfig"]["tools"].as_array().into_iter().flatten().filter(|tool| tool["toolSpec"].is_object()).map(tool).collect(),
        forced: forced(&body["toolConfig"]["toolChoice"]),
        thinking: thinking(&body["additionalModelRequestFields"]["thinking"]),
        after_results: messages.last().is_some_and(|message| blocks(message).iter().any(|block| block["toolResult"].is_object())),
        images: messages.iter().flat_map(blocks).filter(|block| block["image"].is_object()).count(),
        limit: config["maxTokens"].as_u64(),
        stops: config["stopSequences"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
        choices: 1,
    }
}

/// A whole answer.
pub fn whole(ask: &Ask, reply: &Reply) -> Value {
    let mut content = Vec::new();
    if let Some(thought) = thought(ask) {
        content.push(json!({"reasoningContent": {"reasoningText": {"text": thought, "signature": SIGNATURE}}}));
    }
    if !reply.text.is_empty() {
        content.push(json!({"text": reply.text}));
    }
    content.extend(reply.calls.iter().map(|call| json!({"toolUse": {"toolUseId": call.id, "name": call.name, "input": call.arguments}})));
    let mut answer = json!({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": stop(&reply.finish),
        "metrics": {"latencyMs": 12}});
    if reply.usage.is_some() {
        answer["usage"] = usage(reply);
    }
    answer
}

/// A stream's events, each whole.
pub fn stream(ask: &Ask, reply: &Reply) -> Vec<Vec<u8>> {
    let mut events = Vec::new();
    let mut event = |name: &str, payload: Value| {
        let mut bytes = Vec::new();
        write_event(name, payload.to_string().as_bytes(), &mut bytes);
        events.push(bytes);
    };
    event("messageStart", json!({"role": "assistant"}));
    let mut index = 0;
    if let Some(thought) = thought(ask) {
        for piece in pieces(thought) {
            event("contentBlockDelta", json!({"contentBlockIndex": index, "delta": {"reasoningContent": {"text": piece}}}));
        }
        event("contentBlockDelta", json!({"contentBlockIndex": index, "delta": {"reasoningContent": {"signature": SIGNATURE}}}));
        event("contentBlockStop", json!({"contentBlockIndex": index}));
        index += 1;
    }
    if !reply.text.is_empty() {
        for piece in pieces(&reply.text) {
            event("contentBlockDelta", json!({"contentBlockIndex": index, "delta": {"text": piece}}));
        }
        event("contentBlockStop", json!({"contentBlockIndex": index}));
        index += 1;
    }
    for call in &reply.calls {
        let start = json!({"toolUse": {"toolUseId": call.id, "name": call.name}});
        event("contentBlockStart", json!({"contentBlockIndex": index, "start": start}));
        for piece in halves(&call.arguments.to_string()) {
            event("contentBlockDelta", json!({"contentBlockIndex": index, "delta": {"toolUse": {"input": piece}}}));
        }
        event("contentBlockStop", json!({"contentBlockIndex": index}));
        index += 1;
    }
    event("messageStop", json!({"stopReason": stop(&reply.finish)}));
    let mut metadata = json!({"metrics": {"latencyMs": 12}});
    if reply.usage.is_some() {
        metadata["usage"] = usage(reply);
    }
    event("metadata", metadata);
    events
}

/// An error's body.
pub fn error(refusal: &Refusal) -> Value {
    json!({"message": refusal.message})
}

/// An error's name, which a header carries.
pub fn error_name(refusal: &Refusal) -> &'static str {
    match refusal.status {
        401 | 403 if refusal.message.contains("security token") => "UnrecognizedClientException",
        401 | 403 if refusal.message.contains("signature") => "InvalidSignatureException",
        401 | 403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 | 529 => "ServiceUnavailableException",
        status if status >= 500 => "InternalServerException",
        _ => "ValidationException",
    }
}

/// What a stream says that fails.
pub fn error_event(refusal: &Refusal) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_exception("modelStreamErrorException", error(refusal).to_string().as_bytes(), &mut bytes);
    bytes
}

fn usage(reply: &Reply) -> Value {
    let Some(counts) = reply.usage else { return Value::Null };
    json!({"inputTokens": counts.input - counts.cached, "cacheReadInputTokens": counts.cached, "cacheWriteInputTokens": 0,
        "outputTokens": counts.output, "totalTokens": counts.input + counts.output})
}

fn stop(finish: &Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Sequence(_) => "stop_sequence",
        Finish::Length => "max_tokens",
        Finish::Tools => "tool_use",
    }
}

/// The texts of a list of blocks.
fn text(blocks: &Value) -> String {
    blocks.as_array().into_iter().flatten().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n")
}

fn tool(tool: &Value) -> Tool {
    let spec = &tool["toolSpec"];
    Tool { name: spec["name"].as_str().unwrap_or_default().to_owned(), schema: spec["inputSchema"]["json"].clone() }
}

fn forced(choice: &Value) -> Forced {
    match &choice["tool"]["name"] {
        Value::String(name) => Forced::Named(name.clone()),
        _ if choice["any"].is_object() => Forced::Any,
        _ => Forced::No,
    }
}
