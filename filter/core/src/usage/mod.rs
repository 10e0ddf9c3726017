//! Counts, prices and cost: what one exchange used and what that is worth.

mod counts;

pub use counts::{Buckets, Usage, UsageSource};
