//! What the official OpenAI SDK does with Responses beside a conversation, and what its Chat can't ask of a provider that speaks Responses.
use crate::sdk::responses::run;
use crate::world::{World, said};

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
