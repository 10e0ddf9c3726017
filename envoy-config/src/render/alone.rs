//! The standalone position's routes: by the host of each provider, which the filter writes into the request.

use weir_core::config::Gateway;
use weir_core::names::{METADATA, METADATA_ROUTE};
use weir_core::providers::Provider;

use crate::Problems;
use crate::quote::quoted;
use crate::template::fill;

/// The providers that have a cluster: the first at each authority, which serves the others there as well.
pub(super) fn hosts(gateway: &Gateway) -> Vec<&Provider> {
    let providers = gateway.providers.iter().enumerate();
    let first = |(place, provider): &(usize, &Provider)| {
        let before = gateway.providers.iter().take(*place);
        before.into_iter().all(|other| !same_host(other, provider))
    };
    providers.filter(first).map(|(_, provider)| provider).collect()
}

fn same_host(one: &Provider, other: &Provider) -> bool {
    one.authority().eq_ignore_ascii_case(other.authority())
}

/// Whether this position can do what the document asks for.
///
/// # Errors
/// The document does not say who picks the provider, or two providers differ in nothing by which a route could tell them apart.
pub(super) fn check(gateway: &Gateway) -> Result<(), Problems> {
    if gateway.standalone.is_none() {
        return Err(Problems::NoPicker);
    }
    let hosts = hosts(gateway);
    check_names(gateway)?;
    for provider in &gateway.providers {
        let other = hosts.iter().find(|host| {
            same_host(host, provider) && (host.endpoint.scheme != provider.endpoint.scheme || host.servers != provider.servers)
        });
        if let Some(other) = other {
            return Err(Problems::OneHost(other.name.to_string(), provider.name.to_string()));
        }
    }
    Ok(())
}

/// The name that a request is for stands in its head.
pub(super) fn check_names(gateway: &Gateway) -> Result<(), Problems> {
    let named = |provider: &&Provider| provider.servers.iter().any(|server| !server.is_address() && server.host != provider.endpoint.host);
    match gateway.providers.iter().find(named) {
        Some(provider) => Err(Problems::ManyNames(provider.name.to_string())),
        None => Ok(()),
    }
}

/// The route configuration, from its name on.
pub(super) fn configuration(gateway: &Gateway, cors: &str) -> String {
    let (marks, buffer) = (format!("{METADATA}: {{ {METADATA_ROUTE}: true }}"), gateway.caps.buffer().to_string());
    let of_provider = |provider: &&Provider| {
        let (name, authority) = (quoted(&provider.name), quoted(provider.authority()));
        let fillings = [("name", &*name), ("authority", &authority), ("marks", &marks), ("buffer", &buffer)];
        fill(include_str!("../../templates/alone_provider.yaml"), &fillings)
    };
    let providers: String = hosts(gateway).iter().map(of_provider).collect();
    let fillings = [("cors", cors), ("marks", &*marks), ("buffer", &buffer), ("providers", &providers)];
    fill(include_str!("../../templates/alone.yaml"), &fillings)
}
