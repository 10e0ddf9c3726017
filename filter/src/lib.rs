//! weir.wasm: the shell between a Proxy-Wasm host and the gateway in `weir-core`.
//!
//! It carries the host's callbacks to the exchange that they concern, and carries out the verdicts. It is total over the statuses of
//! the host: an unexpected one is counted and the exchange goes on as well as it can.

mod gateway;
mod host;
mod metrics;
mod platform;
mod root;
mod upstream;
mod vm;

use vm::Position;
use weir_abi::{Action, Map, Module};
use weir_core::exchange::Headers;

/// The module.
struct Weir;

weir_abi::export!(Weir);

/// Sends a stream's callback to its position.
fn at(context: u32, gateway: impl FnOnce(u32) -> Action, upstream: impl FnOnce(u32) -> Action) -> Action {
    match vm::stream(context, |stream| Some(stream.position)) {
        Some(Position::Gateway) => gateway(context),
        Some(Position::Upstream) => upstream(context),
        None => Action::Continue,
    }
}

impl Module for Weir {
    fn create(context: u32, parent: u32) {
        vm::create(context, parent);
    }

    fn configure(root: u32, size: usize) -> bool {
        root::configure(root, size)
    }

    fn tick(root: u32) {
        root::tick(root);
    }

    fn call_answered(_root: u32, token: u32, headers: u32, body_size: usize) {
        root::call_answered(token, headers, body_size);
    }

    fn request_head(context: u32, end: bool) -> Action {
        at(context, |context| gateway::request_head(context, end), |context| upstream::request_head(context, end))
    }

    fn request_body(context: u32, size: usize, end: bool) -> Action {
        at(context, |context| gateway::request_body(context, size, end), |context| upstream::request_body(context, end))
    }

    /// They are the request's end as well: a filter that waits for end of stream alone would be passed by. No provider needs them.
    fn request_trailers(context: u32) -> Action {
        let action = Self::request_body(context, 0, true);
        if action == Action::Continue && vm::stream(context, |stream| stream.key).is_some() {
            host::set_headers(Map::RequestTrailers, &Headers::new());
        }
        action
    }

    fn answer_head(context: u32, end: bool) -> Action {
        at(context, |context| gateway::answer_head(context, end), |context| upstream::answer_head(context, end))
    }

    fn answer_body(context: u32, size: usize, end: bool) -> Action {
        at(context, |context| gateway::answer_body(context, end), |context| upstream::answer_body(context, size, end))
    }

    fn answer_trailers(context: u32) -> Action {
        at(context, |context| gateway::answer_body(context, true), upstream::answer_trailers)
    }

    fn done(context: u32) -> bool {
        upstream::done(context);
        root::done(context)
    }

    fn log(context: u32) {
        gateway::log(context);
    }

    fn delete(context: u32) {
        vm::delete(context);
    }
}
