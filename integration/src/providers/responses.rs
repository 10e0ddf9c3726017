//! The `responses` format as OpenAI serves it without its memory: requests read, answers, streams and errors written.
use serde_json::{Value, json};

use super::chat::halves;
use super::turn::{Ask, Call, Finish, Forced, Reply, THOUGHT, Thinking, Tool, pieces};

/// What the simulated model's thinking looks like to anybody but itself; it must come back unchanged.
pub const CIPHER: &str = "gAAAAAsimulated==";

/// What a valid request asks.
pub fn ask(body: &Value) -> Ask {
    let items = items(body);
    let is_system = |item: &&Value| matches!(item["role"].as_str(), Some("system" | "developer"));
    let last_user = items.iter().rev().find(|item| item["role"] == "user" && !text(&item["content"]).is_empty());
    let parts = |item: &Value| item["content"].as_array().cloned().unwrap_or_default();
    let size = |item: &Value| text(&item["content"]).len() + text(&item["output"]).len() + item["arguments"].as_str().map_or(0, str::len);
    let instructions = body["instructions"].as_str().map_or(0, str::len);
    Ask {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        stream: body["stream"] == true,
        include_usage: true,
        last_user_text: last_user.map(|item| text(&item["content"])).unwrap_or_default(),
        system_size: instructions + items.iter().filter(is_system).map(size).sum::<usize>(),
        prompt_size: instructions + items.iter().map(size).sum::<usize>(),
        tools: body["tools"].as_array().into_iter().flatten().filter(|tool| tool["type"] == "function").map(tool).collect(),
        forced: forced(&body["tool_choice"]),
        thinking: thinking(&body["reasoning"]),
        after_results: items.last().is_some_and(|item| item["type"] == "function_call_output"),
        images: items.iter().flat_map(parts).filter(|part| part["type"] == "input_image").count(),
        limit: body["max_output_tokens"].as_u64(),
        stops: Vec::new(),
        choices: 1,
    }
}

/// A whole answer.
pub fn whole(body: &Value, ask: &Ask, reply: &Reply, number: usize) -> Value {
    let (status, details) = status(&reply.finish);
    response(body, ask, number, status, &details, &output(body, ask, reply, number), &usage(reply))
}

/// A stream's events, each whole.
pub fn stream(body: &Value, ask: &Ask, reply: &Reply, number: usize) -> Vec<Vec<u8>> {
    let mut events = Vec::new();
    let mut event = |kind: &str, mut members: Value| {
        members["type"] = json!(kind);
        members["sequence_number"] = json!(events.len());
        events.push(format!("event: {kind}\ndata: {members}\n\n").into_bytes());
    };
    let begun = response(body, ask, number, "in_progress", &Value::Null, &[], &Value::Null);
    event("response.created", json!({"response": begun}));
    event("response.in_progress", json!({"response": begun}));
    let items = output(body, ask, reply, number);
    for (n, item) in items.iter().enumerate() {
        let id = &item["id"];
        match item["type"].as_str() {
            Some("message") => {
                let mut empty = item.clone();
                (empty["status"], empty["content"]) = (json!("in_progress"), json!([]));
                event("response.output_item.added", json!({"output_index": n, "item": empty}));
                let at = json!({"item_id": id, "output_index": n, "content_index": 0});
                let with = |name: &str, value: Value| {
                    let mut members = at.clone();
                    members[name] = value;
                    members
                };
                let said = item["content"][0]["text"].as_str().unwrap_or_default();
                event("response.content_part.added", with("part", text_part("")));
                for piece in pieces(said) {
                    let mut members = with("delta", json!(piece));
                    members["logprobs"] = json!([]);
                    members["obfuscation"] = json!("Xy");
                    event("response.output_text.delta", members);
                }
                event("response.output_text.done", with("text", json!(said)));
                event("response.content_part.done", with("part", item["content"][0].clone()));
            }
            Some("function_call") => {
                let mut empty = item.clone();
                (empty["status"], empty["arguments"]) = (json!("in_progress"), json!(""));
                event("response.output_item.added", json!({"output_index": n, "item": empty}));
                let arguments = item["arguments"].as_str().unwrap_or_default();
                for piece in halves(arguments) {
                    event("response.function_call_arguments.delta", json!({"item_id": id, "output_index": n, "delta": piece}));
                }
                event("response.function_call_arguments.done", json!({"item_id": id, "output_index": n, "arguments": arguments}));
            }
            _ => {
                event("response.output_item.added", json!({"output_index": n, "item": {"id": id, "type": "reasoning", "summary": []}}));
                let at = json!({"item_id": id, "output_index": n, "summary_index": 0});
                for part in item["summary"].as_array().into_iter().flatten() {
                    let with = |name: &str, value: Value| {
                        let mut members = at.clone();
                        members[name] = value;
                        members
                    };
                    event("response.reasoning_summary_part.added", with("part", json!({"type": "summary_text", "text": ""})));
                    event("response.reasoning_summary_text.delta", with("delta", part["text"].clone()));
                    event("response.reasoning_summary_text.done", with("text", part["text"].clone()));
                    event("response.reasoning_summary_part.done", with("part", part.clone()));
                }
            }
        }
        event("response.output_item.done", json!({"output_index": n, "item": item}));
    }
    let (status, details) = status(&reply.finish);
    let last = response(body, ask, number, status, &details, &items, &usage(reply));
    event(&format!("response.{status}"), json!({"response": last}));
    events
}

