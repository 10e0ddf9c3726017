//! The document's `listen`, which only the renderer reads.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Reading, text_of};
use crate::config::errors::{Fault, Path};
use crate::config::tree::Tree;

/// Where Envoy listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The listener.
    pub address: SocketAddr,
    /// Envoy's admin interface.
    pub admin: SocketAddr,
    /// The certificate, if the listener speaks TLS.
    pub tls: Option<Tls>,
    /// The origins whose pages may call; `*` is any. Empty: no answer to preflight requests.
    pub cors: Vec<String>,
}

/// The files of the listener's certificate, as the document names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate chain, PEM.
    pub certificate: String,
    /// The private key, PEM.
    pub key: String,
}

pub(super) fn read(reading: &mut Reading<'_>) -> Option<Listen> {
    let path = Path::default().member("listen");
    let empty = Tree::Object(Vec::new());
    let tree = reading.root.member("listen").unwrap_or(&empty);
    if text_of(tree, "prefix").is_some_and(|prefix| prefix != "/") {
        reading.faults.add(&path.member("prefix"), Fault::Later);
    }
    let local = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let address = socket(reading, tree, "address", local(8080), &path);
    let admin = socket(reading, tree, "admin", local(9901), &path);
    let tls = tree
        .member("tls")
        .and_then(|tls| Some(Tls { certificate: text_of(tls, "certificate")?.to_owned(), key: text_of(tls, "key")?.to_owned() }));
    let origins = tree.member("cors").map(Tree::entries).unwrap_or_default();
    for (place, origin) in origins.iter().enumerate() {
        if let Some(text) = origin.text().filter(|text| !is_origin(text)) {
            reading.faults.add(&path.member("cors").entry(place), Fault::Name(text.to_owned(), ORIGIN_LAW));
        }
    }
    let cors = origins.iter().filter_map(Tree::text).map(str::to_owned).collect();
    Some(Listen { address: address?, admin: admin?, tls, cors })
}

const ORIGIN_LAW: &str = "an origin is * or scheme://host or scheme://host:port, without a path";

fn is_origin(text: &str) -> bool {
    let spelt = |rest: &str| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'?' | b'#' | b'*' | b'"'))
    };
    text == "*"
        || text.split_once("://").is_some_and(|(scheme, rest)| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) && spelt(rest))
}

fn socket(reading: &mut Reading<'_>, tree: &Tree, name: &str, default: SocketAddr, path: &Path) -> Option<SocketAddr> {
    let Some(text) = tree.member(name) else { return Some(default) };
    let parsed = text.text()?.parse();
    if parsed.is_err() {
        reading.faults.add(&path.member(name), Fault::Expected("an IP address and a port such as 127.0.0.1:8080", "other text"));
    }
    parsed.ok()
}
