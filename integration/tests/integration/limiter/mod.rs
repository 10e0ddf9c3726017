//! The rate-limit service's semantics: one table of cases, run against the embedded service and the real one.
mod cases;
mod embedded;
mod ledger;
mod real;
mod through_envoy;
