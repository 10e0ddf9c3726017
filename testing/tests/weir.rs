//! weir.wasm as it is shipped, between clients and providers that the test plays.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests fail by panicking")]

mod weir {
    mod absent;
    mod alone;
    mod answers;
    mod bytes;
    mod caps;
    mod charges;
    mod compressed;
    mod converse;
    mod cooling;
    mod costs;
    mod cuts;
    mod deadlines;
    mod failover;
    mod faults;
    mod gemini;
    mod limiter;
    mod limits;
    mod passing;
    mod patience;
    mod plans;
    mod rebuilt;
    mod rig;
    mod standalone;
    mod start;
    mod stories;
    mod translated;
    mod twin;
    mod workers;
}
