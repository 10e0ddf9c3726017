//! Builds the probe filter, once per source, with the toolchain that builds the tests.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, reason = "each test file uses a part of this, and fails by panicking")]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::Command;
use weir_testing::{Host, Module, Options, Plugin};

const SOURCE: &str = include_str!("script.rs");

/// The module that runs scripts.
pub fn module() -> Module {
    let mut hash = DefaultHasher::new();
    SOURCE.hash(&mut hash);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let built = folder.join(format!("probe-{:016x}.wasm", hash.finish()));
    if !built.exists() {
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/probes/script.rs");
        let part = folder.join(format!("probe-{}.wasm", std::process::id()));
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        let mut command = Command::new(rustc);
        command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["--edition=2024", "--target=wasm32-wasip1", "--crate-type=cdylib", "-O"]);
        let status = command.arg(source).arg("-o").arg(&part).status().expect("rustc runs");
        assert!(status.success(), "the probe does not build: {command:?}");
        std::fs::rename(part, &built).unwrap();
    }
    Module::load(built).unwrap()
}

/// A plugin `probe` with this script, held headers allowed.
pub fn plugin(script: &str) -> Plugin {
    Plugin::new("probe", script).stop_iteration()
}

/// A host with one plugin `probe`.
pub fn host(script: &str) -> Host {
    Host::start(&module(), Options::plugins([plugin(script)])).unwrap()
}

/// The filter's log lines.
pub fn logs(host: &Host) -> Vec<String> {
    host.logs().iter().map(|(_, line)| line.clone()).collect()
}
