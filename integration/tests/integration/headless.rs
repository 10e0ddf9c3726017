//! A provider whose one name stands for several servers, as a headless service's does: each address is a server, and they come and go.
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use weir_core::routing::Failover;
use weir_integration::client::Response;
use weir_integration::dns::NameServer;
use weir_integration::gateway::{Gateway, Settings};
use weir_integration::process;
use weir_integration::providers::{Provider, Vendor};

use crate::world::{ANTHROPIC_KEY, CHAT, OPENAI_KEY, ask, in_both_forms, said, settings};

in_both_forms! {
    each_address_is_a_server_and_one_that_dies_leaves_its_conversations_to_others,
    addresses_come_and_go_and_no_request_is_lost,
}

const NAME: &str = "pool.test";
const ADDRESSES: [Ipv4Addr; 3] = [Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)];
/// Longer than it takes until Envoy has asked for a name again.
const ASKED_AGAIN: Duration = Duration::from_secs(15);

/// Envoy asks for names again every 5 s unless it is told otherwise.
fn ask_each_second(folder: &Path) {
    let file = folder.join("xds/clusters.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("type: STRICT_DNS\n"), "{text}");
    std::fs::write(file, text.replace("type: STRICT_DNS\n", "type: STRICT_DNS\n  dns_refresh_rate: 1s\n")).unwrap();
}

struct Headless {
    gateway: Gateway,
    names: NameServer,
    /// One at each address, at the same port.
    servers: Vec<Option<Provider>>,
    spare: Provider,
    port: u16,
}

impl Headless {
    /// The name has this many addresses at first.
    fn start(failover: Failover, addresses: usize) -> Self {
        let names = NameServer::start().unwrap();
        names.know(NAME, &ADDRESSES[..addresses]);
        let port = process::free_port();
        let server = |address| Some(Provider::start_at(&format!("{address}:{port}"), Vendor::OpenAi, OPENAI_KEY).unwrap());
        let servers = ADDRESSES.map(server).into_iter().collect();
        let spare = Provider::start(Vendor::Anthropic, ANTHROPIC_KEY).unwrap();
        let document = format!(
            r#"version: 1
providers:
  pool: {{ kind: vllm, endpoints: [ "http://{NAME}:{port}/v1" ], auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }}, cooldown: {{ failures: 3, pause: 2s }} }}
  spare: {{ kind: anthropic, endpoint: "{spare}", auth: {{ api_key: {{ env: TEST_ANTHROPIC_KEY }} }} }}
models:
  - {{ name: alone, affinity: {{ header: x-session }}, targets: [ {{ provider: pool, model: llama }} ] }}
  - {{ name: first, affinity: {{ header: x-session }}, targets: [ {{ provider: pool, model: llama }}, {{ provider: spare, model: claude-sonnet-5, priority: 1 }} ] }}
"#,
            spare = spare.endpoint(Vendor::Anthropic)
        );
        let settings = Settings { failover, resolver: Some(names.address()), ..settings("headless") };
        let mut gateway = Gateway::start_changed(&document, &settings, ask_each_second).unwrap_or_else(|trouble| panic!("{trouble}"));
        gateway.wait_resolved(&["pool"]).unwrap();
        Self { gateway, names, servers, spare, port }
    }

    fn ask(&self, model: &str, session: &str) -> Response {
        let headers = [("content-type", "application/json"), ("x-session", session)];
        let response = self.gateway.connect().request("POST", CHAT, &headers, ask(model, "count to 3").to_string().as_bytes()).unwrap();
        assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{model} {session}: {}", response.text());
        response
    }

    /// Which servers have been asked since; all have one name.
    fn took(&self) -> Vec<usize> {
        let mut took = Vec::new();
        for (place, server) in self.servers.iter().enumerate() {
            for request in server.iter().flat_map(|server| server.shared().take()) {
                assert_eq!(request.headers.value("host"), Some(&*format!("{NAME}:{}", self.port)));
                took.push(place);
            }
        }
        took
    }

    /// The server that answers each of so many conversations.
    fn homes(&self, model: &str, count: usize) -> BTreeMap<String, usize> {
        let home = |number: usize| {
            let session = format!("session-{number}");
            self.ask(model, &session);
            let took = self.took();
            assert_eq!((took.len(), self.spare.shared().take().len()), (1, 0), "{model} {session}: {took:?}");
            (session, took[0])
        };
        (0..count).map(home).collect()
    }

    /// Waits until Envoy has so many servers at the name.
    fn wait_servers(&self, count: u64, form: Failover) {
        let tombstones = u64::from(form == Failover::Clusters);
        let since = Instant::now();
        while self.gateway.stat("cluster.pool.membership_total") != Some(count + tombstones) {
            assert!(since.elapsed() < ASKED_AGAIN, "{:?}", self.gateway.stats("cluster.pool.membership"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn servers_of(homes: &BTreeMap<String, usize>) -> Vec<usize> {
    (0..3).filter(|place| homes.values().any(|home| home == place)).collect()
}

fn attempts(line: &Value) -> usize {
    line["weir"]["attempts"].as_array().unwrap().len()
}

fn each_address_is_a_server_and_one_that_dies_leaves_its_conversations_to_others(form: Failover) {
    let mut world = Headless::start(form, 3);
    let homes = world.homes("alone", 40);
    assert_eq!(servers_of(&homes), [0, 1, 2]);
    assert_eq!(world.homes("alone", 40), homes, "a conversation keeps its server");
    let lines = world.gateway.wait_log(80).len();
    world.servers[1] = None;
    let now = world.homes("alone", 40);
    for (session, home) in &homes {
        assert!(now[session] != 1 && (*home == 1 || now[session] == *home), "{session}: {home} -> {}", now[session]);
    }
    let paid = world.gateway.wait_log(lines + 40)[lines..].iter().filter(|line| attempts(line) > 1).count();
    assert!((1..=6).contains(&paid), "{paid} requests paid for an attempt until Envoy left the server out");
    assert_eq!(world.homes("first", 40).len(), 40, "nobody goes to the next target while servers are left");
    // Of two that are dead one stays in, and whoever comes to it is answered by another.
    world.servers[2] = None;
    for number in 0..30 {
        world.ask("alone", &format!("session-{number}"));
    }
    assert_eq!((world.took().len(), world.spare.shared().take().len()), (30, 0));
}

fn addresses_come_and_go_and_no_request_is_lost(form: Failover) {
    let world = Headless::start(form, 1);
    assert_eq!(servers_of(&world.homes("first", 10)), [0]);
    world.names.know(NAME, &ADDRESSES);
    world.wait_servers(3, form);
    let homes = world.homes("first", 40);
    assert_eq!(servers_of(&homes), [0, 1, 2]);
    world.names.know(NAME, &ADDRESSES[..2]);
    world.wait_servers(2, form);
    let now = world.homes("first", 40);
    assert_eq!(servers_of(&now), [0, 1]);
    let moved = homes.iter().filter(|(session, home)| **home != 2 && now[*session] != **home).count();
    assert!(moved <= 2, "{moved} conversations of those that stay moved");
    // A name that has nobody left.
    world.names.know(NAME, &[]);
    world.wait_servers(0, form);
    for number in 0..5 {
        world.ask("first", &format!("session-{number}"));
    }
    assert_eq!((world.took().len(), world.spare.shared().take().len()), (0, 5));
    let line = world.gateway.log().pop().unwrap();
    assert!(attempts(&line) <= 3, "{line}");
    let told = world.gateway.connect().post(CHAT, &ask("alone", "hi")).unwrap();
    assert!(told.status == 503 && told.json()["error"]["message"].is_string(), "{}", told.text());
}
