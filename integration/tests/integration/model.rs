//! A model server that nobody here wrote, behind Envoy: what it sends no vendor sends, and the SDK takes it all the same.
use serde_json::json;
use weir_integration::gateway::Gateway;
use weir_integration::process::{self, Process};
use weir_integration::providers::{Provider, Vendor};
use weir_integration::{fetch, paths};

use crate::world::{OPENAI_KEY, ask_stream, said, settings};

/// The real server and a gateway in front of it that speaks one of its formats.
struct Real {
    gateway: Gateway,
    _server: Process,
}

impl Real {
    fn start(speaks: &str) -> Self {
        let port = process::free_port();
        let server = serve(port);
        let document = format!(
            "version: 1\nproviders:\n  local: {{ kind: openai-compatible, endpoint: \"http://127.0.0.1:{port}/v1\", speaks: [{speaks}] }}\nmodels:\n  - {{ name: smollm2, targets: [ {{ provider: local, default_max_tokens: 64 }} ] }}\n"
        );
        let gateway = Gateway::start(&document, &settings("model")).unwrap_or_else(|trouble| panic!("{trouble}"));
        Self { gateway, _server: server }
    }
}

fn serve(port: u16) -> Process {
    let folder = paths::fresh_run("model").unwrap();
    fetch::llama::fetch().and_then(|llama| llama.start(port, &folder)).unwrap_or_else(|trouble| panic!("{trouble}"))
}

fn the_sdk_talks(speaks: &str) {
    let real = Real::start(speaks);
    let parts = ["text", "cached", "stream", "stream_usage", "helper", "too_long", "bad_request", "unknown_model"];
    crate::sdk::run(&format!("http://{}/v1", real.gateway.listener), "smollm2", &parts);
    let mut body = ask_stream("smollm2", "Name three rivers.");
    body["max_tokens"] = json!(24);
    let response = real.gateway.connect().post(crate::world::CHAT, &body).unwrap();
    assert!(response.status == 200 && !said(&response).is_empty(), "{speaks}: {}", response.text());
    assert!(response.pieces.len() > 3, "{speaks}: the text comes as it is made");
    for line in real.gateway.log().iter().filter(|line| line["status"] == 200) {
        assert_eq!(line["weir"]["usage_source"], "reported", "{speaks}: {line}");
    }
}

#[test]
fn the_sdk_talks_to_it_in_its_own_format() {
    the_sdk_talks("chat");
}

#[test]
fn the_sdk_talks_to_it_through_translation() {
    the_sdk_talks("messages");
}

#[test]
fn a_client_that_leaves_is_charged_for_what_was_said() {
    for speaks in ["chat", "messages"] {
        let real = Real::start(speaks);
        let mut body = ask_stream("smollm2", "Tell a long story.");
        body["max_tokens"] = json!(1500);
        let mut connection = real.gateway.connect();
        connection.send("POST", crate::world::CHAT, &[("content-type", "application/json")], body.to_string().as_bytes()).unwrap();
        assert_eq!(connection.receive_head(false).unwrap().0, 200);
        for _ in 0..5 {
            assert!(connection.piece().unwrap().is_some());
        }
        connection.close();
        let line = real.gateway.wait_line("a client that left", |line| line["weir"]["ending"] == "client_gone_mid_stream");
        assert!(line["gen_ai"]["usage.output_tokens"].as_u64().is_some_and(|tokens| (1..1500).contains(&tokens)), "{speaks}: {line}");
        assert_eq!(line["weir"]["usage_source"], "counted", "{speaks}: {line}");
    }
}

/// Each SDK speaks its own format to the server, whichever of its three it is asked in; a schema binds the small model on its chat path.
#[test]
fn every_sdk_talks_to_it_in_each_of_its_formats() {
    for speaks in ["chat", "messages", "responses"] {
        let real = Real::start(speaks);
        let base = format!("http://{}", real.gateway.listener);
        let parts: &[&str] = if speaks == "chat" { &["text", "stream", "structured", "error"] } else { &["text", "stream", "error"] };
        for sdk in ["chat", "responses", "messages", "gemini", "converse"] {
            crate::sdk::talk(sdk, &base, "smollm2", parts);
        }
        for sdk in ["chat", "responses", "messages", "gemini"] {
            crate::sdk::typescript::talk(sdk, &base, "smollm2", parts);
        }
    }
}

#[test]
fn killed_and_started_again_it_loses_and_regains_its_traffic() {
    let port = process::free_port();
    let mut server = serve(port);
    let spare = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
    let document = format!(
        "version: 1\nproviders:\n  local: {{ kind: openai-compatible, endpoint: \"http://127.0.0.1:{port}/v1\", speaks: [chat], cooldown: {{ failures: 1, pause: 1s }} }}\n  spare: {{ kind: openai, endpoint: \"{}\", auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }} }}\nmodels:\n  - {{ name: smollm2, targets: [ {{ provider: local }}, {{ provider: spare, model: gpt-5, priority: 1 }} ] }}\n",
        spare.endpoint(Vendor::OpenAi)
    );
    let gateway = Gateway::start(&document, &settings("model")).unwrap_or_else(|trouble| panic!("{trouble}"));
    let is_local = || {
        let mut body = ask_stream("smollm2", "Hi");
        body["max_tokens"] = json!(8);
        let response = gateway.connect().post(crate::world::CHAT, &body).unwrap();
        assert!(response.status == 200 && !said(&response).is_empty(), "{}", response.text());
        !said(&response).contains("simulated")
    };
    assert!(is_local());
    let mut body = ask_stream("smollm2", "Tell a long story.");
    body["max_tokens"] = json!(1500);
    let mut connection = gateway.connect();
    connection.send("POST", crate::world::CHAT, &[("content-type", "application/json")], body.to_string().as_bytes()).unwrap();
    assert_eq!(connection.receive_head(false).unwrap().0, 200);
    assert!(connection.piece().unwrap().is_some());
    server.signal("KILL");
    let rest: Vec<u8> = std::iter::from_fn(|| connection.piece().ok().flatten()).flatten().collect();
    assert!(!String::from_utf8_lossy(&rest).contains("[DONE]"), "a stream that was cut looks complete");
    assert!((0..5).all(|_| !is_local()), "the spare one answers meanwhile");
    server = serve(port);
    let since = std::time::Instant::now();
    while !is_local() {
        assert!(since.elapsed() < std::time::Duration::from_secs(60), "its traffic never came back");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    eprintln!("traffic was back {:?} after the server", since.elapsed());
    server.stop();
}
