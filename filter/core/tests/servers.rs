//! Providers that are several servers: how often one is tried, what its failure says, and by which name it is asked.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by them")]

use std::rc::Rc;
use weir_core::exchange::{Attempt, Bound, Configured, Departure, Exchange, Headers, RequestVerdict, SECOND, Verdict};
use weir_core::health::{Health, Lesson};
use weir_core::limits::Ledger;
use weir_core::routing::Failover;

const DOCUMENT: &str = r#"{"version": 1,
    "providers": {
        "pool": {"kind": "vllm", "endpoints": ["http://one/v1", "http://two:8000/v1"]},
        "named": {"kind": "vllm", "endpoints": ["http://many/v1"]},
        "lone": {"kind": "vllm", "endpoints": ["http://10.0.0.1/v1"]},
        "b": {"kind": "vllm", "endpoint": "http://b/v1"}},
    "models": [
        {"name": "kept", "affinity": {"header": "x-session"}, "targets": [{"provider": "pool"}, {"provider": "b", "priority": 1}]},
        {"name": "alone", "targets": [{"provider": "pool"}]},
        {"name": "named", "affinity": {"header": "x-session"}, "targets": [{"provider": "named"}]},
        {"name": "lone", "targets": [{"provider": "lone"}]},
        {"name": "other", "affinity": {"header": "x-session"}, "targets": [{"provider": "b"}]}]}"#;

const BODY: &[u8] = br#"{"model": "m", "messages": [{"role": "user", "content": "How deep?"}]}"#;

