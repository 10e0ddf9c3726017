//! Real Envoy, simulated providers, the rate-limit service: what the demo, the tests and the benchmarks stand on.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "this crate runs on a developer's machine and in CI, never beside traffic: a panic fails a test, a print is its interface"
)]

pub mod client;
pub mod demo;
pub mod dns;
pub mod fetch;
pub mod gateway;
pub mod http;
pub mod limiter;
pub mod matrix;
pub mod measure;
pub mod paths;
pub mod process;
pub mod progress;
pub mod providers;
pub mod trouble;
pub mod verify;
pub mod wasm;
