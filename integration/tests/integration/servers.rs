//! Providers that are several servers: conversations keep theirs, one that dies leaves only its own to others, and gets them back.
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use weir_core::routing::Failover;
use weir_integration::client::Response;
use weir_integration::dns::NameServer;
use weir_integration::gateway::{Gateway, Settings};
use weir_integration::paths;
use weir_integration::providers::{Behaviour, Provider, Vendor};

use crate::positions::outcomes;
use crate::tls::authority::Authority;
use crate::tls::front::{Door, Front};
use crate::world::{ANTHROPIC_KEY, CHAT, OPENAI_KEY, ask, ask_stream, in_both_forms, said, settings};

in_both_forms! {
    conversations_keep_their_server_and_spread,
    a_dead_server_leaves_its_own_conversations_to_others_and_gets_them_back,
    a_server_that_fails_is_replaced_by_another_before_the_next_target,
    a_refused_key_is_not_tried_at_another_server,
    a_canary_gets_its_share_of_conversations_and_keeps_them,
    a_server_without_others_is_never_left_out,
    where_no_server_has_an_address_the_next_target_is_tried,
}

/// Three servers of one provider, and another provider behind them.
struct Servers {
    gateway: Gateway,
    servers: Vec<Option<Provider>>,
    addresses: Vec<String>,
    spare: Provider,
}

impl Servers {
    fn start(form: Failover) -> Self {
        let servers: Vec<Provider> = (0..3).map(|_| Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap()).collect();
        let spare = Provider::start(Vendor::Anthropic, ANTHROPIC_KEY).unwrap();
        let urls: Vec<String> = servers.iter().map(|server| format!("{:?}", server.endpoint(Vendor::OpenAi))).collect();
        let document = format!(
            r#"version: 1
providers:
  pool: {{ kind: vllm, endpoints: [ {urls} ], auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }}, cooldown: {{ failures: 3, pause: 2s }} }}
  loose: {{ kind: vllm, endpoints: [ {urls} ], auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }}, cooldown: {{ failures: 0 }} }}
  wrong: {{ kind: vllm, endpoints: [ {urls} ], auth: {{ bearer: {{ env: TEST_ANTHROPIC_KEY }} }} }}
  spare: {{ kind: anthropic, endpoint: "{spare}", auth: {{ api_key: {{ env: TEST_ANTHROPIC_KEY }} }} }}
models:
  - {{ name: kept, affinity: {{ header: x-session, by: [ user, prompt ] }}, targets: [ {{ provider: pool, model: llama }} ] }}
  - {{ name: first, affinity: {{ header: x-session }}, targets: [ {{ provider: pool, model: llama }}, {{ provider: spare, model: claude-sonnet-5, priority: 1 }} ] }}
  - {{ name: any, targets: [ {{ provider: loose, model: llama }} ] }}
  - {{ name: any-first, targets: [ {{ provider: loose, model: llama }}, {{ provider: spare, model: claude-sonnet-5, priority: 1 }} ] }}
  - {{ name: canary, affinity: {{ header: x-session }}, targets: [ {{ provider: pool, model: llama, weight: 80 }}, {{ provider: spare, model: claude-sonnet-5, weight: 20 }} ] }}
  - {{ name: refused, targets: [ {{ provider: wrong, model: llama }}, {{ provider: spare, model: claude-sonnet-5, priority: 1 }} ] }}
endpoints: [ {{ prefix: /v1/embeddings, provider: loose }} ]
"#,
            urls = urls.join(", "),
            spare = spare.endpoint(Vendor::Anthropic)
        );
        let gateway = Gateway::start(&document, &Settings { failover: form, ..settings("servers") }).unwrap();
        let addresses = servers.iter().map(|server| server.address().to_string()).collect();
        Self { gateway, servers: servers.into_iter().map(Some).collect(), addresses, spare }
    }

    fn ask(&self, model: &str, headers: &[(&str, &str)], body: serde_json::Value) -> Response {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        let mut body = body;
        body["model"] = model.into();
        self.gateway.connect().request("POST", CHAT, &all, body.to_string().as_bytes()).unwrap()
    }

    /// Which servers have been asked since, by their places, and that each was asked by its own name and for nothing that it need not know.
    fn took(&self) -> Vec<usize> {
        let mut took = Vec::new();
        for (place, server) in self.servers.iter().enumerate() {
            for request in server.iter().flat_map(|server| server.shared().take()) {
                assert_eq!(request.headers.value("host"), Some(&*self.addresses[place]));
                let headers = format!("{:?}", request.headers).to_lowercase();
                for word in ["x-weir", "x-session", "hash", "conversation", "envoy"] {
                    assert!(!headers.contains(word), "{word}: {headers}");
                }
                took.push(place);
            }
        }
        took
    }

    /// The server of a conversation.
    fn home(&self, session: &str) -> usize {
        let response = self.ask("kept", &[("x-session", session)], ask("kept", "count to 3"));
        assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{}", response.text());
        let took = self.took();
        assert_eq!(took.len(), 1, "{session}: {took:?}");
        took[0]
    }

    fn homes(&self, count: usize) -> BTreeMap<String, usize> {
        (0..count).map(|number| format!("session-{number}")).map(|session| (session.clone(), self.home(&session))).collect()
    }
}

