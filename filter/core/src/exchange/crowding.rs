//! How many requests may be under way: of those who have an identity or the model in common, and at the next target.

use super::machine::Exchange;
use crate::config::{ConcurrencyRule, Gateway, KeyPart};
use crate::health::{Flight, Health};
use crate::hub::{ErrorKind, Rejection};
use crate::limits::{ENTRY_MODEL, IdentityValue};
use std::rc::Rc;

/// When to come again: a request that is under way ends any moment, and nobody knows when.
const SOON: u64 = 1;

impl Exchange {
    /// Counts the request among those that it shares limits with, by the rules that are `due`; it counts until the exchange is gone.
    ///
    /// # Errors
    /// As many as the document allows are under way, or the request lacks an identity without which the document refuses it.
    pub(super) fn join_crowds(&mut self, health: &mut Health, due: impl Fn(&ConcurrencyRule) -> bool) -> Result<(), Rejection> {
        let configured = Rc::clone(self.configured());
        let rules = &configured.gateway.concurrency;
        if rules.is_empty() {
            return Ok(());
        }
        let values = self.identity_values(&configured.gateway)?;
        let mut gates = Vec::with_capacity(rules.len());
        for rule in rules.iter().filter(|rule| due(rule)) {
            let Some(common) = self.in_common(&configured.gateway, rule, &values) else { continue };
            let gate = health.crowd(&common, rule.requests);
            if gate.is_full() {
                return Err(crowded(&of_whom(&configured.gateway, rule)));
            }
            gates.push(gate);
        }
        self.crowds.extend(gates.iter().map(crate::health::Gate::enter));
        Ok(())
    }

    /// What a request has in common with those that it shares a limit with; `None` where the limit does not count it.
    fn in_common(&self, gateway: &Gateway, rule: &ConcurrencyRule, values: &[IdentityValue<'_>]) -> Option<String> {
        let mut common = String::new();
        for part in &rule.key {
            let (name, value) = match part {
                KeyPart::Identity(place) => (&*gateway.identities.get(*place)?.name, *values.get(*place)?),
                KeyPart::Model if self.outline().model.is_empty() => (ENTRY_MODEL, IdentityValue::Together),
                KeyPart::Model => (ENTRY_MODEL, IdentityValue::Known(&self.outline().model)),
            };
            common.push_str(name);
            match value {
                IdentityValue::Known(value) => {
                    // With its length in front no value can pass for two.
                    common.push_str(&format!("={}:", value.len()));
                    common.push_str(value);
                }
                IdentityValue::Together => common.push('\n'),
                IdentityValue::Skip => return None,
            }
        }
        Some(common)
    }

    /// Turns to the first target from `from` on that has room, or else to the first one: by the time it is needed it may have. Whether
    /// there was one with room. Where Envoy goes on by itself it passes nobody over.
    pub(super) fn turn_to(&mut self, from: usize) -> bool {
        if self.chain.is_some() {
            self.expected = from;
            return self.plan.get(from).is_some_and(|target| !target.gate.is_full());
        }
        let roomy = self.plan.iter().skip(from).position(|target| !target.gate.is_full());
        self.expected = from.saturating_add(roomy.unwrap_or(0));
        roomy.is_some()
    }
}

/// Whether a limit tells models apart.
pub(super) fn tells_models(rule: &ConcurrencyRule) -> bool {
    rule.key.iter().any(|part| matches!(part, KeyPart::Model))
}

/// The seat of an attempt that is to begin.
pub(super) struct Reserved {
    /// The place of its target in the plan: an attempt at another one has no claim to it.
    pub place: usize,
    /// It counts from now on.
    pub flight: Flight,
}

/// The refusal of one request too many.
pub(super) fn crowded(which: &str) -> Rejection {
    let mut rejection = Rejection::new(ErrorKind::RateLimited, format!("too many requests {which} are under way"));
    rejection.retry_after = Some(SOON);
    rejection
}

fn of_whom(gateway: &Gateway, rule: &ConcurrencyRule) -> String {
    let name = |part: &KeyPart| match part {
        KeyPart::Identity(place) => gateway.identities.get(*place).map_or("", |identity| &*identity.name),
        KeyPart::Model => ENTRY_MODEL,
    };
    let names: Vec<&str> = rule.key.iter().map(name).collect();
    if names.is_empty() { String::new() } else { format!("of the same {}", names.join(" and ")) }
}
