//! Budgets against the rate-limit service: charged by the provider's own counts on every ending, refused in the client's format.
use std::time::{Duration, Instant};

use weir_integration::client::{Connection, Response};
use weir_integration::limiter::{Fault, Limiter};
use weir_integration::process;
use weir_integration::providers::{Behaviour, Scripted};

use crate::world::{CHAT, World, ask, ask_stream, assert_error, said, standard};

struct Limited {
    world: World,
    limiter: Limiter,
}

impl Limited {
    fn start(budgets: &str) -> Self {
        let port = process::free_port();
        let limits = format!(
            "identity:\n  team: {{ header: x-team, trusted: true }}\nlimits:\n  service: {{ endpoint: \"http://127.0.0.1:{port}/json\", timeout: 250ms }}\n  budgets:\n{budgets}"
        );
        let world = World::with("budgets", |openai, anthropic| format!("{}\n{limits}", standard(openai, anthropic)));
        let limiter = world.gateway.limiter(&format!("127.0.0.1:{port}")).unwrap();
        Self { world, limiter }
    }

    fn ask(&self, team: &str, body: &serde_json::Value) -> Response {
        self.world.gateway.connect().request("POST", CHAT, &headers(team), body.to_string().as_bytes()).unwrap()
    }

    fn used(&self, rule: &str, team: &str, model: &str) -> i64 {
        self.limiter.counter(&[("rule", rule), ("team", team), ("model", model)])
    }

    /// Waits until the counter stands at `expected`.
    fn settles(&self, rule: &str, team: &str, model: &str, expected: i64) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.used(rule, team, model) != expected {
            assert!(Instant::now() < deadline, "{rule} {team} {model}: {:?} and not {expected}", self.limiter.counters());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn headers(team: &str) -> [(&str, &str); 2] {
    [("content-type", "application/json"), ("x-team", team)]
}

fn total(response: &Response) -> i64 {
    response.json()["usage"]["total_tokens"].as_i64().unwrap()
}

/// A provider that counts the request and then fails has been paid for it; what it used stands apart, in the record and in the metrics.
#[test]
fn what_a_replaced_attempt_used_is_charged_and_marked() {
    let limited = Limited::start(TOKENS);
    let started = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"c\",",
        "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":40,\"output_tokens\":1}}}\n\n",
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"
    );
    limited.world.anthropic.shared().script(Scripted::stream(vec![started.as_bytes().to_vec()]));
    let response = limited.ask("green", &ask_stream("clever", "count to 3"));
    assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{}", response.text());
    let line = &limited.world.gateway.wait_log(1)[0];
    let discarded = &line["weir"]["attempts"][0]["discarded"];
    assert_eq!((&discarded["input_tokens"], &discarded["usage_source"]), (&40.into(), &"reported".into()), "{line}");
    assert_eq!(line["weir"]["attempts"][1]["discarded"], serde_json::Value::Null, "{line}");
    let counted = |name: &str| line["gen_ai"][name].as_i64().unwrap();
    // What the record sums up is what is charged.
    let used = counted("usage.input_tokens") + counted("usage.output_tokens");
    let wasted = discarded["input_tokens"].as_i64().unwrap() + discarded["output_tokens"].as_i64().unwrap();
    assert!(used > wasted, "{line}");
    limited.settles("team-hour/t", "green", "clever", used);
    // The metrics say whose tokens they were.
    let tokens = limited.world.gateway.stats("wasmcustom.weir.tokens;");
    let of = |provider: &str| -> i64 {
        let own = tokens.iter().filter(|(name, _)| name.contains(&format!("provider={provider};")));
        own.map(|(_, value)| value.parse::<i64>().unwrap()).sum()
    };
    assert_eq!((of("anthropic"), of("openai")), (wasted, used - wasted), "{tokens:?}");
}

const TOKENS: &str = "  - { name: team-hour, key: [team, model], tokens: 500, per: hour, mode: check, on_failure: allow }\n";

#[test]
fn tokens_are_charged_exactly_and_the_end_is_429() {
    let limited = Limited::start(TOKENS);
    let mut used = 0;
    let refused = loop {
        let response = limited.ask("blue", &ask("claude", "count to 100"));
        if response.status != 200 {
            break response;
        }
        used += total(&response);
        limited.settles("team-hour/t", "blue", "claude", used);
        assert!(used < 1000, "no refusal although {used} tokens were used");
    };
    assert!(used >= 500, "refused at {used}: {} {}", refused.status, refused.text());
    assert_eq!(refused.status, 429, "{}", refused.text());
    let retry = refused.headers.value("retry-after").and_then(|value| value.parse::<u64>().ok());
    let retry = retry.unwrap_or_else(|| panic!("{:?} {}", refused.headers, refused.text()));
    assert!((1..=3600).contains(&retry), "{retry}");
    assert!(refused.json()["error"]["type"].as_str().is_some_and(|kind| !kind.is_empty()), "{}", refused.text());
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("team-hour"), "{}", refused.text());
    assert_eq!(limited.ask("green", &ask("claude", "hi")).status, 200, "another team has its own budget");
    assert_eq!(limited.ask("blue", &ask("gpt", "hi")).status, 200, "another model has its own budget");
    let line = limited.world.gateway.wait_line("the refusal", |line| line["weir"]["status"] == 429);
    assert_eq!(line["weir"]["budget"]["rule"], "team-hour", "{line}");
    assert!(line["weir"]["attempts"].as_array().is_none_or(Vec::is_empty), "{line}");
    limited.settles("team-hour/t", "blue", "claude", used);
}

