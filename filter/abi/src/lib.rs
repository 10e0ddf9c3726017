//! The Proxy-Wasm ABI 0.2.1 (proxy-wasm/spec): the host's functions with their statuses as results, and a module's exports.
//!
//! The public SDK's wrappers panic on statuses that they do not expect, and its dispatcher on tokens and contexts that it does
//! not know; a panic costs every stream of the worker. Here every status is a value, only the functions that are used are
//! imported, and what a callback does is the module's own. Header maps stay in the host's own form (pairs).

mod calls;
mod exports;
mod host;

pub use calls::{
    act_on, buffer, call, call_foreign, continue_stream, define_metric, done, header, header_pairs, increment_metric, log, property,
    record_metric, reply, reset, set_buffer, set_header_pairs, set_property, set_shared, set_tick_period, shared, time,
};
pub use exports::{Action, Module, allocate};

use core::fmt;

/// An unexpected status of a host call, and which call it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostError {
    /// The host's function.
    pub call: &'static str,
    /// Its status (`proxy_status_t`): 1 not found, 2 bad argument, 10 internal failure …
    pub status: u32,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the host answered {} with status {}", self.call, self.status)
    }
}

/// Header maps.
#[derive(Clone, Copy, Debug)]
pub enum Map {
    /// The request's headers.
    Request = 0,
    /// The request's trailers.
    RequestTrailers = 1,
    /// The answer's headers.
    Response = 2,
    /// The headers of a callout's answer.
    CallResponse = 6,
}

/// Buffers.
#[derive(Clone, Copy, Debug)]
pub enum Buffer {
    /// The request's body.
    Request = 0,
    /// The answer's body.
    Response = 1,
    /// The body of a callout's answer.
    CallResponse = 4,
    /// The plugin's configuration.
    Configuration = 7,
}

/// Directions of a stream.
#[derive(Clone, Copy, Debug)]
pub enum Direction {
    /// From the client.
    Request = 0,
    /// To the client.
    Response = 1,
}

/// Log levels.
#[derive(Clone, Copy, Debug)]
pub enum Level {
    /// Something that an operator should look at.
    Warn = 3,
    /// Something that is broken.
    Error = 4,
}

/// Metrics.
#[derive(Clone, Copy, Debug)]
pub enum MetricKind {
    /// Only grows.
    Counter = 0,
    /// Is what was recorded last.
    Gauge = 1,
    /// Records values.
    Histogram = 2,
}
