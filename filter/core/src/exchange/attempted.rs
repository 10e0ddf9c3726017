//! What is recorded of an attempt, from its beginning to its settlement.

use super::planned::PlannedTarget;
use crate::hub::ErrorKind;
use crate::telemetry::AttemptOutcome;
use crate::usage::{Usage, UsageSource};
use std::rc::Rc;

/// What is recorded of an attempt.
#[derive(Clone, Debug)]
pub struct AttemptRecord {
    pub(super) target: Rc<PlannedTarget>,
    pub(super) began: u64,
    pub(super) outcome: Option<AttemptOutcome>,
    pub(super) status: Option<u16>,
    /// What kind of error it was.
    pub(super) reason: Option<ErrorKind>,
    pub(super) usage: Usage,
    pub(super) source: UsageSource,
    pub(super) output_bytes: u64,
    /// The request was written to the provider, as far as is known.
    pub(super) sent: bool,
    /// The provider said that its answer is complete.
    pub(super) complete: bool,
    pub(super) response_model: Option<String>,
    pub(super) finish: Option<&'static str>,
}

impl AttemptRecord {
    /// An attempt of which nothing is known yet.
    pub(super) fn new(target: Rc<PlannedTarget>, began: u64) -> Self {
        Self {
            target,
            began,
            outcome: None,
            status: None,
            reason: None,
            usage: Usage::default(),
            source: UsageSource::None,
            output_bytes: 0,
            sent: false,
            complete: false,
            response_model: None,
            finish: None,
        }
    }
}
