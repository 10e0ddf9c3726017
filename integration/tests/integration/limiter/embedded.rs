//! The embedded service: the table of cases, its clock, its faults.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use weir_config::Source;
use weir_core::limits::{Amounts, Claim, Decision, IdentityValue, Ledger, Rule, Synced, keys_for};
use weir_integration::limiter::{Clock, Fault, Limiter};
use weir_integration::{client, paths};

use super::{cases, ledger};

const BLUE: &[(&str, &str)] = &[("rule", "hundred/t"), ("team", "blue")];

fn start(clock: Clock) -> Limiter {
    Limiter::start("127.0.0.1:0", cases::RULES, clock).unwrap()
}

fn body(hits: u64) -> Vec<u8> {
    let entries = r#"[{"key":"rule","value":"hundred/t"},{"key":"team","value":"blue"}]"#;
    format!(r#"{{"domain":"weir","descriptors":[{{"entries":{entries},"hitsAddend":{hits}}}]}}"#).into_bytes()
}

fn post(limiter: &Limiter, hits: u64) -> std::io::Result<u16> {
    client::once(limiter.address(), "POST", "/json", &[], &body(hits)).map(|response| response.status)
}

#[test]
fn behaves_as_the_table_says() {
    cases::run(start(Clock::System).address(), "e");
}

#[test]
fn a_ledger_pays_what_was_billed() {
    ledger::pays(start(Clock::System).address(), cases::RULES);
}

/// A key without a rule is never limited, so what the renderer writes and what the ledger sends must be the same.
#[test]
fn rendered_rules_know_every_key_of_the_ledger() {
    let example = paths::workspace().join("envoy-config/examples/budgets");
    let rendered = std::fs::read_to_string(example.join("rendered/ratelimit/config/weir.yaml")).unwrap();
    let gateway = Source::open(&example.join("weir.yaml")).unwrap().document.gateway;
    let rules = Rule::all(&gateway.budgets);
    let names: Vec<&str> = gateway.identities.iter().map(|identity| &*identity.name).collect();
    let values = vec![IdentityValue::Known("some_body"); names.len()];
    let now = 1_795_478_400_000_000_000;
    let mut ledger = Ledger::default();
    let mut claim = Claim::new(keys_for(&rules, &values, &names, Some("smart"), now), Amounts::default(), now);
    assert_eq!(ledger.decide(&mut claim, now), Decision::Sync);
    let domain = gateway.limit_service.map(|service| service.domain).unwrap();
    let call = ledger.sync_request(&domain, now, 50).unwrap();
    let limiter = Limiter::start("127.0.0.1:0", &rendered, Clock::System).unwrap();
    let answer = client::once(limiter.address(), "POST", "/json", &[], call.body.as_bytes()).unwrap();
    assert_eq!(ledger.sync_answer(call.id, answer.status, &answer.body, now), Synced::Counted { without_rule: 0 }, "{}", answer.text());
    let limits: Vec<u64> = rules.iter().map(|rule| rule.service_limit()).collect();
    let answer = answer.json();
    let known = answer["statuses"].as_array().unwrap().iter().map(|status| status["currentLimit"]["requestsPerUnit"].as_u64().unwrap());
    assert_eq!(known.collect::<Vec<_>>(), limits);
    assert!(limits.len() > 3);
}

#[test]
fn is_healthy_and_knows_nothing_else() {
    let limiter = start(Clock::System);
    let health = client::once(limiter.address(), "GET", "/healthcheck", &[], b"").unwrap();
    assert_eq!((health.status, health.text().as_str()), (200, "OK"));
    assert_eq!(client::once(limiter.address(), "GET", "/", &[], b"").unwrap().status, 404);
}

#[test]
fn a_new_window_begins_at_its_second() {
    let year = 365 * 86_400;
    let seconds = Arc::new(AtomicU64::new(56 * year + 10));
    let limiter = start(Clock::Manual(seconds.clone()));
    assert_eq!(post(&limiter, 101).unwrap(), 429);
    seconds.store(57 * year - 1, Ordering::SeqCst);
    let last = client::once(limiter.address(), "POST", "/json", &[], &body(0)).unwrap();
    assert_eq!((last.status, last.json()["statuses"][0]["durationUntilReset"].as_str()), (429, Some("1s")));
    seconds.store(57 * year, Ordering::SeqCst);
    assert_eq!(post(&limiter, 1).unwrap(), 200);
    assert_eq!(limiter.counter(BLUE), 1);
}

#[test]
fn rules_are_replaced_and_wrong_ones_refused() {
    let limiter = start(Clock::System);
    assert_eq!(post(&limiter, 50).unwrap(), 200);
    for wrong in
        ["domain: weir\nbogus: 1\n", "descriptors: []\n", "domain: weir\ndescriptors: [ { key: a, rate_limit: { unit: fortnight } } ]\n"]
    {
        assert!(limiter.reload(wrong).is_err(), "{wrong}");
    }
    limiter.reload(&cases::RULES.replace("requests_per_unit: 100 }", "requests_per_unit: 40 }")).unwrap();
    assert_eq!(post(&limiter, 0).unwrap(), 429);
    assert_eq!(limiter.counter(BLUE), 50);
}

#[test]
fn faults_do_what_they_say() {
    let limiter = start(Clock::System);
    for (fault, status, counted) in [
        (Fault::Close, None, 0),
        (Fault::Refuse, Some(400), 0),
        (Fault::DropAnswer, None, 1),
        (Fault::RefuseLate, Some(400), 2),
        (Fault::None, Some(200), 3),
    ] {
        limiter.fault(fault);
        assert_eq!(post(&limiter, 1).ok(), status, "{fault:?}");
        assert_eq!(limiter.counter(BLUE), counted, "{fault:?}");
    }
    assert_eq!((limiter.calls(), limiter.counters().len()), (5, 1));
}

#[test]
fn a_frozen_service_applies_what_its_callers_gave_up() {
    let limiter = start(Clock::System);
    limiter.fault(Fault::Freeze);
    let mut connection = client::Connection::open(limiter.address()).unwrap();
    connection.send("POST", "/json", &[], &body(7)).unwrap();
    wait(|| limiter.calls() == 1);
    connection.close();
    assert_eq!(limiter.counter(BLUE), 0);
    limiter.fault(Fault::None);
    wait(|| limiter.counter(BLUE) == 7);
}

#[test]
fn a_frozen_service_ends_when_dropped() {
    let limiter = start(Clock::System);
    limiter.fault(Fault::Freeze);
    let mut connection = client::Connection::open(limiter.address()).unwrap();
    connection.send("POST", "/json", &[], &body(7)).unwrap();
    wait(|| limiter.calls() == 1);
    drop(limiter);
    // Either the call is let go and answered, or the connection ends: nobody hangs.
    let _ = connection.receive();
}

fn wait(mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !happened() {
        assert!(Instant::now() < deadline, "it never happened");
        std::thread::yield_now();
    }
}
