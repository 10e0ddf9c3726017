//! The priorities form: for each order in which a model's providers can be tried, whoever is passed over, one cluster through whose priorities Envoy
//! goes by itself.
//!
//! Each priority is a cluster of its own, so every provider keeps its names, its TLS and its protocol, and two providers at one address stay
//! two. Envoy skips a priority without an address, so these clusters need no tombstone.

use std::collections::BTreeMap;

use weir_core::config::Gateway;
use weir_core::names::CLUSTER_AGAIN;
use weir_core::providers::Provider;
use weir_core::routing::Pattern;

use super::signing;
use crate::Problems;
use crate::quote::quoted;
use crate::template::fill;

/// The chains of a document: name, and the clusters that are its priorities, each with its provider.
pub(super) fn chains(gateway: &Gateway) -> BTreeMap<String, Vec<(String, &Provider)>> {
    let mut chains = BTreeMap::new();
    for route in gateway.routes.iter().filter(|route| route.targets.len() > 1) {
        for chain in route.chains() {
            let mut members: Vec<(String, &Provider)> = Vec::new();
            let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
            let target = |place: &usize| gateway.provider(route.targets.get(*place)?.provider);
            for provider in chain.iter().filter_map(target) {
                let before = seen.entry(&provider.name).or_default();
                members.push((member(provider, *before), provider));
                *before = before.saturating_add(1);
            }
            chains.insert(route.chain_cluster(gateway, &chain), members);
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

/// The clusters, one list entry each; `upstream` is the entry of the upstream position.
pub(super) fn clusters(gateway: &Gateway, upstream: &str) -> String {
    let cluster = |(name, members): (String, Vec<(String, &Provider)>)| {
        let (names, providers): (Vec<String>, Vec<&Provider>) = members.iter().map(|(name, provider)| (quoted(name), *provider)).unzip();
        let mut filters = signing::of_chain(upstream, &providers);
        if !filters.is_empty() {
            filters = fill(include_str!("../../templates/chain_filters.yaml"), &[("http_filters", &filters)]);
        }
        let fillings = [("name", &*quoted(&name)), ("clusters", &names.join(", ")), ("filters", &filters)];
        fill(include_str!("../../templates/chain.yaml"), &fillings)
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
        [] => check_signatures(gateway),
        routes => Err(Problems::NotByPriorities {
            models: routes.iter().map(|name| name.as_str().to_owned()).collect(),
            asked: "`prefer: cheapest` among more than two targets",
        }),
    }
}

/// Whose requests are signed in a chain is told by the host.
fn check_signatures(gateway: &Gateway) -> Result<(), Problems> {
    for members in chains(gateway).into_values() {
        let providers = || members.iter().map(|(_, provider)| *provider);
        for signed in providers().filter(|provider| provider.signed_for().is_some()) {
            let alike = |other: &&Provider| other.authority() == signed.authority() && other.signed_for() != signed.signed_for();
            if let Some(other) = providers().find(alike) {
                return Err(Problems::OneSignature(signed.name.to_string(), other.name.to_string()));
            }
        }
    }
    Ok(())
}
