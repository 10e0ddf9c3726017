//! The clusters: each provider and its direct twin, the one that refuses, and the rate-limit service.

use weir_core::config::{Gateway, LimitService};
use weir_core::names::{CLUSTER_LIMITS, CLUSTER_NONE, METADATA, METADATA_PROVIDER, METADATA_TWIN};
use weir_core::providers::{Endpoint, Provider, Scheme};
use weir_core::routing::Failover;

use super::{Place, alone, chains, quoted_path, servers, signing};
use crate::quote::quoted;
use crate::template::fill;

/// Refused at once, so that Envoy retries where a cluster has no usable host: without it such a request ends with 503 and no retry.
const TOMBSTONE: &str = "- { priority: 1, lb_endpoints: [ { endpoint: { address: { socket_address: { address: \"127.0.0.1\", port_value: 1 } } } } ] }      # the tombstone";
const POLICY: &str = "policy: { overprovisioning_factor: 100000 }                  # else ejections send live traffic to the tombstone";
/// The same where Envoy goes on by itself: three servers of which one is left out count as 93 of 100, and 7 requests of 100 would pass the others by.
const POLICY_OF_SERVERS: &str =
    "policy: { overprovisioning_factor: 100000 }                  # else ejections send live traffic to the next target";
/// A filter list of its own, without the upstream position: there the gateway position does both jobs.
const TWIN_FILTERS: &str = "http_filters: [ { name: envoy.filters.http.upstream_codec, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec } } ]";

/// Every cluster of a document, one list entry each; `upstream` is the entry of the upstream position for those that have filters of their own.
pub(super) fn all(gateway: &Gateway, place: &Place, upstream: &str) -> String {
    let mut clusters = if place.alone { of_standalone(gateway, place) } else { of_attempts(gateway, place, upstream) };
    if let Some(limits) = &gateway.limit_service {
        clusters.push_str(&service(limits, place));
    }
    clusters
}

/// One for each authority.
fn of_standalone(gateway: &Gateway, place: &Place) -> String {
    let one = |provider: &&Provider| format!("# {}\n{}", about(provider), cluster(gateway, provider, &Role::Alone, place));
    alone::hosts(gateway).iter().map(one).collect()
}

fn about(provider: &Provider) -> String {
    let more = match provider.servers.len() {
        0 | 1 => String::new(),
        servers => format!(" and {} more", servers.saturating_sub(1)),
    };
    format!("{}: {} at {}{more}", provider.name, provider.kind.preset().name, provider.endpoint.authority)
}

fn of_attempts(gateway: &Gateway, place: &Place, upstream: &str) -> String {
    let mut clusters = String::new();
    for provider in &gateway.providers {
        clusters.push_str(&format!("# {}\n", about(provider)));
        clusters.push_str(&cluster(gateway, provider, &Role::Attempt(&provider.name, upstream), place));
        // A request that fails at one server is tried at another, which takes the upstream position.
        if place.twins && !provider.has_servers() {
            clusters.push_str("# its direct twin\n");
            clusters.push_str(&cluster(gateway, provider, &Role::Twin, place));
        }
        if place.failover == Failover::Priorities {
            for before in 1..chains::most_targets(gateway, provider) {
                clusters.push_str("# the same for a model that has more than one target there\n");
                clusters.push_str(&cluster(gateway, provider, &Role::Attempt(&chains::member(provider, before), upstream), place));
            }
        }
    }
    if place.failover == Failover::Priorities {
        clusters.push_str(&chains::clusters(gateway, upstream));
    }
    let none = [("name", &*quoted(CLUSTER_NONE)), ("namespace", METADATA), ("provider", METADATA_PROVIDER)];
    clusters.push_str(&fill(include_str!("../../templates/none.yaml"), &none));
    clusters
}

/// The same as static resources, which name no type.
pub(super) fn inlined(clusters: &str) -> String {
    clusters.replace("- \"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\n  ", "- ")
}

/// Whether any cluster speaks TLS.
pub(super) fn need_tls(gateway: &Gateway) -> bool {
    let service = gateway.limit_service.iter().map(|service| &service.endpoint);
    gateway.providers.iter().map(|provider| &provider.endpoint).chain(service).any(|endpoint| endpoint.scheme == Scheme::Https)
}

