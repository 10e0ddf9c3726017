//! All of the gateway's logic, pure: bytes and callbacks in, verdicts out.
//!
//! No host calls, no I/O, no clock, no globals, no randomness: time and random numbers are arguments.
#![forbid(unsafe_code)]

pub mod base64;
pub mod config;
pub mod exchange;
pub mod formats;
pub mod framing;
pub mod health;
pub mod hub;
pub mod json;
pub mod limits;
pub mod names;
pub mod operations;
pub mod providers;
pub mod routing;
pub mod telemetry;
pub mod usage;
