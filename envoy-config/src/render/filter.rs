//! The filter's entries: the same in every position but for name and root id, and whether headers are held.

use weir_core::names::{ROOT_GATEWAY, ROOT_GATEWAY_PRIORITIES, ROOT_STANDALONE, ROOT_UPSTREAM, VM_ID};
use weir_core::routing::Failover;

use super::{GATEWAY, Place, STANDALONE, UPSTREAM, quoted_path, versioned};
use crate::Source;
use crate::quote::{quoted, quoted_json};
use crate::template::fill;

/// One of the places in which Envoy runs the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// Once per request, in the listener.
    Gateway,
    /// Once per attempt, on the way to the provider.
    Upstream,
    /// In the listener, with no upstream position behind it and no headers held.
    Standalone,
}

impl Position {
    /// The root, by which the module knows what it is to do.
    fn root(self, failover: Failover) -> &'static str {
        match (self, failover) {
            (Self::Gateway, Failover::Clusters) => ROOT_GATEWAY,
            (Self::Gateway, Failover::Priorities) => ROOT_GATEWAY_PRIORITIES,
            (Self::Upstream, Failover::Clusters | Failover::Priorities) => ROOT_UPSTREAM,
            (Self::Standalone, Failover::Clusters | Failover::Priorities) => ROOT_STANDALONE,
        }
    }

    /// The name of the filter and of the plugin.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gateway => ROOT_GATEWAY,
            Self::Upstream => ROOT_UPSTREAM,
            Self::Standalone => ROOT_STANDALONE,
        }
    }

    /// The file that Envoy watches for it.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Gateway => GATEWAY,
            Self::Upstream => UPSTREAM,
            Self::Standalone => STANDALONE,
        }
    }

    /// Whether headers stay until the body is there.
    fn hold(self) -> &'static str {
        match self {
            Self::Gateway | Self::Upstream => "allow_on_headers_stop_iteration: true",
            Self::Standalone => "",
        }
    }
}

/// The filter's typed configuration.
pub(super) fn wasm(position: Position, source: &Source, place: &Place) -> String {
    let env: Vec<String> = source.document.gateway.wants_env.iter().map(|name| quoted(name)).collect();
    let env = if env.is_empty() { String::new() } else { format!(" {} ", env.join(", ")) };
    let fillings = [
        ("name", &*quoted(position.name())),
        ("root", &quoted(position.root(place.failover))),
        ("hold", position.hold()),
        ("vm_id", &quoted(VM_ID)),
        ("code", &place.code),
        ("env", &env),
        ("document", &quoted_json(&source.json)),
    ];
    fill(include_str!("../../templates/wasm.yaml"), &fillings)
}

/// The file that Envoy watches.
pub(super) fn discovery(position: Position, source: &Source, place: &Place) -> String {
    let fillings = [("name", &*quoted(position.name())), ("wasm", &wasm(position, source, place))];
    versioned(include_str!("../../templates/filter.yaml"), &fillings)
}

/// The entry in a filter list that watches the file.
pub(super) fn discovered(position: Position, source: &Source, place: &Place) -> String {
    let default = "default_config:                                                # the same once more: with a wrong document Envoy does not start\n  {{wasm}}\n";
    watching(position, place, &fill(default, &[("wasm", &wasm(position, source, place))]))
}

/// The same in a cluster's list. It does not hold the document, or every change of that would make the cluster anew.
pub(super) fn discovered_by_cluster(position: Position, place: &Place) -> String {
    watching(position, place, "")
}

fn watching(position: Position, place: &Place, default: &str) -> String {
    let file = place.folder.join(position.file());
    let fillings = [
        ("name", &*quoted(position.name())),
        ("file", &quoted_path(&file)),
        ("folder", &quoted_path(&place.folder.join("xds"))),
        ("default", default),
    ];
    fill(include_str!("../../templates/discovered.yaml"), &fillings)
}

/// The entry in a filter list that holds the configuration itself.
pub(super) fn inlined(position: Position, source: &Source, place: &Place) -> String {
    let wasm = wasm(position, source, place);
    fill("- name: {{name}}\n  typed_config:\n    {{wasm}}\n", &[("name", &quoted(position.name())), ("wasm", &wasm)])
}