fn conversations_keep_their_server_and_spread(form: Failover) {
    let world = Servers::start(form);
    let homes = world.homes(60);
    for place in 0..3 {
        let share = homes.values().filter(|home| **home == place).count();
        assert!((8..=35).contains(&share), "{place}: {share} of 60");
    }
    for (session, home) in &homes {
        assert_eq!(world.home(session), *home, "{session}");
    }
    // Whatever clients say in headers, the conversation alone decides.
    for (number, (session, home)) in homes.iter().take(20).enumerate() {
        let word = number.to_string();
        let tries = ["x-weir-conversation", "x-weir-affinity", "envoy.hashable_string", "x-envoy-hash"].map(|name| (name, word.as_str()));
        let headers: Vec<(&str, &str)> = tries.into_iter().chain([("x-session", session.as_str())]).collect();
        assert_eq!(world.ask("kept", &headers, ask_stream("kept", "hi")).status, 200);
        assert_eq!(world.took(), [*home], "{session}");
    }
    // Other marks of a conversation.
    for number in 0..6 {
        let user = format!("user-{number}");
        let mut body = ask("kept", "hi");
        body["user"] = user.as_str().into();
        let homes: Vec<usize> = (0..3)
            .map(|_| {
                assert_eq!(world.ask("kept", &[], body.clone()).status, 200);
                world.took()[0]
            })
            .collect();
        assert!(homes.iter().all(|home| *home == homes[0]), "{user}: {homes:?}");
    }
    // Where no affinity is asked for all servers have their part, paths that name no model included.
    for path in [CHAT, "/v1/embeddings"] {
        let mut parts = [0; 3];
        for _ in 0..40 {
            let body = ask("any", "hi").to_string();
            let response = world.gateway.connect().request("POST", path, &[("content-type", "application/json")], body.as_bytes()).unwrap();
            assert_eq!(response.status, 200, "{}", response.text());
            parts[world.took()[0]] += 1;
        }
        assert!(parts.iter().all(|part| *part >= 3), "{path}: {parts:?}");
    }
}

