//! Same format on both sides: the client's bytes pass, and so do the provider's, with nothing of either that must not.
use serde_json::{Value, json};
use weir_integration::client::Connection;
use weir_integration::providers::{Behaviour, Scripted};

use crate::world::{CHAT, OPENAI_KEY, World, ask, ask_stream, said};

#[test]
fn bytes_pass_but_for_the_model() {
    let world = World::start("passes", "");
    let body = "{ \"messages\": [ {\"content\":\"caf\\u00e9 \\ud83d\\ude00  \",  \"role\":\"user\"} ],\n\t\"unheard_of\": {\"b\":1, \"a\":[1.0, 2e3]}, \"model\" : \"gpt\" , \"seed\":1}";
    let answer = "{ \"choices\": [ {\"index\":0, \"message\":{\"role\":\"assistant\",\"content\":\"caf\\u00e9\"},\"finish_reason\":\"stop\"} ],\"new_member\":[1.0],  \"model\":\"gpt-5\",\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,\"total_tokens\":9}}\n";
    world.openai.shared().script(Scripted::whole(200, "application/json", answer));
    let response = world.gateway.connect().request("POST", CHAT, &[("content-type", "application/json")], body.as_bytes()).unwrap();
    assert_eq!((response.status, response.text().as_str()), (200, answer));
    let sent = world.openai.shared().take().remove(0);
    assert_eq!(String::from_utf8(sent.body).unwrap(), body.replace("\"gpt\"", "\"gpt-5\""));
    let line = world.gateway.wait_log(1).remove(0);
    assert_eq!((&line["gen_ai"]["usage.input_tokens"], &line["gen_ai"]["usage.output_tokens"]), (&json!(7), &json!(2)), "{line}");
    assert_eq!(line["weir"]["usage_source"], "reported", "{line}");
}

#[test]
fn keys_cookies_and_strange_headers_stay_on_their_side() {
    let world = World::start("passes", "");
    let headers = [
        ("content-type", "application/json"),
        ("authorization", "Bearer sk-of-the-client"),
        ("x-api-key", "sk-of-the-client"),
        ("api-key", "sk-of-the-client"),
        ("cookie", "a=b"),
        ("x-weir-reply", "1"),
        ("x-weir-anything", "1"),
        ("x-strange", "1"),
        ("x-team", "blue"),
        ("openai-beta", "assistants=v2"),
        ("user-agent", "test/1"),
    ];
    for (model, provider, key) in [
        ("gpt", &world.openai, ("authorization", format!("Bearer {OPENAI_KEY}"))),
        ("claude", &world.anthropic, ("x-api-key", crate::world::ANTHROPIC_KEY.into())),
    ] {
        let target = format!("{CHAT}?key=sk-of-the-client&x=1");
        let response = world.gateway.connect().request("POST", &target, &headers, ask(model, "hi").to_string().as_bytes()).unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
        let seen = provider.shared().take().remove(0);
        let all = format!("{seen:?}");
        assert!(!all.contains("sk-of-the-client"), "{all}");
        assert_eq!(seen.headers.value(key.0), Some(key.1.as_str()), "{all}");
        for gone in ["cookie", "x-weir-reply", "x-weir-anything", "x-strange", "x-team"] {
            assert!(!seen.headers.has(gone), "{gone}: {all}");
        }
        for gone in ["set-cookie", "openai-organization", "anthropic-organization-id"] {
            assert!(!response.headers.has(gone), "{gone}: {:?}", response.headers);
        }
    }
    assert!(!world.openai.shared().seen().iter().any(|seen| seen.request.headers.has("x-api-key")));
}

