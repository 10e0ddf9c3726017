//! What is wrong gets a clear answer in the client's format with the right status, and the same connection serves the next request.
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use weir_integration::client::{Connection, Response};
use weir_integration::gateway;
use weir_integration::process;
use weir_integration::providers::{Behaviour, Scripted};

use crate::world::{CHAT, World, ask, ask_stream, assert_error, said, settings, standard};

/// Posts bytes as a chat client does.
fn post(connection: &mut Connection, body: &[u8]) -> Response {
    connection.request("POST", CHAT, &[("content-type", "application/json")], body).unwrap()
}

/// Panics unless the connection serves an ordinary request.
fn serves(connection: &mut Connection, what: &str) {
    let response = connection.post(CHAT, &ask("gpt", "still there?")).unwrap_or_else(|e| panic!("after {what}: {e}"));
    assert_eq!(response.status, 200, "after {what}: {}", response.text());
    assert!(said(&response).contains("still there?"), "after {what}: {}", response.text());
}

#[test]
fn a_body_that_is_no_chat_request_is_400() {
    let world = World::start("bad-input", "");
    let mut connection = world.gateway.connect();
    let bodies: [&[u8]; 22] = [
        b"",
        b"hello",
        b"{",
        b"{\"model\":\"gpt\"",
        b"[]",
        b"null",
        b"\"gpt\"",
        b"{}",
        b"{\"model\":null,\"messages\":[]}",
        b"{\"model\":7,\"messages\":[]}",
        b"{\"model\":[\"gpt\"],\"messages\":[]}",
        b"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
        b"{\"model\":\"\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
        b"{\"model\":\"claude\"}",
        b"{\"model\":\"claude\",\"messages\":\"hi\"}",
        b"{\"model\":\"claude\",\"messages\":[7]}",
        b"{\"model\":\"claude\",\"messages\":[{\"role\":\"us\\\"er\",\"content\":\"x\"}]}",
        b"{\"model\":\"claude\",\"messages\":[{\"role\":\"user\",\"content\":{\"a\":1}}]}",
        b"{\"model\":\"claude\",\"stream\":\"yes\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
        b"{\"model\":\"gpt\",\"messages\":[{\"role\":\"user\",\"content\":\"\xff\xfe\"}]}",
        b"{\"model\":\"gpt\",\"messages\":[]} trailing",
        b"\x00\x01\x02",
    ];
    for body in bodies {
        let what = String::from_utf8_lossy(body).into_owned();
        let response = post(&mut connection, body);
        assert_eq!(response.status, 400, "{what:?}: {}", response.text());
        assert!(!response.headers.has("connection"), "{what:?}: {:?}", response.headers);
        let error = response.json()["error"].clone();
        assert_eq!(error["type"], "invalid_request_error", "{what:?}: {error}");
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 8), "{what:?}: {error}");
        serves(&mut connection, &what);
    }
    assert!(world.anthropic.shared().take().is_empty(), "none of them was sent on");
}