fn a_dead_server_leaves_its_own_conversations_to_others_and_gets_them_back(form: Failover) {
    let mut world = Servers::start(form);
    let homes = world.homes(30);
    let lines = world.gateway.wait_log(30).len();
    let dead = world.servers[1].take().unwrap();
    let address = dead.address().to_string();
    drop(dead);
    let mut twice = 0;
    for (session, home) in &homes {
        let now = world.home(session);
        assert!(now != 1 && (*home == 1 || now == *home), "{session}: {home} -> {now}");
    }
    let records = world.gateway.wait_log(lines + 30).split_off(lines);
    for line in &records {
        let attempts = line["weir"]["attempts"].as_array().unwrap();
        assert!(attempts.len() <= 2 && line["weir"].get("left_out").is_none(), "{line}");
        if attempts.len() == 2 {
            twice += 1;
            assert_eq!((attempts[0]["provider"].as_str(), attempts[1]["provider"].as_str()), (Some("pool"), Some("pool")), "{line}");
        }
    }
    // Then Envoy leaves the server out.
    assert!((1..=6).contains(&twice), "{twice} requests paid for an attempt");
    assert!(world.gateway.stats("wasmcustom.weir.cooldowns").is_empty(), "one dead server is not a dead provider");
    // Those that are left carry all: none of it goes on to the next target.
    for number in 0..60 {
        assert_eq!(world.ask("first", &[("x-session", &format!("s-{number}"))], ask("first", "hi")).status, 200);
    }
    assert_eq!((world.took().len(), world.spare.shared().take().len()), (60, 0));
    world.servers[1] = Some(Provider::start_at(&address, Vendor::OpenAi, OPENAI_KEY).unwrap());
    let since = Instant::now();
    let moved = homes.iter().find(|(_, home)| **home == 1).unwrap().0;
    while world.home(moved) != 1 {
        assert!(since.elapsed() < Duration::from_secs(20), "it never came back");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(world.homes(30), homes);
}

fn a_server_that_fails_is_replaced_by_another_before_the_next_target(form: Failover) {
    let mut world = Servers::start(form);
    for failure in [Behaviour::Status(503), Behaviour::Status(429), Behaviour::Reset, Behaviour::ErrorFirst] {
        let home = world.home("s");
        world.servers[home].as_ref().unwrap().shared().behave(failure.clone());
        // Between the targets of a model Envoy can't keep from a server that it has tried, where it goes through them by itself.
        let model = if form == Failover::Clusters { "first" } else { "kept" };
        let response = world.ask(model, &[("x-session", "s")], ask_stream(model, "count to 3"));
        assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{failure:?}: {}", response.text());
        let took = world.took();
        assert!(took.len() == 2 && took[0] != took[1] && took.contains(&home), "{failure:?}: {home} {took:?}");
        assert!(world.spare.shared().take().is_empty(), "{failure:?}");
    }
    // As many of them fail as are tried: the next target answers; alone, the client is told.
    let tried = if form == Failover::Clusters { 2 } else { 1 };
    let fail = |world: &Servers| {
        for server in world.servers.iter().flatten() {
            server.shared().behave(Behaviour::Status(503));
        }
    };
    fail(&world);
    let response = world.ask("any-first", &[], ask("any-first", "count to 3"));
    assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{}", response.text());
    assert_eq!((world.took().len(), world.spare.shared().take().len()), (tried, 1));
    for server in world.servers.iter_mut() {
        *server = None;
    }
    let response = world.ask("first", &[("x-session", "s")], ask("first", "count to 3"));
    assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{}", response.text());
    assert_eq!(world.spare.shared().take().len(), 1);
    assert_eq!(world.ask("any", &[], ask("any", "hi")).status, 503);
}

fn a_refused_key_is_not_tried_at_another_server(form: Failover) {
    let world = Servers::start(form);
    let response = world.ask("refused", &[], ask("refused", "count to 3"));
    assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{}", response.text());
    assert_eq!((world.took().len(), world.spare.shared().take().len()), (1, 1));
}

fn a_canary_gets_its_share_of_conversations_and_keeps_them(form: Failover) {
    let world = Servers::start(form);
    let place = |session: &str| {
        assert_eq!(world.ask("canary", &[("x-session", session)], ask("canary", "hi")).status, 200);
        (world.took(), world.spare.shared().take().len())
    };
    let mut at_canary = 0;
    for number in 0..60 {
        let session = format!("session-{number}");
        let first = place(&session);
        assert_eq!(first.0.len() + first.1, 1, "{session}");
        assert_eq!(place(&session), first, "{session}");
        at_canary += first.1;
    }
    assert!((4..=24).contains(&at_canary), "{at_canary} of 60 conversations at a canary with a fifth of the weight");
}

/// The rest of a plan is no reason either: Weir's own cool-down does that, and asks a target that is alone all the same.
fn a_server_without_others_is_never_left_out(form: Failover) {
    let names = NameServer::start().unwrap();
    names.know("pool.test", &[Ipv4Addr::LOCALHOST]);
    let server = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
    let port = server.address().port();
    let rest = "auth: { bearer: { env: TEST_OPENAI_KEY } }, cooldown: { failures: 2, pause: 60s }";
    let document = format!(
        "version: 1\nproviders:\n  listed: {{ kind: vllm, endpoints: [ \"http://127.0.0.1:{port}/v1\" ], {rest} }}\n  named: {{ kind: vllm, endpoints: [ \"http://pool.test:{port}/v1\" ], {rest} }}\nmodels:\n  - {{ name: listed, targets: [ {{ provider: listed, model: llama }} ] }}\n  - {{ name: named, targets: [ {{ provider: named, model: llama }} ] }}\n"
    );
    let settings = Settings { failover: form, resolver: Some(names.address()), ..settings("servers") };
    let mut gateway = Gateway::start(&document, &settings).unwrap();
    gateway.wait_resolved(&["listed", "named"]).unwrap();
    for model in ["listed", "named"] {
        for _ in 0..6 {
            let response = gateway.connect().post(CHAT, &ask(model, "[sim:500]")).unwrap();
            assert_eq!(response.status, 500, "{model}: {}", response.text());
        }
        // As many as it was asked: the address behind it would have answered none.
        assert!(server.shared().take().len() >= 6, "{model}");
        let response = gateway.connect().post(CHAT, &ask(model, "count to 3")).unwrap();
        assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{model}: {}", response.text());
        assert_eq!(gateway.stat(&format!("cluster.{model}.outlier_detection.ejections_active")).unwrap_or(0), 0, "{model}");
    }
}

/// Then Envoy picks the tombstone, whose metadata name no server.
fn where_no_server_has_an_address_the_next_target_is_tried(form: Failover) {
    let names = NameServer::start().unwrap();
    let spare = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
    let endpoint = spare.endpoint(Vendor::OpenAi);
    let auth = "auth: { bearer: { env: TEST_OPENAI_KEY } }, cooldown: { failures: 0 }";
    let document = format!(
        "version: 1\nproviders:\n  lost: {{ kind: vllm, endpoints: [ \"http://one.test/v1\", \"http://two.test/v1\" ], {auth} }}\n  spare: {{ kind: vllm, endpoint: \"{endpoint}\", {auth} }}\nmodels:\n  - {{ name: lost-first, targets: [ {{ provider: lost, model: llama }}, {{ provider: spare, model: llama, priority: 1 }} ] }}\n"
    );
    let gateway = Gateway::start(&document, &Settings { failover: form, resolver: Some(names.address()), ..settings("servers") }).unwrap();
    let response = gateway.connect().post(CHAT, &ask("lost-first", "count to 3")).unwrap();
    assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{}", response.text());
    let line = gateway.wait_log(1)[0].clone();
    // Where Envoy goes on by itself it has passed over a priority without hosts.
    let expected: &[&str] = if form == Failover::Priorities { &["complete"] } else { &["unreachable", "unreachable", "complete"] };
    assert_eq!(outcomes(&line), expected, "{line}");
}

#[test]
fn each_server_is_asked_by_its_own_name_and_certificate() {
    let folder = paths::fresh_run("servers-tls").unwrap();
    let servers: Vec<Provider> = (0..3).map(|_| Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap()).collect();
    let trusted = Authority::new("Trusted here");
    let both = r#""h2", "http/1.1""#;
    let doors = [
        Door::new("named", trusted.certify("localhost", &folder.join("named")), both, servers[0].address()),
        Door::new("address", trusted.certify("127.0.0.1", &folder.join("address")), both, servers[1].address()),
        Door::new("misnamed", trusted.certify("other.example", &folder.join("misnamed")), both, servers[2].address()),
    ];
    let front = Front::start(&folder, &doors);
    let authorities = Some(trusted.write(&folder.join("ca.pem")));
    let [named, address, misnamed] = [0, 1, 2].map(|place| doors[place].port);
    let document = format!(
        "version: 1\nproviders:\n  pool: {{ kind: vllm, endpoints: [ \"https://localhost:{named}/v1\", \"https://127.0.0.1:{address}/v1\", \"https://localhost:{misnamed}/v1\" ], auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }} }}\nmodels: [ {{ name: m, affinity: {{ header: x-session }}, targets: [ {{ provider: pool }} ] }} ]\n"
    );
    let mut gateway = Gateway::start(&document, &Settings { authorities, ..settings("servers-tls") }).unwrap();
    gateway.wait_resolved(&["pool"]).unwrap();
    for number in 0..20 {
        let headers = [("content-type", "application/json"), ("x-session", &*format!("s-{number}"))];
        let response = gateway.connect().request("POST", CHAT, &headers, ask("m", "count to 3").to_string().as_bytes()).unwrap();
        assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{}", response.text());
    }
    let lines = front.wait(20);
    let by = |line: &str| lines.iter().filter(|seen| *seen == line).count();
    let (by_name, by_address) = (by("named localhost HTTP/2"), by("address - HTTP/2"));
    assert!(by_name >= 3 && by_address >= 3 && by_name + by_address == 20, "{lines:?}");
    for (server, authority) in servers.iter().zip([format!("localhost:{named}"), format!("127.0.0.1:{address}")]) {
        for request in server.shared().take() {
            assert_eq!(request.headers.value("host"), Some(&*authority));
        }
    }
}
