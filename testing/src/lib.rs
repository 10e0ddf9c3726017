//! A Proxy-Wasm host on wasmtime that behaves as Envoy does, for tests of any built filter.
//!
//! [`Host`] is one VM with its plugins, [`Proxy`] the router, the client and the providers around it.
#![doc = include_str!("../README.md")]
#![deny(missing_docs, rustdoc::broken_intra_doc_links)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test framework: a wrong turn in it should end the test at once, and no host call re-enters its cells"
)]

mod abi;
mod attempt;
mod callout;
mod client;
mod cuts;
mod error;
mod events;
mod failure;
mod fault;
mod generate;
mod headers;
mod host;
mod imports;
mod limits;
mod metrics;
mod module;
mod positions;
mod process;
mod properties;
mod proxy;
mod roots;
mod router;
mod rpc;
mod rpc_verbs;
mod state;
mod story;
mod stream;
mod timeouts;
mod transcript;
mod verbs;
mod vm;
mod wiring;

pub use abi::{Action, BufferKind, LOG_LEVELS, MapKind, Status, Way, decode_pairs, encode_pairs};
pub use callout::{Answer, Callout, Reply};
pub use client::{Received, Request};
pub use cuts::{Random, bytewise, every_cut, seeded};
pub use error::Error;
pub use failure::FailurePolicy;
pub use fault::Fault;
pub use generate::{BadTurn, Explored, Order, Part, Pit, Stage, Trouble, Turn};
pub use headers::HeaderMap;
pub use host::{Host, Options, StreamId};
pub use metrics::Metric;
pub use module::Module;
pub use process::{Process, Thread};
pub use proxy::{ExchangeId, Proxy};
pub use rpc::{Rpc, RpcPlay};
pub use state::{Plugin, Spent};
pub use story::{BadStory, Client, Delivery, End, Move, Scene, Story, Told, Weather};
pub use stream::{Flow, LocalReply};
pub use transcript::Transcript;
pub use verbs::Verbs;
pub use wiring::{Cluster, Play, Sent, Verdict, Wiring};
