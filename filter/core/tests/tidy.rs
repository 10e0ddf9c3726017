//! The repository against its own words: what ARCHITECTURE.md maps exists, and every source file says what it is for.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic, and so may what they share")]

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What stands between single backticks on lines of the code map's table.
fn mapped(text: &str) -> Vec<&str> {
    let map = text.split("## ").find(|section| section.starts_with("Code map")).expect("ARCHITECTURE.md has a code map");
    let first_column = map.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    first_column.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_place_of_the_code_map_exists() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let places = mapped(&text);
    assert!(places.len() > 20, "the code map is not read: {places:?}");
    let missing: Vec<_> = places.iter().filter(|place| !root().join(place).exists()).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md maps what does not exist: {missing:?}");
    let unmapped: Vec<_> = folders(&root().join("filter/core/src")).filter(|folder| !places.contains(&folder.as_str())).collect();
    assert!(unmapped.is_empty(), "ARCHITECTURE.md does not map {unmapped:?}");
}

/// The modules of the core that are folders, as the code map writes them.
fn folders(sources: &Path) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(sources).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).map(|path| format!("filter/core/src/{}/", path.file_name().unwrap().to_string_lossy()))
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let broken: Vec<_> = targets.filter(|target| !target.contains("://") && !root().join(target).exists()).collect();
        assert!(broken.is_empty(), "{document} links to what does not exist: {broken:?}");
    }
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let mut files = Vec::new();
    for member in ["filter", "testing", "envoy-config", "integration"] {
        sources(&root().join(member), &mut files);
    }
    assert!(files.len() > 100, "only {} files were found", files.len());
    let silent: Vec<_> = files.iter().filter(|file| !std::fs::read_to_string(file).unwrap().starts_with("//!")).collect();
    assert!(silent.is_empty(), "files that do not begin with `//!`: {silent:?}");
}

#[test]
fn the_shell_stays_small() {
    let mut files = Vec::new();
    sources(&root().join("filter/src"), &mut files);
    let lines: usize = files.iter().map(|file| std::fs::read_to_string(file).unwrap().lines().count()).sum();
    assert!(!files.is_empty() && lines < 800, "the shell has {lines} lines: what decides belongs in the core");
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
