//! `weir render envoy --filter-only` in an Envoy that someone already runs: their bootstrap, with our entries pasted where the file's comments say.
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use weir_integration::client::Connection;
use weir_integration::process::{self, Process};
use weir_integration::providers::{Behaviour, Provider, Vendor};
use weir_integration::{client, fetch, gateway, paths};

use crate::world::{ANTHROPIC_KEY, CHAT, OPENAI_KEY, ask, ask_stream, assert_error, said, settings};

const START: Duration = Duration::from_secs(60);

/// What somebody runs: a listener with a route of their own. The names in capitals are where they paste.
const OWN: &str = r#"STATS
admin: { address: { socket_address: { address: 127.0.0.1, port_value: ADMIN } } }
static_resources:
  listeners:
  - name: theirs
    address: { socket_address: { address: 127.0.0.1, port_value: LISTENER } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: theirs
          route_config:
            virtual_hosts:
            - name: theirs
              domains: [ "*" ]
              routes:
              - { match: { prefix: "/theirs" }, route: { cluster: theirs } }
              - { match: { prefix: "/static" }, direct_response: { status: 200, body: { inline_string: "theirs" } } }
ROUTE
          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: /dev/stdout
LOG
FILTERS
  clusters:
  - name: theirs
    type: STATIC
    load_assignment: { cluster_name: theirs, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: THEIRS } } } } ] } ] }
CLUSTERS
"#;

/// The parts of `filter.yaml`: the entries as they stand, the fragments with their comment marks taken off.
fn parts(text: &str) -> [String; 5] {
    let (entries, rest) = text.split_once("# The route,").unwrap();
    let (route, rest) = rest.split_once("# The clusters.").unwrap();
    let (clusters, rest) = rest.split_once("# The access log").unwrap();
    let (log, stats) = rest.split_once("# The bootstrap").unwrap();
    let entries = entries.split_once("http_filters:").unwrap().1;
    // The first line of each part, up to an empty comment, is for the reader.
    let uncommented = |part: &str| {
        let lines = part.lines().skip_while(|line| *line != "#").skip(1).filter(|line| !line.is_empty());
        lines.map(|line| format!("{}\n", line.strip_prefix("# ").unwrap())).collect()
    };
    [format!("http_filters:{entries}"), uncommented(route), uncommented(clusters), uncommented(log), uncommented(stats)]
}

fn indented(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{}{line}\n", " ".repeat(by))).collect()
}

struct Own {
    process: Process,
    admin: SocketAddr,
    connection: Connection,
}

impl Own {
    /// The access log once it has `count` lines.
    fn log_of(&mut self, count: usize) -> String {
        let output = self.process.output.clone();
        let text = || std::fs::read_to_string(&output).unwrap();
        self.process.wait_until(START, || text().lines().count() >= count).unwrap();
        text()
    }
}

fn start(document: &str, theirs: &Provider) -> Own {
    let folder = paths::fresh_run("own-envoy").unwrap();
    std::fs::write(folder.join("document.yaml"), document).unwrap();
    let settings = settings("own-envoy");
    gateway::render(&settings, &folder, &["--filter-only"]).unwrap_or_else(|trouble| panic!("{trouble}"));
    let [filters, route, clusters, log, stats] = parts(&std::fs::read_to_string(folder.join("filter.yaml")).unwrap());
    let (listener, admin) = (process::free_port(), process::free_port());
    let bootstrap = OWN
        .replace("ADMIN", &admin.to_string())
        .replace("LISTENER", &listener.to_string())
        .replace("THEIRS", &theirs.address().port().to_string())
        .replace("ROUTE\n", &indented(&route, 14))
        .replace("FILTERS\n", &indented(&filters, 10))
        .replace("CLUSTERS\n", &indented(&clusters, 2))
        .replace("LOG\n", &indented(&log, 14))
        .replace("STATS\n", &stats);
    let mut process = start_envoy(&bootstrap, &settings.environment, &folder);
    let admin = SocketAddr::from(([127, 0, 0, 1], admin));
    process.wait_until(START, || client::text(admin, "/ready").trim() == "LIVE").unwrap_or_else(|trouble| panic!("{trouble}"));
    Own { process, admin, connection: Connection::open(([127, 0, 0, 1], listener).into()).unwrap() }
}

