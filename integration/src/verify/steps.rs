//! The steps, in the order in which they run: what is quick to fail comes first.
use std::process::Command;

use super::built::{Built, run_tests};
use super::{Outcome, Step};
use crate::{fetch, matrix, progress, trouble::Trouble, wasm};

/// Every step.
pub fn all() -> &'static [Step] {
    &[
        Step { name: "targets", what: "the toolchain has the wasm targets", run: targets },
        Step { name: "fmt", what: "formatting", run: fmt },
        Step { name: "clippy", what: "clippy, native and wasm", run: clippy },
        Step { name: "unit", what: "unit and golden tests of the core, the filter and the weir command", run: unit },
        Step { name: "recorded", what: "what real providers sent, as it was recorded", run: recorded },
        Step { name: "doc", what: "examples in the documentation", run: doc },
        Step { name: "module", what: "weir.wasm for wasm32-wasip1, and for hosts without WASI", run: module },
        Step { name: "host", what: "the module in the test host", run: host },
        Step { name: "envoy", what: "the module in real Envoy with simulated providers", run: envoy },
        Step { name: "sdk", what: "the official SDKs, for Python and TypeScript, against Envoy", run: sdk },
        Step { name: "agents", what: "coding agents at work through Envoy", run: agents },
        Step { name: "istio", what: "what is rendered for Istio against its own schemas", run: istio },
        Step { name: "limiter", what: "the rate-limit service's cases against the embedded one", run: limiter },
        Step { name: "ratelimit", what: "the same cases against envoyproxy/ratelimit with Redis", run: ratelimit },
        Step { name: "model", what: "the SDKs against a real model server behind Envoy", run: model },
    ]
}

/// Tests of this crate by the module that holds them; everything else in it belongs to the step `envoy`.
const SDK: &str = "sdk::";
const AGENTS: &str = "agents::";
const ISTIO: &str = "istio::schemas::";
const EMBEDDED: &str = "limiter::embedded";
const REAL: &str = "limiter::real";
const MODEL: &str = "model::";
/// The test program of the core that reads recordings.
const RECORDED: &str = "recordings";
const INTEGRATION: &[&str] = &["weir-integration"];

fn targets(_: &mut Built) -> Outcome {
    match fetch::rustup::targets() {
        Ok(()) => one(),
        Err(trouble) => Outcome::CouldNotRun(trouble.to_string()),
    }
}

fn fmt(_: &mut Built) -> Outcome {
    cargo("fmt", &[&["fmt", "--all", "--check"]])
}

fn clippy(_: &mut Built) -> Outcome {
    cargo(
        "clippy",
        &[
            &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
            &["clippy", "--package", "weir-filter", "--target", "wasm32-wasip1", "--", "-D", "warnings"],
        ],
    )
}

fn unit(built: &mut Built) -> Outcome {
    with(built.programs(&["weir-core", "weir-filter", "weir-config", "weir-facts"]), |mut programs| {
        programs.retain(|program| program.target != RECORDED);
        run_tests("unit", &programs, &[])
    })
}

/// Reads the folder that `WEIR_RECORDINGS` names. Its bytes belong to others, so most clones are without it.
fn recorded(built: &mut Built) -> Outcome {
    if std::env::var_os("WEIR_RECORDINGS").is_none() {
        return Outcome::NotHere("WEIR_RECORDINGS names no folder");
    }
    with(built.programs(&["weir-core"]), |mut programs| {
        programs.retain(|program| program.target == RECORDED);
        run_tests("recorded", &programs, &[])
    })
}

fn doc(_: &mut Built) -> Outcome {
    cargo("doc", &[&["test", "--workspace", "--doc"]])
}

fn module(built: &mut Built) -> Outcome {
    let product = built.module();
    with(product, |_| {
        let other = wasm::log("verify-module").and_then(|log| {
            progress::run("weir.wasm (release, wasm32-unknown-unknown)", &mut wasm::command("wasm32-unknown-unknown"), &log)
        });
        with(other, |_| Outcome::Passed { checks: 2, ignored: 0 })
    })
}

