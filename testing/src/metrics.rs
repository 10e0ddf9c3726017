//! Counters, gauges and histograms, as the filter defines and moves them.

use crate::abi::Status;
use std::collections::BTreeMap;

/// One metric and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Goes up only.
    Counter(u64),
    /// Goes up and down.
    Gauge(u64),
    /// Every value that was recorded, in order.
    Histogram(Vec<u64>),
}

/// The metrics of one host by name. Envoy gives a new id for every definition, also of the same name.
#[derive(Default)]
pub(crate) struct Metrics {
    by_name: BTreeMap<String, Metric>,
    ids: Vec<(u32, String)>,
}

impl Metrics {
    /// # Errors
    /// `BadArgument` for a kind that there is not.
    pub(crate) fn define(&mut self, kind: u32, name: &str) -> Result<u32, Status> {
        let fresh = match kind {
            0 => Metric::Counter(0),
            1 => Metric::Gauge(0),
            2 => Metric::Histogram(Vec::new()),
            _ => return Err(Status::BadArgument),
        };
        self.by_name.entry(name.to_owned()).or_insert(fresh);
        self.ids.push((kind, name.to_owned()));
        Ok(self.ids.len() as u32)
    }

    fn find(&mut self, id: u32) -> Result<&mut Metric, Status> {
        let (_, name) = self.ids.get((id as usize).wrapping_sub(1)).ok_or(Status::NotFound)?;
        self.by_name.get_mut(name).ok_or(Status::NotFound)
    }

    pub(crate) fn increment(&mut self, id: u32, by: i64) -> Result<(), Status> {
        match self.find(id)? {
            Metric::Counter(value) if by > 0 => *value += by.unsigned_abs(),
            Metric::Gauge(value) => *value = value.wrapping_add_signed(by),
            Metric::Counter(_) | Metric::Histogram(_) => return Err(Status::BadArgument),
        }
        Ok(())
    }

    pub(crate) fn record(&mut self, id: u32, value: u64) -> Result<(), Status> {
        match self.find(id)? {
            Metric::Counter(old) => *old += value,
            Metric::Gauge(old) => *old = value,
            Metric::Histogram(values) => values.push(value),
        }
        Ok(())
    }

    pub(crate) fn read(&mut self, id: u32) -> Result<u64, Status> {
        match self.find(id)? {
            Metric::Counter(value) | Metric::Gauge(value) => Ok(*value),
            Metric::Histogram(_) => Err(Status::BadArgument),
        }
    }

    pub(crate) fn all(&self) -> &BTreeMap<String, Metric> {
        &self.by_name
    }

    /// How many definitions there were: one that grows with traffic is a leak in Envoy.
    pub(crate) fn definitions(&self) -> usize {
        self.ids.len()
    }
}
