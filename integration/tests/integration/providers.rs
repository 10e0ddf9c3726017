//! The simulated providers by themselves: what they answer, what they refuse, how they fail, and that the official SDK takes them for real.
use std::process::Command;

use serde_json::{Value, json};
use weir_integration::client::{self, Connection, Response};
use weir_integration::fetch;
use weir_integration::providers::{Behaviour, Provider, Scripted, Vendor};

fn post(provider: &Provider, target: &str, body: &Value) -> Response {
    let headers =
        [("content-type", "application/json"), ("anthropic-version", "2023-06-01"), ("authorization", "Bearer key"), ("x-api-key", "key")];
    client::once(provider.address(), "POST", target, &headers, body.to_string().as_bytes()).unwrap()
}

fn chat(model: &str, text: &str, stream: bool) -> Value {
    json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]})
}

fn messages(model: &str, text: &str, stream: bool) -> Value {
    json!({"model": model, "stream": stream, "max_tokens": 100, "messages": [{"role": "user", "content": text}]})
}

#[test]
fn the_official_sdk_takes_the_simulated_openai_for_real() {
    let provider = Provider::start(Vendor::OpenAi, "sk-client-key").unwrap();
    let python = fetch::python::openai_sdk().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/chat.py");
    let parts = [
        "text",
        "cached",
        "stream",
        "stream_usage",
        "helper",
        "tools",
        "forced",
        "stream_tools",
        "image",
        "limits",
        "sampling",
        "bad_request",
        "models",
    ];
    let output = Command::new(python).arg(script).arg(provider.endpoint(Vendor::OpenAi)).arg("gpt-5").args(parts).output().unwrap();
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}

#[test]
fn messages_whole_and_streamed_say_the_same() {
    let provider = Provider::start(Vendor::Anthropic, "key").unwrap();
    let whole = post(&provider, "/v1/messages", &messages("claude", "hi", false)).json();
    let streamed = post(&provider, "/v1/messages", &messages("claude", "hi", true));
    let events: Vec<Value> = streamed.events().iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    let text: String = events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
    assert_eq!(whole["content"][0]["text"], json!(text));
    let last = events.iter().find(|event| event["type"] == "message_delta").unwrap();
    assert_eq!(whole["usage"], last["usage"]);
    assert_eq!(whole["stop_reason"], last["delta"]["stop_reason"]);
}

#[test]
fn what_the_vendors_refuse_is_refused() {
    let openai = Provider::start(Vendor::OpenAi, "key").unwrap();
    let anthropic = Provider::start(Vendor::Anthropic, "key").unwrap();
    let call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let wrong_chat = [
        json!({"model": "m", "messages": []}),
        json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "max_token": 3}),
        json!({"model": "m", "messages": [{"role": "assistant", "content": null, "tool_calls": [call]}]}),
        json!({"model": "m", "messages": [{"role": "tool", "tool_call_id": "c1", "content": "x"}]}),
        json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "stream_options": {"include_usage": true}}),
        json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]}),
    ];
    for body in &wrong_chat {
        let answer = post(&openai, "/v1/chat/completions", body);
        assert_eq!((answer.status, answer.json()["error"]["type"].as_str()), (400, Some("invalid_request_error")), "{body}");
    }
    let used = json!({"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]});
    let wrong_messages = [
        json!({"model": "m", "messages": [{"role": "user", "content": "x"}]}),
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], "stop": ["x"]}),
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": ""}]}),
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "assistant", "content": "x"}]}),
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}, used, {"role": "user", "content": "y"}]}),
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], "temperature": 0.1, "top_p": 0.1}),
    ];
    for body in &wrong_messages {
        let answer = post(&anthropic, "/v1/messages", body);
        assert_eq!((answer.status, answer.json()["error"]["type"].as_str()), (400, Some("invalid_request_error")), "{body}");
    }
    let without_key = client::once(openai.address(), "GET", "/v1/models", &[], b"").unwrap();
    assert_eq!(without_key.status, 401);
}

#[test]
fn each_behaviour_does_what_its_name_says() {
    for (vendor, path, body) in
        [(Vendor::OpenAi, "/v1/chat/completions", chat as fn(&str, &str, bool) -> Value), (Vendor::Anthropic, "/v1/messages", messages)]
    {
        let provider = Provider::start(vendor, "key").unwrap();
        let ask = |what: &str, stream: bool| post(&provider, path, &body(&format!("sim-{what}"), "hi", stream));
        assert_eq!(ask("500", false).status, 500);
        assert_eq!(ask("429", true).headers.value("retry-after"), Some("7"));
        assert_eq!((ask("html", false).status, ask("html-200", false).status), (502, 200));
        assert!(ask("empty", true).body.is_empty());
        let end = if vendor == Vendor::OpenAi { "[DONE]" } else { "message_stop" };
        let half = ask("half-stream", true);
        assert!(half.broken.is_none() && !half.text().contains(end));
        assert!(ask("reset-midstream", true).broken.is_some());
        assert!(ask("error-in-stream", true).text().contains("Simulated failure"));
        assert_eq!(ask("error-first", true).events().len(), 1);
        assert!(serde_json::from_slice::<Value>(&ask("half-json", false).body).is_err());
        assert!(ask("echo", false).text().contains("sim-echo"));
        assert_eq!(ask("gzip", false).headers.value("content-encoding"), Some("gzip"));
    }
}

#[test]
fn a_test_scripts_answers_holds_streams_and_reads_what_came() {
    let provider = Provider::start(Vendor::OpenAi, "").unwrap();
    provider.shared().behave(Behaviour::Reset);
    assert!(Connection::open(provider.address()).unwrap().post("/v1/chat/completions", &chat("m", "hi", false)).is_err());
    provider.shared().behave(Behaviour::Status(503));
    assert_eq!(post(&provider, "/v1/chat/completions", &chat("m", "hi", false)).status, 503);
    provider.shared().script(Scripted::whole(200, "text/plain", "exactly this"));
    assert_eq!(post(&provider, "/anything", &json!({})).text(), "exactly this");
    let body = chat("sim-gated", "hi", true).to_string();
    let mut connection = Connection::open(provider.address()).unwrap();
    connection.send("POST", "/v1/chat/completions", &[("content-type", "application/json")], body.as_bytes()).unwrap();
    assert_eq!(connection.receive_head(false).unwrap().0, 200);
    provider.shared().permit(1);
    assert!(connection.piece().unwrap().is_some());
    connection.close();
    provider.shared().permit(1000);
    let seen = provider.shared().wait("the client's leaving", |seen| seen.last().is_some_and(|last| last.over));
    assert!(seen.last().unwrap().client_left);
    assert_eq!(seen.len(), 4);
    assert_eq!(seen[2].request.target, "/anything");
}
