//! What one exchange wants from its budgets, and what the ledger says to it.

use std::rc::Rc;

use super::key::Key;
use super::rule::Rule;
use crate::config::Measure;
use crate::usage::Usage;

/// What an exchange used, or is expected to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Input and output tokens together.
    pub tokens: u64,
    /// Cost in nano-dollars.
    pub nano_dollars: u64,
}

impl Amounts {
    /// What a usage counts for: its input and output, and what it costs (`None`: it has no price, so budgets in money can't count it).
    #[must_use]
    pub fn new(usage: &Usage, cost: Option<u64>) -> Self {
        let tokens = usage.input_tokens.unwrap_or(0).saturating_add(usage.output_tokens.unwrap_or(0));
        Self { tokens, nano_dollars: cost.unwrap_or(0) }
    }

    /// The amount in a rule's measure. Requests are not among them: they are counted when they are let through.
    pub(super) const fn of(self, measure: Measure) -> u64 {
        match measure {
            Measure::Tokens => self.tokens,
            Measure::Usd => self.nano_dollars,
            Measure::Requests => 0,
        }
    }
}

/// What one exchange wants from its budgets, from its arrival to its end.
///
/// It can't be copied, and [`charge`](super::Ledger::charge) takes it: an exchange is charged at most once.
#[derive(Debug)]
pub struct Claim {
    pub(super) keys: Vec<Key>,
    pub(super) estimate: Amounts,
    pub(super) since: u64,
    pub(super) admitted: bool,
}

impl Claim {
    /// The claim of a request that touches `keys`, is expected to use `estimate` and came at `now` (Unix time in nanoseconds).
    #[must_use]
    pub const fn new(keys: Vec<Key>, estimate: Amounts, now: u64) -> Self {
        Self { keys, estimate, since: now, admitted: false }
    }

    /// The same once more is known of the request.
    #[must_use]
    pub fn expecting(self, estimate: Amounts, now: u64) -> Self {
        Self { estimate, since: now, ..self }
    }
}

/// What the ledger says to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The request goes on.
    Allow(Admission),
    /// The request is answered with an error.
    Refuse(Refusal),
    /// The request waits: a sync is due or under way. Ask again when a sync was answered or failed.
    Sync,
}

/// What is worth recording of a request that goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// The first shadow rule that would have refused it.
    pub shadow: Option<Rc<Rule>>,
    /// The first rule that could not be checked and lets requests through then.
    pub unchecked: Option<Rc<Rule>>,
}

/// Why a request is refused, and what its client may be told. Nothing is left of the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The first rule that refuses it.
    pub rule: Rc<Rule>,
    /// Whether it is the client's doing.
    pub cause: Cause,
    /// What a window allows, in the rule's measure.
    pub limit: u64,
    /// Whole seconds until it makes sense to come again, at least 1.
    pub retry_after: u64,
}

/// Whose doing a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The budget is used up.
    Exceeded,
    /// The rate-limit service can't say, and the rule refuses then.
    Unchecked,
}
