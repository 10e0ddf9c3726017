//! The key of a counter: the descriptor that the rate-limit service counts by.

use std::fmt::Write as _;
use std::rc::Rc;

use super::civil::Month;
use super::rule::{ENTRY_MODEL, ENTRY_MONTH, ENTRY_RULE, Rule};
use crate::config::{KeyPart, Missing, Window};
use crate::json::Str;

/// The value that stands for "none": requests that lack an identity share one budget. No encoded value is a bare percent sign.
const TOGETHER: &str = "%";

/// Longest value that stands in a key as it is, in bytes: names and ids are shorter, and a model name under a glob is the
/// client's to choose, so that without a bound each could cost kilobytes here and in the service's memory.
const MAX_VALUE: usize = 128;

/// What a request has for one of the document's identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityValue<'v> {
    /// The value.
    Known(&'v str),
    /// It has none, and all such requests share one budget.
    Together,
    /// It has none, and budgets that need one do not count it.
    Skip,
}

/// The request lacks an identity without which the document refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingIdentity;

impl<'v> IdentityValue<'v> {
    /// The value of an identity; an empty one is none.
    ///
    /// # Errors
    /// There is none and the document says `missing: refuse`.
    pub fn of(value: Option<&'v str>, missing: Missing) -> Result<Self, MissingIdentity> {
        match (value.filter(|value| !value.is_empty()), missing) {
            (Some(value), _) => Ok(Self::Known(value)),
            (None, Missing::Together) => Ok(Self::Together),
            (None, Missing::Skip) => Ok(Self::Skip),
            (None, Missing::Refuse) => Err(MissingIdentity),
        }
    }
}

/// One counter of the rate-limit service: a rule and the values that it counts by.
///
/// The entries stand in it as the JSON that goes to the service, so that a call is put together without looking at them.
#[derive(Clone, Debug)]
pub struct Key {
    pub(super) rule: Rc<Rule>,
    pub(super) id: KeyId,
}

impl Key {
    /// The rule that the counter belongs to.
    #[must_use]
    pub fn rule(&self) -> &Rc<Rule> {
        &self.rule
    }

    /// The descriptor's entries as a JSON array's inside: `{"key":"rule","value":"team-hour/t"},{"key":"team","value":"blue"}`.
    #[must_use]
    pub fn entries(&self) -> &str {
        &self.id.entries
    }
}

/// What the ledger finds a key by. The hash stands first, so that a search compares numbers and only a match compares text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyId {
    hash: u64,
    pub(super) entries: Rc<str>,
}

impl KeyId {
    fn new(entries: String) -> Self {
        Self { hash: fnv(entries.as_bytes()), entries: entries.into() }
    }
}

