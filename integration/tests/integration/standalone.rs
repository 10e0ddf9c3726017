//! The standalone position in a real Envoy that gives it no `allow_on_headers_stop_iteration`: the platform's routes go by authority.
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use weir_integration::client::{Connection, Response};
use weir_integration::process::{self, Process};
use weir_integration::providers::{Behaviour, Provider, Vendor};
use weir_integration::{client, fetch, paths};

use crate::world::{ANTHROPIC_KEY, CHAT, OPENAI_KEY, ask, ask_stream, assert_error, said, settings};

const START: Duration = Duration::from_secs(60);

/// The names in capitals are filled.
const ENVOY: &str = r#"
admin: { address: { socket_address: { address: 127.0.0.1, port_value: ADMIN } } }
static_resources:
  listeners:
  - name: gateway
    address: { socket_address: { address: 127.0.0.1, port_value: LISTENER } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: gateway
          route_config:
            virtual_hosts:
            - { name: openai, domains: [ "127.0.0.1:OPENAI" ], routes: [ { match: { prefix: "/" }, request_headers_to_remove: [ x-forwarded-proto ], route: { cluster: openai, timeout: 0s } } ] }
            - { name: claude, domains: [ "127.0.0.1:CLAUDE" ], routes: [ { match: { prefix: "/" }, request_headers_to_remove: [ x-forwarded-proto ], route: { cluster: claude, timeout: 0s } } ] }
            - { name: theirs, domains: [ "*" ], routes: [ { match: { prefix: "/static" }, direct_response: { status: 200, body: { inline_string: "theirs" } } } ] }
          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: /dev/stdout
              log_format: { omit_empty_values: true, text_format_source: { inline_string: "{\"status\":%RESPONSE_CODE%%FILTER_STATE(wasm.weir.log:PLAIN)%}\n" } }
          http_filters:
          - name: weir
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config:
                root_id: weir.standalone
                vm_config: { runtime: envoy.wasm.runtime.v8, code: { local: { filename: MODULE } }, environment_variables: { host_env_keys: [ TEST_OPENAI_KEY, TEST_ANTHROPIC_KEY ] } }
                configuration: { "@type": type.googleapis.com/google.protobuf.StringValue, value: 'DOCUMENT' }
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  clusters:
  - { name: openai, type: STATIC, load_assignment: { cluster_name: openai, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: OPENAI } } } } ] } ] } }
  - { name: claude, type: STATIC, load_assignment: { cluster_name: claude, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: CLAUDE } } } } ] } ] } }
"#;

const DOCUMENT: &str = r#"{"version": 1, "standalone": {"provider": {"header": "x-provider"}}, "providers": {"openai": {"kind": "openai", "endpoint": "FIRST", "auth": {"bearer": {"env": "TEST_OPENAI_KEY"}}}, "claude": {"kind": "anthropic", "endpoint": "SECOND", "auth": {"api_key": {"env": "TEST_ANTHROPIC_KEY"}}}}, "models": [{"name": "smart", "targets": [{"provider": "openai", "model": "gpt-5"}, {"provider": "claude", "model": "claude-sonnet-5"}]}]}"#;

fn post(connection: &mut Connection, provider: &str, body: &Value) -> Response {
    let headers = [("content-type", "application/json"), ("authorization", "Bearer client-key"), ("x-provider", provider)];
    connection.request("POST", CHAT, &headers, body.to_string().as_bytes()).unwrap()
}

#[test]
fn one_filter_alone_serves_what_the_head_picks() {
    let openai = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
    let claude = Provider::start(Vendor::Anthropic, ANTHROPIC_KEY).unwrap();
    let document = DOCUMENT.replace("FIRST", &openai.endpoint(Vendor::OpenAi)).replace("SECOND", &claude.endpoint(Vendor::Anthropic));
    let (folder, settings) = (paths::fresh_run("standalone").unwrap(), settings("standalone"));
    let (listener, admin) = (process::free_port(), process::free_port());
    let bootstrap = ENVOY
        .replace("DOCUMENT", &document)
        .replace("MODULE", &settings.module.to_string_lossy())
        .replace("ADMIN", &admin.to_string())
        .replace("LISTENER", &listener.to_string())
        .replace(" OPENAI }", &format!(" {} }}", openai.address().port()))
        .replace(" CLAUDE }", &format!(" {} }}", claude.address().port()))
        .replace(":OPENAI\"", &format!(":{}\"", openai.address().port()))
        .replace(":CLAUDE\"", &format!(":{}\"", claude.address().port()));
    std::fs::write(folder.join("envoy.yaml"), bootstrap).unwrap();
    let mut envoy = Command::new(fetch::envoy::binary().unwrap());
    envoy.arg("-c").arg(folder.join("envoy.yaml")).args(["--use-dynamic-base-id", "--concurrency", "1"]);
    envoy.args(["--file-flush-interval-msec", "20"]).envs(settings.environment.iter().cloned());
    let mut process = Process::start("envoy", &envoy, &folder).unwrap();
    let admin = SocketAddr::from(([127, 0, 0, 1], admin));
    process.wait_until(START, || client::text(admin, "/ready").trim() == "LIVE").unwrap_or_else(|trouble| panic!("{trouble}"));
    let open = || Connection::open(([127, 0, 0, 1], listener).into()).unwrap();

    for (name, provider, path) in [("openai", &openai, "/v1/chat/completions"), ("claude", &claude, "/v1/messages")] {
        for body in [ask("smart", "count to 3"), ask_stream("smart", "count to 3")] {
            let response = post(&mut open(), name, &body);
            assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{name}: {}", response.text());
            let seen = provider.shared().take().pop().unwrap();
            assert!(!format!("{seen:?}").contains("client-key") && seen.headers.value("x-provider").is_none());
            assert_eq!((seen.headers.value("content-length"), seen.headers.value("transfer-encoding")), (None, Some("chunked")), "{path}");
        }
    }
    assert_error(&post(&mut open(), "nobody", &ask("smart", "hi")), 400, &"unknown_provider".into(), "an unknown provider");
    assert_error(&post(&mut open(), "claude", &ask("nothing", "hi")), 404, &"model_not_found".into(), "an unknown model");
    claude.shared().behave(Behaviour::Status(503));
    let failed = post(&mut open(), "claude", &ask("smart", "hi"));
    assert_error(&failed, 503, &failed.json()["error"]["code"], "a provider that fails");
    assert_eq!(open().request("GET", "/static", &[], b"").unwrap().text(), "theirs");
    let output = process.output.clone();
    let text = || std::fs::read_to_string(&output).unwrap();
    process.wait_until(START, || text().lines().count() >= 8).unwrap();
    let complete = text().lines().filter(|line| line.contains("\"ending\":\"complete\"") && line.contains("usage.output_tokens")).count();
    assert_eq!(complete, 4, "{}", text());
}
