//! Metrics of the host by name.

use weir_abi::{self as abi, HostError, Level, MetricKind};
use weir_core::names;
use weir_core::telemetry::{Metric, MetricIds};

/// The metrics that this VM has used.
#[derive(Default)]
pub struct Metrics(MetricIds);

impl Metrics {
    /// Counts or records a value.
    pub fn bump(&mut self, metric: Metric, name: &str, value: u64) {
        if let Err(error) = self.try_bump(metric, name, value) {
            self.fault(error);
        }
    }

    /// Counts an unexpected status of a host call.
    pub fn fault(&mut self, error: HostError) {
        abi::log(Level::Warn, &format!("weir: {error}"));
        // A host that can't count can't be told so either.
        let _uncounted = self.try_bump(Metric::Counter, &format!("{};call={}", names::METRIC_HOST_ERRORS, error.call), 1);
    }

    fn try_bump(&mut self, metric: Metric, name: &str, value: u64) -> Result<(), HostError> {
        let mut id = |kind| self.0.id(name, || abi::define_metric(kind, name));
        match metric {
            Metric::Counter => abi::increment_metric(id(MetricKind::Counter)?, i64::try_from(value).unwrap_or(i64::MAX)),
            Metric::Histogram => abi::record_metric(id(MetricKind::Histogram)?, value),
            Metric::Gauge => abi::record_metric(id(MetricKind::Gauge)?, value),
        }
    }
}