#[test]
fn deep_nesting_and_odd_models_are_answered_in_valid_json() {
    let world = World::start("bad-input", "");
    let mut connection = world.gateway.connect();
    let deep = format!("{{\"model\":\"claude\",\"messages\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(post(&mut connection, deep.as_bytes()).status, 400);
    serves(&mut connection, "deep nesting");
    for model in ["no such", "quo\"te", "back\\slash", "line\nbreak", "\u{1}\u{7f}é😀", "</script>"] {
        let response = post(&mut connection, ask(model, "x").to_string().as_bytes());
        assert_error(&response, 404, &json!("model_not_found"), model);
        serves(&mut connection, model);
    }
    let long = post(&mut connection, ask(&"m".repeat(100_000), "x").to_string().as_bytes());
    assert!(matches!(long.status, 400 | 404), "{}", long.status);
    assert!(long.body.len() < 5_000, "an error does not repeat 100 kB");
    serves(&mut connection, "a long model");
}

#[test]
fn a_body_over_the_limit_is_413() {
    let world = World::start("bad-input", "caps: { request_body: 64KiB }");
    for (size, expected) in [(60_000, 200), (70_000, 413), (2_000_000, 413)] {
        for model in ["gpt", "claude"] {
            let body = ask(model, &"x".repeat(size)).to_string();
            let mut connection = world.gateway.connect();
            // Envoy may answer and close before it has read everything.
            let _ = connection.send("POST", CHAT, &[("content-type", "application/json")], body.as_bytes());
            let response = connection.receive().unwrap();
            assert_eq!(response.status, expected, "{size}: {}", response.text());
            if expected == 413 {
                assert_eq!(response.json()["error"]["type"], "invalid_request_error", "{}", response.text());
            }
        }
    }
    serves(&mut world.gateway.connect(), "a large body");
}

#[test]
fn what_a_provider_does_wrong_is_a_clear_5xx() {
    let world = World::start("bad-input", "");
    let mut connection = world.gateway.connect();
    let wrong =
        [Behaviour::Status(500), Behaviour::Html(502), Behaviour::Html(200), Behaviour::Empty, Behaviour::HalfJson, Behaviour::Reset];
    for model in ["gpt", "claude"] {
        for behaviour in &wrong {
            for body in [ask(model, "hi"), ask_stream(model, "hi")] {
                // Half a document of the same format passes as it is, since its bytes are not decoded; a stream's half is told below.
                let passes = model == "gpt" && *behaviour == Behaviour::HalfJson;
                if passes || (*behaviour == Behaviour::HalfJson && body["stream"] == true) {
                    continue;
                }
                let what = format!("{model} {behaviour:?} stream={}", body["stream"]);
                world.provider(model).shared().behave(behaviour.clone());
                let response = connection.post(CHAT, &body).unwrap_or_else(|e| panic!("{what}: {e}"));
                assert!((500..=504).contains(&response.status), "{what}: {} {}", response.status, response.text());
                let error = response.json()["error"].clone();
                assert!(error["message"].is_string() && error["type"].is_string(), "{what}: {}", response.text());
                serves(&mut connection, &what);
            }
        }
    }
}

#[test]
fn half_a_stream_never_looks_complete() {
    let world = World::start("bad-input", "");
    for model in ["gpt", "claude"] {
        for behaviour in [Behaviour::HalfStream, Behaviour::ResetMidStream] {
            world.provider(model).shared().behave(behaviour.clone());
            let mut connection = world.gateway.connect();
            let response = connection.post(CHAT, &ask_stream(model, "count to 30")).unwrap();
            let text = response.text();
            assert!(!text.contains("[DONE]") && !text.contains("\"finish_reason\":\"stop\""), "{model} {behaviour:?}: {text}");
            if response.broken.is_none() {
                let last = response.events().pop().unwrap_or_default();
                let last: Value =
                    serde_json::from_str(&last).unwrap_or_else(|e| panic!("{model} {behaviour:?}: {e}: {} {text:?}", response.status));
                assert!(last["error"]["message"].is_string(), "{model} {behaviour:?}: {text}");
                serves(&mut connection, "half a stream");
            }
        }
        world.provider(model).shared().behave(Behaviour::ResetMidStream);
        let whole = world.chat(&ask(model, "count to 30"));
        assert!(whole.broken.is_some() || whole.status >= 500, "{model}: {} {}", whole.status, whole.text());
    }
    for line in world.gateway.wait_log(6) {
        assert!(line["weir"]["ending"] != "complete" || line["gen_ai"]["response.finish_reasons"][0] == "stop", "{line}");
    }
}

#[test]
fn strange_events_do_not_break_a_stream() {
    let world = World::start("bad-input", "");
    let start = r#"event: message_start
data: {"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"c","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}

"#;
    let rest = concat!(
        ": a comment\n\nevent: unheard_of\ndata: {\"type\":\"unheard_of\",\"x\":1}\n\n",
        "event: content_block_start\r\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\r\n\r\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" a  \"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"future_delta\",\"x\":\"y\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":2}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
    );
    let pieces: Vec<Vec<u8>> = format!("{start}{rest}").as_bytes().chunks(7).map(<[u8]>::to_vec).collect();
    world.anthropic.shared().script(Scripted::stream(pieces));
    let response = world.chat(&ask_stream("claude", "hi"));
    assert_eq!(said(&response), " a  ", "{}", response.text());
    assert!(response.text().ends_with("data: [DONE]\n\n"));
}

