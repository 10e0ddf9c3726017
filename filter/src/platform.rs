//! What the target gives beside the ABI: the environment. WASI has one; hosts without WASI have none.

/// An environment variable of the VM; on `wasm32-unknown-unknown` there are none.
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
