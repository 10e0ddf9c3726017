//! Whatever ends an exchange of the standalone position: the client is told once, the seat is free again, and what was used is charged.

use super::limiter::Limiter;
use super::rig::{ASK, ASK_STREAM};
use super::standalone::{DOCUMENT, alone_within, either, host, to};
use super::translated;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use weir_testing::{Answer, Cluster, HeaderMap, Play, Proxy, Sent, Wiring};

const OVERLOADED: &str = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
/// Behind it an end of a test never comes by itself.
const LONG: Duration = Duration::from_secs(3600);

/// A host whose provider answers its first request so and all others well; one request at a time may be under way at each provider. The
/// rate-limit service takes a while.
fn once(service: &Limiter, slow: Duration, play: Play, eager: bool) -> Proxy {
    let document = DOCUMENT
        .replace(r#""kind": "openai","#, r#""kind": "openai", "concurrency": 1, "cooldown": {"failures": 0},"#)
        .replace(r#""kind": "anthropic","#, r#""kind": "anthropic", "concurrency": 1, "cooldown": {"failures": 0},"#);
    let first = Rc::new(Cell::new(true));
    let plays = move |sent: &Sent| if first.replace(false) { play.clone() } else { either(sent) };
    let provider = if eager { Cluster::new(plays).eager() } else { Cluster::new(plays) };
    let wiring = Wiring::new("weir.standalone", "").on_no_match("there").cluster("there", provider);
    let mut proxy = Proxy::new(host("weir.standalone", &document).unwrap(), wiring);
    let service = service.clone();
    proxy.host_mut().cluster("weir-limits", move |call| Answer::After(slow, Box::new(service.answer(call))));
    proxy
}

/// When the client hangs up.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Leaves {
    Never,
    /// Its body is on its way.
    Reading,
    /// The budgets are asked.
    Deciding,
    /// A second later.
    Later,
}

/// One request; what a client got that stayed: the status of an answer that ended, or `reset`.
fn run(proxy: &mut Proxy, provider: &str, body: &str, leaves: Leaves) -> String {
    let headers =
        [(":method", "POST"), (":path", "/v1/chat/completions"), (":authority", "gateway"), ("x-provider", provider), ("x-team", "blue")];
    let id = proxy.open(headers.into_iter().collect(), false).unwrap();
    let (begins, ends) = body.as_bytes().split_at(20);
    proxy.send_data(id, begins, false).unwrap();
    if leaves != Leaves::Reading && !proxy.is_over(id) {
        proxy.send_data(id, ends, true).unwrap();
    }
    if leaves == Leaves::Never {
        proxy.finish(id).unwrap();
        let received = proxy.received(id);
        assert_ne!(received.ended, received.reset);
        return if received.reset { "reset".to_owned() } else { received.status().to_string() };
    }
    if leaves == Leaves::Later {
        proxy.advance(Duration::from_secs(1)).unwrap();
    }
    proxy.abort(id).unwrap();
    String::new()
}

#[test]
fn every_ending_frees_the_seat_and_charges_what_was_used() {
    let json = || Play::answer(200).header("content-type", "application/json");
    let pieces = || json().pieces([translated::ANSWER[..30].into(), translated::ANSWER[30..].into()]);
    let begins = || json().pieces([b"{".to_vec()]);
    let half = || Play::stream([translated::STREAM[..600].into()]);
    let fails = || Play::answer(500).pieces([b"{".to_vec()]);
    let silent = |play: Play| play.wait(LONG).pieces([b"x".to_vec()]);
    // What is estimated of a request that may have been worked on, and what was reported of one.
    let (estimated, reported) = (2, 7);
    let (never, good) = (Leaves::Never, || Play::json(200, translated::ANSWER));
    for (name, play, eager, body, leaves, told, charged) in [
        ("answered", good(), false, ASK, never, "200", reported),
        ("answered in pieces", pieces(), false, ASK, never, "200", reported),
        ("streamed", translated::pieces(), false, ASK_STREAM, never, "200", reported),
        ("refused", Play::json(400, OVERLOADED), false, ASK, never, "400", 0),
        ("failed", Play::json(529, OVERLOADED), false, ASK_STREAM, never, "503", 0),
        ("failed without a body", Play::answer(500), false, ASK, never, "500", 0),
        ("no connection", Play::refuse(), false, ASK, never, "503", 0),
        ("an error is cut", fails().reset(), false, ASK, never, "reset", 0),
        ("an error falls silent", silent(fails()), false, ASK, never, "reset", 0),
        ("reset before an answer", Play::default().reset(), false, ASK, never, "503", estimated),
        ("reset behind the head", begins().reset(), false, ASK, never, "reset", estimated),
        ("no JSON", json().pieces([b"<html>".to_vec()]), false, ASK, never, "reset", estimated),
        ("silence", Play::default().wait(LONG), false, ASK, never, "504", estimated),
        ("silence behind the head", silent(begins()), false, ASK, never, "reset", estimated),
        ("a stream is cut", half(), false, ASK_STREAM, never, "200", reported),
        ("a stream breaks", half().reset(), false, ASK_STREAM, never, "reset", reported),
        ("early", Play::json(401, "{}"), true, ASK, never, "502", 0),
        ("early and whole", good(), true, ASK, never, "502", 0),
        ("early and broken", Play::default().reset(), true, ASK, never, "503", 0),
        ("gone while it sends", good(), false, ASK, Leaves::Reading, "", 0),
        ("gone while the budgets are asked", good(), false, ASK, Leaves::Deciding, "", 0),
        ("gone while it waits", Play::default().wait(LONG), false, ASK, Leaves::Later, "", estimated),
        ("gone behind the head", silent(begins()), false, ASK, Leaves::Later, "", estimated),
        ("gone in a stream", silent(half()), false, ASK_STREAM, Leaves::Later, "", reported),
    ] {
        let service = Limiter::new(1_000_000);
        let mut proxy = once(&service, Duration::from_millis(50), play, eager);
        assert_eq!(run(&mut proxy, "beta", body, leaves), told, "{name}");
        proxy.advance(Duration::from_secs(2)).unwrap();
        assert_eq!(service.counted("team-hour"), charged, "{name}");
        let before = proxy.host().now();
        let id = proxy.exchange(&to("beta", ASK)).unwrap();
        // One that answers early does so again.
        assert_eq!(proxy.received(id).status(), if eager { 502 } else { 200 }, "{name}: {}", proxy.received(id).text());
        assert!(proxy.host().now() - before < 1_000_000_000, "{name}");
    }
}

#[test]
fn what_the_body_of_an_error_says_is_learnt() {
    const UNPAID: &str =
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the API."}}"#;
    for (play, reason) in [
        (Play::json(400, UNPAID), "quota_exhausted"),
        (Play::json(401, "{}"), "upstream_credential"),
        // What breaks off says what its head has said.
        (Play::answer(429).header("retry-after", "7").pieces([b"{".to_vec()]).reset(), "rate_limited"),
    ] {
        let mut proxy = alone_within(1000, move |_| play.clone());
        for _ in 0..if reason == "upstream_credential" { 5 } else { 1 } {
            proxy.exchange(&to("beta", ASK)).unwrap();
        }
        proxy.advance(Duration::from_secs(1)).unwrap();
        let cooled: Vec<&str> = proxy.host().metrics().keys().map(|name| &**name).filter(|name| name.contains("cooldowns")).collect();
        assert!(matches!(&*cooled, [one] if one.contains("provider=beta") && one.contains(reason)), "{reason}: {cooled:?}");
    }
}

#[test]
fn an_answer_that_ends_with_trailers_is_the_same() {
    let trailers: HeaderMap = [("x-checksum", "1")].into_iter().collect();
    let service = Limiter::new(1_000_000);
    for (provider, body, media, answer, status) in [
        ("beta", ASK, "application/json", translated::ANSWER, 200),
        ("beta", ASK_STREAM, "text/event-stream", translated::STREAM, 200),
        ("beta", ASK, "application/json", OVERLOADED, 503),
        ("alpha", ASK, "application/json", super::rig::ANSWER, 200),
    ] {
        let sent = if status == 503 { 529 } else { status };
        let play = Play::answer(sent).header("content-type", media).pieces([answer.into()]);
        let texts = [play.clone(), play.trailers(trailers.clone())].map(|play| {
            let mut proxy = once(&service, Duration::ZERO, play, false);
            let id = proxy.exchange(&to(provider, body)).unwrap();
            let received = proxy.received(id);
            assert_eq!((received.status(), received.ended), (status, true), "{provider}: {}", received.text());
            received.text()
        });
        assert_eq!(texts[0], texts[1], "{provider} {body}");
    }
}

#[test]
fn an_answer_of_the_rate_limit_service_that_comes_late_changes_nothing() {
    let service = Limiter::new(1_000_000);
    // The provider answers, and the client leaves, while it is asked.
    let early = Play::json(401, "{}").after(Duration::from_millis(100));
    for (play, eager, leaves, told) in [(early, true, Leaves::Never, "502"), (Play::default().wait(LONG), false, Leaves::Deciding, "")] {
        let mut proxy = once(&service, Duration::from_millis(200), play, eager);
        assert_eq!(run(&mut proxy, "beta", ASK, leaves), told);
        proxy.advance(Duration::from_secs(6)).unwrap();
        assert_eq!(service.counted("team-hour"), 0);
    }
    // It never answers, so the rule says no.
    let mut proxy = once(&service, LONG, Play::default().wait(LONG), false);
    assert_eq!(run(&mut proxy, "beta", ASK, Leaves::Never), "503");
}
