//! Thousands of short random exchanges with the built gateway: any cuts, any order, any accident; what holds always is checked after each.

use super::limiter::Limiter;
use super::rig::{ANSWER, ASK, ASK_STREAM, DOCUMENT, KEYS, answers, ask, envoy, provider, stream, try_host, twins, wiring};
use super::{charges, standalone, translated};
use std::cell::RefCell;
use std::time::Duration;
use weir_testing::{Cluster, Part, Pit, Play, Proxy, Received, Request, Sent, Stage, Story, Told, Trouble, Wiring};

/// Far above everything that a story uses.
const FAR: u64 = 1_000_000;

/// [`DOCUMENT`] with budgets, a path that passes unread, and a third provider of another format behind the first two, which speak chat
/// alone: clients of the other formats are translated for them.
fn document(on_failure: &str) -> String {
    let claude = r#""claude": {"kind": "anthropic", "auth": {"api_key": {"env": "CLAUDE_KEY"}}}, "beta": "#;
    let third = r#""model": "m-beta", "priority": 1}, {"provider": "claude", "model": "claude-x", "priority": 2}"#;
    super::limiter::document(on_failure)
        .replacen("\"beta\": ", claude, 1)
        .replacen("{\"kind\": \"openai\", ", "{\"kind\": \"openai\", \"speaks\": [\"chat\"], ", 1)
        .replacen("\"model\": \"m-beta\", \"priority\": 1}", third, 1)
        .replacen("\"models\": [", r#""endpoints": [{"prefix": "/v1/files", "provider": "alpha"}], "models": ["#, 1)
}

fn chat(sent: &Sent) -> Play {
    match sent.headers.get(":path") {
        Some("/v1/chat/completions") if String::from_utf8_lossy(&sent.body).contains("\"stream\":true") => Play::stream([stream()]),
        Some("/v1/chat/completions") => answers(sent),
        _ => Play::json(200, "{\"id\":\"file-1\"}"),
    }
}

fn messages(sent: &Sent) -> Play {
    match String::from_utf8_lossy(&sent.body).contains("\"stream\":true") {
        true => Play::stream([translated::STREAM.into()]),
        false => Play::json(200, translated::ANSWER),
    }
}

/// A provider's name, and what it answers.
type Provider = (&'static str, fn(&Sent) -> Play);

/// Each provider behind its cluster, and behind the twin for plans that have it alone.
fn gateway(on_failure: &str, limiter: &Limiter) -> Proxy {
    let providers: [Provider; 3] = [("alpha", chat), ("beta", chat), ("claude", messages)];
    behind(on_failure, limiter, &providers)
}

fn behind(on_failure: &str, limiter: &Limiter, providers: &[Provider]) -> Proxy {
    in_front(&document(on_failure), limiter, providers)
}

fn in_front(document: &str, limiter: &Limiter, providers: &[Provider]) -> Proxy {
    let environment: Vec<(&str, &str)> = KEYS.into_iter().chain([("CLAUDE_KEY", "key-of-claude")]).collect();
    let clusters = providers.iter().fold(twins(), |wiring, (name, plays)| {
        let twin = provider(name, *plays).without_upstream();
        wiring.cluster(name, provider(name, *plays)).cluster(&format!("weir-direct-{name}"), twin)
    });
    let mut proxy = Proxy::new(try_host(document, &environment).unwrap(), clusters);
    let limiter = limiter.clone();
    proxy.host_mut().cluster("weir-limits", move |call| limiter.answer(call));
    proxy
}

fn requests() -> Vec<Request> {
    let client = |request: Request| request.header("authorization", "Bearer key-of-client").header("x-team", "blue");
    let chat = |body: &str| ask(body).header("x-team", "blue");
    vec![
        chat(ASK),
        chat(ASK_STREAM),
        chat(&ASK.replace("smart", "lone")),
        chat(&ASK_STREAM.replace("smart", "lone")),
        chat(&ASK.replace("smart", "none")),
        client(Request::new("GET", "/v1/models")),
        client(Request::new("POST", "/v1/files").pieces([b"anything, unread".to_vec()])),
        client(Request::json("/v1/messages", MESSAGES)),
        client(Request::json("/v1/messages", streamed(MESSAGES))),
        client(Request::json("/v1/responses", RESPONSES)),
        client(Request::json("/v1/responses", streamed(RESPONSES))),
    ]
}

/// A client of the Messages format.
pub const MESSAGES: &str = r#"{"model":"smart","max_tokens":100,"messages":[{"role":"user","content":"Hello"}]}"#;
/// A client of the Responses format.
pub const RESPONSES: &str = r#"{"model":"smart","input":"Hello"}"#;

/// The same request for a stream.
pub fn streamed(body: &str) -> String {
    body.replacen('{', "{\"stream\":true,", 1)
}

/// The place of the request that no model answers, and of the two that are not answered in a format.
const NO_MODEL: usize = 4;
const NOT_ANSWERS: [usize; 2] = [5, 6];

/// What the end of a stream looks like, by the client's format.
const ENDS: [&str; 3] = ["data: [DONE]", "event: message_stop", "event: response.completed"];

/// A translated answer says when it was made, which differs from run to run.
pub fn timeless(text: &str) -> String {
    let numbers = text.split_inclusive(|c: char| !c.is_ascii_digit());
    let told = |part: &str| part.trim_end_matches(|c: char| !c.is_ascii_digit()).len() >= 10;
    numbers.map(|part| if told(part) { part.trim_start_matches(|c: char| c.is_ascii_digit()) } else { part }).collect()
}

/// The whole answers that a client may get: of the first provider, and of the last one when the others refuse.
fn whole_answers() -> Vec<String> {
    let first: [Provider; 3] = [("alpha", chat), ("beta", chat), ("claude", messages)];
    let last: [Provider; 3] = [("alpha", |_| Play::refuse()), ("beta", |_| Play::refuse()), ("claude", messages)];
    let mut whole = Vec::new();
    for providers in [first, last] {
        for request in requests() {
            let mut proxy = behind("allow", &Limiter::new(FAR), &providers);
            let id = proxy.exchange(&request).unwrap();
            whole.push(timeless(&proxy.received(id).text()));
        }
    }
    whole
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// A client that stayed got an answer, and what looks like a whole one is one.
fn is_an_answer(received: &Received, whole: &[String], formatted: bool) -> Result<(), String> {
    let (status, text) = (received.status(), timeless(&received.text()));
    ensure(received.reset || received.ended, || format!("no end: {status} {text}"))?;
    ensure(status == 0 && received.reset || matches!(status, 200 | 400..=504), || format!("status {status}"))?;
    ensure(!text.contains("key-of"), || format!("a key is told: {text}"))?;
    match status {
        200 if ENDS.iter().any(|end| text.contains(end)) => {
            ensure(whole.contains(&text), || format!("it looks complete and is not: {text}"))
        }
        200 if received.ended && formatted && !text.contains("data: ") => ensure(whole.contains(&text), || format!("it is cut: {text}")),
        400.. if received.ended => ensure(
            ["{\"error\":", "{\"type\":\"error\"", "the gateway"].iter().any(|start| text.starts_with(start)) || text.is_empty(),
            || format!("no error of the format: {status} {text}"),
        ),
        _ => Ok(()),
    }
}

/// Waits until the limiter has been told what is owed.
fn settles(story: &Story, told: &mut Told, limiter: &Limiter) -> Result<(), String> {
    // A service that failed is left alone for a second each time, so what is owed may leave late.
    for _ in 0..12 {
        told.proxy.advance(Duration::from_millis(1100)).map_err(|error| error.to_string())?;
        if owes_nothing(story, told, limiter).is_ok() {
            break;
        }
    }
    owes_nothing(story, told, limiter)
}

fn check(story: &Story, told: &mut Told, limiter: &Limiter, whole: &[String]) -> Result<(), String> {
    settles(story, told, limiter)?;
    let proxy = &told.proxy;
    for id in told.exchanges.iter().flatten() {
        ensure(proxy.is_over(*id), || "it is not over".to_owned())?;
        for sent in proxy.sent(*id).iter().filter(|sent| sent.complete && sent.cluster != "weir-none") {
            let all = format!("{} {}", sent.headers, String::from_utf8_lossy(&sent.body));
            let strangers = all.replace(&format!("key-of-{}", sent.cluster.trim_start_matches("weir-direct-")), "");
            ensure(!strangers.contains("key-of"), || format!("{} sees a key of another: {all}", sent.cluster))?;
        }
    }
    for (request, id) in told.stayed(story) {
        is_an_answer(proxy.received(id), whole, !NOT_ANSWERS.contains(&request))?;
    }
    Ok(())
}

/// What was charged differs from the bills by no more than is unknown. Two failing calls may hide both witnesses of the bills.
fn owes_nothing(story: &Story, told: &Told, limiter: &Limiter) -> Result<(), String> {
    let proxy = &told.proxy;
    let recorded: u64 = told.exchanges.iter().flatten().filter_map(|id| charges::recorded(proxy, *id)).sum();
    let bills = recorded.max(charges::counted(proxy, "weir.tokens", &["kind=input", "kind=output"]));
    let unknown = charges::counted(proxy, "weir.limit_unknown", &["tokens"]);
    let charged = limiter.counted("team-hour");
    ensure(story.faults.len() > 1 || charged.abs_diff(bills) <= unknown, || format!("{charged} charged, {bills} billed, {unknown} unknown"))
}

/// A gateway with a limiter of its own, which the check finds here.
fn fresh(on_failure: &str, limiter: &RefCell<Limiter>) -> Proxy {
    let new = Limiter::new(FAR);
    limiter.replace(new.clone());
    gateway(on_failure, &new)
}

/// Plays stories of this trouble. Each has its own gateway and limiter.
fn explore(on_failure: &str, trouble: Trouble, kept: &str, seeds: std::ops::Range<u64>) {
    let (requests, whole) = (requests(), whole_answers());
    let limiter = RefCell::new(Limiter::new(FAR));
    let stage = Stage {
        proxy: &|| fresh(on_failure, &limiter),
        requests: &requests,
        trouble,
        check: &|story, told| check(story, told, &limiter.borrow(), &whole),
    };
    stage.retell(kept);
    stage.explore(seeds);
}

#[test]
fn without_accidents_everybody_is_answered() {
    let (requests, whole) = (requests(), whole_answers());
    let limiter = RefCell::new(Limiter::new(FAR));
    let answered = |story: &Story, told: &mut Told| {
        check(story, told, &limiter.borrow(), &whole)?;
        for (request, id) in told.stayed(story) {
            let expected = if request == NO_MODEL { 404 } else { 200 };
            let received = told.proxy.received(id);
            ensure(received.status() == expected && received.ended, || format!("{}: {}", received.status(), received.text()))?;
        }
        Ok(())
    };
    Stage { proxy: &|| fresh("deny", &limiter), requests: &requests, trouble: Trouble::none(4), check: &answered }.explore(0..400);
}

#[test]
fn whatever_happens_everybody_is_answered_and_charged() {
    explore("allow", Trouble::all(3), include_str!("kept.stories"), 1_000..2_500);
}

#[test]
fn whatever_happens_nothing_is_let_through_unchecked() {
    explore("deny", Trouble::all(2), "", 10_000..10_700);
}

/// With room for one request at the first provider, the next one finds it free behind every story.
#[test]
fn whatever_happens_no_seat_is_lost() {
    let (all, limiter) = (requests(), RefCell::new(Limiter::new(FAR)));
    let requests = &all[..4];
    let document =
        document("allow").replacen(r#""kind": "openai","#, r#""kind": "openai", "concurrency": 1, "cooldown": {"failures": 0},"#, 1);
    let room = |story: &Story, told: &mut Told| {
        told.proxy.host_mut().heal();
        let failed = |error: weir_testing::Error| error.to_string();
        told.proxy.advance(Duration::from_secs(2)).map_err(failed)?;
        // What the story still has for answers and calls may happen to the first ones.
        for turn in 0..=story.answers.len() + story.callouts.len() {
            let id = told.proxy.exchange(&requests[2]).map_err(failed)?;
            let received = told.proxy.received(id);
            ensure(received.status() != 429, || format!("turn {turn}: {}", received.text()))?;
        }
        Ok(())
    };
    let fresh = || {
        let new = Limiter::new(FAR);
        limiter.replace(new.clone());
        in_front(&document, &new, &[("alpha", chat), ("beta", chat), ("claude", messages)])
    };
    Stage { proxy: &fresh, requests, trouble: Trouble::all(3), check: &room }.explore(20_000..20_700);
}

/// The same of the standalone position, whose heads have gone before anything else is known.
#[test]
fn whatever_happens_to_one_alone_everybody_is_answered_and_charged() {
    let requests: Vec<Request> = [("alpha", ASK), ("alpha", ASK_STREAM), ("beta", ASK), ("beta", ASK_STREAM), ("nobody", ASK)]
        .into_iter()
        .map(|(provider, body)| standalone::to(provider, body))
        .chain([standalone::to("alpha", &ASK.replace("smart", "none"))])
        .collect();
    let limiter = RefCell::new(Limiter::new(FAR));
    let fresh = || {
        let new = Limiter::new(FAR);
        limiter.replace(new.clone());
        let wiring = Wiring::new("weir.standalone", "").on_no_match("there").cluster("there", Cluster::new(standalone::either));
        let mut proxy = Proxy::new(standalone::host("weir.standalone", standalone::DOCUMENT).unwrap(), wiring);
        proxy.host_mut().cluster("weir-limits", move |call| new.answer(call));
        proxy
    };
    let whole: Vec<String> = requests
        .iter()
        .map(|request| {
            let mut proxy = fresh();
            let id = proxy.exchange(request).unwrap();
            timeless(&proxy.received(id).text())
        })
        .collect();
    let check = |story: &Story, told: &mut Told| {
        settles(story, told, &limiter.borrow())?;
        let proxy = &told.proxy;
        for id in told.exchanges.iter().flatten() {
            ensure(proxy.is_over(*id), || "it is not over".to_owned())?;
            for sent in proxy.sent(*id) {
                let own = if sent.headers.get(":authority") == Some("api.openai.com") { "key-of-alpha" } else { "key-of-beta" };
                let all = format!("{} {}", sent.headers, String::from_utf8_lossy(&sent.body)).replace(own, "");
                ensure(!all.contains("key-of"), || format!("a key of another is seen: {all}"))?;
            }
        }
        for (_, id) in told.stayed(story) {
            is_an_answer(proxy.received(id), &whole, true)?;
        }
        Ok(())
    };
    Stage { proxy: &fresh, requests: &requests, trouble: Trouble::all(2), check: &check }.explore(30_000..31_000);
}

#[test]
fn callbacks_in_any_legal_order_do_no_harm() {
    let part = |pairs: &[(&str, &str)], body: &[u8]| Part { headers: pairs.iter().copied().collect(), body: body.to_vec() };
    let head = |method, path| {
        [(":method", method), (":path", path), (":authority", "a"), (":scheme", "http"), ("content-type", "application/json")]
    };
    let requests = [
        part(&head("POST", "/v1/chat/completions"), ASK.as_bytes()),
        part(&head("POST", "/v1/chat/completions"), ASK_STREAM.as_bytes()),
        part(&head("POST", "/v1/chat/completions"), b"{\"model\":"),
        part(&head("GET", "/v1/models"), b""),
        part(&head("POST", "/other"), b"x"),
        part(&[], b""),
    ];
    let answers = [
        part(&[(":status", "200"), ("content-type", "application/json")], ANSWER.as_bytes()),
        part(&[(":status", "200"), ("content-type", "text/event-stream")], &stream()),
        part(&[(":status", "598")], b"secret"),
        part(&[(":status", "503")], b""),
        part(&[], b"no status"),
    ];
    let pit = Pit {
        host: &|| try_host(DOCUMENT, &KEYS).unwrap(),
        positions: &["weir.gateway", "weir.upstream"],
        requests: &requests,
        answers: &answers,
        streams: 5,
        check: &|_, _| Ok(()),
    };
    pit.explore(0..600);
}

#[test]
fn memory_stays_flat_over_many_exchanges() {
    let mut proxy = envoy(DOCUMENT, wiring().cluster("alpha", provider("alpha", chat)).cluster("beta", provider("beta", chat)));
    let round = |proxy: &mut Proxy| {
        for body in [ASK, ASK_STREAM] {
            let id = proxy.exchange(&ask(body)).unwrap();
            assert_eq!(proxy.received(id).status(), 200);
        }
        let id = proxy.send(&ask(ASK_STREAM)).unwrap();
        proxy.abort(id).unwrap();
    };
    (0..50).for_each(|_| round(&mut proxy));
    let (memory, definitions) = (proxy.host_mut().memory(), proxy.host().metric_definitions());
    (0..1_000).for_each(|_| round(&mut proxy));
    assert_eq!((proxy.host_mut().memory(), proxy.host().metric_definitions()), (memory, definitions));
}
