//! The probe filter in the test host.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses a part of this, and fails by panicking")]

use std::path::Path;
use weir_testing::{Host, Module, Options, Plugin};

/// The module that runs scripts.
pub fn module() -> Module {
    Module::load(weir_facts::probe::build(Path::new(env!("CARGO_TARGET_TMPDIR")))).unwrap()
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
