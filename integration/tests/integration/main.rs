//! Everything that needs processes and sockets, as one program: real Envoy with `weir.wasm`, simulated providers, official SDKs.
#![allow(
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "these are tests: a panic is how they fail"
)]

mod limiter;
mod providers;
mod rendered;
mod tools;
