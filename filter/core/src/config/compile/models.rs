//! The document's `models` and `endpoints`.

use std::collections::BTreeMap;

use super::demands::{labels, wanted};
use super::providers::max_tokens;
use super::providers::{HEADER_LAW, concurrency, is_header};
use super::{Reading, names_of, patience, text_of};
use crate::config::errors::{Fault, Path};
use crate::config::gateway::PassThrough;
use crate::config::scalar;
use crate::config::tree::Tree;
use crate::exchange::headers::stays_in_gateway;
use crate::hub::{Capabilities, Capability};
use crate::routing::{Affinity, Condition, Mark, Pattern, Route, Target, hash};

/// Every route that can be read, and the places of the exact names. `defaults` are the providers' `default_max_tokens`.
pub(super) fn read_routes(reading: &mut Reading<'_>, defaults: &[u32]) -> (Vec<Route>, BTreeMap<Box<str>, usize>) {
    let path = Path::default().member("models");
    let mut routes: Vec<Route> = Vec::new();
    let mut exact = BTreeMap::new();
    for (place, tree) in reading.root.member("models").map(Tree::entries).unwrap_or_default().iter().enumerate() {
        let path = path.entry(place);
        let targets = read_targets(reading, tree, defaults, &path.member("targets"));
        let Some(name) = text_of(tree, "name") else { continue };
        let name = Pattern::new(name);
        check_reached(reading, &name, &routes, &path.member("name"));
        if let Pattern::Exact(text) = &name {
            exact.insert(text.clone(), routes.len());
        }
        let affinity = tree.member("affinity").map(|tree| affinity(reading, tree, &path.member("affinity")));
        let cheapest = text_of(tree, "prefer") == Some("cheapest");
        let demands = wanted(reading, tree.member("demands"), &path.member("demands"));
        routes.push(Route { name, targets, affinity, cheapest, demands });
    }
    (routes, exact)
}

/// An entry that no request can reach has no effect, which its author did not mean.
fn check_reached(reading: &mut Reading<'_>, name: &Pattern, earlier: &[Route], path: &Path) {
    if earlier.iter().any(|route| route.name == *name) {
        return reading.faults.add(path, Fault::Taken(name.as_str().to_owned()));
    }
    // An exact name is looked up before every pattern, wherever it stands.
    if let Pattern::Glob(_) = name
        && let Some(wider) = earlier.iter().find(|route| route.name.covers(name))
    {
        reading.faults.add(path, Fault::Shadowed(wider.name.as_str().to_owned()));
    }
}

fn read_targets(reading: &mut Reading<'_>, route: &Tree, defaults: &[u32], path: &Path) -> Vec<Target> {
    let entries = route.member("targets").map(Tree::entries).unwrap_or_default();
    if entries.len() > Route::MAX_TARGETS {
        reading.faults.add(path, Fault::TooMany(Route::MAX_TARGETS));
    }
    let mut targets = Vec::with_capacity(entries.len());
    for (place, tree) in entries.iter().enumerate() {
        let path = path.entry(place);
        let Some(name) = text_of(tree, "provider") else { continue };
        let Some(provider) = reading.provider(name, &path.member("provider")) else { continue };
        let number = |name: &str, default: u32| match tree.member(name) {
            Some(tree) => scalar::count(tree).and_then(|count| u32::try_from(count).ok()),
            None => Some(default),
        };
        let (Some(weight), Some(priority)) = (number("weight", 1), number("priority", 0)) else { continue };
        let Some(default_max_tokens) = max_tokens(tree).or_else(|| defaults.get(provider.index()).copied()) else { continue };
        let Some(patience) = patience::read(tree) else { continue };
        let context_length = tree.member("context_length").and_then(scalar::count);
        let when = conditions(reading, tree, &path.member("when"));
        let of_provider = Path::default().member("providers").member(name);
        let theirs = reading.root.member("providers").and_then(|providers| providers.member(name));
        let theirs = theirs.map(|tree| labels(reading, tree, &of_provider)).unwrap_or_default();
        let labels = labels(reading, tree, &path).over(&theirs);
        let model: Option<Box<str>> = text_of(tree, "model").map(Into::into);
        let identity = hash([name, "\0", model.as_deref().unwrap_or_default()].concat().as_bytes());
        targets.push(Target {
            provider,
            model,
            weight,
            priority,
            default_max_tokens,
            patience,
            context_length,
            concurrency: concurrency(tree),
            lacks: lacks(tree),
            when,
            labels,
            identity,
        });
    }
    targets
}

