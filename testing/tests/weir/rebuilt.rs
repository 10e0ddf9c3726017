//! What changes under streams in flight: the VM is lost and built anew, or a configuration takes the place of another.

use super::charges::{counted, recorded};
use super::limiter::{self, Limiter};
use super::rig::{ANSWER, ASK, ASK_STREAM, DOCUMENT, KEYS, answers, ask, module, provider, stream, wiring};
use std::time::Duration;
use weir_testing::{Answer, FailurePolicy, HeaderMap, Host, Options, Play, Plugin, Proxy, Sent};

/// So much fuel that every callback has enough, but for one that reads a very long body.
const FUEL: u64 = 4_000_000;

fn gateway(document: &str, alpha: impl FnMut(&Sent) -> Play + 'static) -> Proxy {
    let plugins = ["weir.gateway", "weir.upstream"].map(|root| Plugin::new(root, document).stop_iteration());
    let environment = KEYS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let failure = FailurePolicy::Reload(Duration::from_secs(1));
    let host = Host::start(&module(), Options { environment, failure, fuel: FUEL, ..Options::plugins(plugins) }).unwrap();
    Proxy::new(host, wiring().cluster("alpha", provider("alpha", alpha)).cluster("beta", provider("beta", answers)))
}

/// Takes the VM away: no filter has fuel for this.
fn kill(proxy: &mut Proxy) {
    let long = format!(
        r#"{{"model":"smart","messages":[{}{{"role":"user","content":"x"}}]}}"#,
        "{\"role\":\"user\",\"content\":\"y\"},".repeat(200_000)
    );
    let id = proxy.exchange(&ask(long)).unwrap();
    assert_eq!(proxy.received(id).status(), 503);
    assert!(proxy.host().transcript().contains("the VM is gone"));
}

#[test]
fn streams_of_a_vm_that_is_lost_end_and_the_next_one_serves() {
    let slow = |sent: &Sent| match String::from_utf8_lossy(&sent.body).contains("stream") {
        true => Play::stream([stream()[..600].to_vec()]).wait(Duration::from_secs(5)).pieces([stream()[600..].to_vec()]),
        false => Play::default().wait(Duration::from_secs(3600)),
    };
    let mut proxy = gateway(DOCUMENT, slow);
    let waiting = proxy.send(&ask(ASK)).unwrap();
    let flowing = proxy.send(&ask(ASK_STREAM)).unwrap();
    let head: HeaderMap =
        [(":authority", "a"), (":path", "/v1/chat/completions"), (":method", "POST"), (":scheme", "http")].into_iter().collect();
    let reading = proxy.open(head, false).unwrap();
    kill(&mut proxy);
    proxy.send_data(reading, ASK.as_bytes(), true).unwrap();
    proxy.advance(Duration::from_secs(10)).unwrap();
    for id in [waiting, flowing, reading] {
        let received = proxy.received(id);
        assert!(
            received.reset || received.ended && received.status() == 503 || !proxy.is_over(id),
            "{}: {}",
            received.status(),
            received.text()
        );
        assert!(!received.text().contains("[DONE]") && received.status() != 598, "{}", received.text());
        assert!(proxy.sent(id).iter().all(|sent| !sent.headers.to_string().contains("key-of-client")));
    }
    // The new VM starts its roots with their first streams, and serves as the first one did.
    let next = proxy.send(&ask(ASK_STREAM)).unwrap();
    proxy.finish(next).unwrap();
    assert_eq!(proxy.received(next).status(), 200, "{}", proxy.host().transcript());
    assert!(proxy.received(next).text().ends_with("data: [DONE]\n\n"));
    // It watches its deadlines too.
    let head: HeaderMap =
        [(":authority", "a"), (":path", "/v1/chat/completions"), (":method", "POST"), (":scheme", "http")].into_iter().collect();
    let silent = proxy.open(head, false).unwrap();
    proxy.finish(silent).unwrap();
    assert_eq!(proxy.received(silent).status(), 408);
}

/// Puts the document of both positions in place of the one that is there.
fn reconfigure(proxy: &mut Proxy, document: &str) {
    for root in ["weir.gateway", "weir.upstream"] {
        proxy.host_mut().reconfigure(root, document).unwrap();
    }
}

/// [`DOCUMENT`] where `smart` has the second provider alone.
fn second_alone(document: &str) -> String {
    document.replacen(r#"{"provider": "alpha", "model": "m-alpha"}, {"provider": "beta""#, r#"{"provider": "beta""#, 1)
}

#[test]
fn a_request_in_flight_ends_under_the_document_with_which_it_began() {
    for at in 0..=ASK.len() {
        let mut proxy = gateway(DOCUMENT, answers);
        let head: HeaderMap =
            [(":authority", "a"), (":path", "/v1/chat/completions"), (":method", "POST"), (":scheme", "http")].into_iter().collect();
        let before = proxy.open(head, false).unwrap();
        proxy.send_data(before, &ASK.as_bytes()[..at], false).unwrap();
        reconfigure(&mut proxy, &second_alone(DOCUMENT));
        let after = proxy.exchange(&ask(ASK)).unwrap();
        proxy.send_data(before, &ASK.as_bytes()[at..], true).unwrap();
        proxy.finish(before).unwrap();
        for (id, cluster) in [(before, "alpha"), (after, "beta")] {
            assert_eq!((proxy.received(id).status(), proxy.received(id).text().as_str()), (200, ANSWER));
            assert_eq!(proxy.sent(id).iter().map(|sent| sent.cluster.as_str()).collect::<Vec<_>>(), [cluster], "cut at {at}");
        }
    }
}

#[test]
fn deadlines_are_watched_over_a_change_of_the_document() {
    let mut proxy = gateway(DOCUMENT, |_| Play::default().wait(Duration::from_secs(3600)));
    let silent = proxy.send(&ask(ASK)).unwrap();
    proxy.advance(Duration::from_secs(5)).unwrap();
    reconfigure(&mut proxy, &second_alone(DOCUMENT));
    proxy.finish(silent).unwrap();
    assert_eq!(proxy.received(silent).status(), 504);
}

#[test]
fn charges_survive_a_change_of_the_document_at_any_moment() {
    // The service answers after 150 ms, the provider after 200 ms; the document changes in between, and once more.
    for moment in (0..1_500).step_by(50) {
        let limiter = Limiter::new(1_000_000);
        let document = limiter::document("deny");
        let later = |_: &Sent| {
            Play::answer(200).header("content-type", "application/json").wait(Duration::from_millis(200)).pieces([ANSWER.into()])
        };
        let mut proxy = gateway(&document, later);
        let counts = limiter.clone();
        proxy.host_mut().cluster("weir-limits", move |call| Answer::After(Duration::from_millis(150), Box::new(counts.answer(call))));
        let id = proxy.send(&ask(ASK).header("x-team", "blue")).unwrap();
        proxy.advance(Duration::from_millis(moment)).unwrap();
        reconfigure(&mut proxy, &second_alone(&document));
        proxy.advance(Duration::from_millis(60)).unwrap();
        reconfigure(&mut proxy, &document);
        proxy.finish(id).unwrap();
        proxy.advance(Duration::from_secs(4)).unwrap();
        assert_eq!((proxy.received(id).status(), recorded(&proxy, id)), (200, Some(7)), "{moment}");
        let unknown = counted(&proxy, "weir.limit_unknown", &["tokens"]);
        assert_eq!((limiter.counted("team-hour"), limiter.counted("team-rpm"), unknown), (7, 1, 0), "changed after {moment} ms");
    }
}
