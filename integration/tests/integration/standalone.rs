//! The standalone position in a real Envoy, as `weir render envoy --standalone` sets it up: no headers are held, and routes go by authority.
use std::time::{Duration, Instant};

use serde_json::Value;
use weir_integration::client::Response;
use weir_integration::gateway::{Gateway, Settings};
use weir_integration::providers::{Behaviour, Provider, Vendor};
use weir_integration::{paths, process};

use crate::tls::authority::Authority;
use crate::tls::front::{Door, Front};
use crate::world::{ANTHROPIC_KEY, CHAT, OPENAI_KEY, World, ask, ask_stream, assert_error, said, settings};

/// The standard model at either of two providers, the second over another format.
fn document(openai: &str, claude: &str, more: &str) -> String {
    format!(
        r#"version: 1
standalone: {{ provider: {{ header: x-provider }} }}
providers:
  openai: {{ kind: openai, endpoint: "{openai}", auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }} }}
  claude: {{ kind: anthropic, endpoint: "{claude}", auth: {{ api_key: {{ env: TEST_ANTHROPIC_KEY }} }} }}
models:
  - {{ name: smart, targets: [ {{ provider: openai, model: gpt-5 }}, {{ provider: claude, model: claude-sonnet-5 }} ] }}
{more}"#
    )
}

fn start(name: &str, more: &str) -> World {
    let openai = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
    let anthropic = Provider::start(Vendor::Anthropic, ANTHROPIC_KEY).unwrap();
    let document = document(&openai.endpoint(Vendor::OpenAi), &anthropic.endpoint(Vendor::Anthropic), more);
    World::of(openai, anthropic, &document, &Settings { standalone: true, ..settings(name) })
}

fn post(gateway: &Gateway, provider: &str, body: &Value) -> Response {
    let headers =
        [("content-type", "application/json"), ("authorization", "Bearer client-key"), ("x-provider", provider), ("x-team", "blue")];
    gateway.connect().request("POST", CHAT, &headers, body.to_string().as_bytes()).unwrap()
}

#[test]
fn one_filter_alone_serves_what_the_head_picks() {
    let world = start("standalone", "");
    let gateway = &world.gateway;
    for (name, provider, path) in [("openai", &world.openai, CHAT), ("claude", &world.anthropic, "/v1/messages")] {
        for body in [ask("smart", "count to 3"), ask_stream("smart", "count to 3")] {
            let response = post(gateway, name, &body);
            assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{name}: {}", response.text());
            let seen = provider.shared().take().pop().unwrap();
            assert!(!format!("{seen:?}").contains("client-key"), "{seen:?}");
            assert!(["x-provider", "x-forwarded-proto"].iter().all(|header| seen.headers.value(header).is_none()), "{seen:?}");
            assert_eq!((seen.headers.value("content-length"), seen.headers.value("transfer-encoding")), (None, Some("chunked")), "{path}");
        }
    }
    let complete = |line: &&Value| line["weir"]["ending"] == "complete" && line.to_string().contains("usage.output_tokens");
    assert_eq!(gateway.wait_log(4).iter().filter(complete).count(), 4, "{:?}", gateway.log());

    assert_error(&post(gateway, "nobody", &ask("smart", "hi")), 400, &"unknown_provider".into(), "an unknown provider");
    assert_error(&post(gateway, "claude", &ask("nothing", "hi")), 404, &"model_not_found".into(), "an unknown model");
    world.anthropic.shared().behave(Behaviour::Status(503));
    let failed = post(gateway, "claude", &ask("smart", "hi"));
    assert_error(&failed, 503, &failed.json()["error"]["code"], "a provider that fails");

    // Longer than what Envoy holds where no route says more.
    let long = post(gateway, "openai", &ask("smart", &format!("{}count to 3", "word ".repeat(500_000))));
    assert_eq!((long.status, said(&long).as_str()), (200, "1 2 3"), "{}", long.text());

    // A client that names a provider's own host gets nowhere by that.
    world.openai.shared().take();
    let host = world.openai.address().to_string();
    for path in ["/static", "/v1/models/secret"] {
        let response = gateway.connect().request("GET", path, &[("host", &host), ("authorization", "Bearer client-key")], b"").unwrap();
        assert_eq!(response.status, 404, "{path}: {}", response.text());
    }
    assert!(world.openai.shared().take().is_empty());
}

