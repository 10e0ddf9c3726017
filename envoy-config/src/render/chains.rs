//! The priorities form: for each order in which a model's providers can be tried, one cluster through whose priorities Envoy goes by itself.
//!
//! Each priority is a cluster of its own, so every provider keeps its names, its TLS and its protocol, and two providers at one address stay
//! two. Envoy skips a priority without an address, so these clusters need no tombstone.

use std::collections::BTreeMap;

use weir_core::config::Gateway;
use weir_core::names::CLUSTER_AGAIN;
use weir_core::providers::Provider;
use weir_core::routing::Pattern;

use crate::Problems;
use crate::quote::quoted;
use crate::template::fill;

/// The chains of a document: name, and the clusters that are its priorities.
pub(super) fn chains(gateway: &Gateway) -> BTreeMap<String, Vec<String>> {
    let mut chains = BTreeMap::new();
    for route in gateway.routes.iter().filter(|route| route.targets.len() > 1) {
        for first in 0..route.targets.len() {
            let mut members: Vec<String> = Vec::new();
            let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
            let target = |place: usize| gateway.provider(route.targets.get(place)?.provider);
            for provider in route.chain(first).into_iter().filter_map(target) {
                let before = seen.entry(&provider.name).or_default();
                members.push(member(provider, *before));
                *before = before.saturating_add(1);
            }
            chains.insert(route.chain_cluster(gateway, first), members);
        }
    }
    chains
}

/// The cluster of a provider that stands in a chain behind `before` others of its own: Envoy knows a priority by its cluster's name.
pub(super) fn member(provider: &Provider, before: usize) -> String {
    if before == 0 { provider.name.to_string() } else { format!("{CLUSTER_AGAIN}{before}-{}", provider.name) }
}

/// The most targets that one model has at a provider.
pub(super) fn most_targets(gateway: &Gateway, provider: &Provider) -> usize {
    let at = |target: &weir_core::routing::Target| gateway.provider(target.provider).is_some_and(|one| one.name == provider.name);
    gateway.routes.iter().map(|route| route.targets.iter().filter(|target| at(target)).count()).max().unwrap_or(0)
}

/// The clusters, one list entry each.
pub(super) fn clusters(gateway: &Gateway) -> String {
    let cluster = |(name, members): (String, Vec<String>)| {
        let members: Vec<String> = members.iter().map(|member| quoted(member)).collect();
        fill(include_str!("../../templates/chain.yaml"), &[("name", &*quoted(&name)), ("clusters", &members.join(", "))])
    };
    let mut text: String = chains(gateway).into_iter().map(cluster).collect();
    if !text.is_empty() {
        text.insert_str(0, "# the orders in which providers are tried\n");
    }
    text
}

/// What only Weir's own choice of each next target can do.
pub(super) fn check(gateway: &Gateway) -> Result<(), Problems> {
    let sorted = |route: &&weir_core::routing::Route| route.cheapest && route.targets.len() > 2;
    let routes: Vec<&Pattern> = gateway.routes.iter().filter(sorted).map(|route| &route.name).collect();
    match &*routes {
        [] => Ok(()),
        routes => Err(Problems::NotByPriorities {
            models: routes.iter().map(|name| name.as_str().to_owned()).collect(),
            asked: "`prefer: cheapest` among more than two targets",
        }),
    }
}
