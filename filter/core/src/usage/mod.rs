//! Counts, prices and cost: what one exchange used and what that is worth.

mod cost;
mod counts;
mod estimate;

pub use counts::{Buckets, Usage, UsageSource};
pub use estimate::tokens_of_text;
