//! The standalone position: a `WasmPlugin`, and the mesh's own resources by which a request finds the provider that the filter picks.
//!
//! The filter writes the provider's host into each request, and Envoy picks the route anew by it. So every provider's host is one of the
//! gateway's hosts, and clients are kept from naming it themselves.

use std::collections::BTreeMap;

use weir_core::config::Gateway;
use weir_core::providers::{Endpoint, Scheme};

use super::super::clusters;
use super::{IstioOptions, cluster_patches, place};
use crate::quote::quoted;
use crate::{Problems, Source};

/// The `WasmPlugin`.
pub(super) fn plugin(source: &Source, options: &IstioOptions) -> String {
    let (url, sha256) = options.module.reference();
    let sha256 = if sha256.is_empty() { sha256 } else { format!("sha256: {}", quoted(&sha256)) };
    let env: Vec<String> =
        source.document.gateway.wants_env.iter().map(|name| format!("{{ name: {}, valueFrom: HOST }}", quoted(name))).collect();
    let env = if env.is_empty() { String::new() } else { format!(" {} ", env.join(", ")) };
    let more = vec![("url", quoted(&url)), ("sha256", sha256), ("env", env), ("config", source.json.clone())];
    options.fill(include_str!("../../../templates/istio/wasmplugin.yaml"), more)
}

/// The rate-limit service's cluster, which the filter calls by its name; `None` without a service.
pub(super) fn calls(gateway: &Gateway, options: &IstioOptions) -> Option<String> {
    let service = clusters::service(gateway.limit_service.as_ref()?, &place(options));
    let patches = cluster_patches(&clusters::inlined(&service));
    Some(options.fill(include_str!("../../../templates/istio/calls.yaml"), vec![("clusters", patches)]))
}

/// What leads to the providers.
pub(super) fn providers(gateway: &Gateway, options: &IstioOptions) -> Result<String, Problems> {
    let picker = gateway.standalone.as_ref();
    super::super::alone::check_names(gateway)?;
    let mut hosts: BTreeMap<&str, (&Endpoint, Vec<&str>)> = BTreeMap::new();
    for (place, provider) in (0u16..).zip(&gateway.providers) {
        if !picker.is_some_and(|picker| picker.reaches(weir_core::providers::ProviderId(place))) {
            continue;
        }
        let endpoint = &provider.endpoint;
        if endpoint.is_address() {
            return Err(Problems::NotInMesh { provider: provider.name.to_string(), why: "an address; the mesh routes by names" });
        }
        if picker.is_some_and(|picker| picker.asks_host(&endpoint.host)) {
            return Err(Problems::NotInMesh {
                provider: provider.name.to_string(),
                why: "at a host that clients shall name, which they are kept from: give them another host name in standalone.provider.host",
            });
        }
        if provider.servers.len() > 1 && is_of_the_cluster(&endpoint.host) {
            return Err(Problems::NotInMesh {
                provider: provider.name.to_string(),
                why: "several ports of a service of the cluster, which has addresses of its own",
            });
        }
        let (first, names) = hosts.entry(&endpoint.host).or_insert((endpoint, Vec::new()));
        if (first.port, first.scheme) != (endpoint.port, endpoint.scheme) {
            return Err(Problems::NotInMesh {
                provider: provider.name.to_string(),
                why: "another port of a host that another provider has",
            });
        }
        if names.iter().any(|name| gateway.provider_named(name).is_none_or(|(_, other)| other.servers != provider.servers)) {
            return Err(Problems::NotInMesh {
                provider: provider.name.to_string(),
                why: "another list of servers at a host that another provider has",
            });
        }
        names.push(&provider.name);
    }
    let denied: Vec<String> = hosts.keys().flat_map(|host| [quoted(host), quoted(&format!("{host}:*"))]).collect();
    let mut text = options.fill(include_str!("../../../templates/istio/guard.yaml"), vec![("hosts", denied.join(", "))]);
    for (host, (endpoint, providers)) in hosts {
        let own = vec![
            ("note", providers.join(", ")),
            ("name", quoted(&format!("weir-{}", host.to_ascii_lowercase()))),
            ("provider_host", quoted(host)),
            ("provider_port", endpoint.port.to_string()),
            ("endpoints", endpoints(gateway, &providers)),
            ("tls", tls(endpoint, options)),
        ];
        if !is_of_the_cluster(host) {
            text.push_str(&options.fill(include_str!("../../../templates/istio/provider.yaml"), own.clone()));
        }
        text.push_str(&options.fill(include_str!("../../../templates/istio/virtualservice.yaml"), own));
    }
    Ok(text)
}

/// The servers of a host's providers, which all have the same; empty where the name alone leads to them.
fn endpoints(gateway: &Gateway, providers: &[&str]) -> String {
    let servers = providers.first().and_then(|name| gateway.provider_named(name)).map_or(&[][..], |(_, provider)| &*provider.servers);
    let one = |server: &Endpoint| format!("{{ address: {}, ports: {{ http: {} }} }}", quoted(&server.host), server.port);
    let all: Vec<String> = servers.iter().map(one).collect();
    if all.len() > 1 { format!("endpoints: [ {} ]", all.join(", ")) } else { String::new() }
}

/// The certificate has to be of this host and of an authority.
fn tls(endpoint: &Endpoint, options: &IstioOptions) -> String {
    match endpoint.scheme {
        Scheme::Http => "tls: { mode: DISABLE }".to_owned(),
        Scheme::Https => {
            let (host, ca) = (quoted(&endpoint.host), super::super::quoted_path(&options.authorities));
            format!("tls: {{ mode: SIMPLE, sni: {host}, subjectAltNames: [ {host} ], caCertificates: {ca} }}")
        }
    }
}

/// A service of the cluster itself, which the mesh knows, and for which it has rules of its own.
fn is_of_the_cluster(host: &str) -> bool {
    host.ends_with(".svc") || host.contains(".svc.") || !host.contains('.')
}
