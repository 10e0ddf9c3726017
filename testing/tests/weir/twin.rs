//! A plan of one target on its direct twin: the gateway position makes the attempt, and no upstream position stands behind it.

use super::failover::failures;
use super::rig::{
    ANSWER, ASK, ASK_STREAM, DOCUMENT, END, STREAM, USAGE, answers, ask, envoy, line, provider, stream, twins, unused, wiring,
};
use std::time::Duration;
use weir_testing::{Play, Proxy, Request, Sent, Wiring};

/// Envoy whose route knows the twin of the only target of `lone`; the provider's other cluster must not be reached.
pub fn alone(plays: impl FnMut(&Sent) -> Play + 'static) -> Proxy {
    behind(twins().cluster("weir-direct-alpha", provider("alpha", plays).without_upstream()))
}

fn behind(wiring: Wiring) -> Proxy {
    envoy(DOCUMENT, wiring.cluster("alpha", provider("alpha", unused)).cluster("beta", provider("beta", answers)))
}

fn lone(body: &str) -> Request {
    ask(body.replace("smart", "lone"))
}

#[test]
fn the_provider_gets_its_own_request_and_the_client_its_answer() {
    for (body, expected) in [(ASK, ANSWER.to_owned()), (ASK_STREAM, [STREAM, END].concat())] {
        let mut proxy =
            alone(|sent| if String::from_utf8_lossy(&sent.body).contains("stream") { Play::stream([stream()]) } else { answers(sent) });
        let id = proxy.exchange(&lone(body)).unwrap();
        let received = proxy.received(id);
        assert_eq!((received.status(), received.text(), received.ended), (200, expected, true));
        assert_eq!(received.header("x-envoy-upstream-service-time"), None);
        let [sent] = proxy.sent(id) else { panic!("one attempt: {:?}", proxy.sent(id)) };
        assert_eq!((sent.cluster.as_str(), sent.headers.get(":authority")), ("weir-direct-alpha", Some("api.openai.com")));
        assert_eq!(sent.headers.all("authorization"), ["Bearer key-of-alpha"]);
        let everything = format!("{} {}", line(&sent.headers), String::from_utf8_lossy(&sent.body));
        assert!(!everything.contains("key-of-client") && everything.contains("m-alpha"), "{everything}");
        let log = String::from_utf8_lossy(&proxy.filter_state(id, "wasm.weir.log").unwrap_or_default()).into_owned();
        assert!(log.contains(r#""ending":"complete""#) && log.contains(r#""usage.input_tokens":5"#), "{log}");
    }
}

#[test]
fn failures_are_told_as_with_both_positions() {
    for (name, play) in failures() {
        for body in [ASK, ASK_STREAM] {
            let (direct, usual) = (play.clone(), play.clone());
            let mut proxies =
                [alone(move |_| direct.clone()), envoy(DOCUMENT, wiring().cluster("alpha", provider("alpha", move |_| usual.clone())))];
            // A reset behind the head reaches no callback: where both positions hold it, Envoy answers; here the client's stream is reset.
            if name.starts_with("reset ") {
                let id = proxies[0].exchange(&lone(body)).unwrap();
                assert!(proxies[0].received(id).reset && proxies[0].received(id).status() == 0, "{name}");
                let log = String::from_utf8_lossy(&proxies[0].filter_state(id, "wasm.weir.log").unwrap_or_default()).into_owned();
                assert!(log.contains(r#""ending":"upstream_reset""#), "{name}: {log}");
                continue;
            }
            let told = proxies.each_mut().map(|proxy| {
                let id = proxy.exchange(&lone(body)).unwrap();
                let received = proxy.received(id);
                (received.status(), received.text(), received.ended, proxy.sent(id).len())
            });
            assert_eq!(told[0], told[1], "{name}");
            assert!(told[0].1.starts_with("{\"error\":{"), "{name}: {}", told[0].1);
        }
    }
}

#[test]
fn a_plan_of_several_targets_and_an_unmarked_route_never_go_there() {
    let two = |wiring: Wiring| {
        let twin = provider("alpha", unused).without_upstream();
        wiring.cluster("weir-direct-alpha", twin).cluster("alpha", provider("alpha", answers)).cluster("beta", provider("beta", unused))
    };
    for (wiring, request) in [(twins(), ask(ASK)), (wiring(), lone(ASK))] {
        let mut proxy = envoy(DOCUMENT, two(wiring));
        let id = proxy.exchange(&request).unwrap();
        assert_eq!((proxy.received(id).status(), proxy.sent(id)[0].cluster.as_str()), (200, "alpha"));
    }
}

#[test]
fn a_route_that_leads_elsewhere_gets_no_request_of_the_provider() {
    let mut unknown = behind(twins());
    let id = unknown.exchange(&lone(ASK)).unwrap();
    assert_eq!(unknown.received(id).status(), 503);
    assert!(unknown.received(id).text().starts_with("{\"error\":{"));
    // With an upstream position in the twin's place, there would be two attempts for one.
    let mut other = behind(twins().cluster("weir-direct-alpha", provider("beta", unused)));
    let id = other.exchange(&lone(ASK)).unwrap();
    assert_eq!(other.received(id).status(), 500);
    for (proxy, id) in [(&unknown, id), (&other, id)] {
        let left = proxy.sent(id).iter().filter(|sent| sent.complete).map(|sent| line(&sent.headers)).collect::<String>();
        assert!(!left.contains("key-of-alpha"), "{left}");
    }
}

#[test]
fn a_stream_without_content_is_let_go_after_30_seconds_and_flows_on() {
    let mut events = STREAM.split_inclusive("\n\n");
    let role = events.next().unwrap().as_bytes().to_vec();
    let rest = [events.collect::<String>(), USAGE.to_owned(), END.to_owned()].concat().into_bytes();
    let plays = move |_: &_| {
        let play = Play::answer(200).header("content-type", "text/event-stream").pieces([role.clone()]);
        play.wait(Duration::from_secs(40)).pieces([rest.clone()]).end_alone()
    };
    let mut proxy = alone(plays);
    let before = proxy.host().now();
    let id = proxy.exchange(&lone(ASK_STREAM)).unwrap();
    assert_eq!((proxy.received(id).status(), proxy.received(id).text()), (200, [STREAM, END].concat()));
    assert!(proxy.host().now() - before >= 40_000_000_000);
}

#[test]
fn a_provider_that_never_answers_ends_after_300_seconds() {
    let mut proxy = alone(|_| Play::default().wait(Duration::from_secs(3600)));
    let id = proxy.exchange(&lone(ASK)).unwrap();
    assert_eq!(proxy.received(id).status(), 504);
    assert!(proxy.received(id).text().starts_with("{\"error\":{"));
}
