//! Whatever ends an exchange of the standalone position: the client is told once, the seat is free again, and what was used is charged.

use super::limiter::Limiter;
use super::rig::{ANSWER, ASK, ASK_STREAM, KEYS, module, stream};
use super::standalone::{DOCUMENT, alone_within, either, host, to};
use super::translated;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use weir_testing::{Answer, Cluster, ExchangeId, FailurePolicy, HeaderMap, Host, Options, Play, Plugin, Proxy, Sent, Wiring};

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
    let pieces = || json().pieces(<[&str; 2]>::from(translated::ANSWER.split_at(30)).map(|piece| piece.as_bytes().to_vec()));
    let begins = || json().pieces([b"{".to_vec()]);
    let half = || Play::stream([translated::STREAM.split_at(600).0.into()]);
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
        ("alpha", ASK, "application/json", ANSWER, 200),
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

#[test]
fn who_is_known_to_have_used_up_a_budget_is_refused_before_the_head_leaves() {
    let mut proxy = alone_within(0, |_| Play::default().wait(LONG));
    for heads in [1, 0, 0] {
        let id = proxy.exchange(&to("beta", ASK)).unwrap();
        let received = proxy.received(id);
        assert_eq!((received.status(), proxy.sent(id).len()), (429, heads), "{}", received.text());
        assert!(received.text().contains("team-hour") && received.header("retry-after").is_some());
        let record = String::from_utf8(proxy.filter_state(id, "wasm.weir.log").unwrap()).unwrap();
        assert!(record.contains(r#""ending":"refused""#) && record.contains("team-hour"), "{record}");
    }
}

/// A request whose body is on its way, and one each at every stage behind it.
fn under_way(proxy: &mut Proxy) -> Vec<ExchangeId> {
    let mut ids = Vec::new();
    for (provider, body) in [("beta", ASK), ("beta", ASK_STREAM), ("alpha", ASK), ("alpha", ASK_STREAM)] {
        ids.push(proxy.send(&to(provider, body)).unwrap());
    }
    let headers = [(":method", "POST"), (":path", "/v1/chat/completions"), (":authority", "a"), ("x-provider", "beta"), ("x-team", "blue")];
    let reading = proxy.open(headers.into_iter().collect(), false).unwrap();
    proxy.send_data(reading, &ASK.as_bytes()[..20], false).unwrap();
    ids.push(reading);
    ids
}

/// The beginning of what the provider of the request's authority answers, and the rest much later.
fn slowly(sent: &Sent) -> Play {
    let (media, answer) = match (sent.headers.get(":authority"), String::from_utf8_lossy(&sent.body).contains("\"stream\":true")) {
        (Some("api.openai.com"), false) => ("application/json", ANSWER.as_bytes().to_vec()),
        (Some("api.openai.com"), true) => ("text/event-stream", stream()),
        (_, false) => ("application/json", translated::ANSWER.into()),
        (_, true) => ("text/event-stream", translated::STREAM.into()),
    };
    let (begins, ends) = answer.split_at(answer.len() / 2);
    Play::answer(200).header("content-type", media).pieces([begins.to_vec()]).wait(Duration::from_secs(5)).pieces([ends.to_vec()])
}

fn rebuilt(document: &str) -> Proxy {
    let environment = KEYS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let plugins = [Plugin::new("weir.standalone", document)];
    let failure = FailurePolicy::Reload(Duration::from_secs(1));
    let host = Host::start(&module(), Options { environment, failure, fuel: 4_000_000, ..Options::plugins(plugins) }).unwrap();
    let wiring = Wiring::new("weir.standalone", "").on_no_match("there").cluster("there", Cluster::new(slowly));
    let mut proxy = Proxy::new(host, wiring);
    let service = Limiter::new(1_000_000);
    proxy.host_mut().cluster("weir-limits", move |call| service.answer(call));
    proxy
}

#[test]
fn streams_of_a_vm_that_is_lost_end_and_the_next_one_serves() {
    let mut proxy = rebuilt(DOCUMENT);
    let ids = under_way(&mut proxy);
    let long = format!(r#"{{"model":"smart","messages":[{}]}}"#, vec![r#"{"role":"user","content":"y"}"#; 200_000].join(","));
    proxy.exchange(&to("alpha", &long)).unwrap();
    assert!(proxy.host().transcript().contains("the VM is gone"));
    let _ = proxy.send_data(ids[4], &ASK.as_bytes()[20..], true);
    proxy.advance(Duration::from_secs(10)).unwrap();
    for id in ids {
        let received = proxy.received(id);
        assert!(received.reset || received.status() == 503 || !received.ended, "{}: {}", received.status(), received.text());
        assert!(!received.text().contains("[DONE]") && !received.text().contains("there"), "{}", received.text());
    }
    for (provider, body) in [("beta", ASK), ("alpha", ASK_STREAM)] {
        let id = proxy.exchange(&to(provider, body)).unwrap();
        assert_eq!((proxy.received(id).status(), proxy.received(id).ended), (200, true), "{}", proxy.received(id).text());
    }
}

#[test]
fn what_is_under_way_ends_under_its_own_document_and_counts_under_the_next() {
    let narrow = DOCUMENT.replace(r#""kind": "anthropic","#, r#""kind": "anthropic", "concurrency": 3,"#);
    let mut proxy = rebuilt(&narrow);
    let ids = under_way(&mut proxy);
    let without =
        narrow.replace(r#"{"provider": "beta", "model": "claude-x", "answer": "20s"}"#, r#"{"provider": "beta", "model": "claude-y"}"#);
    proxy.host_mut().reconfigure("weir.standalone", &without).unwrap();
    // Three are at this provider, one of which is only a head.
    let refused = proxy.exchange(&to("beta", ASK)).unwrap();
    assert_eq!(proxy.received(refused).status(), 429, "{}", proxy.received(refused).text());
    proxy.send_data(ids[4], &ASK.as_bytes()[20..], true).unwrap();
    for id in ids {
        proxy.finish(id).unwrap();
        let received = proxy.received(id);
        assert_eq!((received.status(), received.ended, received.reset), (200, true, false), "{}", received.text());
        let asked = String::from_utf8_lossy(&proxy.sent(id)[0].body).into_owned();
        assert!(asked.contains("claude-x") || asked.contains("m-alpha"), "{asked}");
    }
    let id = proxy.exchange(&to("beta", ASK)).unwrap();
    assert_eq!(proxy.received(id).status(), 200);
    assert!(String::from_utf8_lossy(&proxy.sent(id)[0].body).contains("claude-y"));
}
