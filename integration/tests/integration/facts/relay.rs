//! Listeners of Envoy's own that speak HTTP/2 for those who can't: the scenario's clients, and the servers behind some of its clusters.
use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};
use weir_facts::{Act, Scenario, Upstream};
use weir_integration::process;

use super::config::{address, typed};

/// Somewhere to listen.
pub fn place() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, process::free_port()))
}

/// Whether Envoy speaks HTTP/2 with this cluster.
pub fn speaks_http2(scenario: &Scenario, name: &str) -> bool {
    let says = |(known, behind): &(String, Upstream)| known == name && matches!(behind, Upstream::Says(..));
    scenario.clusters.iter().any(says) || scenario.rpcs.iter().any(|(known, _)| known == name)
}

/// Clients of HTTP/1.1 come in here, and go on to the probe's listener on HTTP/2. A request whose end is known from the beginning goes on
/// in one piece.
pub fn entrance(envoy: &mut Value, scenario: &Scenario, here: SocketAddr, probe: SocketAddr) {
    let whole = scenario.clients.iter().any(|(_, action)| matches!(action.act, Act::Whole { .. }));
    let buffer =
        json!({ "name": "buffer", "typed_config": { "@type": typed("filters.http.buffer.v3.Buffer"), "max_request_bytes": 1 << 20 } });
    let route = json!({ "match": { "prefix": "/" }, "route": { "cluster": "entrance", "timeout": "0s" } });
    listen(envoy, "entrance", here, &route, whole.then_some(buffer));
    reach(envoy, "entrance", probe, true);
}

/// What comes here on HTTP/2 goes on to a server of HTTP/1.1.
pub fn exit(envoy: &mut Value, name: &str, here: SocketAddr, server: SocketAddr) {
    let behind = format!("{name}-server");
    listen(envoy, name, here, &json!({ "match": { "prefix": "/" }, "route": { "cluster": behind, "timeout": "0s" } }), None);
    reach(envoy, &behind, server, false);
}

/// What comes here is answered at once.
pub fn says(envoy: &mut Value, name: &str, here: SocketAddr, status: u16, body: &[u8]) {
    let body = json!({ "inline_string": String::from_utf8_lossy(body) });
    listen(envoy, name, here, &json!({ "match": { "prefix": "/" }, "direct_response": { "status": status, "body": body } }), None);
}

fn listen(envoy: &mut Value, name: &str, here: SocketAddr, route: &Value, filter: Option<Value>) {
    let router = json!({ "name": "router", "typed_config": { "@type": typed("filters.http.router.v3.Router") } });
    let manager = json!({
        "@type": typed("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": name,
        "generate_request_id": false,
        "http_protocol_options": { "enable_trailers": true },
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [route] }] },
        "http_filters": filter.into_iter().chain([router]).collect::<Vec<_>>(),
    });
    let listener =
        json!({ "name": name, "address": address(here), "filter_chains": [{ "filters": [{ "name": "hcm", "typed_config": manager }] }] });
    add(envoy, "listeners", listener);
}

fn reach(envoy: &mut Value, name: &str, there: SocketAddr, http2: bool) {
    let load = json!({ "cluster_name": name, "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address(there) } }] }] });
    let options = json!({ "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": protocol(http2) });
    add(envoy, "clusters", json!({ "name": name, "type": "STATIC", "typed_extension_protocol_options": options, "load_assignment": load }));
}

/// How Envoy speaks to a cluster.
pub fn protocol(http2: bool) -> Value {
    let explicit =
        if http2 { json!({ "http2_protocol_options": {} }) } else { json!({ "http_protocol_options": { "enable_trailers": true } }) };
    json!({ "@type": typed("upstreams.http.v3.HttpProtocolOptions"), "explicit_http_config": explicit })
}

fn add(envoy: &mut Value, what: &str, one: Value) {
    envoy["static_resources"][what].as_array_mut().unwrap().push(one);
}