#[test]
fn compressed_chunked_and_trailed_requests_are_read() {
    let world = World::start("bad-input", "");
    for model in ["gpt", "claude"] {
        let body = ask(model, "compressed").to_string();
        let packed = weir_integration::providers::behaviour::gzip(body.as_bytes());
        let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
        let response = world.gateway.connect().request("POST", CHAT, &headers, &packed).unwrap();
        assert_eq!(response.status, 200, "{model}: {}", response.text());
        let mut connection = world.gateway.connect();
        let (first, second) = body.as_bytes().split_at(20);
        connection.send_chunked(CHAT, &[("content-type", "application/json")], &[first, second], &[("x-end", "1")]).unwrap();
        let response = connection.receive().unwrap();
        assert_eq!(response.status, 200, "{model}: {}", response.text());
        for seen in world.provider(model).shared().take() {
            assert!(seen.trailers.0.is_empty() && !seen.headers.has("content-encoding"), "{seen:?}");
            assert!(seen.json()["messages"][0]["content"].to_string().contains("compressed"));
        }
    }
    let headers = [("content-type", "application/json"), ("content-encoding", "br")];
    let unknown = world.gateway.connect().request("POST", CHAT, &headers, b"\x0b\x02\x80{}").unwrap();
    assert!(matches!(unknown.status, 400 | 415), "{}: {}", unknown.status, unknown.text());
    assert_eq!(unknown.json()["error"]["type"], "invalid_request_error");
}

#[test]
fn with_a_wrong_document_envoy_does_not_start_and_the_log_names_the_field() {
    let world = World::start("bad-input", "");
    let settings = settings("bad-input");
    let good = standard("http://127.0.0.1:1/v1", "http://127.0.0.1:1");
    // The command refuses it, with the path.
    let wrong = good.replace("provider: openai, model: gpt-5 } ] }", "provider: opnai, model: gpt-5 } ] }");
    let trouble = gateway::Gateway::start(&wrong, &settings).unwrap_err();
    assert!(trouble.what.contains("models[0].targets[0].provider") && trouble.what.contains("opnai"), "{trouble}");
    // The module refuses it too, where someone changed what was rendered.
    let folder = world.gateway.folder.join("wrong");
    std::fs::create_dir_all(folder.join("xds")).unwrap();
    let ports = [process::free_port(), process::free_port()];
    for file in ["envoy.yaml", "xds/clusters.yaml", "xds/routes.yaml", "xds/upstream.yaml", "xds/gateway.yaml"] {
        let text = std::fs::read_to_string(world.gateway.folder.join(file)).unwrap();
        let text = text.replace(&*world.gateway.folder.to_string_lossy(), &folder.to_string_lossy());
        let text = text.replace(&world.gateway.listener.port().to_string(), &ports[0].to_string());
        let text = text.replace(&world.gateway.admin.port().to_string(), &ports[1].to_string());
        assert!(file == "xds/clusters.yaml" || file == "xds/routes.yaml" || text.contains("\"kind\":\"anthropic\""), "{file}: {text}");
        std::fs::write(folder.join(file), text.replace("\"kind\":\"anthropic\"", "\"kind\":\"antropic\"")).unwrap();
    }
    let mut envoy = gateway::start_envoy(&settings, &folder).unwrap();
    let code = envoy.wait_end(Duration::from_secs(30));
    assert!(code.is_some_and(|code| code != 0), "Envoy started with a wrong document: {code:?}");
    assert!(envoy.errors_text().contains("providers.anthropic.kind"), "{}", envoy.errors_text());
    let admin = SocketAddr::from((Ipv4Addr::LOCALHOST, ports[1]));
    assert!(!process::answers(admin));
}

#[test]
fn the_command_names_every_fault() {
    let settings = settings("bad-input");
    let folder = weir_integration::paths::fresh_run("bad-input").unwrap();
    let file = folder.join("document.yaml");
    std::fs::write(&file, "version: 1\nproviders: { a: { kind: openai, enpoint: x } }\nmodels: []\nkeys: []\n").unwrap();
    let output = Command::new(&settings.weir).arg("check").arg(&file).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{words}");
    for fault in ["providers.a.enpoint", "models", "keys", "not supported by this version"] {
        assert!(words.contains(fault), "{fault}: {words}");
    }
}
