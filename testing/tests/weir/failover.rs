//! Failure of a provider before its answer is one: the next one answers with its own key, and 598 stays inside.

use super::rig::{ANSWER, ASK, ASK_STREAM, DOCUMENT, END, STREAM, answers, ask, envoy, line, pair, provider, stream, unused, wiring};
use std::time::Duration;
use weir_testing::{Cluster, Play, Sent};

const BROKEN: &str = r#"{"error":{"message":"try later","type":"server_error","param":null,"code":null}}"#;

/// Ways in which a provider fails that another one can make good.
pub fn failures() -> Vec<(&'static str, Play)> {
    vec![
        ("500", Play::json(500, BROKEN)),
        ("503 without a body", Play::answer(503)),
        ("429", Play::json(429, BROKEN).header("retry-after", "7")),
        ("401", Play::json(401, BROKEN)),
        ("refused", Play::refuse()),
        ("reset", Play::default().reset()),
        ("reset behind the head", Play::answer(200).header("content-type", "application/json").reset()),
        ("reset in the body", Play::answer(200).header("content-type", "application/json").pieces([b"{\"id\"".to_vec()]).reset()),
        ("page", Play::answer(502).header("content-type", "text/html").pieces([b"<html>".to_vec()])),
    ]
}

#[test]
fn the_next_provider_answers_with_its_own_key() {
    for (name, play) in failures() {
        for (body, expected) in [(ASK, ANSWER.to_owned()), (ASK_STREAM, [STREAM, END].concat())] {
            let play = play.clone();
            let second =
                |sent: &Sent| if String::from_utf8_lossy(&sent.body).contains("stream") { Play::stream([stream()]) } else { answers(sent) };
            let mut proxy = pair(move |_| play.clone(), second);
            let id = proxy.exchange(&ask(body)).unwrap();
            let received = proxy.received(id);
            assert_eq!((received.status(), received.text(), received.ended), (200, expected, true), "{name}");
            let sent = proxy.sent(id);
            assert_eq!(sent.iter().map(|sent| sent.cluster.as_str()).collect::<Vec<_>>(), ["alpha", "beta"], "{name}");
            let last = &sent[1];
            assert_eq!(last.headers.all("authorization"), ["Bearer key-of-beta"], "{name}");
            assert_eq!(last.headers.get(":authority"), Some("beta.internal"), "{name}");
            let everything = format!("{} {}", line(&last.headers), String::from_utf8_lossy(&last.body));
            for stranger in ["key-of-alpha", "key-of-client", "m-alpha", "openai.com"] {
                assert!(!everything.contains(stranger), "{name}: {everything}");
            }
            assert!(everything.contains("m-beta"), "{name}: {everything}");
        }
    }
}

#[test]
fn a_failure_that_nobody_can_make_good_is_told_in_the_clients_format() {
    let lone = [ASK, ASK_STREAM].map(|body| body.replace("smart", "lone"));
    let twice = [ASK, ASK_STREAM].map(str::to_owned);
    for (name, play) in failures() {
        for body in lone.iter().chain(&twice) {
            let (first, second) = (play.clone(), play.clone());
            let mut proxy = pair(move |_| first.clone(), move |_| second.clone());
            let id = proxy.exchange(&ask(body)).unwrap();
            let received = proxy.received(id);
            assert!((400..=504).contains(&received.status()), "{name}: {}", received.status());
            assert!(received.ended && received.text().starts_with("{\"error\":{"), "{name}: {}", received.text());
            assert_eq!(received.header("content-type"), Some("application/json"), "{name}");
            let length = received.header("content-length").map(str::to_owned);
            assert_eq!(length, Some(received.body().len().to_string()), "{name}");
            assert!(!received.text().contains("key-of"), "{name}: {}", received.text());
        }
    }
}

#[test]
fn the_private_code_never_reaches_a_client_when_envoy_does_not_retry() {
    for (name, play) in failures() {
        let clusters = wiring().retry(&[], 0).cluster("alpha", provider("alpha", move |_| play.clone()));
        let mut proxy = envoy(DOCUMENT, clusters.cluster("beta", provider("beta", answers)));
        let id = proxy.exchange(&ask(ASK)).unwrap();
        let (received, attempts) = (proxy.received(id), proxy.sent(id).len());
        // Broken connections are retried whatever the codes are.
        let retried = name.starts_with("re");
        assert_eq!((attempts, received.status() == 200), if retried { (2, true) } else { (1, false) }, "{name}");
        assert_ne!(received.status(), 598, "{name}");
        assert!(retried || received.text().starts_with("{\"error\":{"), "{name}: {}", received.text());
    }
}