/// The event that tells of an error in a stream, as the vendor sends it.
pub fn error_event(error: &Value) -> Vec<u8> {
    format!("event: error\ndata: {}\n\n", json!({"type": "error", "sequence_number": 0, "error": error["error"]})).into_bytes()
}

/// The input as items.
pub(super) fn items(body: &Value) -> Vec<Value> {
    match &body["input"] {
        Value::String(text) => vec![json!({"role": "user", "content": text})],
        items => items.as_array().cloned().unwrap_or_default(),
    }
}

/// The text of a content that is a string or a list of parts.
fn text(content: &Value) -> String {
    super::chat::text(content)
}

fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

/// What the model says: its thinking where it was told to think, then text or calls.
fn output(body: &Value, ask: &Ask, reply: &Reply, number: usize) -> Vec<Value> {
    let mut items = Vec::new();
    if ask.thinking != Thinking::No {
        let summary = if ask.thinking == Thinking::Told { json!([{"type": "summary_text", "text": THOUGHT}]) } else { json!([]) };
        let mut item = json!({"id": format!("rs_sim{number}"), "type": "reasoning", "summary": summary});
        if body["include"].as_array().is_some_and(|include| include.contains(&json!("reasoning.encrypted_content"))) {
            item["encrypted_content"] = json!(CIPHER);
        }
        items.push(item);
    }
    if !reply.text.is_empty() {
        let status = if reply.finish == Finish::Length { "incomplete" } else { "completed" };
        items.push(json!({"id": format!("msg_sim{number}"), "type": "message", "status": status, "role": "assistant",
            "content": [text_part(&reply.text)]}));
    }
    items.extend(reply.calls.iter().enumerate().map(|(n, call)| function_call(call, number, n)));
    items
}

fn function_call(call: &Call, number: usize, n: usize) -> Value {
    json!({"id": format!("fc_sim{number}_{n}"), "type": "function_call", "status": "completed", "call_id": call.id, "name": call.name,
        "arguments": call.arguments.to_string()})
}

fn status(finish: &Finish) -> (&'static str, Value) {
    match finish {
        Finish::Length => ("incomplete", json!({"reason": "max_output_tokens"})),
        Finish::Stop | Finish::Sequence(_) | Finish::Tools => ("completed", Value::Null),
    }
}

fn response(body: &Value, ask: &Ask, number: usize, status: &str, details: &Value, output: &[Value], usage: &Value) -> Value {
    let or = |name: &str, default: Value| if body[name].is_null() { default } else { body[name].clone() };
    json!({"id": format!("resp_sim{number}"), "object": "response", "created_at": 1_790_000_000, "status": status, "background": false,
        "error": null, "incomplete_details": details, "instructions": body["instructions"], "max_output_tokens": body["max_output_tokens"],
        "model": ask.model, "output": output, "parallel_tool_calls": or("parallel_tool_calls", json!(true)), "previous_response_id": null,
        "reasoning": or("reasoning", json!({"effort": null, "summary": null})), "service_tier": "default", "store": false,
        "temperature": or("temperature", json!(1.0)), "text": or("text", json!({"format": {"type": "text"}})),
        "tool_choice": or("tool_choice", json!("auto")), "tools": or("tools", json!([])), "top_p": or("top_p", json!(1.0)),
        "truncation": "disabled", "usage": usage, "user": null, "metadata": or("metadata", json!({}))})
}

fn usage(reply: &Reply) -> Value {
    let Some(counts) = reply.usage else { return Value::Null };
    json!({"input_tokens": counts.input, "input_tokens_details": {"cached_tokens": counts.cached, "cache_write_tokens": 0},
        "output_tokens": counts.output, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": counts.input + counts.output})
}

fn thinking(reasoning: &Value) -> Thinking {
    match reasoning["effort"].as_str() {
        None | Some("none") => Thinking::No,
        Some(_) if reasoning["summary"].is_string() => Thinking::Told,
        Some(_) => Thinking::Silent,
    }
}

fn tool(tool: &Value) -> Tool {
    Tool { name: tool["name"].as_str().unwrap_or_default().to_owned(), schema: tool["parameters"].clone() }
}

fn forced(choice: &Value) -> Forced {
    match choice.as_str() {
        Some("none") => Forced::Never,
        Some("required") => Forced::Any,
        Some(_) => Forced::No,
        None => choice["name"].as_str().map_or(Forced::No, |name| Forced::Named(name.to_owned())),
    }
}
