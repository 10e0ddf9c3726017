//! The labels of providers and targets, and the document's `demands`.

use super::models::conditions;
use super::providers::{HEADER_LAW, is_header};
use super::{Reading, text_of};
use crate::config::errors::{Fault, Path};
use crate::config::gateway::Gateway;
use crate::config::tree::Tree;
use crate::exchange::headers::stays_in_gateway;
use crate::routing::{Asks, Demand, Labels, Wanted};

const LABEL_LAW: &str = "labels and their values are at most 64 letters, digits, ., _ and -";

/// Without a comma, by which clients separate values.
fn check_word(reading: &mut Reading<'_>, word: &str, path: &Path) {
    let spelt = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    if word.is_empty() || word.len() > 64 || !spelt {
        reading.faults.add(path, Fault::Name(word.to_owned(), LABEL_LAW));
    }
}

/// The member `labels` of a provider or target at `path`.
pub(super) fn labels(reading: &mut Reading<'_>, tree: &Tree, path: &Path) -> Labels {
    let path = path.member("labels");
    let mut labels = Vec::new();
    for (name, value) in tree.member("labels").map(Tree::members).unwrap_or_default() {
        let Some(value) = value.text().filter(|value| !value.is_empty()) else { continue };
        let path = path.member(name);
        check_word(reading, name, &path);
        check_word(reading, value, &path);
        labels.push((name.as_str().into(), value.into()));
    }
    Labels(labels)
}

/// Labels with the values that do.
pub(super) fn wanted(reading: &mut Reading<'_>, tree: Option<&Tree>, path: &Path) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (name, tree) in tree.map(Tree::members).unwrap_or_default() {
        let path = path.member(name);
        check_word(reading, name, &path);
        let mut values = Vec::new();
        for (place, value) in tree.entries().iter().enumerate() {
            let Some(value) = value.text().filter(|value| !value.is_empty()) else { continue };
            check_word(reading, value, &path.entry(place));
            values.push(value.into());
        }
        wanted.push(Wanted { label: name.as_str().into(), values });
    }
    wanted
}

/// Every entry of `demands` that can be read.
pub(super) fn read(reading: &mut Reading<'_>) -> Vec<Demand> {
    let path = Path::default().member("demands");
    let entries = reading.root.member("demands").map(Tree::entries).unwrap_or_default();
    let mut demands = Vec::new();
    for (place, tree) in entries.iter().enumerate().filter(|(_, tree)| matches!(tree, Tree::Object(_))) {
        let path = path.entry(place);
        let when = conditions(reading, tree, &path.member("when"));
        let asks = match (tree.member("labels"), tree.member("header")) {
            (Some(labels), None) => {
                if tree.member("label").is_some() {
                    reading.faults.add(&path.member("label"), Fault::NotWith("labels"));
                }
                Some(Asks::These(wanted(reading, Some(labels), &path.member("labels"))))
            }
            (None, Some(header)) => by_header(reading, tree, header, &path),
            (None, None) | (Some(_), Some(_)) => {
                reading.faults.add(&path, Fault::ExactlyOne("labels, header"));
                None
            }
        };
        demands.extend(asks.map(|asks| Demand { when, asks }));
    }
    demands
}

fn by_header(reading: &mut Reading<'_>, tree: &Tree, header: &Tree, path: &Path) -> Option<Asks> {
    if tree.member("label").is_none() {
        reading.faults.add(&path.member("label"), Fault::Missing);
    }
    let header = header.text().filter(|name| !name.is_empty())?.to_ascii_lowercase();
    let at = path.member("header");
    if !is_header(&header) {
        reading.faults.add(&at, Fault::Name(header.clone(), HEADER_LAW));
    } else if stays_in_gateway(&header) {
        reading.faults.add(&at, Fault::Header(header.clone()));
    }
    let label = text_of(tree, "label")?;
    check_word(reading, label, &path.member("label"));
    Some(Asks::Header { header: header.into(), label: label.into() })
}

/// A demand that nobody can meet refuses everything, which its author did not mean.
pub(super) fn check(reading: &mut Reading<'_>, gateway: &Gateway) {
    if !reading.faults.is_empty() {
        return;
    }
    let targets = gateway.routes.iter().flat_map(|route| &route.targets).map(|target| &target.labels);
    let known: Vec<&Labels> = gateway.providers.iter().map(|provider| &provider.labels).chain(targets).collect();
    let models = Path::default().member("models");
    for (place, route) in gateway.routes.iter().enumerate() {
        check_known(reading, &route.demands, &known, &models.entry(place).member("demands"));
    }
    let demands = Path::default().member("demands");
    for (place, demand) in gateway.demands.iter().enumerate() {
        let path = demands.entry(place);
        match &demand.asks {
            Asks::These(wanted) => check_known(reading, wanted, &known, &path.member("labels")),
            Asks::Header { label, .. } if known.iter().all(|labels| labels.value(label).is_none()) => {
                reading.faults.add(&path.member("label"), Fault::NoLabel(label.to_string()));
            }
            Asks::Header { .. } => {}
        }
    }
}

fn check_known(reading: &mut Reading<'_>, wanted: &[Wanted], known: &[&Labels], path: &Path) {
    for one in wanted {
        let path = path.member(&one.label);
        for (place, value) in one.values.iter().enumerate() {
            if known.iter().all(|labels| labels.value(&one.label) != Some(value)) {
                reading.faults.add(&path.entry(place), Fault::NoLabel(format!("{}: {value}", one.label)));
            }
        }
    }
}
