//! The document's `standalone`, and what beside it can't be kept there.
//!
//! Where the host can't hold headers, the head of a request goes before its body is read and that of an answer before its end is known.
//! So there is one attempt for each request, at the provider that the head picks, and nothing that looks into an answer first.

use super::models::{PREFIX_LAW, is_prefix};
use super::providers::{HEADER_LAW, is_header};
use super::{Reading, text_of};
use crate::config::errors::{Fault, Path};
use crate::config::gateway::Gateway;
use crate::config::tree::Tree;
use crate::exchange::headers::stays_in_gateway;
use crate::providers::ProviderId;
use crate::routing::Picker;

/// Members of a target that need another attempt, or an answer whose head is held.
const NEEDS_MORE: [&str; 3] = ["priority", "first_content", "answer_timeout"];
/// Members of a route that choose among targets.
const CHOOSES: [&str; 2] = ["prefer", "affinity"];

/// Who picks the provider, if the document says it.
pub(super) fn read(reading: &mut Reading<'_>) -> Option<Picker> {
    let path = Path::default().member("standalone").member("provider");
    let picker = reading.root.member("standalone")?.member("provider")?;
    let members = ["header", "prefix", "host", "constant"].map(|name| picker.member(name));
    match members {
        [Some(header), None, None, None] => {
            let header = header.text().filter(|header| !header.is_empty())?.to_ascii_lowercase();
            let path = path.member("header");
            if !is_header(&header) {
                reading.faults.add(&path, Fault::Name(header.clone(), HEADER_LAW));
            } else if stays_in_gateway(&header) {
                reading.faults.add(&path, Fault::Header(header.clone()));
            }
            Some(Picker::Header(header.into()))
        }
        [None, Some(prefixes), None, None] => {
            let mut named = read_named(reading, prefixes, &path.member("prefix"), PREFIX_LAW, is_prefix);
            named.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
            Some(Picker::Prefix(named))
        }
        [None, None, Some(hosts), None] => Some(Picker::Host(read_named(reading, hosts, &path.member("host"), HOST_LAW, is_host))),
        [None, None, None, Some(constant)] => {
            let name = constant.text().filter(|name| !name.is_empty())?;
            reading.provider(name, &path.member("constant")).map(Picker::Constant)
        }
        _ => {
            if matches!(picker, Tree::Object(_)) {
                reading.faults.add(&path, Fault::ExactlyOne("header, prefix, host, constant"));
            }
            None
        }
    }
}

const HOST_LAW: &str = "a host name is words of small letters, digits and hyphens with dots between them, without a port";

/// Small letters alone, so that no host is there twice.
fn is_host(name: &str) -> bool {
    let of_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.split('.').all(|word| !word.is_empty() && word.bytes().all(of_word))
}

fn read_named(
    reading: &mut Reading<'_>,
    tree: &Tree,
    path: &Path,
    law: &'static str,
    spelt: impl Fn(&str) -> bool,
) -> Vec<(Box<str>, ProviderId)> {
    let mut named = Vec::new();
    for (name, provider) in tree.members() {
        let path = path.member(name);
        if !spelt(name) {
            reading.faults.add(&path, Fault::Name(name.clone(), law));
        }
        if let Some(provider) = provider.text().filter(|provider| !provider.is_empty())
            && let Some(id) = reading.provider(provider, &path)
        {
            named.push((name.as_str().into(), id));
        }
    }
    named
}

/// Refuses what has no effect, or no way, in the standalone position.
pub(super) fn check(reading: &mut Reading<'_>, gateway: &Gateway) {
    let Some(picker) = &gateway.standalone else { return };
    if !reading.faults.is_empty() {
        return;
    }
    let (root, models) = (reading.root, Path::default().member("models"));
    let routes = root.member("models").map(Tree::entries).unwrap_or_default();
    for (place, (tree, route)) in routes.iter().zip(&gateway.routes).enumerate() {
        let path = models.entry(place);
        let alike = |provider| route.targets.iter().filter(|target| target.provider == provider).count();
        if route.targets.iter().all(|target| alike(target.provider) == 1) {
            refuse(reading, tree, &path, &CHOOSES);
        }
        let targets = tree.member("targets").map(Tree::entries).unwrap_or_default();
        for (place, (tree, target)) in targets.iter().zip(&route.targets).enumerate() {
            let path = path.member("targets").entry(place);
            check_provider(reading, gateway, target.provider, picker, &path.member("provider"));
            refuse(reading, tree, &path, &NEEDS_MORE);
            if let Some(wanted) = route.demands.iter().find(|wanted| !wanted.is_met(&target.labels)) {
                reading.faults.add(&path, Fault::Unlabelled(wanted.to_string()));
            }
            if alike(target.provider) == 1 {
                refuse(reading, tree, &path, &["weight"]);
            }
        }
    }
    for (id, provider) in (0u16..).map(ProviderId).zip(&gateway.providers) {
        if provider.signed_for().is_some() && picker.reaches(id) {
            let path = Path::default().member("providers").member(&provider.name).member("auth").member("aws");
            reading.faults.add(&path, Fault::NotWith("standalone, behind which nothing signs what the filter has written"));
        }
    }
    let endpoints = root.member("endpoints").map(Tree::entries).unwrap_or_default();
    for (place, tree) in endpoints.iter().enumerate() {
        let named = text_of(tree, "provider").and_then(|name| gateway.provider_named(name));
        if named.is_some_and(|(id, _)| !picker.reaches(id)) {
            reading.faults.add(&Path::default().member("endpoints").entry(place).member("provider"), Fault::NotPicked);
        }
    }
    if let Some(caps) = root.member("caps") {
        refuse(reading, caps, &Path::default().member("caps"), &["held"]);
    }
}

fn check_provider(reading: &mut Reading<'_>, gateway: &Gateway, id: ProviderId, picker: &Picker, path: &Path) {
    if !picker.reaches(id) {
        reading.faults.add(path, Fault::NotPicked);
    } else if gateway.provider(id).is_some_and(|provider| !provider.speaks.iter().any(|&format| provider.has_fixed_path(format))) {
        reading.faults.add(path, Fault::ModelInPath);
    }
}

fn refuse(reading: &mut Reading<'_>, tree: &Tree, path: &Path, members: &[&str]) {
    for member in members.iter().filter(|member| tree.member(member).is_some()) {
        reading.faults.add(&path.member(member), Fault::NotWith("standalone, where one provider is asked once"));
    }
}
