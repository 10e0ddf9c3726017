//! What Weir writes, against the vendors' own types: every translated request of the core's cases, by the official Python packages.
use std::path::{Path, PathBuf};
use std::process::Command;

use weir_integration::{fetch, paths};

/// The golden requests for providers of one format.
fn written(format: &str) -> Vec<PathBuf> {
    let list = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let clients = list(&paths::workspace().join("filter/core/cases/requests"));
    let cases = clients.iter().flat_map(|client| list(client));
    cases.map(|case| case.join(format!("{format}.json"))).filter(|golden| golden.exists()).collect()
}

fn known(format: &str, python: Result<PathBuf, weir_integration::trouble::Trouble>) {
    let python = python.unwrap_or_else(|trouble| panic!("{trouble}"));
    let requests = written(format);
    assert!(requests.len() > 100, "{format}: {}", requests.len());
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/vendor_types.py")).arg(format).args(requests);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}

#[test]
fn chat() {
    known("chat", fetch::python::openai_sdk());
}

#[test]
fn responses() {
    known("responses", fetch::python::openai_sdk());
}

#[test]
fn messages() {
    known("messages", fetch::python::anthropic_sdk());
}

#[test]
fn gemini() {
    known("gemini", fetch::python::google_sdk());
}

#[test]
fn converse() {
    known("converse", fetch::python::aws_sdk());
}
