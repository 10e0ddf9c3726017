//! A provider that asks for a pause, or fails again and again, is left alone, and comes back by itself; workers tell each other.

use super::rig::{ASK, ASK_STREAM, STREAM, answers, ask, pair, stream};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use weir_testing::{Metric, Play, Proxy, Sent};

const BROKEN: &str = r#"{"error":{"message":"try later","type":"server_error","param":null,"code":null}}"#;
const QUOTA: &str = r#"{"error":{"message":"no money","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;

/// The first provider fails so while it is told to.
fn failing(play: Play) -> (Proxy, Rc<Cell<bool>>) {
    let fails = Rc::new(Cell::new(true));
    let told = Rc::clone(&fails);
    let both = |sent: &Sent| if String::from_utf8_lossy(&sent.body).contains("stream") { Play::stream([stream()]) } else { answers(sent) };
    let proxy = pair(move |sent| if told.get() { play.clone() } else { both(sent) }, both);
    (proxy, fails)
}

/// The clusters that a request went to, and the reason in its record for what was left out.
fn went(proxy: &mut Proxy, body: &str) -> (String, bool) {
    let id = proxy.exchange(&ask(body)).unwrap();
    assert_eq!(proxy.received(id).status(), 200);
    let log = String::from_utf8(proxy.filter_state(id, "wasm.weir.log").unwrap()).unwrap();
    let clusters: Vec<&str> = proxy.sent(id).iter().map(|sent| sent.cluster.as_str()).collect();
    (clusters.join(" "), log.contains(r#""left_out":[{"provider":"alpha","model":"m-alpha","reason":"cooling"}]"#))
}

fn metric(proxy: &Proxy, name: &str) -> Option<u64> {
    match proxy.host().metrics().get(name)? {
        Metric::Counter(value) | Metric::Gauge(value) => Some(*value),
        Metric::Histogram(_) => None,
    }
}

#[test]
fn a_pause_that_is_asked_for_is_kept() {
    let limited = || Play::json(429, BROKEN).header("retry-after", "7");
    for (play, seconds) in [(limited(), 7), (Play::json(503, BROKEN).header("retry-after", "7"), 7), (Play::json(429, QUOTA), 60)] {
        for body in [ASK, ASK_STREAM] {
            let (mut proxy, fails) = failing(play.clone());
            assert_eq!(went(&mut proxy, body), ("alpha beta".to_owned(), false));
            proxy.advance(Duration::from_secs(seconds - 1)).unwrap();
            assert_eq!(went(&mut proxy, body), ("beta".to_owned(), true));
            fails.set(false);
            proxy.advance(Duration::from_secs(2)).unwrap();
            assert_eq!(went(&mut proxy, body), ("alpha".to_owned(), false), "it comes back by itself");
        }
    }
}

#[test]
fn failures_in_a_row_open_the_breaker_and_one_request_tries_it() {
    for play in [Play::json(500, BROKEN), Play::refuse(), Play::default().reset(), Play::json(401, BROKEN)] {
        let (mut proxy, fails) = failing(play);
        for _ in 0..5 {
            assert_eq!(went(&mut proxy, ASK).0, "alpha beta");
        }
        assert_eq!(went(&mut proxy, ASK), ("beta".to_owned(), true), "nobody pays for a dead attempt");
        proxy.advance(Duration::from_secs(10)).unwrap();
        assert_eq!(went(&mut proxy, ASK).0, "alpha beta", "the trial fails");
        assert_eq!(went(&mut proxy, ASK).0, "beta");
        proxy.advance(Duration::from_secs(19)).unwrap();
        assert_eq!(went(&mut proxy, ASK).0, "beta", "twice as long");
        proxy.advance(Duration::from_secs(1)).unwrap();
        fails.set(false);
        assert_eq!(went(&mut proxy, ASK).0, "alpha");
        assert_eq!(went(&mut proxy, ASK).0, "alpha");
    }
}

/// The beginning of a stream, content included.
fn begun() -> Play {
    let events: Vec<&str> = STREAM.split_inclusive("\n\n").take(2).collect();
    Play::answer(200).header("content-type", "text/event-stream").pieces([events.concat().into_bytes()])
}

#[test]
fn streams_that_break_behind_their_content_open_the_breaker() {
    for play in [begun().reset(), begun()] {
        let (mut proxy, fails) = failing(play);
        for _ in 0..5 {
            let id = proxy.exchange(&ask(ASK_STREAM)).unwrap();
            let [sent] = proxy.sent(id) else { panic!("one attempt") };
            assert_eq!(sent.cluster, "alpha");
        }
        assert_eq!(went(&mut proxy, ASK_STREAM), ("beta".to_owned(), true));
        proxy.advance(Duration::from_secs(10)).unwrap();
        fails.set(false);
        assert_eq!(went(&mut proxy, ASK_STREAM).0, "alpha");
        assert_eq!(went(&mut proxy, ASK_STREAM), ("alpha".to_owned(), false));
    }
}

#[test]
fn a_client_that_leaves_teaches_nothing_and_keeps_nobody_away() {
    let stage = Rc::new(Cell::new(1));
    let told = Rc::clone(&stage);
    let first = move |sent: &Sent| match told.get() {
        0 => Play::json(429, BROKEN).header("retry-after", "7"),
        1 => begun().wait(Duration::from_secs(3600)).pieces([b"never".to_vec()]),
        _ => answers(sent),
    };
    let mut proxy = pair(first, answers);
    let leave = |proxy: &mut Proxy| {
        let id = proxy.send(&ask(ASK_STREAM)).unwrap();
        let [sent] = proxy.sent(id) else { panic!("one attempt") };
        let cluster = sent.cluster.clone();
        proxy.abort(id).unwrap();
        cluster
    };
    for _ in 0..10 {
        assert_eq!(leave(&mut proxy), "alpha");
    }
    stage.set(0);
    assert_eq!(went(&mut proxy, ASK).0, "alpha beta");
    proxy.advance(Duration::from_secs(8)).unwrap();
    stage.set(1);
    assert_eq!(leave(&mut proxy), "alpha", "it is tried");
    stage.set(2);
    assert_eq!(went(&mut proxy, ASK).0, "alpha", "and by the next one at once");
}

#[test]
fn where_all_are_left_alone_the_one_that_comes_back_first_is_tried() {
    let limited = |seconds: &'static str| move |_: &_| Play::json(429, BROKEN).header("retry-after", seconds);
    let mut proxy = pair(limited("30"), limited("20"));
    let sent = |proxy: &mut Proxy| {
        let id = proxy.exchange(&ask(ASK)).unwrap();
        assert_eq!(proxy.received(id).status(), 429);
        proxy.sent(id).iter().map(|sent| sent.cluster.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(sent(&mut proxy), "alpha beta");
    assert_eq!(sent(&mut proxy), "beta");
}

#[test]
fn counters_and_a_gauge_show_it() {
    let (mut proxy, _) = failing(Play::json(429, BROKEN).header("retry-after", "7"));
    went(&mut proxy, ASK);
    proxy.advance(Duration::from_millis(200)).unwrap();
    assert_eq!(metric(&proxy, "weir.cooldowns;provider=alpha;target_model=m-alpha;reason=rate_limited"), Some(1));
    assert_eq!(metric(&proxy, "weir.cooling;provider=alpha;target_model=m-alpha"), Some(1));
    proxy.advance(Duration::from_secs(7)).unwrap();
    assert_eq!(metric(&proxy, "weir.cooling;provider=alpha;target_model=m-alpha"), Some(0));

    let (mut proxy, _) = failing(Play::json(401, BROKEN));
    went(&mut proxy, ASK);
    assert_eq!(metric(&proxy, "weir.credential_refused;provider=alpha"), Some(1));
}
