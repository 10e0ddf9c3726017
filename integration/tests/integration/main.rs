//! Everything that needs processes and sockets, as one program: real Envoy with `weir.wasm`, simulated providers, official SDKs.
#![allow(
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "these are tests: a panic is how they fail, and what they measure is said"
)]

mod absent;
mod agents;
mod bad_input;
mod bedrock;
mod budgets;
mod cooling;
mod counting;
mod demo;
mod envoys_own;
mod facts;
mod failover;
mod full;
mod headless;
mod http2;
mod istio;
mod labelled;
mod limiter;
mod model;
mod operations;
mod own_envoy;
mod passes;
mod patience;
mod positions;
mod providers;
mod reload;
mod rendered;
mod responses;
mod sdk;
mod servers;
mod signing;
mod standalone;
mod storm;
mod tls;
mod tools;
mod translates;
mod twin;
mod world;
