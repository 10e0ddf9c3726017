//! What Envoy does with a filter, as scenarios that both the test host and a real Envoy run.
//!
//! A fact is a file in `cases/`: a sentence, how Envoy is wired, what a small probe filter does in each callback, what client and
//! upstreams do, and the transcript that must come of it. This crate reads and writes those files; the hosts are elsewhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a part of tests: a file that cannot be read should end them at once"
)]

mod action;
mod fact;
pub mod probe;
mod record;
mod scenario;
pub mod table;

pub use action::{Act, Action, framed};
pub use fact::{Fact, all};

pub use record::{Got, Reached, bytes, difference};
pub use scenario::{Back, Failure, Front, Scenario, Upstream};
