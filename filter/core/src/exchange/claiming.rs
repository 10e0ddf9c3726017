//! Who is asking, and what the request is expected to use: the claim on the budgets.

use super::configured::Configured;
use super::headers::Headers;
use super::machine::{BudgetNote, Exchange, State};
use super::planned::PlannedTarget;
use crate::config::{Gateway, Identity, IdentitySource, KeyPart};
use crate::hub::{ErrorKind, Rejection};
use crate::limits::{Admission, Amounts, Claim, IdentityValue, Key, Ledger, Refusal, Rule, keys_for};
use crate::usage::Usage;
use std::rc::Rc;

impl Configured {
    /// The values of the document's identities for a request, in the document's order.
    pub(super) fn identify(&self, head: &Headers) -> Vec<Option<String>> {
        let value = |source: &IdentitySource| match source {
            IdentitySource::TrustedHeader(name) => head.first(name).map(str::to_owned),
            IdentitySource::Constant(value) => Some(value.to_string()),
        };
        self.gateway.identities.iter().map(|identity| value(&identity.source)).collect()
    }
}

impl BudgetNote {
    pub(super) fn of(admission: &Admission) -> Self {
        match (&admission.shadow, &admission.unchecked) {
            (Some(rule), _) => Self::Shadow(rule.budget.name.to_string()),
            (None, Some(rule)) => Self::Unchecked(rule.budget.name.to_string()),
            (None, None) => Self::Allowed,
        }
    }
}

impl Exchange {
    /// Makes the claim on the budgets, which are asked next.
    pub(super) fn claim_budgets(&mut self, now: u64) -> Result<(), Rejection> {
        let configured = Rc::clone(self.configured());
        let gateway = &configured.gateway;
        let expected = self.expected_amounts();
        if let Some(claim) = self.claim.take() {
            self.claim = Some(claim.expecting(expected, now));
        } else if !configured.rules.is_empty() {
            self.claim = Some(Claim::new(self.keys(&configured.rules, gateway, now)?, expected, now));
        }
        self.state = State::Deciding { since: now };
        Ok(())
    }

    /// Looks at the budgets before it is known what is asked of which model.
    ///
    /// # Errors
    /// Of one of them nothing is left, or the request lacks an identity that they need.
    pub(super) fn glance_at_budgets(&mut self, ledger: &Ledger, now: u64) -> Result<(), Rejection> {
        let configured = Rc::clone(self.configured());
        if configured.rules.is_empty() {
            return Ok(());
        }
        let keys = self.keys(&configured.rules, &configured.gateway, now)?;
        let is_known = |rule: &Rule| !rule.budget.key.contains(&KeyPart::Model);
        if let Some(refusal) = ledger.used_up(keys.iter().filter(|key| is_known(key.rule())), now) {
            return Err(self.over_budget(&refusal));
        }
        if configured.rules.iter().all(|rule| is_known(rule)) {
            self.claim = Some(Claim::new(keys, Amounts::default(), now));
        }
        Ok(())
    }

    /// The refusal of a request for which a budget has nothing left.
    pub(super) fn over_budget(&mut self, refusal: &Refusal) -> Rejection {
        self.budget = BudgetNote::Refused(refusal.rule.budget.name.to_string());
        super::replies::over_budget(refusal)
    }

    /// The counters that the request touches.
    fn keys(&self, rules: &[Rc<Rule>], gateway: &Gateway, now: u64) -> Result<Vec<Key>, Rejection> {
        let values = self.identity_values(gateway)?;
        let names: Vec<&str> = gateway.identities.iter().map(|identity| &*identity.name).collect();
        let model = (!self.outline().model.is_empty()).then_some(self.outline().model.as_str());
        Ok(keys_for(rules, &values, &names, model, now))
    }

    /// What the request has for the document's identities, in its order.
    ///
    /// # Errors
    /// It lacks one without which the document refuses it.
    pub(super) fn identity_values(&self, gateway: &Gateway) -> Result<Vec<IdentityValue<'_>>, Rejection> {
        gateway.identities.iter().zip(&self.identities).map(|(identity, value)| known(identity, value.as_deref())).collect()
    }

    pub(super) fn expected_usage(&self) -> Usage {
        Usage::expected(self.outline().text_bytes, self.outline().max_tokens)
    }

    /// What the exchange is expected to use: the ground of its claim.
    fn expected_amounts(&self) -> Amounts {
        let usage = self.expected_usage();
        let target = self.plan.first();
        Amounts::new(&usage, target.and_then(|target| self.cost(target, &usage)))
    }

    /// What a usage costs at a target, in nano-dollars; `None` where the document has no price.
    pub(super) fn cost(&self, target: &PlannedTarget, usage: &Usage) -> Option<u64> {
        let price = self.configured().gateway.price(target.provider, target.model.as_deref()?)?;
        Some(price.cost(usage))
    }
}

fn known<'v>(identity: &Identity, value: Option<&'v str>) -> Result<IdentityValue<'v>, Rejection> {
    IdentityValue::of(value, identity.missing).map_err(|_| {
        let message = format!("the request does not say its {}, which a limit needs", identity.name);
        Rejection::new(ErrorKind::PermissionDenied, message)
    })
}
