//! The `endpoints` of a provider: its servers.

use super::Reading;
use crate::config::errors::{Fault, Path};
use crate::config::tree::Tree;
use crate::providers::Endpoint;

/// Whether a provider leaves it to its kind where it is.
pub(super) fn none_said(tree: &Tree) -> bool {
    tree.member("endpoint").is_none() && tree.member("endpoints").is_none()
}

/// The servers of a provider; empty where it has one `endpoint`.
pub(super) fn read(reading: &mut Reading<'_>, tree: &Tree, path: &Path) -> Vec<Endpoint> {
    let Some(list) = tree.member("endpoints") else { return Vec::new() };
    let path = path.member("endpoints");
    if tree.member("endpoint").is_some() {
        reading.faults.add(&path, Fault::NotWith("endpoint"));
    }
    if tree.member("auth").is_some_and(|auth| auth.member("aws").is_some()) {
        reading.faults.add(&path, Fault::NotWith("auth.aws, which signs for one host"));
    }
    let mut servers: Vec<Endpoint> = Vec::new();
    for (place, entry) in list.entries().iter().enumerate() {
        let Some(server) = entry.text().and_then(|url| Endpoint::parse(url).ok()) else { continue };
        let path = path.entry(place);
        if servers.iter().any(|earlier| earlier.authority == server.authority) {
            reading.faults.add(&path, Fault::Taken(server.authority.to_string()));
        } else if servers.first().is_some_and(|first| (first.scheme, &first.base_path) != (server.scheme, &server.base_path)) {
            reading.faults.add(&path, Fault::Unlike);
        }
        servers.push(server);
    }
    servers
}
