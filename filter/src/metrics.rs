//! Metrics of the host by name: each is defined once per VM, because a second definition is a second id for ever.

use std::collections::BTreeMap;
use weir_abi::{self as abi, HostError, Level, MetricKind};
use weir_core::names;
use weir_core::telemetry::Metric;

/// The ids of the metrics that this VM has used. Names are bounded by the document, so the map is, too.
#[derive(Default)]
pub struct Metrics(BTreeMap<String, u32>);

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
        let id = match self.0.get(name) {
            Some(&id) => id,
            None => {
                let kind = match metric {
                    Metric::Counter => MetricKind::Counter,
                    Metric::Histogram => MetricKind::Histogram,
                    Metric::Gauge => MetricKind::Gauge,
                };
                let id = abi::define_metric(kind, name)?;
                self.0.insert(name.to_owned(), id);
                id
            }
        };
        match metric {
            Metric::Counter => abi::increment_metric(id, i64::try_from(value).unwrap_or(i64::MAX)),
            Metric::Histogram | Metric::Gauge => abi::record_metric(id, value),
        }
    }
}
