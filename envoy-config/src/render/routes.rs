//! The route: one for everything, marked as Weir's, its cluster chosen anew for every attempt.

use weir_core::config::{Document, Gateway};
use weir_core::names::{CLUSTER_NONE, METADATA, METADATA_DIRECT, METADATA_ROUTE, STATE_NEXT, STATE_PREFIX, STATUS_RETRY};
use weir_core::providers::Provider;
use weir_core::routing::{Failover, Target};

use super::{Place, chains, servers};
use crate::quote::quoted;
use crate::template::fill;

/// The route configuration, from its name on.
pub(super) fn configuration(document: &Document, place: &Place) -> String {
    let cors = cors(document);
    if place.alone {
        return super::alone::configuration(&document.gateway, &cors);
    }
    fill(include_str!("../../templates/route_configuration.yaml"), &[("cors", &cors), ("route", &route(&document.gateway, true, place))])
}

/// The virtual host's word to the filter `cors`; empty without origins.
pub(super) fn cors(document: &Document) -> String {
    let origins: Vec<String> = document.listen.cors.iter().map(|origin| format!("{{ exact: {} }}", quoted(origin))).collect();
    match &*origins {
        [] => String::new(),
        origins => fill(include_str!("../../templates/cors.yaml"), &[("origins", &format!(" {} ", origins.join(", ")))]),
    }
}

/// What the route's marks do: an upstream position without exchange refuses.
const REFUSES: &str = "an upstream position without exchange refuses";

/// A retry asks the matcher again, for the cluster that the upstream position has named meanwhile.
const ONWARD_BY_CLUSTERS: &str = "refresh_cluster_on_retry: true                               # Envoy 1.39 and later";
/// A retry stays in its cluster, and leaves out the priorities that it had.
const ONWARD_BY_PRIORITIES: &str = "retry_priority: { name: \"envoy.retry_priorities.previous_priorities\", typed_config: { \"@type\": type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig, update_frequency: 1 } }";

/// The route alone, as a list entry. `whole`: it is all that its route configuration has, so that it fits again when the gateway position
/// has written a provider's host and path. Among the routes of someone's own Envoy another one might fit better.
pub(super) fn route(gateway: &Gateway, whole: bool, place: &Place) -> String {
    let mut clusters = String::new();
    for provider in &gateway.providers {
        clusters.push_str(&matched(&provider.name));
        if place.twins && !provider.has_servers() {
            clusters.push_str(&matched(&provider.direct_cluster));
        }
    }
    let onward = match place.failover {
        Failover::Clusters => ONWARD_BY_CLUSTERS,
        Failover::Priorities => {
            clusters.extend(chains::chains(gateway).keys().map(|chain| matched(chain)));
            ONWARD_BY_PRIORITIES
        }
    };
    let tries = |target: &Target| gateway.provider(target.provider).map_or(1, Provider::tries);
    let longest = gateway.routes.iter().map(|route| route.targets.iter().map(tries).sum()).max().unwrap_or(0);
    let (marks, meaning) = if whole {
        let twins = "whatever path and host a provider has fits, so plans of one target go to its twin";
        (format!("{METADATA_ROUTE}: true, {METADATA_DIRECT}: \"\""), format!("{REFUSES}; {twins}"))
    } else {
        (format!("{METADATA_ROUTE}: true"), REFUSES.to_owned())
    };
    let fillings = [
        ("namespace", METADATA),
        ("marks", &marks),
        ("meaning", &meaning),
        ("buffer", &*gateway.caps.buffer().to_string()),
        ("state", &quoted(&format!("{STATE_PREFIX}{STATE_NEXT}"))),
        ("clusters", &clusters),
        ("none", &quoted(CLUSTER_NONE)),
        ("status", &STATUS_RETRY.to_string()),
        ("onward", onward),
        ("hashing", &servers::hashing(gateway)),
        ("other_server", servers::retrying(gateway)),
        ("retries", &usize::max(longest, 8).to_string()),
    ];
    fill(include_str!("../../templates/route.yaml"), &fillings)
}

/// The matcher's entry that leads to a cluster.
pub(crate) fn matched(cluster: &str) -> String {
    let name = quoted(cluster);
    format!(
        "{name}: {{ action: {{ name: \"c\", typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.router.cluster_specifiers.matcher.v3.ClusterAction, cluster: {name} }} }} }}\n"
    )
}