fn leaves(failover: Failover, model: &str, headers: &[(&str, &str)]) -> (Box<Exchange>, Departure) {
    let (mut health, mut ledger) = (Health::default(), Ledger::default());
    let mut configured = Configured::new(DOCUMENT, failover, |_| None).unwrap();
    configured.take_seats(&mut health);
    let mut head = Headers::new();
    for (name, value) in [(":method", "POST"), (":path", "/v1/chat/completions")].iter().chain(headers) {
        head.push(name, value);
    }
    let (mut exchange, _) = Exchange::begin(&Rc::new(configured), head, false, SECOND, || true, &mut ledger, &mut health).unwrap();
    let body = format!(r#"{{"model": "{model}", "messages": [{{"role": "user", "content": "How deep?"}}]}}"#).into_bytes();
    let verdict = exchange.request_body(body, 0, &mut ledger, &mut health, SECOND);
    assert!(matches!(verdict, Verdict::Release), "{verdict:?}");
    let departure = exchange.depart(|| true).unwrap();
    (exchange, departure)
}

fn bound(exchange: &mut Exchange, provider: &str) -> (Box<Attempt>, Option<String>) {
    let (Bound::Attempt(attempt), next) = exchange.bind(provider, || SECOND) else { panic!("{provider} is not asked") };
    (attempt, next)
}

fn answered(attempt: &mut Attempt, exchange: &mut Exchange, status: &str) -> Option<Lesson> {
    assert!(matches!(attempt.request_body(exchange, BODY), RequestVerdict::Send { .. }));
    let mut head = Headers::new();
    head.push(":status", status);
    attempt.answer_head(exchange, head, true, SECOND, String::new);
    attempt.take_lesson().map(|(_, lesson)| lesson)
}

#[test]
fn a_server_is_replaced_once_and_its_failure_is_not_its_providers() {
    let (mut exchange, departure) = leaves(Failover::Clusters, "kept", &[("x-session", "s")]);
    assert_eq!(departure.next.as_deref(), Some("pool"));
    let (mut first, next) = bound(&mut exchange, "pool");
    assert_eq!((next.as_deref(), answered(&mut first, &mut exchange, "503")), (Some("pool"), None));
    let (mut second, next) = bound(&mut exchange, "pool");
    assert_eq!(next.as_deref(), Some("b"));
    assert!(matches!(answered(&mut second, &mut exchange, "503"), Some(Lesson::Failed(..))));
    assert_eq!(bound(&mut exchange, "b").1, None);
    // A connection that does not come about.
    let (mut exchange, _) = leaves(Failover::Clusters, "alone", &[]);
    for expected in [None, Some(Lesson::Unreachable)] {
        let (mut attempt, _) = bound(&mut exchange, "pool");
        attempt.request_body(&mut exchange, BODY);
        attempt.done(&mut exchange, true, SECOND);
        assert_eq!(attempt.take_lesson().map(|(_, lesson)| lesson), expected);
    }
}

#[test]
fn a_refused_key_is_the_providers_at_once() {
    let (mut exchange, _) = leaves(Failover::Clusters, "kept", &[]);
    let (mut first, _) = bound(&mut exchange, "pool");
    assert!(matches!(answered(&mut first, &mut exchange, "401"), Some(Lesson::Failed(..))));
    assert_eq!(bound(&mut exchange, "b").1, None);
    // Where nobody else is left the client is told, not another server.
    let (mut exchange, _) = leaves(Failover::Clusters, "alone", &[]);
    let (mut first, _) = bound(&mut exchange, "pool");
    assert!(matches!(answered(&mut first, &mut exchange, "401"), Some(Lesson::Failed(..))));
}

#[test]
fn how_often_a_provider_is_tried_and_what_is_hashed() {
    let session = [("x-session", "s")];
    for (failover, model, headers, next, retries, hashed) in [
        (Failover::Clusters, "kept", &session[..], "pool", "2", true),
        (Failover::Clusters, "kept", &[], "pool", "2", false),
        (Failover::Clusters, "alone", &session, "pool", "1", false),
        (Failover::Clusters, "named", &session, "named", "1", true),
        (Failover::Clusters, "lone", &[], "lone", "0", false),
        // A provider with one endpoint has a direct twin.
        (Failover::Clusters, "other", &session, "weir-direct-b", "0", false),
        // Between clusters Envoy could not keep from a server that it has tried.
        (Failover::Priorities, "kept", &session, "weir-chain-pool+b", "1", true),
        (Failover::Priorities, "alone", &[], "pool", "1", false),
    ] {
        let (_, departure) = leaves(failover, model, headers);
        let RequestVerdict::Send { headers, .. } = &departure.verdict else { panic!("not sent") };
        let headers = headers.as_ref().unwrap();
        assert_eq!((departure.next.as_deref(), headers.first("x-envoy-max-retries")), (Some(next), Some(retries)), "{model}");
        let message = departure.conversation.unwrap_or_default();
        assert_eq!(message.starts_with(b"\x0a\x15envoy.hashable_string\x12\x10"), hashed, "{model}: {message:?}");
        assert_eq!(message.is_empty(), !hashed);
    }
    let word = |session: &str| leaves(Failover::Clusters, "kept", &[("x-session", session)]).1.conversation.unwrap();
    assert!(word("s") == word("s") && word("s") != word("t"));
}

#[test]
fn each_server_is_asked_by_its_own_name_and_by_no_other() {
    // The tombstone says nothing, and refuses what it is asked.
    for (said, authority) in [("two:8000", "two:8000"), ("one", "one"), ("", "one")] {
        let (mut exchange, _) = leaves(Failover::Clusters, "kept", &[]);
        let (mut attempt, _) = bound(&mut exchange, "pool");
        assert!(attempt.asks_server());
        assert!(attempt.at_server(&mut exchange, Some(said.as_bytes())).is_none());
        let RequestVerdict::Send { headers, .. } = attempt.request_body(&mut exchange, BODY) else { panic!("not sent") };
        assert_eq!(headers.unwrap().first(":authority"), Some(authority), "{said}");
    }
    // Nothing leaves for one that is not the provider's, and none is blamed for it.
    for (failover, said) in [
        (Failover::Clusters, Some(&b"elsewhere"[..])),
        (Failover::Clusters, Some(b"two")),
        (Failover::Clusters, None),
        // There is no tombstone that this could be.
        (Failover::Priorities, Some(b"")),
    ] {
        let (mut exchange, _) = leaves(failover, "kept", &[]);
        let (mut attempt, _) = bound(&mut exchange, "pool");
        let Some(RequestVerdict::Reply(told)) = attempt.at_server(&mut exchange, said) else { panic!("{said:?}") };
        assert_eq!(told.reply.status, 500);
        attempt.done(&mut exchange, false, SECOND);
        assert!(!attempt.reads_body() && attempt.take_lesson().is_none());
        let record = exchange.settle(&mut Ledger::default(), SECOND, String::new, |_, _, _| ()).unwrap();
        assert!(record.contains(r#""outcome":"not_sent""#), "{record}");
    }
    let (mut exchange, _) = leaves(Failover::Clusters, "named", &[]);
    assert!(!bound(&mut exchange, "named").0.asks_server());
}
