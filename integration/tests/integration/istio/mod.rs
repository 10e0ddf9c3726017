//! `weir render istio`: its resources against Istio's own schemas, and its patches in a real Envoy.
mod patches;
mod schemas;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use weir_core::routing::Failover;
use weir_integration::client::{Connection, Response};
use weir_integration::gateway::Settings;
use weir_integration::process::{self, Process};
use weir_integration::providers::{Behaviour, Provider, Vendor};
use weir_integration::{client, fetch, paths};

use crate::sdk::bedrock;
use crate::world::{ANTHROPIC_KEY, CHAT, OPENAI_KEY, ask, ask_stream, in_both_forms, said, settings, standard};

const START: Duration = Duration::from_secs(60);
/// The host of Weir's clients, and one of somebody else's.
const HOST: &str = "llm.example.com";
const OTHER: &str = "other.example.com";

in_both_forms! {
    the_patches_make_a_gateway_that_fails_over,
}

/// A gateway's Envoy, as istiod configures it for one HTTP server with a host of somebody else's.
fn gateway(listener: u16, admin: u16) -> Value {
    let direct = json!({ "match": { "prefix": "/" }, "direct_response": { "status": 200, "body": { "inline_string": "theirs" } } });
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "outbound_0.0.0.0_8080",
        "use_remote_address": true,
        "normalize_path": true,
        "stream_idle_timeout": "0s",
        "route_config": {
            "name": "http.8080",
            "ignore_port_in_host_matching": true,
            "virtual_hosts": [{ "name": "other.example.com:8080", "domains": [OTHER], "routes": [direct] }],
        },
        "http_filters": [
            { "name": "envoy.filters.http.cors", "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors" } },
            { "name": "envoy.filters.http.router", "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } },
        ],
    });
    let address = |port: u16| json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
    let filter = json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager });
    json!({
        "node": { "id": "gateway", "cluster": "istio-ingressgateway.istio-system" },
        "admin": { "address": address(admin) },
        "static_resources": {
            "listeners": [{ "name": "0.0.0.0_8080", "address": address(listener), "filter_chains": [{ "filters": [filter] }] }],
            "clusters": [],
        },
    })
}