fn host(built: &mut Built) -> Outcome {
    with(built.module(), |_| with(built.programs(&["weir-testing"]), |programs| run_tests("host", &programs, &[])))
}

fn envoy(built: &mut Built) -> Outcome {
    needing(fetch::envoy::binary().and(fetch::python::openai_sdk()), || {
        let rest = ["--skip", SDK, "--skip", AGENTS, "--skip", ISTIO, "--skip", EMBEDDED, "--skip", REAL, "--skip", MODEL];
        with(built.module(), |_| with(built.programs(INTEGRATION), |programs| run_tests("envoy", &programs, &rest)))
    })
}

fn sdk(built: &mut Built) -> Outcome {
    let sdks = fetch::python::openai_sdk()
        .and(fetch::python::anthropic_sdk())
        .and(fetch::python::aws_sdk())
        .and(fetch::python::google_sdk())
        .and(fetch::node::sdks());
    let tools = fetch::envoy::binary().and(sdks);
    needing(tools, || {
        with(built.module(), |_| match filtered(built, "sdk", SDK) {
            Outcome::Passed { checks, ignored } => with(matrix::settle(), |()| Outcome::Passed { checks: checks + 1, ignored }),
            other => other,
        })
    })
}

fn agents(built: &mut Built) -> Outcome {
    let tools = fetch::envoy::binary().and(fetch::node::agents());
    needing(tools, || with(built.module(), |_| filtered(built, "agents", AGENTS)))
}

fn istio(built: &mut Built) -> Outcome {
    needing(fetch::istio::definitions(), || filtered(built, "istio", ISTIO))
}

fn limiter(built: &mut Built) -> Outcome {
    filtered(built, "limiter", EMBEDDED)
}

fn ratelimit(built: &mut Built) -> Outcome {
    needing(fetch::ratelimit::binary().and(fetch::redis::server()), || filtered(built, "ratelimit", REAL))
}

fn model(built: &mut Built) -> Outcome {
    let tools = fetch::envoy::binary().and(fetch::python::openai_sdk()).and(fetch::python::anthropic_sdk()).and(fetch::llama::fetch());
    needing(tools, || with(built.module(), |_| filtered(built, "model", MODEL)))
}

/// The tests of this crate whose name holds `filter`.
fn filtered(built: &mut Built, label: &str, filter: &str) -> Outcome {
    with(built.programs(INTEGRATION), |programs| {
        let holds: Vec<_> = programs.into_iter().filter(|program| has_tests(&program.file, filter)).collect();
        run_tests(label, &holds, &[filter])
    })
}

fn has_tests(program: &std::path::Path, filter: &str) -> bool {
    let listed = Command::new(program).args(["--list", filter]).output();
    listed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(": test"))
}

/// Runs cargo commands one after another; each counts as one check.
fn cargo(name: &str, calls: &[&[&str]]) -> Outcome {
    for (n, arguments) in calls.iter().enumerate() {
        let mut cargo = wasm::cargo();
        let label = format!("cargo {}", arguments.join(" "));
        let ended = wasm::log(&format!("verify-{name}-{n}")).and_then(|log| progress::run(&label, cargo.args(*arguments), &log));
        if let Err(trouble) = ended {
            return Outcome::Failed { passed: n, failed: 1, why: trouble.to_string() };
        }
    }
    Outcome::Passed { checks: calls.len(), ignored: 0 }
}

fn one() -> Outcome {
    Outcome::Passed { checks: 1, ignored: 0 }
}

/// What must be built: without it the step has failed.
fn with<T>(made: Result<T, Trouble>, then: impl FnOnce(T) -> Outcome) -> Outcome {
    match made {
        Ok(made) => then(made),
        Err(trouble) => Outcome::Failed { passed: 0, failed: 1, why: trouble.to_string() },
    }
}

/// What must be fetched: without it the step could not run.
fn needing<T>(fetched: Result<T, Trouble>, then: impl FnOnce() -> Outcome) -> Outcome {
    match fetched {
        Ok(_) => then(),
        Err(trouble) => Outcome::CouldNotRun(trouble.to_string()),
    }
}