/// The keys that a request touches, in the order of the rules; a rule whose identity is [`IdentityValue::Skip`] has none.
///
/// `identities` are in the document's order; `model` is the name that the client asked for, `None` where the path names no
/// model (such requests share one budget); `now` (Unix time in nanoseconds) decides the calendar month.
#[must_use]
pub fn keys_for(rules: &[Rc<Rule>], identities: &[IdentityValue<'_>], names: &[&str], model: Option<&str>, now: u64) -> Vec<Key> {
    let key = |rule: &Rc<Rule>| {
        let mut entries = String::with_capacity(128);
        push_entry(ENTRY_RULE, &mut entries, |out| out.push_str(rule.service_name()));
        for part in &rule.budget.key {
            let (name, value) = match part {
                KeyPart::Identity(place) => (*names.get(*place)?, *identities.get(*place)?),
                KeyPart::Model => (ENTRY_MODEL, model.map_or(IdentityValue::Together, IdentityValue::Known)),
            };
            match value {
                IdentityValue::Known(value) => push_entry(name, &mut entries, |out| encode_value(value, out)),
                IdentityValue::Together => push_entry(name, &mut entries, |out| out.push_str(TOGETHER)),
                IdentityValue::Skip => return None,
            }
        }
        if rule.budget.per == Window::Month {
            let Month { year, month } = Month::of(now);
            push_entry(ENTRY_MONTH, &mut entries, |out| {
                let _infallible = write!(out, "{year}-{month:02}");
            });
        }
        Some(Key { rule: Rc::clone(rule), id: KeyId::new(entries) })
    };
    rules.iter().filter_map(key).collect()
}

/// Appends a value as it stands in a descriptor: letters, digits, `-`, `.`, `~`, `:`, `@`, `+`, `/` and `=` as they are, every
/// other byte as `%XX`.
///
/// The service joins keys and values with `_` and does not escape, so `_` must go; the others would be ambiguous in its logs
/// or in JSON. A value over 128 bytes ends in a hash of the whole. This is also where a value that is personal would be
/// hashed with the document's secret; a plain hash of a name hides nothing.
pub(super) fn encode_value(value: &str, out: &mut String) {
    let kept = value.as_bytes().get(..MAX_VALUE).unwrap_or(value.as_bytes());
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-.~:@+/=".contains(byte);
    for run in kept.chunk_by(|one, next| plain(one) && plain(next)) {
        match core::str::from_utf8(run) {
            Ok(text) if run.first().is_some_and(plain) => out.push_str(text),
            Ok(_) | Err(_) => run.iter().for_each(|byte| {
                let _infallible = write!(out, "%{byte:02X}");
            }),
        }
    }
    if kept.len() < value.len() {
        let _infallible = write!(out, "%%{:016x}", fnv(value.as_bytes()));
    }
}

fn push_entry(key: &str, entries: &mut String, value: impl FnOnce(&mut String)) {
    entries.push_str(if entries.is_empty() { "{\"key\":\"" } else { ",{\"key\":\"" });
    entries.push_str(Str::from_plain(key).as_escaped());
    entries.push_str("\",\"value\":\"");
    value(entries);
    entries.push_str("\"}");
}

/// FNV-1a: spreads keys over the ledger's tree and tells long values apart. It is no secret and hides nothing.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BudgetRule, Measure, Mode, OnFailure};

    fn rule(name: &str, key: &[KeyPart], per: Window) -> Rc<Rule> {
        Rc::new(Rule::new(&BudgetRule {
            name: name.into(),
            key: key.to_vec(),
            measure: Measure::Tokens,
            limit: 100,
            per,
            mode: Mode::Check,
            on_failure: OnFailure::Allow,
            shadow: false,
        }))
    }

    fn texts(keys: &[Key]) -> Vec<&str> {
        keys.iter().map(Key::entries).collect()
    }

    #[test]
    fn a_key_is_the_descriptor_that_the_service_gets() {
        let rules = [
            rule("all", &[], Window::Hour),
            rule("team_model", &[KeyPart::Identity(1), KeyPart::Model], Window::Day),
            rule("user-month", &[KeyPart::Identity(0)], Window::Month),
        ];
        let identities = [IdentityValue::Together, IdentityValue::Known("bl_ue \"1\"é")];
        let keys = keys_for(&rules, &identities, &["user", "team"], Some("smart"), 1_795_478_400_000_000_000);
        let expected = [
            r#"{"key":"rule","value":"all/t"}"#,
            r#"{"key":"rule","value":"team%5Fmodel/t"},{"key":"team","value":"bl%5Fue%20%221%22%C3%A9"},{"key":"model","value":"smart"}"#,
            r#"{"key":"rule","value":"user-month/t"},{"key":"user","value":"%"},{"key":"month","value":"2026-11"}"#,
        ];
        assert_eq!(texts(&keys), expected);
    }

    #[test]
    fn a_rule_whose_identity_is_skipped_has_no_key() {
        let rules = [rule("team", &[KeyPart::Identity(0)], Window::Hour), rule("all", &[], Window::Hour)];
        let keys = keys_for(&rules, &[IdentityValue::Skip], &["team"], None, 0);
        assert_eq!(texts(&keys), [r#"{"key":"rule","value":"all/t"}"#]);
    }

    #[test]
    fn an_empty_identity_is_missing() {
        assert_eq!(IdentityValue::of(Some("a"), Missing::Refuse), Ok(IdentityValue::Known("a")));
        assert_eq!(IdentityValue::of(Some(""), Missing::Together), Ok(IdentityValue::Together));
        assert_eq!(IdentityValue::of(None, Missing::Skip), Ok(IdentityValue::Skip));
        assert_eq!(IdentityValue::of(Some(""), Missing::Refuse), Err(MissingIdentity));
    }

    #[test]
    fn no_value_can_pass_for_another() {
        let encoded = |value: &str| {
            let mut out = String::new();
            encode_value(value, &mut out);
            out
        };
        assert_eq!(encoded("%"), "%25");
        assert_eq!(encoded("a/b.c-d~e:f@g+h="), "a/b.c-d~e:f@g+h=");
        let (one, other) = ("x".repeat(129), "x".repeat(130));
        assert_ne!(encoded(&one), encoded(&other));
        assert!(encoded(&"é".repeat(10_000)).len() < 3 * MAX_VALUE + 20);
    }
}
