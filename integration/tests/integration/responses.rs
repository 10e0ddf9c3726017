//! The official OpenAI SDK's Responses, unmodified, through Envoy to providers of every format, and its Chat to one that speaks Responses.
use std::process::Command;

use weir_integration::fetch;

use crate::sdk;
use crate::world::{World, said};

/// What the SDK does, whatever the provider.
pub const PARTS: &[&str] = &[
    "text",
    "items",
    "stream",
    "helper",
    "tools",
    "forced",
    "stream_tools",
    "image",
    "limits",
    "structured",
    "thinking",
    "state",
    "errors",
    "error_in_stream",
    "hang_up",
];

/// Runs parts of the script.
pub fn run(base: &str, model: &str, parts: &[&str]) {
    let python = fetch::python::openai_sdk().unwrap_or_else(|trouble| panic!("{trouble}"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/responses.py");
    let output = Command::new(python).arg(script).arg(base).arg(model).args(parts).output().unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{model}:\n{said}{wrong}");
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), parts.len(), "{said}");
}

#[test]
fn the_sdk_talks_to_every_provider() {
    let world = World::start("responses", "");
    let base = format!("http://{}/v1", world.gateway.listener);
    for model in ["gpt", "newer", "claude", "chat-only"] {
        run(&base, model, PARTS);
    }
    for model in ["gpt", "newer", "claude"] {
        run(&base, model, &["count"]);
    }
    run(&base, "chat-only", &["count_refused"]);
    run(&base, "claude", &["bad_request", "unknown_model"]);
    run(&format!("http://{}/openai/v1", world.gateway.listener), "gpt", &["text", "stream"]);
}

#[test]
fn a_client_that_hangs_up_at_the_end_has_it_all() {
    let world = World::start("responses-hang-up", "");
    for model in ["gpt", "claude"] {
        run(&format!("http://{}/v1", world.gateway.listener), model, &["hang_up"]);
    }
    for record in world.gateway.wait_log(2) {
        assert_eq!(record["weir"]["ending"], "complete", "{record}");
    }
}

#[test]
fn chat_is_translated_for_a_provider_of_responses() {
    let world = World::start("chat-to-responses", "");
    let parts: Vec<&str> = sdk::PARTS.iter().copied().filter(|part| !matches!(*part, "limits" | "models" | "unknown_model")).collect();
    sdk::run(&format!("http://{}/v1", world.gateway.listener), "newer", &parts);
    let refused =
        world.chat(&serde_json::json!({"model": "newer", "stop": ["7"], "messages": [{"role": "user", "content": "count to 9"}]}));
    assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (400, Some("stop")), "{}", refused.text());
    let cut = world.chat(&serde_json::json!({"model": "newer", "max_tokens": 3, "messages": [{"role": "user", "content": "count to 9"}]}));
    assert_eq!((said(&cut).trim(), cut.json()["choices"][0]["finish_reason"].as_str()), ("1 2 3", Some("length")));
}

#[test]
fn paths_beside_it_are_refused_in_its_form() {
    let world = World::start("responses-paths", "");
    for (method, path) in [("POST", "/v1/responses/compact"), ("GET", "/v1/responses/resp_1"), ("GET", "/v1/responses")] {
        let answer = world.gateway.connect().request(method, path, &[("content-type", "application/json")], b"{}").unwrap();
        assert!(matches!(answer.status, 404 | 405), "{path}: {}", answer.text());
        assert_eq!(answer.json()["error"]["type"], "invalid_request_error", "{path}");
    }
}