#[test]
fn usage_is_asked_for_and_only_given_to_who_asked() {
    let world = World::start("passes", "");
    let quiet = world.chat(&ask_stream("gpt", "count to 5"));
    assert_eq!(said(&quiet), "1 2 3 4 5");
    assert!(!quiet.text().contains("total_tokens"), "{}", quiet.text());
    assert!(quiet.events().iter().all(|event| !event.contains("\"choices\":[]")), "{}", quiet.text());
    assert!(quiet.text().ends_with("data: [DONE]\n\n"), "{}", quiet.text());
    assert_eq!(world.openai.shared().take()[0].json()["stream_options"]["include_usage"], true);
    let mut body = ask_stream("gpt", "count to 5");
    body["stream_options"] = json!({"include_usage": true});
    let asked = world.chat(&body);
    assert_eq!(asked.events().iter().filter(|event| event.contains("\"total_tokens\"")).count(), 1);
    let lines = world.gateway.wait_log(2);
    for line in &lines {
        assert_eq!(line["weir"]["usage_source"], "reported", "{line}");
        assert_eq!(line["gen_ai"]["usage.output_tokens"], 5, "{line}");
    }
    assert_eq!(lines[0]["gen_ai"]["usage.input_tokens"], lines[1]["gen_ai"]["usage.input_tokens"]);
}

#[test]
fn an_event_leaves_as_soon_as_it_came() {
    let world = World::start("passes", "");
    for model in ["gpt", "claude"] {
        let provider = world.provider(model);
        provider.shared().behave(Behaviour::Gated);
        let mut connection = world.gateway.connect();
        connection
            .send("POST", CHAT, &[("content-type", "application/json")], ask_stream(model, "count to 9").to_string().as_bytes())
            .unwrap();
        // Role chunk or message_start, ping and block start, then the first words: content ends the commit window.
        provider.shared().permit(4);
        connection.receive_head(false).unwrap();
        let mut text = String::new();
        until(&mut connection, &mut text, "\"1 \"");
        for word in ["2 ", "3 ", "4 ", "5 "] {
            if !text.contains(&format!("\"{word}\"")) {
                provider.shared().permit(1);
                until(&mut connection, &mut text, &format!("\"{word}\""));
            }
        }
        provider.shared().permit(1000);
        until(&mut connection, &mut text, "[DONE]");
        assert!(connection.piece().unwrap().is_none());
    }
}

/// Reads pieces until the text holds `word`.
fn until(connection: &mut Connection, text: &mut String, word: &str) {
    while !text.contains(word) {
        let piece = connection.piece().unwrap().unwrap_or_else(|| panic!("no {word} in {text}"));
        text.push_str(&String::from_utf8_lossy(&piece));
    }
}

#[test]
fn any_provider_answer_passes_with_its_status_and_words() {
    let world = World::start("passes", "");
    for status in [400, 401, 404, 429, 500, 503] {
        let response = world.chat(&ask("gpt", &format!("[sim:{status}]")));
        let expected: u16 = if status == 401 { 502 } else { status };
        assert_eq!(response.status, expected, "{}", response.text());
        let error = response.json()["error"].clone();
        assert!(error["message"].is_string() && error["type"].is_string(), "{status}: {error}");
        if status == 429 {
            assert_eq!(response.headers.value("retry-after"), Some("7"));
        }
    }
    let value: Value = world.chat(&ask("gpt", "hi")).json();
    assert_eq!(value["object"], "chat.completion");
}

#[test]
fn what_a_provider_compresses_unasked_reaches_the_client_plain() {
    let world = World::start("passes", "");
    for model in ["gpt", "claude"] {
        for body in [ask(model, "count to 9 [sim:gzip]"), ask_stream(model, "count to 9 [sim:gzip]")] {
            let response = world.chat(&body);
            assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3 4 5 6 7 8 9"), "{body}: {}", response.text());
            assert!(!response.headers.has("content-encoding"), "{:?}", response.headers);
        }
        assert!(world.provider(model).shared().take().iter().all(|seen| seen.headers.value("accept-encoding") == Some("identity")));
    }
    for line in world.gateway.wait_log(4) {
        assert_eq!(
            (line["weir"]["usage_source"].as_str(), line["weir"]["ending"].as_str()),
            (Some("reported"), Some("complete")),
            "{line}"
        );
    }
}
