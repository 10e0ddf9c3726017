//! A budget as the rate-limit service sees it: its name on the wire, its limit there, the keys of its descriptor.

use std::rc::Rc;

use super::scale::Scale;
use crate::config::{BudgetRule, KeyPart, Measure, Window};

/// The key of the first entry of each descriptor.
pub const ENTRY_RULE: &str = "rule";
/// The key of the entry that holds the model which the client asked for.
pub const ENTRY_MODEL: &str = "model";
/// The key of the last entry of a rule per calendar month; its value is `2026-11`.
pub const ENTRY_MONTH: &str = "month";

/// One budget, ready for the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// As the document has it.
    pub budget: BudgetRule,
    /// The unit on the wire.
    pub scale: Scale,
    /// The value of the `rule` entry: `NAME/UNIT`, percent-encoded as every value is.
    service_name: Box<str>,
}

impl Rule {
    /// The rule of a budget.
    #[must_use]
    pub fn new(budget: &BudgetRule) -> Self {
        let scale = Scale::of(budget.limit);
        let mut service_name = String::new();
        super::key::encode_value(&budget.name, &mut service_name);
        service_name.push('/');
        service_name.push_str(&scale.word(budget.measure));
        Self { budget: budget.clone(), scale, service_name: service_name.into() }
    }

    /// All budgets of a document, in its order.
    #[must_use]
    pub fn all(budgets: &[BudgetRule]) -> Vec<Rc<Self>> {
        budgets.iter().map(|budget| Rc::new(Self::new(budget))).collect()
    }

    /// The value of the `rule` entry, with which each of the rule's descriptors begins.
    #[must_use]
    pub fn service_name(&self) -> &str {
        &self.service_name
    }

    /// `requests_per_unit` of the service's rule.
    #[must_use]
    pub fn service_limit(&self) -> u64 {
        self.scale.whole(self.budget.limit)
    }

    /// `unit` of the service's rule.
    ///
    /// The service's month has 30 days, so a calendar month is a key of its own that counts for a year.
    #[must_use]
    pub const fn service_unit(&self) -> &'static str {
        match self.budget.per {
            Window::Minute => "minute",
            Window::Hour => "hour",
            Window::Day => "day",
            Window::Week => "week",
            Window::Month => "year",
        }
    }

    /// The keys of the entries that follow `rule`, in their order; `identities` are the document's names.
    #[must_use]
    pub fn service_keys<'n>(&self, identities: &[&'n str]) -> Vec<&'n str> {
        let name = |part: &KeyPart| match part {
            KeyPart::Identity(place) => identities.get(*place).copied(),
            KeyPart::Model => Some(ENTRY_MODEL),
        };
        let month = (self.budget.per == Window::Month).then_some(ENTRY_MONTH);
        self.budget.key.iter().filter_map(name).chain(month).collect()
    }

    /// Whether the rule counts requests: one each, when it is let through, not what it uses.
    #[must_use]
    pub fn counts_requests(&self) -> bool {
        self.budget.measure == Measure::Requests
    }
}
