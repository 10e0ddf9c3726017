//! The `messages` format as Anthropic serves it: requests read, answers, streams and errors written.
use serde_json::{Value, json};

use super::Refusal;
use super::chat::{halves, text};
use super::turn::{Ask, Finish, Forced, Reply, THOUGHT, Thinking, Tool, pieces};

/// What signs the simulated model's thinking; it must come back unchanged.
pub const SIGNATURE: &str = "EqQBsimulated+thinking/==";

/// What a valid request asks.
pub fn ask(body: &Value) -> Ask {
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let last_user = messages.iter().rev().find(|message| message["role"] == "user" && !text(&message["content"]).is_empty());
    let blocks = |message: &Value| message["content"].as_array().cloned().unwrap_or_default();
    let system = text(&body["system"]).len();
    let size = |message: &Value| {
        text(&message["content"]).len() + blocks(message).iter().map(|block| block["input"].to_string().len()).sum::<usize>()
    };
    Ask {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        stream: body["stream"] == true,
        include_usage: true,
        last_user_text: last_user.map(|message| text(&message["content"])).unwrap_or_default(),
        system_size: system,
        prompt_size: system + messages.iter().map(size).sum::<usize>(),
        tools: body["tools"].as_array().into_iter().flatten().map(tool).collect(),
        forced: forced(&body["tool_choice"]),
        thinking: thinking(&body["thinking"]),
        after_results: messages.last().is_some_and(|message| blocks(message).iter().any(|block| block["type"] == "tool_result")),
        images: messages.iter().flat_map(blocks).filter(|block| block["type"] == "image").count(),
        limit: body["max_tokens"].as_u64(),
        stops: body["stop_sequences"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
        choices: 1,
    }
}

/// A whole answer.
pub fn whole(ask: &Ask, reply: &Reply, number: usize) -> Value {
    let mut content = Vec::new();
    if let Some(thought) = thought(ask) {
        content.push(json!({"type": "thinking", "thinking": thought, "signature": SIGNATURE}));
    }
    if !reply.text.is_empty() {
        content.push(json!({"type": "text", "text": reply.text}));
    }
    content.extend(reply.calls.iter().map(|call| json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments})));
    let (reason, sequence) = stop(&reply.finish);
    let mut answer = json!({"id": format!("msg_sim{number}"), "type": "message", "role": "assistant", "model": ask.model, "content": content,
        "stop_reason": reason, "stop_sequence": sequence});
    if reply.usage.is_some() {
        answer["usage"] = usage(reply, None);
    }
    answer
}

/// A stream's events, each whole.
pub fn stream(ask: &Ask, reply: &Reply, number: usize) -> Vec<Vec<u8>> {
    let mut events = Vec::new();
    let mut event = |body: Value| {
        events.push(format!("event: {}\ndata: {body}\n\n", body["type"].as_str().unwrap_or_default()).into_bytes());
    };
    event(json!({"type": "message_start", "message": {"id": format!("msg_sim{number}"), "type": "message", "role": "assistant",
        "model": ask.model, "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage(reply, Some(1))}}));
    event(json!({"type": "ping"}));
    let mut index = 0;
    if let Some(thought) = thought(ask) {
        event(
            json!({"type": "content_block_start", "index": index, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}),
        );
        for piece in pieces(thought) {
            event(json!({"type": "content_block_delta", "index": index, "delta": {"type": "thinking_delta", "thinking": piece}}));
        }
        event(json!({"type": "content_block_delta", "index": index, "delta": {"type": "signature_delta", "signature": SIGNATURE}}));
        event(json!({"type": "content_block_stop", "index": index}));
        index += 1;
    }
    if !reply.text.is_empty() {
        event(json!({"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}));
        for piece in pieces(&reply.text) {
            event(json!({"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": piece}}));
        }
        event(json!({"type": "content_block_stop", "index": index}));
        index += 1;
    }
    for call in &reply.calls {
        event(
            json!({"type": "content_block_start", "index": index, "content_block": {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}}),
        );
        event(json!({"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": ""}}));
        for piece in halves(&call.arguments.to_string()) {
            event(json!({"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": piece}}));
        }
        event(json!({"type": "content_block_stop", "index": index}));
        index += 1;
    }
    let (reason, sequence) = stop(&reply.finish);
    let mut last = json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": sequence}});
    if reply.usage.is_some() {
        last["usage"] = usage(reply, None);
    }
    event(last);
    event(json!({"type": "message_stop"}));
    events
}

/// An error's body.
pub fn error(refusal: &Refusal, number: usize) -> Value {
    let kind = match refusal.status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        status if status >= 500 => "api_error",
        _ => "invalid_request_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": refusal.message}, "request_id": format!("req_sim_{number}")})
}

/// `output` where the count is not the final one.
fn usage(reply: &Reply, output: Option<u64>) -> Value {
    let Some(counts) = reply.usage else { return json!({"input_tokens": 0, "output_tokens": 0}) };
    json!({"input_tokens": counts.input - counts.cached, "cache_read_input_tokens": counts.cached, "cache_creation_input_tokens": 0,
        "output_tokens": output.unwrap_or(counts.output), "service_tier": "standard"})
}

fn stop(finish: &Finish) -> (&'static str, Value) {
    match finish {
        Finish::Stop => ("end_turn", Value::Null),
        Finish::Sequence(sequence) => ("stop_sequence", json!(sequence)),
        Finish::Length => ("max_tokens", Value::Null),
        Finish::Tools => ("tool_use", Value::Null),
    }
}

/// What the member `thinking` asks for.
pub fn thinking(thinking: &Value) -> Thinking {
    match thinking["type"].as_str() {
        None | Some("disabled") => Thinking::No,
        Some(_) if thinking["display"] == "omitted" => Thinking::Silent,
        Some(_) => Thinking::Told,
    }
}

/// The thinking's text, where there is a block of it.
pub fn thought(ask: &Ask) -> Option<&'static str> {
    match ask.thinking {
        Thinking::No => None,
        Thinking::Silent => Some(""),
        Thinking::Told => Some(THOUGHT),
    }
}

fn tool(tool: &Value) -> Tool {
    Tool { name: tool["name"].as_str().unwrap_or_default().to_owned(), schema: tool["input_schema"].clone() }
}

fn forced(choice: &Value) -> Forced {
    match choice["type"].as_str() {
        Some("none") => Forced::Never,
        Some("any") => Forced::Any,
        Some("tool") => Forced::Named(choice["name"].as_str().unwrap_or_default().to_owned()),
        _ => Forced::No,
    }
}
