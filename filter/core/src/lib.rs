//! All of the gateway's logic, pure: bytes and callbacks in, verdicts out.

pub mod usage;
