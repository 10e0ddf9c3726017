//! The service's counters: a map of fixed windows. Every descriptor of a call is counted, whatever the verdict on any of them.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::request::{Call, Override};
use super::rules::{Limit, Rules, Unit};

/// Counters by their names in Redis: `DOMAIN_KEY_VALUE_…_WINDOW`. Nothing is escaped there, so neither is it here.
#[derive(Debug, Default)]
pub struct Counters(BTreeMap<String, i64>);

impl Counters {
    /// Applies the first `most` descriptors; whether one is over its limit, and the answer. `None` is a 400: a counter left the
    /// range of its kind, and the other descriptors are applied all the same.
    pub fn apply(&mut self, rules: &Rules, call: &Call, most: usize, now: u64) -> Option<(bool, Value)> {
        let mut over = false;
        let mut broken = false;
        let mut statuses = Vec::new();
        for descriptor in call.descriptors.iter().take(most) {
            let entries: Vec<(&str, &str)> = descriptor.entries.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            let limit = match descriptor.limit {
                // A call for a domain without rules counts nothing, whatever it brings along.
                _ if call.domain != rules.domain() => None,
                Override::Limit(limit) => Some(limit),
                Override::None | Override::Panics => rules.find(&call.domain, &entries),
            };
            let status = match limit {
                None => json!({ "code": "OK" }),
                Some(limit) if limit.unlimited => json!({ "code": "OK", "limitRemaining": u32::MAX }),
                Some(limit) => match self.add(&name(&call.domain, &entries, limit.unit, now), descriptor.addend) {
                    Some(counter) => {
                        over |= counter > i64::from(limit.requests_per_unit) && !limit.shadow;
                        status(limit, counter, now)
                    }
                    None => {
                        broken = true;
                        Value::Null
                    }
                },
            };
            statuses.push(status);
        }
        let code = if over { "OVER_LIMIT" } else { "OK" };
        (!broken).then(|| (over, json!({ "overallCode": code, "statuses": statuses })))
    }

    pub fn value(&self, domain: &str, entries: &[(&str, &str)], unit: Unit, now: u64) -> i64 {
        self.0.get(&name(domain, entries, unit, now)).copied().unwrap_or(0)
    }

    pub fn all(&self) -> Vec<(String, i64)> {
        self.0.iter().filter(|(_, count)| **count != 0).map(|(name, count)| (name.clone(), *count)).collect()
    }

    /// Redis adds as int64: past its end the counter stays; below zero it is kept and every call that touches it fails.
    fn add(&mut self, name: &str, addend: u64) -> Option<i64> {
        let counter = self.0.entry(name.to_owned()).or_default();
        *counter = counter.checked_add(addend.cast_signed())?;
        (*counter >= 0).then_some(*counter)
    }
}

/// Defaults are left out, as protobuf's JSON does: no `limitRemaining` is 0, no `requestsPerUnit` too.
fn status(limit: Limit, counter: i64, now: u64) -> Value {
    let left = u64::try_from(i64::from(limit.requests_per_unit) - counter).unwrap_or(0);
    let over = counter > i64::from(limit.requests_per_unit) && !limit.shadow;
    let window = limit.unit.seconds();
    let mut current = json!({ "unit": limit.unit.name() });
    if limit.requests_per_unit > 0 {
        current["requestsPerUnit"] = json!(limit.requests_per_unit);
    }
    let mut status = json!({
        "code": if over { "OVER_LIMIT" } else { "OK" },
        "currentLimit": current,
        "durationUntilReset": format!("{}s", window - now % window),
    });
    if left > 0 {
        status["limitRemaining"] = json!(left);
    }
    status
}

fn name(domain: &str, entries: &[(&str, &str)], unit: Unit, now: u64) -> String {
    let window = now - now % unit.seconds();
    let mut name = format!("{domain}_");
    for (key, value) in entries {
        name.push_str(&format!("{key}_{value}_"));
    }
    name + &window.to_string()
}
