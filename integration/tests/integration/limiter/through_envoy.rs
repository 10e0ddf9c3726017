//! What Envoy says of a call that failed, and what the ledger makes of it: only a call that never left goes back to what is owed.
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use weir_core::limits::{CallFault, Claim, Decision, Ledger, Synced};
use weir_integration::limiter::{Clock, Fault, Limiter};
use weir_integration::process::{self, Process};
use weir_integration::{client, fetch, paths};

use super::{cases, ledger};

const SECOND: u64 = 1_000_000_000;

/// An Envoy that passes `/ALIVE`, `/DEAD` and `/EMPTY` to clusters with the service, with a closed port and with no host.
fn start(service: SocketAddr) -> (Process, SocketAddr) {
    let folder = paths::fresh_run("limiter").unwrap();
    let (admin, port, dead) = (process::free_port(), process::free_port(), process::free_port());
    let route =
        |name: &str| format!("{{ match: {{ prefix: /{name} }}, route: {{ cluster: {name}, prefix_rewrite: /json, timeout: 0.3s }} }}");
    let host = |port: u16| {
        format!("{{ lb_endpoints: [ {{ endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }} }} }} ] }}")
    };
    let cluster = |name: &str, hosts: String| {
        format!("  - {{ name: {name}, type: STATIC, load_assignment: {{ cluster_name: {name}, endpoints: [ {hosts} ] }} }}\n")
    };
    let bootstrap = format!(
        "admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {admin} }} }} }}
static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: limiter
          route_config: {{ virtual_hosts: [ {{ name: all, domains: [\"*\"], routes: [ {}, {}, {} ] }} ] }}
          http_filters: [ {{ name: router, typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }} }} ]
  clusters:
{}{}{}",
        route("ALIVE"),
        route("DEAD"),
        route("EMPTY"),
        cluster("ALIVE", host(service.port())),
        cluster("DEAD", host(dead)),
        cluster("EMPTY", String::new()),
    );
    std::fs::write(folder.join("envoy.yaml"), bootstrap).unwrap();
    let mut envoy = Command::new(fetch::envoy::binary().unwrap());
    envoy.arg("-c").arg(folder.join("envoy.yaml")).args(["--concurrency", "1", "--use-dynamic-base-id"]);
    let mut process = Process::start("envoy", &envoy, &folder).unwrap();
    let admin = ([127, 0, 0, 1], admin).into();
    process.wait_until(Duration::from_secs(30), || client::text(admin, "/ready").trim() == "LIVE").unwrap();
    (process, ([127, 0, 0, 1], port).into())
}

#[test]
fn a_failed_call_is_told_apart_from_one_that_never_left() {
    let limiter = Limiter::start("127.0.0.1:0", cases::RULES, Clock::System).unwrap();
    let (_envoy, address) = start(limiter.address());
    for (path, fault, expected) in [
        ("/DEAD", Fault::None, CallFault::NeverSent),
        ("/EMPTY", Fault::None, CallFault::NeverSent),
        ("/ALIVE", Fault::Close, CallFault::Unanswered),
        ("/ALIVE", Fault::DropAnswer, CallFault::Unanswered),
        ("/ALIVE", Fault::Freeze, CallFault::Unanswered),
        ("/ALIVE", Fault::Refuse, CallFault::Unanswered),
    ] {
        limiter.fault(fault);
        let mut ledger = Ledger::default();
        let mut claim = Claim::new(ledger::keys("envoy", SECOND), ledger::amounts(), SECOND);
        assert_eq!(ledger.decide(&mut claim, SECOND), Decision::Sync);
        let call = ledger.sync_request("weir", SECOND, 50).unwrap();
        let response = client::once(address, "POST", path, &[], call.body.as_bytes()).unwrap();
        let synced = ledger.sync_answer(call.id, response.status, &response.body, SECOND);
        assert_eq!(synced, Synced::Failed(expected), "{path} {fault:?}: {} {}", response.status, response.text());
    }
}
