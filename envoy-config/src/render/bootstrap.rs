//! The bootstrap: once with the watched files beside it, once with them inlined.

use weir_core::names::{METRIC_TAGS, STATE_EXCHANGE, STATE_LOG, STATE_PREFIX};

use super::filter::{Position, discovered, inlined as inlined_filter};
use super::{CLUSTERS, Place, ROUTES, quoted_path};
use crate::Source;
use crate::quote::quoted;
use crate::template::fill;

/// The parts that differ between the two.
struct Parts {
    dynamic_resources: String,
    clusters: String,
    routes: String,
    gateway: String,
    upstream: String,
}

/// The bootstrap that watches the folder.
pub(super) fn watching(source: &Source, place: &Place) -> String {
    let watched = |file: &str| {
        let (file, folder) = (quoted_path(&place.folder.join(file)), quoted_path(&place.folder.join("xds")));
        format!("{{ resource_api_version: V3, path_config_source: {{ path: {file}, watched_directory: {{ path: {folder} }} }} }}")
    };
    let parts = Parts {
        dynamic_resources: format!("dynamic_resources:\n  cds_config: {}\n", watched(CLUSTERS)),
        clusters: String::new(),
        routes: format!("rds: {{ route_config_name: \"weir\", config_source: {} }}\n", watched(ROUTES)),
        gateway: discovered(place.in_listener(), source, place),
        upstream: upstream(place, || discovered(Position::Upstream, source, place)),
    };
    bootstrap(source, place, &parts)
}

/// The bootstrap that needs no other file but the module.
pub(super) fn inlined(source: &Source, place: &Place, clusters: &str, routes: &str) -> String {
    let parts = Parts {
        dynamic_resources: String::new(),
        clusters: fill("clusters:\n{{clusters}}\n", &[("clusters", clusters)]),
        routes: fill("route_config:\n  {{routes}}\n", &[("routes", routes)]),
        gateway: inlined_filter(place.in_listener(), source, place),
        upstream: upstream(place, || inlined_filter(Position::Upstream, source, place)),
    };
    bootstrap(source, place, &parts)
}

/// The router's own filters, where the upstream position is one of them.
fn upstream(place: &Place, entry: impl FnOnce() -> String) -> String {
    if place.alone {
        return String::new();
    }
    fill(include_str!("../../templates/upstream_filters.yaml"), &[("upstream", &entry())])
}

fn bootstrap(source: &Source, place: &Place, parts: &Parts) -> String {
    let listen = &source.document.listen;
    let cors_filter = if listen.cors.is_empty() {
        ""
    } else {
        "- name: envoy.filters.http.cors                                # answers preflight requests, so that they never reach Weir\n  \
         typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors }\n"
    };
    let transport_socket = listen.tls.as_ref().map_or_else(String::new, |tls| {
        let file = |name: &str| quoted_path(&place.beside.join(name));
        let fillings = [("certificate", &*file(&tls.certificate)), ("key", &file(&tls.key))];
        fill(include_str!("../../templates/transport_socket.yaml"), &fillings)
    });
    let fillings = [
        ("admin_address", &*quoted(&listen.admin.ip().to_string())),
        ("admin_port", &listen.admin.port().to_string()),
        ("address", &quoted(&listen.address.ip().to_string())),
        ("port", &listen.address.port().to_string()),
        ("stats_tags", &stats_tags()),
        ("dynamic_resources", &parts.dynamic_resources),
        ("clusters", &parts.clusters),
        ("routes", &parts.routes),
        ("log_format", &quoted(&log_format())),
        ("mappers", &mappers()),
        ("cors_filter", cors_filter),
        ("decompressor", include_str!("../../templates/decompressor.yaml")),
        ("gateway", &parts.gateway),
        ("upstream", &parts.upstream),
        ("transport_socket", &transport_socket),
    ];
    fill(include_str!("../../templates/bootstrap.yaml"), &fillings)
}

/// Local replies in the format of the path, unless Weir knows the request: then it words them itself, whatever path an attempt has written.
fn mappers() -> String {
    let unseen = format!("!('{STATE_PREFIX}{STATE_EXCHANGE}' in filter_state)");
    fill(include_str!("../../templates/mappers.yaml"), &[("unseen", &quoted(&unseen))])
}

/// One extraction for each tag, anchored so that only Weir's own metrics are looked at.
pub(super) fn stats_tags() -> String {
    let tag = |name: &str| format!("- {{ tag_name: \"{name}\", regex: '^wasmcustom\\.weir\\..*?(;{name}=([^;]*))' }}\n");
    METRIC_TAGS.into_iter().map(tag).collect()
}

/// One JSON object a line; the record that Weir leaves begins with a comma, or is not there.
pub(super) fn log_format() -> String {
    format!(
        "{{\"time\":\"%START_TIME%\",\"status\":%RESPONSE_CODE%,\"flags\":\"%RESPONSE_FLAGS%\",\"details\":\"%RESPONSE_CODE_DETAILS%\",\
         \"duration_ms\":%DURATION%,\"cluster\":\"%UPSTREAM_CLUSTER%\"%FILTER_STATE({STATE_PREFIX}{STATE_LOG}:PLAIN)%}}\n"
    )
}
