//! The document's `identity`, `limits` and `prices`.

use std::time::Duration;

use super::providers::{HEADER_LAW, is_header};
use super::{Reading, names_of, text_of};
use crate::config::errors::{Fault, Path};
use crate::config::gateway::{
    BudgetRule, ConcurrencyRule, Gateway, Identity, IdentitySource, KeyPart, LimitService, Measure, Missing, Mode, OnFailure, Price, Window,
};
use crate::config::scalar;
use crate::config::tree::Tree;
use crate::names::HEADER_PREFIX;
use crate::providers::Endpoint;
use crate::routing::Pattern;

/// Names and values that stand in the service's descriptors, whose entries are joined by `_` in the counters' keys; names are kept plain.
const NAME_LAW: &str = "at most 64 letters, digits, ., _ and -";

/// Keys of a descriptor that Weir writes itself.
const RESERVED_KEYS: [&str; 3] = ["model", "rule", "month"];

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// Every identity that can be read.
pub(super) fn read_identities(reading: &mut Reading<'_>) -> Vec<Identity> {
    let path = Path::default().member("identity");
    let mut identities = Vec::new();
    for (name, tree) in reading.root.member("identity").map(Tree::members).unwrap_or_default() {
        let path = path.member(name);
        if !is_name(name) {
            reading.faults.add(&path, Fault::Name(name.clone(), NAME_LAW));
        } else if RESERVED_KEYS.contains(&name.as_str()) {
            reading.faults.add(&path, Fault::Taken(name.clone()));
        }
        let missing = match text_of(tree, "missing") {
            Some("skip") => Missing::Skip,
            Some("refuse") => Missing::Refuse,
            Some(_) | None => Missing::Together,
        };
        if let Some(source) = identity_source(reading, tree, &path) {
            identities.push(Identity { name: name.as_str().into(), source, missing });
        }
    }
    identities
}

fn identity_source(reading: &mut Reading<'_>, tree: &Tree, path: &Path) -> Option<IdentitySource> {
    match (tree.member("header"), tree.member("constant")) {
        (Some(header), None) => {
            let header = header.text().filter(|header| !header.is_empty())?.to_ascii_lowercase();
            if tree.member("trusted").is_none_or(|trusted| trusted.flag() == Some(false)) {
                reading.faults.add(path, Fault::Untrusted);
            }
            // What a client sends in Weir's own headers is removed before anything reads it.
            if !is_header(&header) || header.starts_with(HEADER_PREFIX) {
                reading.faults.add(&path.member("header"), Fault::Name(header.clone(), HEADER_LAW));
            }
            Some(IdentitySource::TrustedHeader(header.into()))
        }
        (None, Some(constant)) => {
            for member in ["trusted", "missing"] {
                if tree.member(member).is_some() {
                    reading.faults.add(&path.member(member), Fault::NotWith("constant"));
                }
            }
            Some(IdentitySource::Constant(constant.text().filter(|text| !text.is_empty())?.into()))
        }
        _ => {
            let refused = ["key", "jwt", "certificate"].into_iter().any(|later| tree.member(later).is_some());
            if !refused && matches!(tree, Tree::Object(_)) {
                reading.faults.add(path, Fault::ExactlyOne("header, constant"));
            }
            None
        }
    }
}

/// The rate-limit service, if the document names one.
pub(super) fn read_service(reading: &mut Reading<'_>) -> Option<LimitService> {
    let path = Path::default().member("limits").member("service");
    let limits = reading.root.member("limits")?;
    let Some(tree) = limits.member("service") else {
        if limits.member("budgets").is_some_and(|budgets| !budgets.entries().is_empty()) {
            reading.faults.add(&path, Fault::Missing);
        }
        return None;
    };
    let endpoint = Endpoint::parse(text_of(tree, "endpoint")?).ok()?;
    if endpoint.base_path.is_empty() {
        reading.faults.add(&path.member("endpoint"), Fault::PathNeeded);
    }
    let domain = match tree.member("domain") {
        Some(domain) => domain.text()?,
        None => "weir",
    };
    if !is_name(domain) {
        reading.faults.add(&path.member("domain"), Fault::Name(domain.to_owned(), NAME_LAW));
    }
    let timeout = match tree.member("timeout") {
        Some(timeout) => scalar::duration(timeout)?,
        None => Duration::from_millis(250),
    };
    Some(LimitService { endpoint, domain: domain.into(), timeout })
}