fn start_envoy(bootstrap: &str, environment: &[(String, String)], folder: &Path) -> Process {
    std::fs::write(folder.join("theirs.yaml"), bootstrap).unwrap();
    let mut envoy = Command::new(fetch::envoy::binary().unwrap());
    envoy.arg("-c").arg(folder.join("theirs.yaml")).args(["--use-dynamic-base-id", "--concurrency", "1"]);
    envoy.args(["--file-flush-interval-msec", "20"]).envs(environment.iter().cloned());
    Process::start("envoy", &envoy, folder).unwrap()
}

#[test]
fn the_filter_entries_work_in_a_configuration_of_somebodys_own() {
    let openai = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
    let anthropic = Provider::start(Vendor::Anthropic, ANTHROPIC_KEY).unwrap();
    let theirs = Provider::start(Vendor::OpenAi, "").unwrap();
    let (first, second) = (openai.endpoint(Vendor::OpenAi), anthropic.endpoint(Vendor::Anthropic));
    let document = format!(
        r#"version: 1
providers:
  openai: {{ kind: openai, endpoint: "{first}", auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }} }}
  claude: {{ kind: anthropic, endpoint: "{second}", auth: {{ api_key: {{ env: TEST_ANTHROPIC_KEY }} }} }}
models:
  - {{ name: smart, targets: [ {{ provider: openai, model: gpt-5 }}, {{ provider: claude, model: claude-sonnet-5, priority: 1 }} ] }}
  - {{ name: "claude-*", targets: [ {{ provider: claude }} ] }}
"#
    );
    let mut own = start(&document, &theirs);
    for body in
        [ask("smart", "count to 3"), ask_stream("smart", "count to 3"), ask("claude-x", "count to 3"), ask_stream("claude-x", "count to 3")]
    {
        let response = own.connection.post(CHAT, &body).unwrap();
        assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{body}: {}", response.text());
    }
    openai.shared().behave(Behaviour::Status(503));
    let moved = own.connection.post(CHAT, &ask("smart", "hi")).unwrap();
    assert!(said(&moved).contains("simulated Anthropic"), "{}", moved.text());
    let key = anthropic.shared().take().pop().unwrap();
    assert!(!format!("{key:?}").contains("client-key") && key.headers.value("x-api-key") == Some(ANTHROPIC_KEY));
    assert_error(&own.connection.post(CHAT, &ask("nothing", "hi")).unwrap(), 404, &"model_not_found".into(), "an unknown model");

    // What is theirs stays theirs: path, body and the client's key.
    let passed = own.connection.post("/theirs/v1/chat/completions", &ask("whatever", "hi")).unwrap();
    assert_eq!(passed.status, 404, "{}", passed.text());
    let seen = theirs.shared().take().pop().unwrap();
    assert_eq!((seen.json(), seen.headers.value("authorization")), (ask("whatever", "hi"), Some("Bearer client-key")));
    assert_eq!(own.connection.request("GET", "/static", &[], b"").unwrap().text(), "theirs");

    let text = own.log_of(8);
    let attempts = |line: &str| serde_json::from_str::<Value>(line).unwrap()["weir"]["attempts"].as_array().map(Vec::len);
    let counts: Vec<_> = text.lines().map(attempts).collect();
    assert_eq!(counts, [Some(1), Some(1), Some(1), Some(1), Some(2), Some(0), None, None], "{text}");
    let metrics = client::text(own.admin, "/stats/prometheus");
    assert!(metrics.contains(r#"weir_failovers{"#) && metrics.contains(r#"model="claude-*",provider="claude""#), "{metrics}");
}
