//! AWS's signatures: Envoy's own filter stands behind Weir and signs what an attempt has written, each attempt anew.
//!
//! A cluster with filters of its own has none of the router's, so where one signs, the upstream position stands in front of it in the
//! cluster's list. Of a chain of clusters Envoy runs the list of the chain alone, for every provider in it; so there each signs by the host.

use std::collections::BTreeMap;

use weir_core::providers::{AwsScope, Provider};

use crate::quote::quoted;
use crate::template::fill;

/// What ends every list of a cluster.
const CODEC: &str = "- { name: envoy.filters.http.upstream_codec, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec } }\n";

/// The filters of a cluster whose requests are all signed; `position` is the entry of the one that writes them, where there is one.
pub(super) fn of_cluster(position: &str, scope: &AwsScope) -> String {
    list(position, &fill(include_str!("../../templates/signing_all.yaml"), &[("signing", &signing(scope))]))
}

/// The filters of a chain of clusters; empty where no provider of it has its requests signed.
pub(super) fn of_chain(position: &str, providers: &[&Provider]) -> String {
    let signed = providers.iter().filter_map(|provider| Some((provider.authority(), provider.signed_for()?)));
    let by_host: BTreeMap<&str, &AwsScope> = signed.collect();
    if by_host.is_empty() {
        return String::new();
    }
    let entry = |(host, scope): (&str, &AwsScope)| {
        fill(include_str!("../../templates/signing_by_host.yaml"), &[("host", &*quoted(host)), ("signing", &signing(scope))])
    };
    list(position, &by_host.into_iter().map(entry).collect::<String>())
}

fn list(position: &str, signing: &str) -> String {
    fill("http_filters:\n{{position}}\n{{signing}}\n{{codec}}\n", &[("position", position), ("signing", signing), ("codec", CODEC)])
}

fn signing(scope: &AwsScope) -> String {
    let fillings = [("service", &*quoted(scope.service)), ("region", &quoted(&scope.region))];
    fill(include_str!("../../templates/signing.yaml"), &fillings)
}