/// Every budget that can be read.
pub(super) fn read_budgets(reading: &mut Reading<'_>, identities: &[Identity]) -> Vec<BudgetRule> {
    let path = Path::default().member("limits").member("budgets");
    let entries = reading.root.member("limits").and_then(|limits| limits.member("budgets")).map(Tree::entries).unwrap_or_default();
    let mut budgets: Vec<BudgetRule> = Vec::new();
    for (place, tree) in entries.iter().enumerate() {
        let path = path.entry(place);
        let key = read_key(reading, tree, identities, &path.member("key"));
        let measured = read_measure(reading, tree, &path);
        let Some(name) = text_of(tree, "name") else { continue };
        if !is_name(name) {
            reading.faults.add(&path.member("name"), Fault::Name(name.to_owned(), NAME_LAW));
        }
        if budgets.iter().any(|earlier| *earlier.name == *name) {
            reading.faults.add(&path.member("name"), Fault::Taken(name.to_owned()));
        }
        let on_failure = match text_of(tree, "on_failure") {
            Some("deny") => OnFailure::Deny,
            Some(_) | None => OnFailure::Allow,
        };
        let shadow = tree.member("shadow").and_then(Tree::flag).unwrap_or(false);
        if let (Some((measure, limit)), Some(per)) = (measured, text_of(tree, "per").and_then(window)) {
            budgets.push(BudgetRule { name: name.into(), key, measure, limit, per, mode: Mode::Check, on_failure, shadow });
        }
    }
    budgets
}

/// Every limit on requests under way that can be read.
pub(super) fn read_concurrency(reading: &mut Reading<'_>, identities: &[Identity]) -> Vec<ConcurrencyRule> {
    let path = Path::default().member("limits").member("concurrency");
    let entries = reading.root.member("limits").and_then(|limits| limits.member("concurrency")).map(Tree::entries).unwrap_or_default();
    let mut rules: Vec<ConcurrencyRule> = Vec::new();
    for (place, tree) in entries.iter().enumerate() {
        let path = path.entry(place).member("key");
        let key = read_key(reading, tree, identities, &path);
        if rules.iter().any(|earlier| earlier.key == key) {
            let names: Vec<&str> = tree.member("key").map(Tree::entries).unwrap_or_default().iter().filter_map(Tree::text).collect();
            reading.faults.add(&path, Fault::Taken(names.join(", ")));
        }
        if let Some(requests) = tree.member("requests").and_then(scalar::count).and_then(|count| u32::try_from(count).ok()) {
            rules.push(ConcurrencyRule { key, requests });
        }
    }
    rules
}

fn window(name: &str) -> Option<Window> {
    Some(match name {
        "minute" => Window::Minute,
        "hour" => Window::Hour,
        "day" => Window::Day,
        "week" => Window::Week,
        "month" => Window::Month,
        _ => return None,
    })
}

fn read_key(reading: &mut Reading<'_>, tree: &Tree, identities: &[Identity], path: &Path) -> Vec<KeyPart> {
    // An identity with a fault of its own is there all the same.
    let known = names_of(reading.root.member("identity"));
    let mut key: Vec<KeyPart> = Vec::new();
    for (place, entry) in tree.member("key").map(Tree::entries).unwrap_or_default().iter().enumerate() {
        let Some(name) = entry.text().filter(|name| !name.is_empty()) else { continue };
        let part = match identities.iter().position(|identity| *identity.name == *name) {
            Some(place) => Some(KeyPart::Identity(place)),
            None => (name == "model").then_some(KeyPart::Model),
        };
        match part {
            Some(part) if key.contains(&part) => reading.faults.add(&path.entry(place), Fault::Taken(name.to_owned())),
            Some(part) => key.push(part),
            None if known.contains(&name) => {}
            None => reading.faults.add(&path.entry(place), Fault::NoIdentity(name.to_owned())),
        }
    }
    key
}

