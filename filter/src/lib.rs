//! weir.wasm: the shell between a Proxy-Wasm host and the gateway in `weir-core`.
//!
//! It carries the host's callbacks to the exchange that they concern, and carries out the verdicts. It is total over the statuses of
//! the host: an unexpected one is counted and the exchange goes on as well as it can.

mod attempt;
mod gateway;
mod host;
mod metrics;
mod platform;
mod root;
mod upstream;
mod vm;

use weir_abi::{Action, Buffer, Map, Module};
use weir_core::exchange::{Headers, Position};

/// The module.
struct Weir;

weir_abi::export!(Weir);

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
        match vm::stream(context, |stream| Some(stream.position)) {
            Some(Position::Gateway | Position::Standalone) => gateway::request_head(context, end),
            Some(Position::Upstream) => upstream::request_head(context, end),
            None => Action::Continue,
        }
    }

    fn request_body(context: u32, size: usize, end: bool) -> Action {
        attempt::request_body(context, size, end)
    }

    /// They are the request's end as well: a filter that waits for end of stream alone would be passed by. No provider needs them.
    fn request_trailers(context: u32) -> Action {
        // At once: the request may be let go later, outside of this callback.
        if vm::stream(context, |stream| stream.key).is_some() {
            host::set_headers(Map::RequestTrailers, &Headers::new());
        }
        Self::request_body(context, 0, true)
    }

    fn answer_head(context: u32, end: bool) -> Action {
        attempt::answer_head(context, end)
    }

    fn answer_body(context: u32, size: usize, end: bool) -> Action {
        attempt::answer_body(context, size, end)
    }

    /// What was held of the body can still be replaced.
    fn answer_trailers(context: u32) -> Action {
        Self::answer_body(context, host::body(Buffer::Response).unwrap_or_default().len(), true)
    }

    fn done(context: u32) -> bool {
        attempt::done(context);
        root::done(context)
    }

    fn log(context: u32) {
        gateway::log(context);
    }

    fn delete(context: u32) {
        vm::delete(context);
    }
}
