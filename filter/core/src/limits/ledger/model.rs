//! A model of the rate-limit service for the ledger's tests: fixed windows, and every call is counted whatever the verdict.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};

use super::super::civil::SECOND;
use super::super::key::{IdentityValue, Key, keys_for};
use super::super::rule::Rule;
use crate::config::{BudgetRule, KeyPart, Measure, Mode, OnFailure, Window};

/// A budget of tokens per team and hour; tests change what they are about.
pub(super) fn budget(name: &str, limit: u64) -> BudgetRule {
    BudgetRule {
        name: name.into(),
        key: vec![KeyPart::Identity(0)],
        measure: Measure::Tokens,
        limit,
        per: Window::Hour,
        mode: Mode::Check,
        on_failure: OnFailure::Deny,
        shadow: false,
    }
}

/// The keys of a team.
pub(super) fn keys(rules: &[Rc<Rule>], team: &str, now: u64) -> Vec<Key> {
    keys_for(rules, &[IdentityValue::Known(team)], &["team"], None, now)
}

/// The service: rules by their name on the wire, counters by descriptor and window.
#[derive(Default)]
pub(super) struct Service {
    rules: BTreeMap<String, (u64, u64)>,
    counters: BTreeMap<(String, u64), u64>,
}

impl Service {
    pub(super) fn new(rules: &[Rc<Rule>]) -> Self {
        let window = |rule: &Rule| match rule.service_unit() {
            "minute" => 60,
            "hour" => 3_600,
            "day" => 86_400,
            "week" => 604_800,
            _ => 31_536_000,
        };
        let entry = |rule: &Rc<Rule>| (rule.service_name().to_owned(), (rule.service_limit(), window(rule)));
        Self { rules: rules.iter().map(entry).collect(), counters: BTreeMap::new() }
    }

    /// Applies the first `descriptors` of a call and answers it.
    pub(super) fn apply(&mut self, body: &str, descriptors: usize, now: u64) -> (u16, Vec<u8>) {
        let call: Value = serde_json::from_str(body).unwrap();
        let seconds = now / SECOND;
        let mut over = false;
        let mut statuses = Vec::new();
        for descriptor in call["descriptors"].as_array().unwrap().iter().take(descriptors) {
            let rule = descriptor["entries"][0]["value"].as_str().unwrap();
            let addend: u64 = descriptor["hitsAddend"].as_str().unwrap().parse().unwrap();
            let Some((limit, window)) = self.rules.get(rule) else {
                statuses.push(json!({ "code": "OK" }));
                continue;
            };
            let counter = self.counters.entry((descriptor["entries"].to_string(), seconds / window)).or_default();
            *counter += addend;
            over |= *counter > *limit;
            statuses.push(json!({
                "code": if *counter > *limit { "OVER_LIMIT" } else { "OK" },
                "currentLimit": { "requestsPerUnit": limit, "unit": "HOUR" },
                "limitRemaining": limit.saturating_sub(*counter),
                "durationUntilReset": format!("{}s", window - seconds % window),
            }));
        }
        let answer = json!({ "overallCode": if over { "OVER_LIMIT" } else { "OK" }, "statuses": statuses });
        (if over { 429 } else { 200 }, answer.to_string().into_bytes())
    }

    /// All that was ever counted for keys of a rule, in units of the service.
    pub(super) fn counted(&self, rule: &Rule) -> u64 {
        let of_rule = |key: &str| key.contains(&format!("\"{}\"", rule.service_name()));
        self.counters.iter().filter(|((key, _), _)| of_rule(key)).map(|(_, count)| count).sum()
    }
}

/// Numbers that look random and are the same in every run (SplitMix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// A number below `sides`.
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    /// A place in something of that length.
    pub(super) fn pick(&mut self, length: usize) -> usize {
        usize::try_from(self.roll(u64::try_from(length).unwrap())).unwrap()
    }
}