/// Renders a document for Istio into a folder.
fn render(folder: &Path, document: &str, settings: &Settings) {
    std::fs::write(folder.join("document.yaml"), document).unwrap();
    let form = if settings.failover == Failover::Priorities { "priorities" } else { "clusters" };
    let mut weir = Command::new(&settings.weir);
    weir.args(["render", "istio"]).arg(folder.join("document.yaml")).arg("-o").arg(folder.join("rendered"));
    weir.args(["--host", HOST, "--port", "8080", "--failover", form, "--module"]).arg(format!("file://{}", settings.module.display()));
    let output = weir.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn resource(folder: &Path, file: &str) -> Value {
    let path = folder.join("rendered").join(file);
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

struct Mesh {
    process: Process,
    listener: SocketAddr,
    admin: SocketAddr,
    openai: Provider,
    anthropic: Provider,
    bedrock: Provider,
}

impl Mesh {
    fn start(form: Failover) -> Self {
        let folder = paths::fresh_run("istio").unwrap();
        let openai = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
        let anthropic = Provider::start(Vendor::Anthropic, ANTHROPIC_KEY).unwrap();
        let bedrock = bedrock::bedrock();
        let settings = Settings { failover: form, ..settings("istio") };
        let document = standard(&openai.endpoint(Vendor::OpenAi), &anthropic.endpoint(Vendor::Anthropic));
        render(&folder, &bedrock::with(&bedrock, &document), &settings);
        let (listener, admin) = (process::free_port(), process::free_port());
        let mut bootstrap = gateway(listener, admin);
        for file in ["metrics.yaml", "envoyfilter.yaml"] {
            patches::apply(&resource(&folder, file), 8080, &mut bootstrap, &folder);
        }
        std::fs::write(folder.join("envoy.json"), serde_json::to_vec_pretty(&bootstrap).unwrap()).unwrap();
        let mut envoy = Command::new(fetch::envoy::binary().unwrap());
        envoy.arg("-c").arg(folder.join("envoy.json")).args([
            "--use-dynamic-base-id",
            "--concurrency",
            "1",
            "--reject-unknown-dynamic-fields",
        ]);
        envoy.args(["--file-flush-interval-msec", "20"]).envs(settings.environment.iter().cloned());
        let mut process = Process::start("envoy", &envoy, &folder).unwrap();
        let (listener, admin) = (SocketAddr::from(([127, 0, 0, 1], listener)), SocketAddr::from(([127, 0, 0, 1], admin)));
        process.wait_until(START, || client::text(admin, "/ready").trim() == "LIVE").unwrap_or_else(|trouble| panic!("{trouble}"));
        process.wait_until(START, || process::answers(listener)).unwrap_or_else(|trouble| panic!("{trouble}"));
        Self { process, listener, admin, openai, anthropic, bedrock }
    }

    fn ask(&self, host: &str, body: &Value) -> Response {
        let body = body.to_string();
        let mut connection = Connection::open(self.listener).unwrap();
        let length = body.len();
        let head = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer client-key\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        connection.raw(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
        connection.receive().unwrap()
    }

    /// The access log once it has `count` lines.
    fn log(&mut self, count: usize) -> Vec<Value> {
        let output = self.process.output.clone();
        let lines = || {
            let text = std::fs::read_to_string(&output).unwrap();
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<Value>>()
        };
        self.process.wait_until(START, || lines().len() >= count).unwrap();
        lines()
    }
}

fn the_patches_make_a_gateway_that_fails_over(form: Failover) {
    let mut mesh = Mesh::start(form);
    for (model, provider) in [("gpt", "OpenAI"), ("claude", "Anthropic"), ("smart", "OpenAI"), ("dead-first", "Anthropic")] {
        let whole = mesh.ask(HOST, &ask(model, "hi"));
        assert!(said(&whole).contains(&format!("simulated {provider}")), "{model}: {} {}", whole.status, whole.text());
        let streamed = mesh.ask(HOST, &ask_stream(model, "count to 3"));
        assert_eq!((streamed.status, said(&streamed).as_str()), (200, "1 2 3"), "{model}: {}", streamed.text());
    }
    mesh.openai.shared().take();
    mesh.anthropic.shared().take();
    for body in [ask("smart", "count to 3"), ask_stream("smart", "count to 3")] {
        mesh.openai.shared().behave(Behaviour::Status(503));
        let moved = mesh.ask(HOST, &body);
        assert_eq!((moved.status, said(&moved).as_str()), (200, "1 2 3"), "{}", moved.text());
        let (first, second) = (mesh.openai.shared().take(), mesh.anthropic.shared().take());
        assert_eq!((first.len(), second.len()), (1, 1));
        assert_eq!(first[0].headers.value("authorization"), Some(&*format!("Bearer {OPENAI_KEY}")));
        assert_eq!(second[0].headers.value("x-api-key"), Some(ANTHROPIC_KEY));
        assert!(!format!("{second:?}").contains(OPENAI_KEY) && !format!("{first:?}{second:?}").contains("client-key"));
    }
    // Signed behind Weir, in a cluster's own list and in a chain's.
    for (model, provider) in [("bed", "Amazon"), ("sure", "Amazon"), ("sure", "OpenAI")] {
        if provider == "OpenAI" {
            mesh.bedrock.shared().behave(Behaviour::Status(503));
        }
        let answer = mesh.ask(HOST, &ask(model, "hi"));
        assert!(said(&answer).contains(&format!("simulated {provider}")), "{model}: {} {}", answer.status, answer.text());
    }
    assert!(!format!("{:?}", mesh.openai.shared().take()[0].headers).contains("x-amz-"));
    // What is somebody else's stays theirs, on a path that Weir knows too.
    assert_eq!(mesh.ask(OTHER, &ask("smart", "hi")).text(), "theirs");
    assert_eq!(mesh.ask("nobody.example.com", &ask("nothing", "hi")).status, 404);
    let lines = mesh.log(13);
    assert!(lines.iter().all(|line| line["weir"]["ending"].is_string()), "{lines:?}");
    let attempts = |line: &Value| line["weir"]["attempts"].as_array().map(Vec::len);
    assert_eq!(lines[8..10].iter().map(attempts).collect::<Vec<_>>(), [Some(2), Some(2)]);
    let metrics = client::text(mesh.admin, "/stats/prometheus");
    assert!(metrics.contains(r#"weir_failovers{"#) && metrics.contains(r#"model="smart",provider="anthropic""#), "{metrics}");
}
