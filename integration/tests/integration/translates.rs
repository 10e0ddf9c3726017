//! A chat client and a provider that speaks messages: everything that the issue of formats lists arrives, and comes back.
use serde_json::{Value, json};
use weir_integration::providers::Behaviour;

use crate::world::{World, ask, ask_stream, assert_error, said};

fn full() -> Value {
    json!({
        "model": "claude", "max_tokens": 50, "temperature": 0.5, "stop": ["END", "STOP"], "user": "u1", "parallel_tool_calls": false, "tool_choice": "auto",
        "tools": [{"type": "function", "function": {"name": "look", "description": "looks", "strict": true,
            "parameters": {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "integer"}}, "required": ["z"]}}}],
        "messages": [
            {"role": "system", "content": "Be \"brief\"."},
            {"role": "developer", "content": [{"type": "text", "text": "Use SI units."}]},
            {"role": "user", "content": [{"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://images.example/a.png"}}]},
            {"role": "assistant", "content": "I look.", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{\"z\": \"\\u00e9\", \"a\": 1}"}},
                {"id": "c2", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c2", "content": "two"},
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "one"}]},
            {"role": "user", "content": "And? 😀"},
        ]
    })
}

#[test]
fn a_request_with_everything_arrives_as_the_vendor_takes_it() {
    let world = World::start("translates", "");
    let response = world.chat(&full());
    assert_eq!(response.status, 200, "{}", response.text());
    let seen = world.anthropic.shared().take().remove(0);
    assert_eq!((seen.target.as_str(), seen.headers.value("anthropic-version")), ("/v1/messages", Some("2023-06-01")));
    let sent = seen.json();
    assert_eq!(sent["model"], "claude-sonnet-5");
    assert_eq!((&sent["max_tokens"], &sent["stop_sequences"]), (&json!(50), &json!(["END", "STOP"])));
    assert_eq!(sent["system"].as_array().map(Vec::len), Some(2), "{sent}");
    assert_eq!(sent["tools"][0]["input_schema"]["properties"], full()["tools"][0]["function"]["parameters"]["properties"]);
    assert_eq!(sent["tool_choice"], json!({"type": "auto", "disable_parallel_tool_use": true}));
    let messages = sent["messages"].as_array().unwrap();
    assert_eq!(
        messages.iter().map(|message| message["role"].as_str().unwrap()).collect::<Vec<_>>(),
        ["user", "assistant", "user"],
        "{sent}"
    );
    assert_eq!(messages[0]["content"][1]["source"], json!({"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}));
    assert_eq!(messages[0]["content"][2]["source"], json!({"type": "url", "url": "https://images.example/a.png"}));
    assert_eq!(messages[1]["content"][1]["input"], json!({"z": "é", "a": 1}));
    let results = messages[2]["content"].as_array().unwrap();
    assert_eq!(results.iter().map(|block| block["type"].as_str().unwrap()).collect::<Vec<_>>(), ["tool_result", "tool_result", "text"]);
    assert_eq!((&results[0]["tool_use_id"], &results[1]["tool_use_id"]), (&json!("c1"), &json!("c2")));
}

#[test]
fn whole_and_streamed_answers_agree() {
    let world = World::start("translates", "");
    for text in ["Hello", "count to 7", "Use look and every tool"] {
        let mut body = full();
        body["messages"] = json!([{"role": "system", "content": "s".repeat(80)}, {"role": "user", "content": text}]);
        let whole = world.chat(&body);
        assert_eq!(whole.status, 200, "{}", whole.text());
        let whole = whole.json();
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
        let stream = world.chat(&body);
        let events: Vec<Value> = stream.events().iter().filter_map(|event| serde_json::from_str(event).ok()).collect();
        assert_eq!(stream.events().last().map(String::as_str), Some("[DONE]"));
        let choice = &whole["choices"][0];
        assert_eq!(choice["message"]["content"].as_str().unwrap_or_default(), said(&stream));
        let finishes: Vec<&Value> =
            events.iter().map(|event| &event["choices"][0]["finish_reason"]).filter(|reason| reason.is_string()).collect();
        assert_eq!(finishes, [&choice["finish_reason"]]);
        assert_eq!(events.last().unwrap()["usage"], whole["usage"], "{text}");
        assert!(whole["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().is_some_and(|cached| cached == 20), "{whole}");
        let pieces: String =
            events.iter().filter_map(|event| event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str()).collect();
        let calls = choice["message"]["tool_calls"].as_array().cloned().unwrap_or_default();
        let arguments: String = calls.iter().filter_map(|call| call["function"]["arguments"].as_str()).collect();
        assert_eq!(pieces.replace(' ', ""), arguments.replace(' ', ""));
        assert_eq!(calls.is_empty(), !text.contains("tool"));
    }
}

#[test]
fn limits_and_stops_end_with_their_reasons() {
    let world = World::start("translates", "");
    let mut body = ask("claude", "count to 50");
    body["max_completion_tokens"] = json!(5);
    let cut = world.chat(&body).json();
    assert_eq!((&cut["choices"][0]["finish_reason"], &cut["usage"]["completion_tokens"]), (&json!("length"), &json!(5)));
    let mut body = ask("claude", "count to 50");
    body["stop"] = json!("7");
    assert_eq!(world.chat(&body).json()["choices"][0]["finish_reason"], "stop");
    let sent = world.anthropic.shared().take();
    assert_eq!(sent[1].json()["max_tokens"], 8192, "the default, since the format demands one");
}

#[test]
fn provider_errors_come_in_the_clients_format() {
    let world = World::start("translates", "");
    let expected = [
        (400, 400, "invalid_request_error", Value::Null),
        (401, 502, "server_error", json!("bad_gateway")),
        (404, 404, "invalid_request_error", json!("model_not_found")),
        (429, 429, "rate_limit_error", json!("rate_limit_exceeded")),
        (500, 500, "server_error", Value::Null),
        (529, 503, "server_error", json!("overloaded")),
    ];
    for (theirs, ours, kind, code) in expected {
        for body in [ask("claude", &format!("[sim:{theirs}]")), ask_stream("claude", &format!("[sim:{theirs}]"))] {
            let response = world.chat(&body);
            assert_error(&response, ours, &code, &format!("{theirs}"));
            assert_eq!(response.json()["error"]["type"], kind, "{theirs}");
        }
    }
}

#[test]
fn an_error_in_a_stream_is_an_error_to_the_client() {
    let world = World::start("translates", "");
    for model in ["gpt", "claude"] {
        world.provider(model).shared().behave(Behaviour::ErrorFirst);
        let first = world.chat(&ask_stream(model, "count to 20"));
        assert!(first.status >= 500, "{model}: {} {}", first.status, first.text());
        assert!(first.json()["error"]["message"].is_string());
        world.provider(model).shared().behave(Behaviour::ErrorInStream);
        let later = world.chat(&ask_stream(model, "count to 20"));
        assert_eq!(later.status, 200);
        assert!(!later.text().contains("[DONE]"), "{model}: {}", later.text());
        let last = later.events().pop().unwrap_or_default();
        assert!(serde_json::from_str::<Value>(&last).unwrap()["error"]["message"].is_string(), "{model}: {last}");
        let lines = world.gateway.log();
        assert!(lines.iter().all(|line| line["weir"]["ending"] != "complete"), "{lines:?}");
    }
}
