//! One charge for an exchange, whatever ends it and whatever fails: what the service counts differs from the bills by no more than is unknown.

use super::limiter::{Limiter, limited, untouched};
use super::rig::{ASK, ASK_STREAM, answers, ask, provider, stream};
use std::time::Duration;
use weir_testing::{Cluster, ExchangeId, Fault, HeaderMap, Metric, Play, Proxy, Request, Sent, Status};

/// Far above everything that a test uses.
const FAR: u64 = 1_000_000;

fn team(body: &str) -> Request {
    ask(body).header("x-team", "blue")
}

/// Long enough for everything that is owed to leave.
fn settle(proxy: &mut Proxy) {
    proxy.advance(Duration::from_millis(2500)).unwrap();
}

/// What the exchange's record says that it used.
pub fn recorded(proxy: &Proxy, id: ExchangeId) -> Option<u64> {
    let record = String::from_utf8(proxy.filter_state(id, "wasm.weir.log")?).unwrap();
    let total = record.split("\"total_tokens\":").nth(1).map_or("0", |rest| rest.split([',', '}']).next().unwrap());
    Some(total.parse().unwrap())
}

/// The sum of the counters whose name begins so and holds one of these words.
pub fn counted(proxy: &Proxy, metric: &str, words: &[&str]) -> u64 {
    let named = |name: &&String| name.starts_with(metric) && words.iter().any(|word| name.contains(word));
    let values = proxy.host().metrics().iter().filter(|(name, _)| named(name));
    values.map(|(_, value)| if let Metric::Counter(value) = value { *value } else { 0 }).sum()
}

fn both(sent: &Sent) -> Play {
    if String::from_utf8_lossy(&sent.body).contains("stream") { Play::stream([stream()]) } else { answers(sent) }
}

/// An exchange that has ended: one request is counted, and the tokens of its record.
fn assert_charged(proxy: &mut Proxy, id: ExchangeId, limiter: &Limiter, requests: u64, what: &str) {
    assert!(proxy.is_over(id), "{what}");
    settle(proxy);
    assert_eq!(limiter.counted("team-rpm"), requests, "{what}");
    assert_eq!(Some(limiter.counted("team-hour")), recorded(proxy, id), "{what}");
    assert_eq!(counted(proxy, "weir.limit_unknown", &[""]), 0, "{what}");
}

#[test]
fn an_answer_is_charged_as_the_provider_reported_it() {
    for (body, failing) in [(ASK, false), (ASK_STREAM, false), (ASK, true), (ASK_STREAM, true)] {
        let limiter = Limiter::new(FAR);
        let error = r#"{"error":{"message":"try later","type":"server_error","param":null,"code":null}}"#;
        let first = move |sent: &Sent| if failing { Play::json(500, error) } else { both(sent) };
        let mut proxy = limited("deny", &limiter, provider("alpha", first), provider("beta", both));
        let id = proxy.exchange(&team(body)).unwrap();
        assert_eq!(proxy.received(id).status(), 200);
        assert_charged(&mut proxy, id, &limiter, 1, body);
        assert_eq!(limiter.counted("team-hour"), 7, "{body}");
    }
}

/// What comes of an answer that ends behind each of its bytes, in any way.
fn however_it_ends(body: &str, media_type: &str, whole: &[u8]) {
    for at in 0..whole.len() {
        let begun = Play::answer(200).header("content-type", media_type).pieces([whole[..at].to_vec()]);
        let endings = [
            ("the client leaves", begun.clone().wait(Duration::from_secs(3600)).pieces([b"never".to_vec()])),
            ("the provider breaks off", begun.clone().reset()),
            ("the provider ends early", begun),
        ];
        for (name, play) in endings {
            let limiter = Limiter::new(FAR);
            let mut proxy = limited("deny", &limiter, provider("alpha", move |_| play.clone()), provider("beta", both));
            let id = proxy.send(&team(body)).unwrap();
            if name == "the client leaves" {
                proxy.abort(id).unwrap();
            } else {
                proxy.finish(id).unwrap();
            }
            assert_charged(&mut proxy, id, &limiter, 1, &format!("{name} at {at}"));
        }
    }
}

#[test]
fn a_stream_that_ends_anywhere_in_any_way_is_charged_once() {
    however_it_ends(ASK_STREAM, "text/event-stream", &stream());
}

#[test]
fn a_whole_answer_that_ends_anywhere_in_any_way_is_charged_once() {
    however_it_ends(ASK, "application/json", super::rig::ANSWER.as_bytes());
}

/// A provider may have worked on a request that it had before its connection broke; one that was never reached has not.
#[test]
fn a_connection_that_breaks_before_the_answer_is_charged_as_estimated() {
    for (play, estimated) in [(Play::default().reset(), true), (Play::refuse(), false)] {
        let limiter = Limiter::new(FAR);
        let mut proxy = limited("deny", &limiter, provider("alpha", move |_| play.clone()), provider("beta", both));
        let id = proxy.exchange(&team(ASK)).unwrap();
        assert_eq!(proxy.received(id).status(), 200);
        assert_charged(&mut proxy, id, &limiter, 1, ASK);
        let tokens = counted(&proxy, "weir.tokens", &["estimated"]);
        assert_eq!((tokens > 0, limiter.counted("team-hour")), (estimated, 7 + tokens));
    }
}

