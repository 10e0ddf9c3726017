//! The `chat` format as OpenAI serves it: requests read, answers, streams and errors written.
use serde_json::{Value, json};

use super::Refusal;
use super::turn::{Ask, Call, Finish, Forced, Reply, Thinking, Tool, pieces};

/// What a valid request asks.
pub fn ask(body: &Value) -> Ask {
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let is_system = |message: &&Value| matches!(message["role"].as_str(), Some("system" | "developer"));
    let last_user = messages.iter().rev().find(|message| message["role"] == "user");
    let parts = |message: &Value| message["content"].as_array().cloned().unwrap_or_default();
    Ask {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        stream: body["stream"] == true,
        include_usage: body["stream_options"]["include_usage"] == true,
        last_user_text: last_user.map(|message| text(&message["content"])).unwrap_or_default(),
        system_size: messages.iter().filter(is_system).map(|message| text(&message["content"]).len()).sum(),
        prompt_size: messages.iter().map(|message| text(&message["content"]).len() + message["tool_calls"].to_string().len()).sum(),
        tools: body["tools"].as_array().into_iter().flatten().map(|tool| function(&tool["function"])).collect(),
        forced: forced(&body["tool_choice"]),
        thinking: Thinking::No,
        after_results: messages.last().is_some_and(|message| message["role"] == "tool"),
        images: messages.iter().flat_map(parts).filter(|part| part["type"] == "image_url").count(),
        limit: body["max_completion_tokens"].as_u64().or_else(|| body["max_tokens"].as_u64()),
        stops: stops(&body["stop"]),
        choices: body["n"].as_u64().unwrap_or(1),
    }
}

/// A whole answer.
pub fn whole(ask: &Ask, reply: &Reply, number: usize) -> Value {
    let calls: Vec<Value> = reply.calls.iter().map(|call| tool_call(call, &call.arguments.to_string())).collect();
    let mut message = json!({"role": "assistant", "content": reply.text, "refusal": null, "annotations": []});
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
        message["content"] = Value::Null;
    }
    let choice = |index: u64| json!({"index": index, "message": message, "logprobs": null, "finish_reason": finish(&reply.finish)});
    let mut answer = json!({"id": format!("chatcmpl-sim{number}"), "object": "chat.completion", "created": 1_790_000_000, "model": ask.model,
        "choices": (0..ask.choices).map(choice).collect::<Vec<_>>(), "service_tier": "default", "system_fingerprint": "fp_sim"});
    if reply.usage.is_some() {
        answer["usage"] = usage(reply);
    }
    answer
}

/// A stream's events, each whole.
pub fn stream(ask: &Ask, reply: &Reply, number: usize) -> Vec<Vec<u8>> {
    let mut events = Vec::new();
    let mut chunk = |choices: Value, usage: Option<Value>| {
        let mut chunk = json!({"id": format!("chatcmpl-sim{number}"), "object": "chat.completion.chunk", "created": 1_790_000_000,
            "model": ask.model, "service_tier": "default", "system_fingerprint": "fp_sim", "choices": choices});
        if ask.include_usage {
            chunk["usage"] = usage.unwrap_or(Value::Null);
        }
        events.push(format!("data: {chunk}\n\n").into_bytes());
    };
    let choice =
        |index: u64, delta: Value, finish: Value| json!([{"index": index, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    for index in 0..ask.choices {
        chunk(
            choice(
                index,
                json!({"role": "assistant", "content": if reply.calls.is_empty() { json!("") } else { Value::Null }, "refusal": null}),
                Value::Null,
            ),
            None,
        );
        for piece in pieces(&reply.text) {
            chunk(choice(index, json!({"content": piece}), Value::Null), None);
        }
        for (n, call) in reply.calls.iter().enumerate() {
            let mut opened = tool_call(call, "");
            opened["index"] = json!(n);
            chunk(choice(index, json!({"tool_calls": [opened]}), Value::Null), None);
            for piece in halves(&call.arguments.to_string()) {
                chunk(choice(index, json!({"tool_calls": [{"index": n, "function": {"arguments": piece}}]}), Value::Null), None);
            }
        }
        chunk(choice(index, json!({}), json!(finish(&reply.finish))), None);
    }
    if ask.include_usage && reply.usage.is_some() {
        chunk(json!([]), Some(usage(reply)));
    }
    events.push(b"data: [DONE]\n\n".to_vec());
    events
}

/// An error's body.
pub fn error(refusal: &Refusal) -> Value {
    let (kind, code) = match refusal.status {
        401 => ("invalid_request_error", json!("invalid_api_key")),
        404 => ("invalid_request_error", json!("model_not_found")),
        429 => ("rate_limit_error", json!("rate_limit_exceeded")),
        status if status >= 500 => ("server_error", Value::Null),
        _ => ("invalid_request_error", Value::Null),
    };
    json!({"error": {"message": refusal.message, "type": kind, "param": refusal.param, "code": code}})
}

fn usage(reply: &Reply) -> Value {
    let Some(counts) = reply.usage else { return Value::Null };
    json!({"prompt_tokens": counts.input, "completion_tokens": counts.output, "total_tokens": counts.input + counts.output,
        "prompt_tokens_details": {"cached_tokens": counts.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}})
}

fn finish(finish: &Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Sequence(_) => "stop",
        Finish::Length => "length",
        Finish::Tools => "tool_calls",
    }
}

fn tool_call(call: &Call, arguments: &str) -> Value {
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
}

fn function(function: &Value) -> Tool {
    Tool { name: function["name"].as_str().unwrap_or_default().to_owned(), schema: function["parameters"].clone() }
}

fn forced(choice: &Value) -> Forced {
    match choice.as_str() {
        Some("none") => Forced::Never,
        Some("required") => Forced::Any,
        Some(_) => Forced::No,
        None => choice["function"]["name"].as_str().map_or(Forced::No, |name| Forced::Named(name.to_owned())),
    }
}

fn stops(stop: &Value) -> Vec<String> {
    match stop {
        Value::String(one) => vec![one.clone()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// The text of a content that is a string or a list of parts.
pub(super) fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

/// A text in two pieces, cut between two characters.
pub(super) fn halves(text: &str) -> Vec<String> {
    let middle = (text.len() / 2..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let (first, second) = text.split_at(middle);
    [first, second].into_iter().filter(|half| !half.is_empty()).map(str::to_owned).collect()
}
