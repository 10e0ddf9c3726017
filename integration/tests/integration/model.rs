//! A model server that nobody here wrote, behind Envoy: what it sends no vendor sends, and the SDK takes it all the same.
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use weir_integration::gateway::Gateway;
use weir_integration::process::{self, Process};
use weir_integration::{client, fetch, paths};

use crate::world::{ask_stream, said, settings};

#[test]
fn the_sdk_talks_to_llama_cpp_through_envoy() {
    let llama = fetch::llama::fetch().unwrap_or_else(|trouble| panic!("{trouble}"));
    let folder = paths::fresh_run("model").unwrap();
    let port = process::free_port();
    let mut server = Process::start("llama-server", &llama.command(port), &folder).unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    server
        .wait_until(Duration::from_secs(60), || client::text(address, "/health").contains("ok"))
        .unwrap_or_else(|trouble| panic!("{trouble}"));
    for speaks in ["chat", "messages"] {
        let document = format!(
            "version: 1\nproviders:\n  local: {{ kind: openai-compatible, endpoint: \"http://127.0.0.1:{port}/v1\", speaks: [{speaks}] }}\nmodels:\n  - {{ name: smollm2, targets: [ {{ provider: local, default_max_tokens: 200 }} ] }}\n"
        );
        let gateway = Gateway::start(&document, &settings("model")).unwrap_or_else(|trouble| panic!("{trouble}"));
        crate::sdk::run(
            &format!("http://{}/v1", gateway.listener),
            "smollm2",
            &["text", "stream", "stream_usage", "bad_request", "unknown_model"],
        );
        let mut body = ask_stream("smollm2", "Name three rivers.");
        body["max_tokens"] = serde_json::json!(40);
        let response = gateway.connect().post("/v1/chat/completions", &body).unwrap();
        assert!(response.status == 200 && !said(&response).is_empty(), "{speaks}: {}", response.text());
        assert!(response.pieces.len() > 3, "{speaks}: the text comes as it is made");
        for line in gateway.log().iter().filter(|line| line["status"] == 200) {
            assert_eq!(line["weir"]["usage_source"], "reported", "{speaks}: {line}");
        }
    }
}
