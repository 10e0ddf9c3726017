//! What requests demand of whoever answers them: who is left out for it, and what the client is told where nobody is left.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by them")]

use std::rc::Rc;
use weir_core::exchange::{Configured, Exchange, Headers, SECOND, Verdict};
use weir_core::health::Health;
use weir_core::limits::Ledger;
use weir_core::routing::Failover;

const DOCUMENT: &str = r#"{"version": 1,
    "providers": {
        "us": {"kind": "openai-compatible", "endpoint": "http://us/v1", "labels": {"residency": "us"}},
        "eu": {"kind": "openai-compatible", "endpoint": "http://eu/v1", "labels": {"residency": "eu"}},
        "any": {"kind": "openai-compatible", "endpoint": "http://any/v1"}},
    "identity": {"team": {"header": "x-team", "trusted": true}},
    "demands": [
        {"when": {"team": ["blue"]}, "labels": {"residency": ["eu", "ch"]}},
        {"header": "X-Residency", "label": "residency"}],
    "models": [
        {"name": "all", "targets": [{"provider": "us"}, {"provider": "any", "priority": 1}, {"provider": "eu", "priority": 2}]},
        {"name": "own", "demands": {"residency": ["ch"]}, "targets": [{"provider": "us"}, {"provider": "any", "labels": {"residency": "ch"}, "priority": 1}]},
        {"name": "pictures", "targets": [{"provider": "us"}, {"provider": "eu", "priority": 1, "capabilities": {"images": false}}]},
        {"name": "abroad", "targets": [{"provider": "us"}, {"provider": "any"}]}],
    "endpoints": [{"prefix": "/v1/files", "provider": "us"}, {"prefix": "/v1beta/models", "provider": "us"}]}"#;

/// What becomes of a request: the provider that it goes to or the answer, and the record.
fn sent(failover: Failover, model: &str, headers: &[(&str, &str)], content: &str) -> (String, String) {
    let (mut health, mut ledger) = (Health::default(), Ledger::default());
    let mut configured = Configured::new(DOCUMENT, failover, |_| None).unwrap();
    configured.take_seats(&mut health);
    let mut head = Headers::new();
    let path = if model.starts_with('/') { model } else { "/v1/chat/completions" };
    for (name, value) in [(":method", "POST"), (":path", path)].iter().chain(headers) {
        head.push(name, value);
    }
    let (mut exchange, mut verdict) =
        Exchange::begin(&Rc::new(configured), head, false, SECOND, || true, &mut ledger, &mut health).unwrap();
    if exchange.reads_body() {
        let body = format!(r#"{{"model": "{model}", "messages": [{{"role": "user", "content": {content}}}]}}"#).into_bytes();
        verdict = exchange.request_body(body, 0, &mut ledger, &mut health, SECOND);
    }
    let became = match verdict {
        Verdict::Reply(local) => format!("{} {}", local.reply.status, String::from_utf8(local.reply.body).unwrap()),
        Verdict::Release => exchange.depart(|| false).unwrap().next.unwrap(),
        other => panic!("{other:?}"),
    };
    (became, exchange.settle(&mut ledger, SECOND, String::new, |_, _, _| ()).unwrap())
}

const TEXT: &str = r#""How deep?""#;

#[test]
fn targets_without_a_demanded_label_are_left_out_and_the_record_says_so() {
    for (headers, model, to, out) in [
        (&[][..], "all", "us", &[][..]),
        (&[("x-team", "blue")], "all", "eu", &["us", "any"]),
        (&[("x-team", "red")], "all", "us", &[]),
        (&[("x-residency", "eu")], "all", "eu", &["us", "any"]),
        (&[("x-residency", "ch, us")], "all", "us", &["any", "eu"]),
        (&[("x-team", "blue"), ("x-residency", "eu,us")], "all", "eu", &["us", "any"]),
        (&[], "own", "any", &["us"]),
        (&[("x-team", "blue"), ("x-residency", "ch")], "own", "any", &["us"]),
    ] {
        for failover in [Failover::Clusters, Failover::Priorities] {
            let (became, record) = sent(failover, model, headers, TEXT);
            let chain = became.strip_prefix("weir-chain-").unwrap_or(&became);
            assert_eq!(chain.split('+').next(), Some(to), "{headers:?} {model}");
            for provider in out {
                let reason = format!(r#"{{"provider":"{provider}","model":"{model}","reason":"labels"}}"#);
                assert!(record.contains(&reason), "{headers:?} {model}: {record}");
            }
            assert_eq!(record.contains("labels"), !out.is_empty(), "{record}");
        }
    }
}

#[test]
fn where_nobody_is_left_the_client_is_told_what_was_demanded() {
    for (headers, model, demanded) in [
        (&[("x-team", "blue")][..], "abroad", "no provider of `abroad` is labelled residency: eu or ch,"),
        (&[("x-residency", "mars")], "all", "no provider of `all` is labelled residency: mars,"),
        (&[("x-residency", "eu"), ("x-residency", "us")], "all", "labelled residency: eu and residency: us,"),
        (&[("x-residency", "eu")], "own", "labelled residency: eu and residency: ch,"),
        // A path that passes unread has one provider.
        (&[("x-team", "blue")], "/v1/files", "no provider of this path is labelled residency: eu or ch,"),
        // It may name a model that demands more.
        (&[], "/v1beta/models/own:embedContent", "no provider of this path is labelled residency: ch,"),
        (&[("x-residency", "us")], "/v1beta/models/own", "labelled residency: us and residency: ch,"),
    ] {
        let (answer, record) = sent(Failover::Clusters, model, headers, TEXT);
        assert!(answer.starts_with("400 ") && answer.contains(demanded) && answer.contains("label_demanded"), "{answer}");
        assert!(record.contains("unsupported"), "{record}");
    }
    assert_eq!(sent(Failover::Clusters, "/v1/files", &[("x-residency", "us")], TEXT).0, "us");
    assert_eq!(sent(Failover::Clusters, "/v1beta/models/all:embedContent", &[], TEXT).0, "us");
}

#[test]
fn what_else_those_lack_who_have_the_label_is_told_instead() {
    let image = r#"[{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]"#;
    assert_eq!(sent(Failover::Clusters, "pictures", &[], image).0, "us");
    let (answer, record) = sent(Failover::Clusters, "pictures", &[("x-team", "blue")], image);
    assert!(answer.starts_with("400 ") && answer.contains("can be asked for images"), "{answer}");
    assert!(record.contains(r#""reason":"labels""#) && record.contains(r#""reason":"images""#), "{record}");
}
