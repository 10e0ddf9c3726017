//! What Claude models take, whichever format they are asked in: Anthropic's own, and those of clouds that have them.

pub mod betas;
mod models;
mod plan;
mod sampling;

pub use models::Model;
pub use plan::{Plan, forced};
pub use sampling::{Sampling, Takes};