#[test]
fn a_budget_is_charged_and_ends_with_429() {
    let port = process::free_port();
    let limits = format!(
        "identity: {{ team: {{ header: x-team, trusted: true }} }}\nlimits:\n  service: {{ endpoint: \"http://127.0.0.1:{port}/json\" }}\n  \
         budgets: [ {{ name: team-hour, key: [ team ], tokens: 20, per: hour, mode: check, on_failure: deny }} ]\n"
    );
    let world = start("standalone-budget", &limits);
    let limiter = world.gateway.limiter(&format!("127.0.0.1:{port}")).unwrap();
    let mut used = 0;
    for (name, body) in [("openai", ask("smart", "count to 3")), ("claude", ask("smart", "count to 100"))] {
        let response = post(&world.gateway, name, &body);
        assert_eq!(response.status, 200, "{}", response.text());
        used += response.json()["usage"]["total_tokens"].as_i64().unwrap();
        let (deadline, counter) = (Instant::now() + Duration::from_secs(10), [("rule", "team-hour/t"), ("team", "blue")]);
        while limiter.counter(&counter) != used {
            assert!(Instant::now() < deadline, "{:?} and not {used}", limiter.counters());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let refused = post(&world.gateway, "claude", &ask_stream("smart", "hi"));
    assert_error(&refused, 429, &refused.json()["error"]["code"], "the budget is spent");
    assert!(refused.headers.value("retry-after").is_some_and(|seconds| seconds.parse::<u64>().is_ok()), "{:?}", refused.headers);
    let line = world.gateway.wait_line("the refusal", |line| line["weir"]["status"] == 429);
    assert_eq!(line["weir"]["budget"]["rule"], "team-hour", "{line}");
}

/// Envoy opens no request towards the provider; what only the body rules out finds one open.
#[test]
fn what_the_head_rules_out_opens_no_request() {
    let more = r#"
  - { name: other, targets: [ { provider: openai, model: gpt-5 } ] }
identity: { team: { header: x-team, trusted: true } }
limits: { concurrency: [ { key: [ team ], requests: 1 } ] }
"#;
    let world = start("standalone-head", more);
    let gateway = &world.gateway;
    let opened = || gateway.stat("cluster.claude.upstream_rq_total").unwrap_or(0);
    let body = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;
    for model in ["nothing", "other"] {
        let path = format!("/v1beta/models/{model}:generateContent");
        let headers = [("content-type", "application/json"), ("x-provider", "claude")];
        let refused = gateway.connect().request("POST", &path, &headers, body.as_bytes()).unwrap();
        assert_eq!((refused.status, opened()), (404, 0), "{model}: {}", refused.text());
    }
    std::thread::scope(|scope| {
        let held = scope.spawn(|| post(gateway, "claude", &ask_stream("smart", "count to 3 [sim:gated]")));
        let since = Instant::now();
        while world.anthropic.shared().take().is_empty() {
            assert!(since.elapsed() < Duration::from_secs(10), "the provider is not asked");
            std::thread::sleep(Duration::from_millis(5));
        }
        let refused = post(gateway, "claude", &ask("smart", "hi"));
        assert_eq!((refused.status, opened()), (429, 1), "{}", refused.text());
        world.anthropic.shared().permit(1000);
        assert_eq!(said(&held.join().unwrap()), "1 2 3");
    });
    gateway.wait_line("the held one", |line| line["weir"]["ending"] == "complete");
    let refused = post(gateway, "claude", &ask("other", "hi"));
    assert_eq!((refused.status, opened()), (404, 2), "{}", refused.text());
    assert!(world.anthropic.shared().take().is_empty(), "no body leaves");
}

#[test]
fn providers_over_tls_are_asked_by_their_names() {
    let folder = paths::fresh_run("standalone-tls").unwrap();
    let openai = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
    let claude = Provider::start(Vendor::Anthropic, ANTHROPIC_KEY).unwrap();
    let trusted = Authority::new("Trusted here");
    let doors = [
        Door::new("openai", trusted.certify("localhost", &folder.join("openai")), r#""h2", "http/1.1""#, openai.address()),
        Door::new("misnamed", trusted.certify("other.example", &folder.join("misnamed")), r#""http/1.1""#, claude.address()),
    ];
    let front = Front::start(&folder, &doors);
    let [good, misnamed] = doors.map(|door| door.port);
    let document = document(&format!("https://localhost:{good}/v1"), &format!("https://localhost:{misnamed}"), "");
    let settings = Settings { authorities: Some(trusted.write(&folder.join("ca.pem"))), standalone: true, ..settings("standalone-tls") };
    let mut gateway = Gateway::start(&document, &settings).unwrap_or_else(|trouble| panic!("{trouble}"));
    gateway.wait_resolved(&["openai", "claude"]).unwrap();
    let response = post(&gateway, "openai", &ask("smart", "count to 3"));
    assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{}", response.text());
    assert_eq!(front.wait(1), ["openai localhost HTTP/2"]);
    let refused = post(&gateway, "claude", &ask("smart", "count to 3"));
    assert_error(&refused, 503, &refused.json()["error"]["code"], "a certificate of another host");
    assert!(claude.shared().take().is_empty(), "its key went to a host that is another");
}
