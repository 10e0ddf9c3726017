//! A provider that speaks Bedrock's Converse: asked by clients of other formats, with whole answers and binary event streams.
use serde_json::{Value, json};
use weir_core::framing::event_stream::{write_event, write_exception};
use weir_integration::providers::{Provider, Scripted, Vendor};

use crate::world::{ANTHROPIC_KEY, World, ask, ask_stream, said, standard};

const MODEL: &str = "eu.anthropic.claude-sonnet-4-5-v1:0";
const USAGE: &str = r#"{"inputTokens":7,"outputTokens":3,"totalTokens":10}"#;

/// The standard world with a model `bed`, and `sure` that goes on to a provider of chat.
fn world(bedrock: &Provider) -> World {
    let target = format!("{{ provider: bedrock, model: \"{MODEL}\" }}");
    let more = format!(
        "  bedrock: {{ kind: bedrock, speaks: [converse], endpoint: \"http://{}\", auth: {{ bearer: {{ env: TEST_ANTHROPIC_KEY }} }}, cooldown: {{ failures: 0 }} }}\nmodels:\n  - {{ name: bed, targets: [ {target} ] }}\n  - {{ name: sure, targets: [ {target}, {{ provider: openai, model: gpt-5, priority: 1 }} ] }}\n",
        bedrock.address()
    );
    World::with("bedrock", |openai, anthropic| standard(openai, anthropic).replace("models:\n", &more))
}

fn whole(text: &str) -> Scripted {
    let usage: Value = serde_json::from_str(USAGE).unwrap();
    let message = json!({"role": "assistant", "content": [{"text": text}]});
    let answer = json!({"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 12}});
    Scripted::whole(200, "application/json", answer.to_string())
}

/// A stream of words; it ends well, or with an exception.
fn stream(words: &[&str], exception: Option<&str>) -> Scripted {
    let mut pieces = vec![Vec::new()];
    let mut event = |name: &str, payload: &str| {
        let mut piece = Vec::new();
        write_event(name, payload.as_bytes(), &mut piece);
        // A network cuts where it likes.
        let tail = piece.split_off(piece.len() / 2);
        pieces.extend([piece, tail]);
    };
    event("messageStart", r#"{"role":"assistant"}"#);
    for word in words {
        event("contentBlockDelta", &json!({"contentBlockIndex": 0, "delta": {"text": word}}).to_string());
    }
    if exception.is_none() {
        event("contentBlockStop", r#"{"contentBlockIndex":0}"#);
        event("messageStop", r#"{"stopReason":"end_turn"}"#);
        event("metadata", &format!(r#"{{"usage":{USAGE},"metrics":{{"latencyMs":12}}}}"#));
    }
    if let Some(name) = exception {
        let mut piece = Vec::new();
        write_exception(name, br#"{"message":"Too many tokens, please wait."}"#, &mut piece);
        pieces.push(piece);
    }
    pieces.retain(|piece| !piece.is_empty());
    let headers = vec![("content-type".to_owned(), "application/vnd.amazon.eventstream".to_owned())];
    Scripted { status: 200, headers, pieces, abort: false, gated: false }
}

#[test]
fn a_client_of_chat_is_answered_whole_and_streamed() {
    let bedrock = Provider::start(Vendor::OpenAi, "").unwrap();
    let world = world(&bedrock);
    bedrock.shared().script(whole("Bonjour."));
    let response = world.chat(&ask("bed", "hi"));
    assert_eq!((response.status, said(&response).as_str()), (200, "Bonjour."), "{}", response.text());
    assert_eq!(response.json()["usage"]["total_tokens"], 10);
    bedrock.shared().script(stream(&["one ", "two ", "three"], None));
    let response = world.chat(&ask_stream("bed", "count"));
    assert_eq!((response.status, said(&response).as_str()), (200, "one two three"), "{}", response.text());
    assert!(response.text().ends_with("data: [DONE]\n\n"));
    let seen = bedrock.shared().take();
    let paths: Vec<&str> = seen.iter().map(|request| request.path()).collect();
    let model = MODEL.replace(':', "%3A");
    assert_eq!(paths, [format!("/model/{model}/converse"), format!("/model/{model}/converse-stream")]);
    for request in &seen {
        assert_eq!(request.headers.value("authorization"), Some(&*format!("Bearer {ANTHROPIC_KEY}")));
        assert_eq!(request.json()["messages"][0]["role"], "user");
    }
    let lines = world.gateway.wait_log(2);
    assert!(lines.iter().all(|line| line["gen_ai"]["usage.output_tokens"] == 3 && line["weir"]["usage_source"] == "reported"), "{lines:?}");
}

#[test]
fn what_goes_wrong_moves_on_or_is_told() {
    let bedrock = Provider::start(Vendor::OpenAi, "").unwrap();
    let world = world(&bedrock);
    let throttled = Scripted {
        headers: vec![("content-type".into(), "application/json".into()), ("x-amzn-errortype".into(), "ThrottlingException".into())],
        ..Scripted::whole(429, "", r#"{"message":"Too many requests"}"#)
    };
    bedrock.shared().script(throttled.clone());
    let alone = world.chat(&ask("bed", "hi"));
    assert_eq!(alone.status, 429, "{}", alone.text());
    assert_eq!(alone.json()["error"]["message"], "Too many requests");
    bedrock.shared().script(throttled);
    assert!(said(&world.chat(&ask("sure", "hi"))).contains("simulated OpenAI"));
    // An exception in the place of the first content is no answer yet.
    bedrock.shared().script(stream(&[], Some("throttlingException")));
    assert!(said(&world.chat(&ask_stream("sure", "hi"))).contains("simulated OpenAI"));
    bedrock.shared().script(stream(&["one "], Some("modelStreamErrorException")));
    let broken = world.chat(&ask_stream("sure", "hi"));
    assert!(said(&broken) == "one " && broken.text().contains("Too many tokens") && !broken.text().contains("[DONE]"), "{}", broken.text());
}