#[test]
fn a_stream_is_charged_and_so_is_one_that_the_client_leaves() {
    let limited = Limited::start(TOKENS);
    for model in ["gpt", "claude"] {
        let whole = total(&limited.ask("a", &ask(model, "count to 30")));
        assert_eq!(limited.ask("b", &ask_stream(model, "count to 30")).status, 200);
        limited.settles("team-hour/t", "a", model, whole);
        limited.settles("team-hour/t", "b", model, whole);
        limited.world.provider(model).shared().behave(Behaviour::Gated);
        let mut connection = Connection::open(limited.world.gateway.listener).unwrap();
        let body = ask_stream(model, "count to 30").to_string();
        connection.send("POST", CHAT, &headers("leaver"), body.as_bytes()).unwrap();
        limited.world.provider(model).shared().permit(12);
        connection.receive_head(false).unwrap();
        connection.piece().unwrap();
        connection.close();
        let deadline = Instant::now() + Duration::from_secs(10);
        while limited.used("team-hour/t", "leaver", model) == 0 {
            assert!(Instant::now() < deadline, "{model}: nothing was charged for a client that left");
            std::thread::sleep(Duration::from_millis(5));
        }
        limited.world.provider(model).shared().permit(1000);
        let left = |line: &serde_json::Value| {
            line["weir"]["route"] == model && line["weir"]["ending"].as_str().is_some_and(|e| e.contains("client"))
        };
        let line = limited.world.gateway.wait_line("the client that left", left);
        assert_ne!(line["weir"]["usage_source"], "none", "{line}");
        assert!(limited.used("team-hour/t", "leaver", model) <= 2 * whole, "{line}");
    }
}

#[test]
fn failed_requests_cost_nothing_and_failover_is_charged_once() {
    let limited = Limited::start(TOKENS);
    assert_eq!(limited.ask("a", &ask("gpt", "[sim:500]")).status, 500);
    assert_eq!(limited.ask("a", &ask("dead", "hi")).status, 503);
    limited.world.openai.shared().behave(Behaviour::Status(503));
    let response = limited.ask("a", &ask("smart", "count to 10"));
    assert_eq!(response.status, 200, "{}", response.text());
    limited.settles("team-hour/t", "a", "smart", total(&response));
    assert_eq!((limited.used("team-hour/t", "a", "gpt"), limited.used("team-hour/t", "a", "dead")), (0, 0));
}

#[test]
fn requests_are_counted_too_at_passing_endpoints() {
    let limited = Limited::start("  - { name: rpm, key: [team], requests: 3, per: hour, mode: check, on_failure: allow }\n");
    let get = |team| limited.world.gateway.connect().request("GET", "/v1/files", &[("x-team", team)], b"").unwrap();
    for n in 1..=3 {
        assert_eq!(get("a").status, 200, "request {n}");
        let deadline = Instant::now() + Duration::from_secs(10);
        while limited.limiter.counter(&[("rule", "rpm/r"), ("team", "a")]) != n {
            assert!(Instant::now() < deadline, "{:?}", limited.limiter.counters());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let refused = get("a");
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert_eq!(get("b").status, 200);
}

#[test]
fn when_the_service_fails_each_rule_says_what_happens() {
    let limited = Limited::start(TOKENS);
    for fault in [Fault::Refuse, Fault::Close, Fault::Freeze] {
        limited.limiter.fault(fault);
        let begun = Instant::now();
        assert_eq!(limited.ask("open", &ask("gpt", "hi")).status, 200, "{fault:?}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{fault:?}: the client waited {:?}", begun.elapsed());
    }
    let strict = Limited::start("  - { name: strict, key: [team, model], tokens: 500, per: hour, mode: check, on_failure: deny }\n");
    assert_eq!(strict.ask("a", &ask("gpt", "hi")).status, 200);
    strict.limiter.fault(Fault::Refuse);
    let refused = strict.ask("b", &ask("gpt", "hi"));
    assert!(matches!(refused.status, 429 | 503), "{}", refused.text());
    assert!(refused.json()["error"]["message"].is_string(), "{}", refused.text());
    strict.limiter.fault(Fault::None);
    let deadline = Instant::now() + Duration::from_secs(10);
    while strict.ask("b", &ask("gpt", "hi")).status != 200 {
        assert!(Instant::now() < deadline, "still refused although the service is back");
    }
}

#[test]
fn a_shadow_rule_refuses_nothing() {
    let limited = Limited::start("  - { name: quiet, key: [team, model], tokens: 10, per: hour, mode: check, shadow: true }\n");
    let mut used = 0;
    for _ in 0..3 {
        let response = limited.ask("a", &ask("gpt", "count to 20"));
        assert_eq!(response.status, 200, "{}", response.text());
        used += total(&response);
        // Nobody waits for a shadow rule, so its next decision is only sure once the service has the charge.
        limited.settles("quiet/t", "a", "gpt", used);
    }
    let lines = limited.world.gateway.wait_log(3);
    let decisions: Vec<&serde_json::Value> = lines.iter().map(|line| &line["weir"]["budget"]).collect();
    assert!(decisions.iter().any(|budget| budget["decision"] == "shadow"), "{decisions:?} {:?}", limited.limiter.counters());
}

#[test]
fn a_missing_identity_can_refuse() {
    let port = process::free_port();
    let more = format!(
        "identity:\n  team: {{ header: x-team, trusted: true, missing: refuse }}\nlimits:\n  service: {{ endpoint: \"http://127.0.0.1:{port}/json\" }}\n  budgets:\n{TOKENS}"
    );
    let world = World::start("budgets", &more);
    let _limiter = world.gateway.limiter(&format!("127.0.0.1:{port}")).unwrap();
    let refused = world.chat(&ask("gpt", "hi"));
    assert!(matches!(refused.status, 401 | 403), "{}: {}", refused.status, refused.text());
    let code = refused.json()["error"]["code"].clone();
    assert_error(&refused, refused.status, &code, "no team");
}
