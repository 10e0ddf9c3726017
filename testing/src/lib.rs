//! A Proxy-Wasm host on wasmtime that behaves as Envoy does.
