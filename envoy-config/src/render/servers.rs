//! What a provider's cluster says of its servers: where each is, who gets a request, who is left out for a while, and whose certificate counts.

use std::time::Duration;

use weir_core::config::Gateway;
use weir_core::names::{METADATA, METADATA_PROVIDER, METADATA_SERVER, STATE_CONVERSATION};
use weir_core::providers::{Endpoint, Provider, Scheme};
use weir_core::routing::Route;

use super::Place;
use super::clusters::{hostname, transport_socket};
use crate::quote::quoted;
use crate::template::fill;

/// A conversation's requests find its server by their hash, on every Envoy alike. A server that goes leaves its own conversations to others, and
/// moves next to none of theirs; with `RING_HASH`, whose ring grows denser for those that stay, one in eight of theirs moved too.
const BY_CONVERSATION: &str = "lb_policy: MAGLEV                                                # a conversation keeps its server\n";
const BY_LOAD: &str = "lb_policy: LEAST_REQUEST\n";
/// Why an endpoint's metadata name a TLS context.
const SOCKET_MATCH: &str = "envoy.transport_socket_match";

/// The servers of a provider; of one that does not list them, its one endpoint.
fn servers(provider: &Provider) -> &[Endpoint] {
    if provider.has_servers() { &provider.servers } else { core::slice::from_ref(&provider.endpoint) }
}

/// Whether each server has a name of its own in its certificate.
fn has_hosts(provider: &Provider) -> bool {
    provider.endpoint.scheme == Scheme::Https && provider.servers.iter().any(|server| server.host != provider.endpoint.host)
}

/// Whether conversations keep their server at a provider.
pub(super) fn keeps_conversations(gateway: &Gateway, provider: &Provider) -> bool {
    let leads = |route: &Route| {
        let at = |id| gateway.provider(id).is_some_and(|one| one.name == provider.name);
        route.affinity.is_some() && route.targets.iter().any(|target| at(target.provider))
    };
    provider.has_servers() && gateway.routes.iter().any(leads)
}

/// The entry of priority 0, as lines; `names_provider`: the endpoint says whose it is.
pub(super) fn endpoints(provider: &Provider, names_provider: bool) -> String {
    let one = |server: &Endpoint| {
        let mut of_weir = Vec::new();
        if names_provider {
            of_weir.push(format!("{METADATA_PROVIDER}: {}", quoted(&provider.name)));
        }
        if provider.has_names() {
            of_weir.push(format!("{METADATA_SERVER}: {}", quoted(&server.authority)));
        }
        let mut metadata = Vec::new();
        if !of_weir.is_empty() {
            metadata.push(format!("{METADATA}: {{ {} }}", of_weir.join(", ")));
        }
        if has_hosts(provider) {
            metadata.push(format!("{SOCKET_MATCH}: {{ host: {} }}", quoted(&server.host)));
        }
        let metadata = match &*metadata {
            [] => String::new(),
            metadata => format!(", metadata: {{ filter_metadata: {{ {} }} }}", metadata.join(", ")),
        };
        let (hostname, host, port) = (hostname(server), quoted(&server.host), server.port);
        format!("{{ endpoint: {{ {hostname}address: {{ socket_address: {{ address: {host}, port_value: {port} }} }} }}{metadata} }}")
    };
    match servers(provider) {
        [server] => format!("- {{ priority: 0, lb_endpoints: [ {} ] }}\n", one(server)),
        servers => {
            let lines: String = servers.iter().map(|server| format!("  - {}\n", one(server))).collect();
            format!("- priority: 0\n  lb_endpoints:\n{lines}")
        }
    }
}

/// How the cluster finds them. Each address of a name is a host of its own, so families are not mixed: where the machine has no IPv6, half of
/// the attempts would fail.
pub(super) fn discovery(servers: &[Endpoint]) -> &'static str {
    let resolved = servers.iter().any(|server| !server.is_address());
    if resolved { "type: STRICT_DNS\ndns_lookup_family: V4_PREFERRED" } else { "type: STATIC" }
}

/// The same for a provider.
pub(super) fn discovery_of(provider: &Provider) -> &'static str {
    discovery(servers(provider))
}

/// Who of several servers gets a request; empty for one.
///
/// Envoy leaves out a server that fails as often in a row as the document's `cooldown` says, for as long: it can't be reached, breaks off,
/// or answers what Weir has made 598 or lets pass with 5xx. The last server never goes. Its share of conversations goes to others, and comes
/// back with it. `tombstone`: the cluster has one.
pub(super) fn balancing(gateway: &Gateway, provider: &Provider, place: &Place, tombstone: bool) -> String {
    if !provider.has_servers() {
        return String::new();
    }
    let policy = if keeps_conversations(gateway, provider) && !place.alone { BY_CONVERSATION } else { BY_LOAD };
    let cooldown = &provider.cooldown;
    let Some(share) = most_left_out(provider, tombstone).filter(|_| cooldown.failures > 0) else { return policy.to_owned() };
    let (failures, pause, longest) = (cooldown.failures.to_string(), seconds(cooldown.pause), seconds(cooldown.longest));
    let fillings = [("failures", &*failures), ("pause", &pause), ("longest", &longest), ("share", share)];
    format!("{policy}{}", fill(include_str!("../../templates/outliers.yaml"), &fillings))
}

/// How many of a cluster's hosts may be left out at a time, in percent; `None`: nobody. Envoy counts the tombstone as one of them, so that by
/// two thirds a server without others could go, and every request would be refused. How many servers a name stands for is not known here.
fn most_left_out(provider: &Provider, tombstone: bool) -> Option<&'static str> {
    let listed = servers(provider).iter().all(Endpoint::is_address);
    match (servers(provider).len(), listed, tombstone) {
        (1, true, _) => None,
        (_, false, true) => Some("49"),
        (_, true, _) | (_, false, false) => Some("66"),
    }
}

fn seconds(nanoseconds: u64) -> String {
    let time = Duration::from_nanos(nanoseconds);
    format!("{}.{:03}s", time.as_secs(), time.subsec_millis())
}

/// What speaks TLS: each server's certificate has to be its own.
pub(super) fn sockets(provider: &Provider, place: &Place) -> String {
    let mut text = transport_socket(&provider.endpoint, place);
    if has_hosts(provider) {
        text.push_str("transport_socket_matches:\n");
        let mut hosts: Vec<&Endpoint> = Vec::new();
        for server in &provider.servers {
            if hosts.iter().all(|known| known.host != server.host) {
                hosts.push(server);
            }
        }
        for server in hosts {
            let (host, socket) = (quoted(&server.host), transport_socket(server, place));
            text.push_str(&fill(include_str!("../../templates/socket_match.yaml"), &[("host", &*host), ("transport_socket", &socket)]));
        }
    }
    text
}

/// The route's word about what is hashed; empty where no conversation has a server to keep.
pub(super) fn hashing(gateway: &Gateway) -> String {
    if !gateway.providers.iter().any(|provider| keeps_conversations(gateway, provider)) {
        return String::new();
    }
    format!(
        "hash_policy: [ {{ filter_state: {{ key: {} }} }} ]       # what Weir knows the conversation by; no header of it leaves\n",
        quoted(STATE_CONVERSATION)
    )
}

/// The retry policy's word about servers; empty where no provider has several.
pub(super) fn retrying(gateway: &Gateway) -> &'static str {
    let several = gateway.providers.iter().any(Provider::has_servers);
    if several { include_str!("../../templates/other_server.yaml") } else { "" }
}