fn read_measure(reading: &mut Reading<'_>, tree: &Tree, path: &Path) -> Option<(Measure, u64)> {
    match (tree.member("tokens"), tree.member("requests"), tree.member("usd")) {
        (Some(tokens), None, None) => Some((Measure::Tokens, scalar::count(tokens)?)),
        (None, Some(requests), None) => Some((Measure::Requests, scalar::count(requests)?)),
        (None, None, Some(usd)) => {
            let nano_dollars = scalar::nano_dollars(usd)?;
            if nano_dollars == 0 {
                reading.faults.add(&path.member("usd"), Fault::Zero);
            }
            Some((Measure::Usd, nano_dollars))
        }
        _ => {
            if matches!(tree, Tree::Object(_)) {
                reading.faults.add(path, Fault::ExactlyOne("tokens, requests, usd"));
            }
            None
        }
    }
}

/// Every price that can be read.
pub(super) fn read_prices(reading: &mut Reading<'_>) -> Vec<Price> {
    let path = Path::default().member("prices");
    let Some(prices) = reading.root.member("prices") else { return Vec::new() };
    if prices.member("file").is_some() {
        reading.faults.add(&path.member("file"), Fault::File);
    } else if prices.member("models").is_none() && matches!(prices, Tree::Object(_)) {
        reading.faults.add(&path.member("models"), Fault::Missing);
    }
    let entries = prices.member("models").map(Tree::entries).unwrap_or_default();
    let read = |(place, tree): (usize, &Tree)| read_price(reading, tree, &path.member("models").entry(place));
    entries.iter().enumerate().filter_map(read).collect()
}

fn read_price(reading: &mut Reading<'_>, tree: &Tree, path: &Path) -> Option<Price> {
    let provider = match tree.member("provider") {
        Some(name) => Some(reading.provider(name.text()?, &path.member("provider"))?),
        None => None,
    };
    let price = |name: &str| tree.member(name).and_then(scalar::nano_dollars);
    let or = |name: &str, default: u64| if tree.member(name).is_some() { price(name) } else { Some(default) };
    let (input, output) = (price("input")?, price("output")?);
    let cache_write = or("cache_write", input)?;
    Some(Price {
        model: Pattern::new(text_of(tree, "model")?),
        provider,
        input,
        cache_read: or("cache_read", input)?,
        cache_write,
        cache_write_1h: or("cache_write_1h", cache_write)?,
        input_audio: or("input_audio", input)?,
        output,
        output_audio: or("output_audio", output)?,
    })
}

/// A budget in money counts nothing for a model without a price, so every target needs one.
pub(super) fn check_prices(reading: &mut Reading<'_>, gateway: &Gateway) {
    let Some(counted) = gateway.budgets.iter().position(|budget| budget.measure == Measure::Usd) else { return };
    if !reading.faults.is_empty() {
        return;
    }
    let path = Path::default().member("limits").member("budgets").entry(counted).member("usd");
    for route in &gateway.routes {
        for target in &route.targets {
            // A target that passes the client's name on needs a price for every name that the route takes.
            let wanted = target.model.as_deref().map_or_else(|| route.name.clone(), |model| Pattern::Exact(model.into()));
            let fits = |price: &&Price| price.provider.is_none_or(|id| id == target.provider) && price.model.covers(&wanted);
            if gateway.prices.iter().find(fits).is_none() {
                let provider = gateway.provider(target.provider).map(|provider| provider.name.to_string()).unwrap_or_default();
                reading.faults.add(&path, Fault::NoPrice(wanted.as_str().to_owned(), provider));
            }
        }
    }
}
