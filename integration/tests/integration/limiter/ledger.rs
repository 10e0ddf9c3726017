//! The ledger against a service over HTTP: what two workers bill is what the service counts, and the limit holds.
use std::net::SocketAddr;
use std::rc::Rc;

use weir_core::config::{BudgetRule, KeyPart, Measure, Mode, OnFailure, Window};
use weir_core::limits::{Amounts, Claim, Decision, IdentityValue, Key, Ledger, Rule, Synced, keys_for};
use weir_integration::client;

const SECOND: u64 = 1_000_000_000;
const BILL: u64 = 7;
/// A name that must be escaped on its way.
const TEAM: &str = "led_ger é";

/// The rule `hundred/t` of the cases: a hundred tokens for each team and, in the service, year.
fn rule() -> Rc<Rule> {
    let rule = Rule::new(&BudgetRule {
        name: "hundred".into(),
        key: vec![KeyPart::Identity(0)],
        measure: Measure::Tokens,
        limit: 100,
        per: Window::Day,
        mode: Mode::Check,
        on_failure: OnFailure::Deny,
        shadow: false,
    });
    assert_eq!(rule.service_name(), "hundred/t");
    Rc::new(rule)
}

/// The keys of a team under that rule.
pub fn keys(team: &str, now: u64) -> Vec<Key> {
    keys_for(&[rule()], &[IdentityValue::Known(team)], &["team"], None, now)
}

/// What each request uses.
pub fn amounts() -> Amounts {
    Amounts { tokens: BILL, nano_dollars: 0 }
}

/// Two workers take requests of seven tokens in turns until one is refused.
pub fn pays(address: SocketAddr, rules: &str) {
    assert!(rules.contains(rule().service_name()));
    let mut workers = [Ledger::default(), Ledger::default()];
    let mut now = SECOND;
    let mut through = 0;
    for turn in 0..40 {
        let ledger = &mut workers[turn % 2];
        now += SECOND / 10;
        let mut claim = Claim::new(keys(TEAM, now), amounts(), now);
        if ledger.decide(&mut claim, now) == Decision::Sync {
            sync(ledger, address, now);
        }
        match ledger.decide(&mut claim, now) {
            Decision::Allow(_) => through += 1,
            Decision::Refuse(_) => {}
            Decision::Sync => panic!("the service was asked and it must be asked again"),
        }
        ledger.charge(claim, amounts());
        // The tick: what it learns of the other's pace makes each ask sooner.
        workers.iter_mut().for_each(|ledger| sync(ledger, address, now));
    }
    now += 2 * SECOND;
    workers.iter_mut().for_each(|ledger| sync(ledger, address, now));
    for ledger in &workers {
        assert_eq!((ledger.outstanding(), ledger.unknown(), ledger.without_rule()), Default::default());
    }
    // One worker may not know yet what the other owes: at most one request each goes over the limit.
    assert!((100..=100 + 2 * BILL).contains(&(through * BILL)), "{through} requests went through");
    let entries = keys(TEAM, now);
    let [key] = entries.as_slice() else { panic!("one rule, one key") };
    // A limit far above shows the counter itself.
    let body = format!(
        r#"{{"domain":"weir","descriptors":[{{"entries":[{}],"hitsAddend":"0","limit":{{"requestsPerUnit":1000000,"unit":"YEAR"}}}}]}}"#,
        key.entries()
    );
    let answer = client::once(address, "POST", "/json", &[], body.as_bytes()).unwrap().json();
    assert_eq!(answer["statuses"][0]["limitRemaining"], 1_000_000 - through * BILL, "{answer}");
}

fn sync(ledger: &mut Ledger, address: SocketAddr, now: u64) {
    while let Some(call) = ledger.sync_request("weir", now, 50) {
        let response = client::once(address, "POST", "/json", &[("content-type", "application/json")], call.body.as_bytes()).unwrap();
        let synced = ledger.sync_answer(call.id, response.status, &response.body, now);
        assert_eq!(synced, Synced::Counted { without_rule: 0 }, "{}", response.text());
    }
}
