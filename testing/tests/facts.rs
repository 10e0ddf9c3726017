//! Every fact in the test host: it does what Envoy does, or the fact's id says where it doesn't.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

mod facts {
    pub mod others;
    pub mod run;
}

use std::path::Path;
use weir_facts::{Fact, all, difference, table};

fn bless() -> bool {
    std::env::var_os("WEIR_BLESS").is_some()
}

#[test]
fn the_host_does_what_the_facts_say() {
    let only = std::env::var("WEIR_FACT").unwrap_or_default();
    let facts: Vec<_> = all().into_iter().filter(|fact| fact.id.starts_with(&only)).collect();
    let ours = |fact: &&Fact| fact.envoy_only.is_none() || bless() && fact.transcript.is_empty();
    assert!(!facts.is_empty(), "no fact is named {only}…");
    let mut wrong = String::new();
    for fact in facts.iter().filter(ours) {
        let found = facts::run::run(&fact.scenario);
        if bless() {
            fact.bless(&found);
        } else if let Some(difference) = difference(&fact.transcript, &found) {
            wrong.push_str(&format!("{}: {}\n{difference}\n", fact.id, fact.text));
        }
    }
    assert!(wrong.is_empty(), "the test host differs from the facts:\n{wrong}");
}

#[test]
fn the_document_is_made_from_the_facts() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("FACTS.md");
    let document = table::document(&all());
    if bless() {
        std::fs::write(path, document).unwrap();
    } else {
        let found = std::fs::read_to_string(path).unwrap();
        assert!(found == document, "WEIR_BLESS=1 cargo test -p weir-testing --test facts writes FACTS.md");
    }
}

#[test]
fn the_readme_counts_the_facts() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let row = format!("| facts | {} |", table::count(&all()));
    let found = std::fs::read_to_string(&path).unwrap();
    let old = found.lines().find(|line| line.starts_with("| facts | ")).unwrap();
    if bless() {
        std::fs::write(path, found.replacen(old, &row, 1)).unwrap();
    } else {
        assert_eq!(old, row, "WEIR_BLESS=1 cargo test -p weir-testing --test facts writes it");
    }
}
