//! weir.wasm for hosts without WASI (`wasm32-unknown-unknown`): it needs nothing of WASI, and serves with WASI switched off.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code, reason = "tests fail by panicking; the rig is used in part")]

#[path = "weir/rig.rs"]
mod rig;

use rig::{ANSWER, ASK, ASK_STREAM, END, STREAM, answers, ask, provider, stream, wiring};
use std::path::PathBuf;
use std::process::Command;
use weir_testing::{Host, Module, Options, Play, Plugin, Proxy, Sent, bytewise};

/// Such a host has no environment either, so these providers need no key.
const DOCUMENT: &str = r#"{
    "version": 1,
    "providers": {
        "alpha": {"kind": "openai-compatible", "endpoint": "http://alpha.internal/v1"},
        "beta": {"kind": "openai-compatible", "endpoint": "http://beta.internal/v1"}
    },
    "models": [{"name": "smart", "targets": [{"provider": "alpha", "model": "m-alpha"}, {"provider": "beta", "model": "m-beta", "priority": 1}]}]
}"#;

/// Builds the module, or finds it built.
fn module() -> Module {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&workspace).args(["build", "--quiet", "--release", "--target", "wasm32-unknown-unknown", "--package", "weir-filter"]);
    assert!(cargo.status().expect("cargo runs").success(), "the module does not build: {cargo:?}");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
    Module::load(target.join("wasm32-unknown-unknown/release/weir.wasm")).unwrap()
}

fn gateway(module: &Module, alpha: impl FnMut(&Sent) -> Play + 'static) -> Proxy {
    let plugins = ["weir.gateway", "weir.upstream"].map(|root| Plugin::new(root, DOCUMENT).stop_iteration());
    let host = Host::start(module, Options { wasi: false, ..Options::plugins(plugins) }).unwrap();
    Proxy::new(host, wiring().cluster("alpha", provider("alpha", alpha)).cluster("beta", provider("beta", answers)))
}

#[test]
fn the_module_serves_where_there_is_no_wasi() {
    let module = module();
    let foreign: Vec<String> = module.imports().into_iter().filter(|import| !import.starts_with("env.proxy_")).collect();
    assert!(foreign.is_empty(), "{foreign:?}");

    let mut whole = gateway(&module, answers);
    let id = whole.exchange(&ask(ASK)).unwrap();
    assert_eq!((whole.received(id).status(), whole.received(id).text().as_str()), (200, ANSWER));
    assert!(!whole.sent(id)[0].headers.to_string().contains("key-of-client"));

    let mut streamed = gateway(&module, |_| Play::stream(bytewise(&stream())));
    let id = streamed.exchange(&ask(ASK_STREAM)).unwrap();
    assert_eq!((streamed.received(id).status(), streamed.received(id).text()), (200, [STREAM, END].concat()));

    let mut failing = gateway(&module, |_| Play::refuse());
    let id = failing.exchange(&ask(ASK)).unwrap();
    assert_eq!((failing.received(id).status(), failing.sent(id).len()), (200, 2));

    // The clock is the host's: a provider that says nothing is given up.
    let mut silent = gateway(&module, |_| Play::default().wait(std::time::Duration::from_secs(3600)));
    let id = silent.exchange(&ask(ASK)).unwrap();
    assert_eq!(silent.received(id).status(), 504);
}
