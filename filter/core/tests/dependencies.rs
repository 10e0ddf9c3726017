//! What is built in: from where, under which licences, and nothing twice that nobody accounts for.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic, and so may what they share")]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Where every dependency comes from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Licences that a user of Weir under Apache-2.0 need not think about.
const LICENCES: [&str; 8] = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-3-Clause", "0BSD", "ISC", "Zlib", "Unicode-3.0"];

/// What is there in two versions, because the crates that need it do not agree yet: all of it is of the tests' host and tools.
const TWICE: [&str; 3] = ["embedded-io", "hashbrown", "syn"];

/// What the module is made of. Each is paid for in its size and start time; `filter/core/Cargo.toml` says why it is there.
const MODULE: [&str; 12] = [
    "adler2",
    "itoa",
    "memchr",
    "miniz_oxide",
    "serde",
    "serde_core",
    "serde_json",
    "simdutf8",
    "weir-abi",
    "weir-core",
    "weir-filter",
    "zmij",
];

/// What Cargo prints.
fn cargo(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Packages by their ids; only those that are built.
fn packages(metadata: &Value) -> BTreeMap<&str, &Value> {
    let built: BTreeSet<&str> = metadata["resolve"]["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    let all = metadata["packages"].as_array().unwrap().iter().map(|package| (package["id"].as_str().unwrap(), package));
    all.filter(|(id, _)| built.contains(id)).collect()
}

/// Whether one of the alternatives of a licence is allowed, whole.
fn is_allowed(licence: &str) -> bool {
    let spaced = licence.replace('/', " OR ").replace(['(', ')'], "");
    // An expression that joins both is `(… OR …) AND …`: all its words are asked for.
    let separator = if spaced.contains(" AND ") { " AND " } else { " OR " };
    let allowed = |one: &str| one.split(" OR ").any(|name| LICENCES.contains(&name.trim()));
    if separator == " AND " { spaced.split(separator).all(allowed) } else { allowed(&spaced) }
}

#[test]
fn dependencies_are_from_the_registry_allowed_and_there_once() {
    let metadata = cargo(&["metadata", "--locked", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"]);
    let metadata = serde_json::from_slice(&metadata).unwrap();
    let mut versions = BTreeMap::<&str, usize>::new();
    for (id, package) in packages(&metadata) {
        let Some(source) = package["source"].as_str() else { continue };
        assert_eq!(source, REGISTRY, "{id}");
        assert!(package["license"].as_str().is_some_and(is_allowed), "{id}: {}", package["license"]);
        *versions.entry(package["name"].as_str().unwrap()).or_default() += 1;
    }
    assert!(versions.len() > 100, "only {} dependencies were found", versions.len());
    let twice: Vec<&str> = versions.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect();
    assert_eq!(twice, TWICE);
}

#[test]
fn the_module_is_made_of_nothing_else() {
    // Unlike `cargo metadata` this keeps the features apart that other members of the workspace ask for.
    let tree = ["tree", "--locked", "-p", "weir-filter", "--target", "wasm32-wasip1", "-e", "normal,no-proc-macro", "--prefix", "none"];
    let tree = String::from_utf8(cargo(&tree)).unwrap();
    let found: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), MODULE);
}
