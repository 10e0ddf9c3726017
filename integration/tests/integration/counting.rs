//! Counting tokens without an answer: each SDK's own call, by providers of each API that has such an operation.
use serde_json::{Value, json};
use weir_integration::providers::Vendor;

use crate::sdk::{self, gemini};
use crate::world::{World, standard};

/// One provider for each operation that counts, but for Bedrock's.
const MODELS: [&str; 4] = ["newer", "claude", "gem", "local"];

fn world(google: &str) -> World {
    let more = format!(
        "  google: {{ kind: gemini, endpoint: \"{google}\", auth: {{ api_key: {{ env: TEST_ANTHROPIC_KEY }} }} }}\n  vllm: {{ kind: vllm, endpoint: \"HERE\", auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }} }}\nmodels:\n  - {{ name: gem, targets: [ {{ provider: google, model: gemini-3-flash }} ] }}\n  - {{ name: local, targets: [ {{ provider: vllm }} ] }}\n  - {{ name: either, targets: [ {{ provider: chatting }}, {{ provider: google, model: gemini-3-flash, priority: 1 }} ] }}\n"
    );
    World::with("counting", |openai, anthropic| standard(openai, anthropic).replace("models:\n", &more.replace("HERE", openai)))
}

#[test]
fn every_sdk_counts_by_every_provider_that_can() {
    let google = gemini::google();
    let world = world(&google.endpoint(Vendor::Google));
    for model in MODELS {
        sdk::run_messages(&world, model, &["count"]);
        sdk::run_converse(&world, model, &["count", "count_body"]);
        gemini::run_gemini(&world, model, &["count"]);
        crate::sdk::responses::run(&format!("http://{}/v1", world.gateway.listener), model, &["count"]);
    }
}

#[test]
fn what_is_only_counted_is_no_usage_and_a_provider_that_cannot_is_passed_over() {
    let google = gemini::google();
    let world = world(&google.endpoint(Vendor::Google));
    let post = |path: &str, body: &Value| world.gateway.connect().post(path, body).unwrap();
    let asked = json!({"model": "either", "messages": [{"role": "user", "content": "hi"}]});
    let told = post("/v1/messages/count_tokens", &asked);
    assert!(told.status == 200 && told.json()["input_tokens"].as_u64().is_some_and(|count| count > 0), "{}", told.text());
    let line = &world.gateway.wait_log(1)[0];
    assert_eq!(
        (&line["gen_ai"]["operation.name"], &line["gen_ai"]["usage.input_tokens"]),
        (&json!("count_tokens"), &Value::Null),
        "{line}"
    );
    assert_eq!(line["weir"]["cost_usd"], Value::Null, "{line}");

    // vLLM's own way, unchanged where it answers, and without what others can't tell where they do.
    let local =
        post("/tokenize", &json!({"model": "local", "messages": [{"role": "user", "content": "hi"}], "add_generation_prompt": true}));
    assert_eq!((local.status, local.json()["max_model_len"].clone()), (200, json!(4096)), "{}", local.text());
    let other = post("/tokenize", &json!({"model": "claude", "messages": [{"role": "user", "content": "hi"}]}));
    assert!(other.status == 200 && other.json()["tokens"] == json!([]) && other.json()["count"].as_u64() > Some(0), "{}", other.text());
}
