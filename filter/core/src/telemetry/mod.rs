//! What is seen of an exchange from outside: one record for the access log, and the metrics to count.

mod fragment;
mod ids;
mod metrics;
mod record;

pub use ids::MetricIds;
pub use metrics::{LimitMetrics, Metric, encode_tag, health_metrics};
pub use record::{AttemptOutcome, AttemptRecord, BudgetRecord, Ending, GoneAt, Record};
