//! weir.wasm as it is shipped, between clients and providers that the test plays.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod weir {
    mod answers;
    mod deadlines;
    mod failover;
    mod limits;
    mod rig;
    mod start;
}
