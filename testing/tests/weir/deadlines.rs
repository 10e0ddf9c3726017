//! Every pause has an end of its own: a client, a provider or a service that says nothing holds nobody for ever.

use super::rig::{ASK, ASK_STREAM, DOCUMENT, answers, ask, envoy, pair, provider, unused, wiring};
use std::time::Duration;
use weir_testing::{HeaderMap, Play, Sent};

/// A head that promises a body.
fn head() -> HeaderMap {
    let pairs = [(":authority", "gateway.example"), (":path", "/v1/chat/completions"), (":method", "POST"), (":scheme", "http")];
    pairs.into_iter().chain([("content-type", "application/json")]).collect()
}

/// How long something took on the fake clock; ticks come every 100 ms.
fn about(taken: Duration, expected: u64) -> bool {
    (Duration::from_secs(expected)..=Duration::from_secs(expected) + Duration::from_millis(200)).contains(&taken)
}

#[test]
fn a_body_that_never_comes_is_refused_after_30_seconds_of_silence() {
    let mut proxy = pair(unused, unused);
    let before = proxy.host().now();
    let id = proxy.open(head(), false).unwrap();
    proxy.advance(Duration::from_secs(20)).unwrap();
    proxy.send_data(id, &ASK.as_bytes()[..10], false).unwrap();
    proxy.finish(id).unwrap();
    assert_eq!(proxy.received(id).status(), 408);
    assert!(proxy.received(id).text().starts_with("{\"error\":{"), "{}", proxy.received(id).text());
    let taken = Duration::from_nanos(proxy.host().now() - before);
    assert!(about(taken, 50), "{taken:?}");
}

#[test]
fn a_provider_that_never_answers_ends_after_300_seconds() {
    for body in [ASK, ASK_STREAM] {
        let mut proxy = pair(|_| Play::default().wait(Duration::from_secs(3600)), answers);
        let before = proxy.host().now();
        let id = proxy.exchange(&ask(body)).unwrap();
        assert_eq!(proxy.received(id).status(), 504);
        let taken = Duration::from_nanos(proxy.host().now() - before);
        assert!(about(taken, 300), "{taken:?}");
    }
}

#[test]
fn a_whole_answer_that_stalls_ends_after_300_seconds() {
    for status in [200, 500] {
        let stalls = move |_: &_| {
            let play = Play::answer(status).header("content-type", "application/json").pieces([b"{\"id\":".to_vec()]);
            play.wait(Duration::from_secs(3600)).pieces([b"1}".to_vec()])
        };
        let mut proxy = pair(stalls, unused);
        let before = proxy.host().now();
        let id = proxy.exchange(&ask(ASK)).unwrap();
        let received = proxy.received(id);
        assert!(received.status() == 504 || received.reset, "{}: {}", received.status(), received.text());
        let taken = Duration::from_nanos(proxy.host().now() - before);
        assert!(about(taken, 300), "{taken:?}");
    }
}

#[test]
fn a_stream_without_content_is_let_go_after_30_seconds_and_flows_on() {
    let role = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"},\"finish_reason\":null}]}\n\n";
    let rest = super::rig::stream();
    let stalls = move |_: &_| Play::stream([role.as_bytes().to_vec()]).wait(Duration::from_secs(100)).pieces([rest.clone()]).end_alone();
    let mut proxy = pair(stalls, unused);
    let id = proxy.send(&ask(ASK_STREAM)).unwrap();
    proxy.advance(Duration::from_secs(29)).unwrap();
    assert_eq!(proxy.received(id).status(), 0);
    proxy.advance(Duration::from_millis(1200)).unwrap();
    assert_eq!((proxy.received(id).status(), proxy.received(id).text().as_str()), (200, role));
    proxy.finish(id).unwrap();
    assert!(proxy.received(id).ended && proxy.received(id).text().ends_with("data: [DONE]\n\n"), "{}", proxy.received(id).text());
}

#[test]
fn a_stream_that_flows_is_not_ended_by_any_deadline() {
    let pieces: Vec<Vec<u8>> = super::rig::stream().chunks(60).map(<[u8]>::to_vec).collect();
    let slow = move |_: &_| {
        let piece = |play: Play, piece: &Vec<u8>| play.wait(Duration::from_secs(25)).pieces([piece.clone()]);
        pieces.iter().fold(Play::answer(200).header("content-type", "text/event-stream"), piece).end_alone()
    };
    let mut proxy = pair(slow, unused);
    let id = proxy.exchange(&ask(ASK_STREAM)).unwrap();
    assert_eq!(proxy.received(id).status(), 200);
    assert!(proxy.received(id).text().ends_with("data: [DONE]\n\n"), "{}", proxy.received(id).text());
}

#[test]
fn budgets_that_nobody_answers_about_hold_nobody_for_longer_than_5_seconds() {
    for (on_failure, status) in [("allow", 200), ("deny", 503)] {
        // The service's own limit is longer than a decision may take.
        let document = super::limiter::document(on_failure).replace("250ms", "30s");
        let wiring = super::rig::wiring().cluster("alpha", super::rig::provider("alpha", answers));
        let mut proxy = super::rig::envoy(&document, wiring.cluster("beta", super::rig::provider("beta", unused)));
        proxy.host_mut().cluster("weir-limits", |_| weir_testing::Answer::Later);
        let before = proxy.host().now();
        let id = proxy.exchange(&ask(ASK).header("x-team", "blue")).unwrap();
        assert_eq!(proxy.received(id).status(), status, "{}", proxy.received(id).text());
        let taken = Duration::from_nanos(proxy.host().now() - before);
        assert!(about(taken, 5), "{taken:?}");
    }
}

/// An answer that Envoy makes by itself: what stands in its place does not wait until it ends.
#[test]
fn a_reply_in_an_answers_place_does_not_wait_for_the_end_of_that() {
    let endless = |_: &Sent| {
        let play = Play::answer(503).header("content-type", "text/plain").pieces([b"no ".to_vec()]);
        play.wait(Duration::from_secs(3600)).pieces([b"healthy upstream".to_vec()])
    };
    let alpha = provider("alpha", endless).without_upstream();
    let mut proxy = envoy(DOCUMENT, wiring().cluster("alpha", alpha).cluster("beta", provider("beta", unused)));
    let before = proxy.host().now();
    let id = proxy.exchange(&ask(ASK)).unwrap();
    let received = proxy.received(id);
    assert!(received.status() >= 500 && received.text().starts_with("{\"error\":{"), "{}: {}", received.status(), received.text());
    let taken = Duration::from_nanos(proxy.host().now() - before);
    assert!(taken < Duration::from_secs(2), "{taken:?}");
}
