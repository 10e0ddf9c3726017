//! weir.wasm: the contexts and host calls round the gateway in `weir-core`.