#[test]
fn a_provider_whose_cluster_is_not_there_is_passed_over() {
    let mut proxy = envoy(DOCUMENT, wiring().cluster("beta", provider("beta", answers)));
    let id = proxy.exchange(&ask(ASK)).unwrap();
    assert_eq!((proxy.received(id).status(), proxy.received(id).text().as_str()), (200, ANSWER));
    let [tombstone, sent] = proxy.sent(id) else { panic!("two attempts") };
    assert_eq!((tombstone.cluster.as_str(), sent.cluster.as_str()), ("weir-none", "beta"));
    assert!(!line(&tombstone.headers).contains("key-of"), "{}", tombstone.headers);
}

#[test]
fn the_clients_mistake_is_not_sent_to_another_provider() {
    let mistake = r#"{"error":{"message":"no such tool","type":"invalid_request_error","param":"tools","code":null}}"#;
    let mut proxy = pair(move |_| Play::json(400, mistake), unused);
    let id = proxy.exchange(&ask(ASK)).unwrap();
    assert_eq!(proxy.received(id).status(), 400);
    assert!(proxy.received(id).text().contains("no such tool"), "{}", proxy.received(id).text());
}

#[test]
fn a_stream_that_breaks_behind_its_first_content_is_never_made_to_look_complete() {
    let half = &STREAM.as_bytes()[..STREAM.len() * 3 / 5];
    let endings: [fn(Vec<u8>) -> Play; 2] = [|half| Play::stream([half]), |half| Play::stream([half]).wait(Duration::from_secs(1)).reset()];
    for ending in endings {
        let half = half.to_vec();
        let mut proxy = pair(move |_| ending(half.clone()), unused);
        let id = proxy.exchange(&ask(ASK_STREAM)).unwrap();
        let received = proxy.received(id);
        assert_eq!(received.status(), 200);
        assert!(!received.text().contains("[DONE]"), "{}", received.text());
        assert!(received.reset || received.text().contains("\"error\""), "{}", received.text());
    }
}

#[test]
fn an_error_in_the_stream_before_content_moves_on() {
    let error = b"data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"code\":null}}\n\n".to_vec();
    let mut proxy = pair(move |_| Play::stream([error.clone()]), |_| Play::stream([stream()]));
    let id = proxy.exchange(&ask(ASK_STREAM)).unwrap();
    assert_eq!((proxy.received(id).status(), proxy.received(id).text()), (200, [STREAM, END].concat()));
}

#[test]
fn an_answer_that_went_past_the_upstream_position_is_withheld() {
    let past = Cluster::new(answers).metadata("weir", "provider", "alpha").without_upstream();
    let mut proxy = envoy(DOCUMENT, wiring().cluster("alpha", past).cluster("beta", provider("beta", unused)));
    let id = proxy.exchange(&ask(ASK)).unwrap();
    assert_eq!(proxy.received(id).status(), 500);
    assert!(!proxy.received(id).text().contains("Hi there"), "{}", proxy.received(id).text());
}

/// Where Envoy does not go on (its budget of retries is spent, the body did not fit into its buffer), the client is told what the
/// provider said, and never the code by which Weir asks for another attempt.
#[test]
fn what_is_not_tried_again_is_told_in_the_providers_words() {
    for body in [ASK, ASK_STREAM] {
        let wiring = wiring().retry(&[], 3);
        let failing = |_: &_| Play::json(429, r#"{"error":{"message":"slow down","type":"rate_limit_error","param":null,"code":null}}"#);
        let mut proxy = envoy(DOCUMENT, wiring.cluster("alpha", provider("alpha", failing)).cluster("beta", provider("beta", unused)));
        let id = proxy.exchange(&ask(body)).unwrap();
        let received = proxy.received(id);
        assert_eq!(received.status(), 429, "{}", received.text());
        assert!(received.text().contains("slow down") && received.ended, "{}", received.text());
    }
}
