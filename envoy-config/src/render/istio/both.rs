//! Both positions at a gateway of the mesh, as patches of what istiod sends to it.

use weir_core::names::{STATE_LOG, STATE_PREFIX};

use super::super::filter::{Position, wasm};
use super::super::{bootstrap, clusters, routes};
use super::{IstioOptions, cluster_patches, place};
use crate::Source;
use crate::quote::quoted;
use crate::template::fill;

/// The filter that inflates the bodies of requests.
const DECOMPRESSOR: &str = "weir.decompressor";

/// The `EnvoyFilter`.
pub(super) fn filter(source: &Source, options: &IstioOptions) -> String {
    let (gateway, place) = (&source.document.gateway, place(options));
    let discovery = |patience| fill(include_str!("../../../templates/istio/discovery.yaml"), &[("patience", patience)]);
    // A listener waits for its filters. A cluster that waited would keep the whole proxy from its listeners, other hosts' among them.
    let fillings = [("name", &*quoted(Position::Upstream.name())), ("discovery", &discovery(""))];
    let upstream = fill("- name: {{name}}\n  {{discovery}}\n", &fillings);
    let port = options.port.map_or_else(String::new, |port| format!(", routeConfiguration: {{ portNumber: {port} }}"));
    let fillings = vec![
        ("decompressor", quoted(DECOMPRESSOR)),
        ("decompressor_config", include_str!("../../../templates/decompressor.yaml").to_owned()),
        ("gateway_name", quoted(Position::Gateway.name())),
        ("upstream_name", quoted(Position::Upstream.name())),
        ("discovery", discovery(", initial_fetch_timeout: 0s")),
        ("gateway_config", wasm(Position::Gateway, source, &place)),
        ("upstream_config", wasm(Position::Upstream, source, &place)),
        ("recorded", quoted(&format!("'{STATE_PREFIX}{STATE_LOG}' in filter_state"))),
        ("log_format", quoted(&bootstrap::log_format())),
        ("port", port),
        ("cors", routes::cors(&source.document)),
        ("route", routes::route(gateway, false, &place)),
        ("clusters", cluster_patches(&clusters::inlined(&clusters::all(gateway, &place, &upstream)))),
    ];
    options.fill(include_str!("../../../templates/istio/envoyfilter.yaml"), fillings)
}