#[test]
fn a_client_that_leaves_before_its_request_was_let_through_is_not_charged() {
    let head: HeaderMap =
        [(":authority", "a"), (":path", "/v1/chat/completions"), (":method", "POST"), (":scheme", "http"), ("x-team", "blue")]
            .into_iter()
            .collect();
    for at in 0..ASK.len() {
        let limiter = Limiter::new(FAR);
        let mut proxy = limited("deny", &limiter, untouched("alpha"), untouched("beta"));
        let id = proxy.open(head.clone(), false).unwrap();
        proxy.send_data(id, &ASK.as_bytes()[..at], false).unwrap();
        proxy.abort(id).unwrap();
        assert_charged(&mut proxy, id, &limiter, 0, &format!("{at}"));
    }
}

/// A scene's name, its two providers, and what the client asks.
type Scene = (&'static str, fn() -> [Cluster; 2], &'static str);

fn scenes() -> [Scene; 4] {
    [
        ("whole", || [provider("alpha", both), provider("beta", both)], ASK),
        ("stream", || [provider("alpha", both), provider("beta", both)], ASK_STREAM),
        ("failover", || [provider("alpha", |_| Play::json(500, "{}")), provider("beta", both)], ASK),
        ("failover of a stream", || [provider("alpha", |_| Play::refuse()), provider("beta", both)], ASK_STREAM),
    ]
}

#[test]
fn whatever_call_fails_with_whatever_status_the_charge_is_made() {
    for (name, clusters, body) in scenes() {
        let run = |fault: Option<Fault>| {
            let limiter = Limiter::new(FAR);
            let [alpha, beta] = clusters();
            let mut proxy = limited("allow", &limiter, alpha, beta);
            let before = proxy.host().spent().host_calls();
            fault.into_iter().for_each(|fault| proxy.host_mut().fail(fault));
            let id = proxy.exchange(&team(body)).unwrap_or_else(|e| panic!("{name}: {e:?}"));
            settle(&mut proxy);
            let calls = proxy.host().spent().host_calls() - before;
            (proxy, id, limiter, calls)
        };
        let (.., calls) = run(None);
        assert!(calls > 40, "{calls}");
        for nth in 0..calls {
            // The first scene meets every status, the others those of which a filter thinks.
            let few = [Status::NotFound, Status::BadArgument, Status::InternalFailure];
            for status in Status::ALL.into_iter().skip(1).filter(|status| name == "whole" || few.contains(status)) {
                let (proxy, id, limiter, _) = run(Some(Fault::new("*", status).after(nth).once()));
                let what = || format!("{name}, call {nth} answers {status:?}\n{}", proxy.host().transcript());
                let unknown = counted(&proxy, "weir.limit_unknown", &["tokens"]);
                // One of the two may be the call that failed.
                let bills = recorded(&proxy, id).unwrap_or(0).max(counted(&proxy, "weir.tokens", &["kind=input", "kind=output"]));
                let charged = limiter.counted("team-hour");
                assert!(charged.abs_diff(bills) <= unknown, "{charged} charged, {bills} billed, {unknown} unknown: {}", what());
                let answered = proxy.received(id).status() == 200 && !proxy.received(id).reset;
                assert!(!answered || charged + unknown >= 1, "nothing is charged: {}", what());
                assert!(!answered || limiter.counted("team-rpm") + counted(&proxy, "weir.limit_unknown", &["requests"]) >= 1, "{}", what());
            }
        }
    }
}

#[test]
fn over_its_budget_no_request_reaches_a_provider_whatever_call_fails() {
    let run = |fault: Option<Fault>| {
        let limiter = Limiter::new(0);
        let mut proxy = limited("deny", &limiter, provider("alpha", both), provider("beta", both));
        let before = proxy.host().spent().host_calls();
        fault.into_iter().for_each(|fault| proxy.host_mut().fail(fault));
        let id = proxy.exchange(&team(ASK)).unwrap();
        let calls = proxy.host().spent().host_calls() - before;
        (proxy, id, calls)
    };
    let (proxy, id, calls) = run(None);
    assert_eq!(proxy.received(id).status(), 429);
    for nth in 0..calls {
        for status in Status::ALL.into_iter().skip(1) {
            let (proxy, id, _) = run(Some(Fault::new("*", status).after(nth).once()));
            let received = proxy.received(id);
            let what = || format!("call {nth} answers {status:?}: {}\n{}", received.status(), proxy.host().transcript());
            assert!(proxy.sent(id).iter().all(|sent| sent.headers.is_empty()), "{}", what());
            assert!(matches!(received.status(), 400..=599) && received.ended && received.status() != 598, "{}", what());
        }
    }
}
