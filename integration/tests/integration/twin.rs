//! A plan of one target goes to the provider's direct twin, where the gateway position does both jobs: nothing else may differ.
use serde_json::json;
use weir_integration::providers::Behaviour;

use crate::world::{ANTHROPIC_KEY, OPENAI_KEY, World, ask, ask_stream, assert_error, said};

#[test]
fn one_target_is_reached_directly_and_two_are_not() {
    let world = World::start("twin", "");
    let clusters = [("gpt", "weir-direct-openai"), ("claude", "weir-direct-anthropic"), ("smart", "openai"), ("clever", "anthropic")];
    for (place, (model, cluster)) in clusters.into_iter().enumerate() {
        for body in [ask(model, "count to 3"), ask_stream(model, "count to 3")] {
            let response = world.chat(&body);
            assert_eq!(response.status, 200, "{model}: {}", response.text());
            assert!(!said(&response).is_empty(), "{model}: {}", response.text());
        }
        let line = world.gateway.wait_log(2 * place + 2).pop().unwrap();
        assert_eq!((&line["cluster"], &line["weir"]["ending"]), (&json!(cluster), &json!("complete")), "{model}: {line}");
    }
    let (openai, anthropic) = (world.openai.shared().take(), world.anthropic.shared().take());
    for (seen, key) in [(&openai, ("authorization", format!("Bearer {OPENAI_KEY}"))), (&anthropic, ("x-api-key", ANTHROPIC_KEY.into()))] {
        assert_eq!(seen.len(), 4);
        for request in seen {
            assert_eq!(request.headers.value(key.0), Some(key.1.as_str()));
            for gone in ["x-forwarded-proto", "x-envoy-max-retries", "x-envoy-expected-rq-timeout-ms", "x-envoy-internal"] {
                assert!(!request.headers.has(gone), "{gone}: {request:?}");
            }
        }
    }
}

#[test]
fn a_failure_is_told_once_and_in_the_clients_format() {
    let world = World::start("twin", "");
    for model in ["gpt", "claude"] {
        for (behaviour, status) in
            [(Behaviour::Status(429), 429), (Behaviour::Status(500), 500), (Behaviour::Html(502), 502), (Behaviour::Reset, 503)]
        {
            for body in [ask(model, "hi"), ask_stream(model, "hi")] {
                world.provider(model).shared().behave(behaviour.clone());
                let response = world.chat(&body);
                assert_eq!(response.status, status, "{model} {behaviour:?}: {}", response.text());
                assert!(response.json()["error"]["message"].is_string(), "{model} {behaviour:?}: {}", response.text());
                assert_eq!(world.provider(model).shared().take().len(), 1, "{model} {behaviour:?}");
            }
        }
    }
    assert_error(&world.chat(&ask("dead", "hi")), 503, &json!(null), "nobody listens");
    let line = world.gateway.wait_line("the dead provider's", |line| line["weir"]["route"] == "dead");
    assert_eq!((&line["cluster"], &line["weir"]["usage_source"]), (&json!("weir-direct-closed"), &json!("none")), "{line}");
    assert_eq!(line["weir"]["attempts"][0]["outcome"], "unreachable", "{line}");
    // What was sent may be billed although nothing came back.
    let reset = world.gateway.wait_line("a reset one", |line| line["weir"]["attempts"][0]["outcome"] == "unreachable");
    assert_eq!(reset["weir"]["usage_source"], "estimated", "{reset}");
}

#[test]
fn paths_that_pass_unread_go_there_too() {
    let world = World::start("twin", "");
    let response = world.gateway.connect().request("GET", "/v1/files/f-1?x=1", &[("authorization", "Bearer client")], b"").unwrap();
    let seen = world.openai.shared().take().remove(0);
    assert_eq!(seen.headers.value("authorization"), Some(&*format!("Bearer {OPENAI_KEY}")), "{}", response.text());
    let line = world.gateway.wait_log(1).remove(0);
    assert_eq!(line["cluster"], "weir-direct-openai", "{line}");
}