fn lacks(target: &Tree) -> Capabilities {
    let mut lacks = Capabilities::default();
    let stated = target.member("capabilities");
    for one in Capability::ALL {
        let flag = stated.and_then(|tree| tree.member(one.as_str())).and_then(Tree::flag);
        lacks.note(one, flag == Some(false));
    }
    lacks
}

pub(super) fn conditions(reading: &mut Reading<'_>, target: &Tree, path: &Path) -> Vec<Condition> {
    let identities = names_of(reading.root.member("identity"));
    let mut conditions = Vec::new();
    for (name, tree) in target.member("when").map(Tree::members).unwrap_or_default() {
        match identities.iter().position(|known| *known == name.as_str()) {
            Some(identity) => {
                let values = tree.entries().iter().filter_map(Tree::text).map(Into::into).collect();
                conditions.push(Condition { identity, values });
            }
            None => reading.faults.add(&path.member(name), Fault::NoSuchIdentity(name.clone())),
        }
    }
    conditions
}

fn affinity(reading: &mut Reading<'_>, tree: &Tree, path: &Path) -> Affinity {
    let header = text_of(tree, "header").map(str::to_ascii_lowercase);
    match &header {
        Some(name) if !is_header(name) => reading.faults.add(&path.member("header"), Fault::Name(name.clone(), HEADER_LAW)),
        // Requests are sorted by what is left of them when their credentials are gone.
        Some(name) if stays_in_gateway(name) => reading.faults.add(&path.member("header"), Fault::Header(name.clone())),
        Some(_) | None => {}
    }
    let mark = |word: &Tree| match word.text()? {
        "prompt_cache_key" => Some(Mark::CacheKey),
        "user" => Some(Mark::User),
        "prompt" => Some(Mark::Prompt),
        _ => None,
    };
    let by: Vec<Mark> = tree.member("by").map(Tree::entries).unwrap_or_default().iter().filter_map(mark).collect();
    if header.is_none() && tree.member("by").is_none() {
        reading.faults.add(&path.member("by"), Fault::Missing);
    }
    Affinity { header: header.map(Into::into), by }
}

/// The entries of `endpoints`, the longest prefix first.
pub(super) fn read_endpoints(reading: &mut Reading<'_>) -> Vec<PassThrough> {
    let path = Path::default().member("endpoints");
    let mut endpoints: Vec<PassThrough> = Vec::new();
    for (place, tree) in reading.root.member("endpoints").map(Tree::entries).unwrap_or_default().iter().enumerate() {
        let path = path.entry(place);
        let provider = text_of(tree, "provider").and_then(|name| reading.provider(name, &path.member("provider")));
        let Some(prefix) = text_of(tree, "prefix") else { continue };
        let path = path.member("prefix");
        if !is_prefix(prefix) {
            reading.faults.add(&path, Fault::Name(prefix.to_owned(), PREFIX_LAW));
        }
        if endpoints.iter().any(|earlier| *earlier.prefix == *prefix) {
            reading.faults.add(&path, Fault::Taken(prefix.to_owned()));
        }
        if let Some(provider) = provider {
            endpoints.push(PassThrough { prefix: prefix.into(), provider });
        }
    }
    endpoints.sort_by_key(|endpoint| std::cmp::Reverse(endpoint.prefix.len()));
    endpoints
}

pub(super) const PREFIX_LAW: &str = "a path begins with a slash, has none at its end, and holds no space, query or *";

/// Whether a path can stand in front of others.
pub(super) fn is_prefix(path: &str) -> bool {
    let spelt = path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'*'));
    path.starts_with('/') && !path.ends_with('/') && spelt
}