/// What a cluster of a provider is for.
enum Role<'a> {
    /// Attempts of the upstream position, under this name; its entry, for a filter list of the cluster's own.
    Attempt(&'a str, &'a str),
    /// Attempts that the gateway position makes by itself.
    Twin,
    /// Requests of the standalone position.
    Alone,
}

fn cluster(gateway: &Gateway, provider: &Provider, role: &Role<'_>, place: &Place) -> String {
    let endpoint = &provider.endpoint;
    let own = format!("{METADATA_PROVIDER}: {}", quoted(&provider.name));
    let (name, metadata) = match role {
        Role::Attempt(name, _) => (*name, own.clone()),
        Role::Alone => (&*provider.name, own.clone()),
        Role::Twin => (&*provider.direct_cluster, format!("{own}, {METADATA_TWIN}: true")),
    };
    let filters = match (role, provider.signed_for()) {
        (Role::Attempt(_, upstream), Some(scope)) => signing::of_cluster(upstream, scope),
        (Role::Twin, Some(scope)) => signing::of_cluster("", scope),
        (Role::Twin, None) => TWIN_FILTERS.to_owned(),
        (Role::Attempt(..), None) | (Role::Alone, _) => String::new(),
    };
    let (policy, tombstone, names_provider) = match (role, place.failover) {
        (Role::Attempt(..), Failover::Clusters) => (POLICY, TOMBSTONE, false),
        (Role::Attempt(..), Failover::Priorities) if provider.has_servers() => (POLICY_OF_SERVERS, "", true),
        (Role::Attempt(..), Failover::Priorities) => ("", "", true),
        (Role::Twin | Role::Alone, Failover::Clusters | Failover::Priorities) => ("", "", false),
    };
    let protocol = match endpoint.scheme {
        Scheme::Https => "auto_config: {}                                              # h2 where the provider offers it",
        Scheme::Http => "explicit_http_config: { http_protocol_options: {} }",
    };
    let fillings = [
        ("name", &*quoted(name)),
        ("discovery", servers::discovery_of(provider)),
        ("balancing", &servers::balancing(gateway, provider, place, !tombstone.is_empty())),
        ("namespace", METADATA),
        ("metadata", &metadata),
        ("policy", policy),
        ("tombstone", tombstone),
        ("endpoints", &servers::endpoints(provider, names_provider)),
        ("transport_socket", &servers::sockets(provider, place)),
        ("protocol", protocol),
        ("http_filters", &filters),
    ];
    fill(include_str!("../../templates/cluster.yaml"), &fillings)
}

pub(super) fn service(service: &LimitService, place: &Place) -> String {
    let endpoint = &service.endpoint;
    let fillings = [
        ("name", &*quoted(CLUSTER_LIMITS)),
        ("discovery", servers::discovery(core::slice::from_ref(endpoint))),
        ("timeout", &format!("{}.{:03}s", service.timeout.as_secs(), service.timeout.subsec_millis())),
        ("hostname", &hostname(endpoint)),
        ("host", &quoted(&endpoint.host)),
        ("port", &endpoint.port.to_string()),
        ("transport_socket", &transport_socket(endpoint, place)),
    ];
    fill(include_str!("../../templates/service.yaml"), &fillings)
}

/// The endpoint's name, which Envoy keeps beside the address that it resolves to; empty for an address.
pub(super) fn hostname(endpoint: &Endpoint) -> String {
    if endpoint.is_address() { String::new() } else { format!("hostname: {}, ", quoted(&endpoint.host)) }
}

/// The certificate has to be of this host and of an authority; a name is sent as SNI, an address cannot be (RFC 6066, 3).
pub(super) fn transport_socket(endpoint: &Endpoint, place: &Place) -> String {
    let host = quoted(&endpoint.host);
    let (sni, san_type) = if endpoint.is_address() { (String::new(), "IP_ADDRESS") } else { (format!("sni: {host}"), "DNS") };
    match endpoint.scheme {
        Scheme::Http => String::new(),
        Scheme::Https => {
            let ca = quoted_path(&place.authorities);
            let fillings = [("sni", &*sni), ("ca", &ca), ("san_type", san_type), ("host", &host)];
            fill(include_str!("../../templates/upstream_tls.yaml"), &fillings)
        }
    }
}
