//! What an attempt that goes wrong costs and teaches, and what is told of an answer that lost something.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by them")]

use std::rc::Rc;
use weir_core::exchange::{AnswerVerdict, Attempt, ClientAnswer, Configured, Exchange, Headers, RequestVerdict, SECOND, Table, Verdict};
use weir_core::health::{Health, Lesson};
use weir_core::hub::ErrorKind;
use weir_core::limits::Ledger;
use weir_core::routing::Failover;

const DOCUMENT: &str = r#"{"version": 1, "providers": {"own": {"kind": "openai-compatible", "endpoint": "http://own/v1"}},
    "models": [{"name": "m", "targets": [{"provider": "own"}]}]}"#;
const BODY: &str = r#"{"model": "m", "stream": STREAM, "messages": [{"role": "user", "content": "How deep is the weir?"}]}"#;
const TOO_LATE: u64 = 3600 * SECOND;

fn headers(pairs: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    pairs.iter().for_each(|(name, value)| headers.push(name, value));
    headers
}

/// An exchange whose request has been sent to its only target; `twin`: to its direct twin.
fn sent(twin: bool, stream: bool) -> (Box<Exchange>, Box<Attempt>, Ledger) {
    sent_by(DOCUMENT, twin, stream)
}

fn sent_by(document: &str, twin: bool, stream: bool) -> (Box<Exchange>, Box<Attempt>, Ledger) {
    let (mut exchange, departed, body, ledger) = departed(document, twin, stream);
    if let Some(attempt) = departed {
        return (exchange, attempt, ledger);
    }
    let (weir_core::exchange::Bound::Attempt(mut attempt), _) = exchange.bind("own", || SECOND) else { panic!("not bound") };
    assert!(matches!(attempt.request_body(&mut exchange, body.as_bytes()), RequestVerdict::Send { .. }));
    (exchange, attempt, ledger)
}

/// An exchange whose request has left the gateway position, with the attempt that this makes itself at a direct twin, and its body.
fn departed(document: &str, twin: bool, stream: bool) -> (Box<Exchange>, Option<Box<Attempt>>, String, Ledger) {
    let (mut health, mut ledger) = (Health::default(), Ledger::default());
    let mut configured = Configured::new(document, Failover::Clusters, |_| None).unwrap();
    configured.take_seats(&mut health);
    let head = headers(&[(":method", "POST"), (":path", "/v1/chat/completions"), ("content-type", "application/json")]);
    let (mut exchange, _) = Exchange::begin(&Rc::new(configured), head, false, SECOND, || true, &mut ledger, &mut health).unwrap();
    let body = BODY.replace("STREAM", if stream { "true" } else { "false" });
    let verdict = exchange.request_body(body.clone().into_bytes(), 0, &mut ledger, &mut health, SECOND);
    assert!(matches!(verdict, Verdict::Release), "{verdict:?}");
    let departure = exchange.depart(|| twin).unwrap();
    (exchange, departure.attempt, body, ledger)
}

fn record(exchange: &mut Exchange, ledger: &mut Ledger, details: &str) -> String {
    exchange.settle(ledger, TOO_LATE, || details.to_owned(), |_, _, _| ()).unwrap()
}

fn lesson(attempt: &mut Attempt) -> Option<Lesson> {
    attempt.take_lesson().map(|(_, lesson)| lesson)
}

const TIMED_OUT: Option<Lesson> = Some(Lesson::Failed(ErrorKind::Timeout, None));

#[test]
fn an_answer_that_never_came_is_charged_and_cools_down() {
    let own_reply = || headers(&[(":status", "504")]);
    let (mut exchange, mut attempt, mut ledger) = sent(true, false);
    assert!(matches!(exchange.expire(&mut ledger, TOO_LATE), Verdict::Reply(_)));
    attempt.answer_head(&mut exchange, own_reply(), false, TOO_LATE, || "weir".to_owned());
    assert_eq!(lesson(&mut attempt), TIMED_OUT);
    let told = record(&mut exchange, &mut ledger, "weir");
    assert!(told.contains("estimated"), "{told}");

    let (mut exchange, mut attempt, mut ledger) = sent(false, false);
    assert!(matches!(exchange.expire(&mut ledger, TOO_LATE), Verdict::Reply(_)));
    let told = record(&mut exchange, &mut ledger, "weir");
    assert!(told.contains("estimated"), "{told}");
    attempt.done(&mut exchange, false, TOO_LATE);
    assert_eq!(lesson(&mut attempt), TIMED_OUT, "also where the host ends the attempt behind the exchange");
}

const CONTENT: &str = r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}

"#;
const STOP: &str = r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: [DONE]

"#;
const FAILED: &str = r#"data: {"error":{"message":"out of order","type":"server_error","code":null}}

"#;

/// What each of these pieces of a stream teaches; the last one ends it.
fn taught(pieces: &[&str]) -> (Vec<Option<Lesson>>, Box<Exchange>, Box<Attempt>, Ledger) {
    let (mut exchange, mut attempt, ledger) = sent(false, true);
    let head = headers(&[(":status", "200"), ("content-type", "text/event-stream")]);
    attempt.answer_head(&mut exchange, head, false, SECOND, String::new);
    let mut lessons = Vec::new();
    for piece in pieces {
        attempt.answer_body(&mut exchange, piece.as_bytes(), piece.len(), piece.is_empty(), SECOND);
        lessons.push(lesson(&mut attempt));
    }
    (lessons, exchange, attempt, ledger)
}

#[test]
fn a_stream_teaches_once_and_at_its_end() {
    const BROKEN: Option<Lesson> = Some(Lesson::Failed(ErrorKind::BadGateway, None));
    let done = |(lessons, mut exchange, mut attempt, _): (Vec<Option<Lesson>>, Box<Exchange>, Box<Attempt>, Ledger)| {
        attempt.done(&mut exchange, false, SECOND);
        (lessons, lesson(&mut attempt))
    };
    assert_eq!(done(taught(&[CONTENT, STOP, ""])), (vec![None, Some(Lesson::Answered), None], None));
    assert_eq!(done(taught(&[CONTENT, STOP])), (vec![None, Some(Lesson::Answered)], None), "broken off behind the format's end");
    assert_eq!(done(taught(&[CONTENT, ""])), (vec![None, BROKEN], None));
    assert_eq!(done(taught(&[CONTENT])), (vec![None], BROKEN), "a reset");
    let told = Some(Lesson::Failed(ErrorKind::Internal, None));
    assert_eq!(done(taught(&[CONTENT, FAILED, ""])), (vec![None, None, told], None));
}

#[test]
fn who_hangs_up_teaches_nothing_and_what_broke_does_whichever_end_is_told_first() {
    for (details, expected) in [
        ("downstream_remote_disconnect", None),
        ("upstream_reset_after_response_started{connection_termination}", Some(Lesson::Failed(ErrorKind::BadGateway, None))),
    ] {
        let (_, mut exchange, mut attempt, mut ledger) = taught(&[CONTENT]);
        record(&mut exchange, &mut ledger, details);
        attempt.done(&mut exchange, false, SECOND);
        assert_eq!(lesson(&mut attempt), expected, "{details}");
    }
}

#[test]
fn what_no_connection_took_is_not_charged() {
    for (cause, charged) in [
        ("upstream_reset_before_response_started{connection_timeout}", false),
        ("upstream_reset_before_response_started{remote_connection_failure}", false),
        ("upstream_reset_before_response_started{overflow}", false),
        ("no_healthy_upstream", false),
        ("upstream_reset_before_response_started{connection_termination}", true),
        ("upstream_per_try_timeout", true),
    ] {
        let (mut exchange, mut attempt, mut ledger) = sent(true, false);
        attempt.answer_head(&mut exchange, headers(&[(":status", "503")]), false, 2 * SECOND, || cause.to_owned());
        let told = record(&mut exchange, &mut ledger, cause);
        assert_eq!(told.contains("estimated"), charged, "{cause}: {told}");
    }
}

#[test]
fn a_client_that_cancels_is_told_from_a_provider_that_breaks() {
    for (cause, gone) in [
        ("downstream_remote_disconnect", true),
        ("http2.remote_reset", true),
        ("http2.remote_refuse", true),
        ("upstream_reset_after_response_started{connection_termination}", false),
    ] {
        let (mut exchange, _attempt, mut ledger) = sent(false, false);
        let told = record(&mut exchange, &mut ledger, cause);
        assert_eq!((told.contains("client_gone"), told.contains("upstream_reset")), (gone, !gone), "{cause}: {told}");
    }
}

/// Where the answer is whole, its head waits for it; a stream's has gone when something is met behind its first content.
#[test]
fn what_an_answer_lost_is_told_and_recorded() {
    let document = DOCUMENT.replace("openai-compatible", "anthropic");
    let whole = include_str!("../cases/answers/messages/cited_documents.json");
    let stream = include_str!("../cases/answers/messages/cited_documents.sse");
    for (body, media, at_once, header) in [
        (whole, "application/json", true, Some("answer.citations.document;lose, answer.citations.search_result;alter")),
        (stream, "text/event-stream", true, Some("answer.citations.document;lose, answer.citations.search_result;alter")),
        (stream, "text/event-stream", false, None),
    ] {
        let is_stream = media == "text/event-stream";
        let (mut exchange, mut attempt, mut ledger) = sent_by(&document, true, is_stream);
        let head = headers(&[(":status", "200"), ("content-type", media)]);
        attempt.answer_head(&mut exchange, head, false, 2 * SECOND, || "via_upstream".to_owned());
        let mut committed = None;
        let (mut fed, step) = (0, if at_once { body.len() } else { 1 });
        for piece in body.as_bytes().chunks(step) {
            fed += piece.len();
            let verdict = attempt.answer_body(&mut exchange, piece, fed, fed == body.len(), 2 * SECOND);
            if let AnswerVerdict::Commit(head) = verdict {
                committed = Some(head.headers);
            }
        }
        assert_eq!(committed.unwrap().first("x-weir-lost"), header, "{media}");
        let told = record(&mut exchange, &mut ledger, "via_upstream");
        assert!(told.contains(r#"{"field":"answer.citations.document","fate":"lose"}"#), "{told}");
    }
}

/// The host would refuse either in words of its own, and the provider would be blamed for it.
#[test]
fn what_grows_beyond_what_the_host_holds_is_refused_before_it() {
    let document = DOCUMENT.replace(r#""openai-compatible""#, r#""anthropic""#);
    let document = document.replace(r#""version": 1,"#, r#""version": 1, "caps": {"request_body": "1MiB", "answer": "1MiB"},"#);
    let (mut exchange, mut attempt, mut ledger) = sent_by(&document, false, false);
    let turns = |count: usize| {
        let pairs = r#"{"role":"user","content":"x"},{"role":"assistant","content":"x"},"#.repeat(count / 2);
        format!(r#"{{"model": "m", "messages": [{pairs}{{"role":"user","content":"x"}}]}}"#)
    };
    let (fits, grows) = (turns(20_000), turns(29_000));
    assert!(grows.len() < 1 << 20);
    assert!(matches!(attempt.request_body(&mut exchange, fits.as_bytes()), RequestVerdict::Send { .. }));
    let RequestVerdict::Reply(told) = attempt.request_body(&mut exchange, grows.as_bytes()) else { panic!("sent") };
    assert_eq!(told.reply.status, 413);
    attempt.done(&mut exchange, false, SECOND);
    assert_eq!(lesson(&mut attempt), None, "the provider has not seen it");
    assert!(record(&mut exchange, &mut ledger, "weir").contains("not_sent"));

    for (calls, status) in [(10_000, None), (20_000, Some("502"))] {
        let (mut exchange, mut attempt, _) = sent_by(&document, true, false);
        let call = r#"{"type":"tool_use","id":"1","name":"f","input":{}}"#;
        let body = format!(
            r#"{{"id":"a","type":"message","role":"assistant","model":"m","content":[{}],"stop_reason":"tool_use","usage":{{"input_tokens":1,"output_tokens":1}}}}"#,
            [call].repeat(calls).join(",")
        );
        assert!(body.len() < 1 << 20, "{}", body.len());
        let head = headers(&[(":status", "200"), ("content-type", "application/json")]);
        attempt.answer_head(&mut exchange, head, false, 2 * SECOND, || "via_upstream".to_owned());
        let verdict = attempt.answer_body(&mut exchange, body.as_bytes(), body.len(), true, 2 * SECOND);
        let told = match verdict {
            AnswerVerdict::Commit(head) => head.headers.first(":status").map(str::to_owned).filter(|status| status != "200"),
            AnswerVerdict::Reply(reply) => Some(reply.status.to_string()),
            other => panic!("{other:?}"),
        };
        assert_eq!(told.as_deref(), status, "{calls}");
    }
}

#[test]
fn what_is_longer_than_a_head_may_be_is_refused_before_the_provider() {
    let document = DOCUMENT.replace(r#""openai-compatible""#, r#""anthropic""#);
    for (flags, status) in [(100, None), (1000, Some(400))] {
        let (mut health, mut ledger) = (Health::default(), Ledger::default());
        let mut configured = Configured::new(&document, Failover::Clusters, |_| None).unwrap();
        configured.take_seats(&mut health);
        let head = headers(&[(":method", "POST"), (":path", "/model/m/invoke")]);
        let (mut exchange, _) = Exchange::begin(&Rc::new(configured), head, false, SECOND, || true, &mut ledger, &mut health).unwrap();
        let flags: Vec<String> = (0..flags).map(|number| format!(r#""flag-{number}""#)).collect();
        let flags = flags.join(",");
        let body = format!(r#"{{"anthropic_beta": [{flags}], "max_tokens": 5, "messages": [{{"role": "user", "content": "How deep?"}}]}}"#);
        let verdict = exchange.request_body(body.into_bytes(), 0, &mut ledger, &mut health, SECOND);
        assert!(matches!(verdict, Verdict::Release), "{verdict:?}");
        let departure = exchange.depart(|| true).unwrap();
        let told = match departure.verdict {
            RequestVerdict::Reply(told) => Some(told.reply.status),
            RequestVerdict::Send { .. } | RequestVerdict::Wait => None,
        };
        assert_eq!((told, lesson(&mut departure.attempt.unwrap())), (status, None));
    }
}

/// Whichever timer were looked at first would decide.
#[test]
fn a_stream_goes_on_where_its_answer_may_be_as_long_in_coming_as_its_first_content() {
    let target = |limits: &str, rest: &str| format!(r#"{{"provider": "own", {rest} {limits}}}"#);
    let equal = r#""first_content": "1s", "answer": "1s""#;
    let shorter = r#""first_content": "2s", "answer": "1s""#;
    let (one, two) = (|limits| vec![target(limits, "")], |limits| vec![target(limits, ""), target(limits, r#""priority": 1,"#)]);
    for (targets, stream, ends) in
        [(two(equal), true, false), (one(equal), true, true), (two(shorter), true, true), (two(equal), false, true)]
    {
        let document = DOCUMENT.replace(r#"[{"provider": "own"}]"#, &format!("[{}]", targets.join(",")));
        let (exchange, _attempt, _) = sent_by(&document, false, stream);
        assert_eq!(exchange.deadline().is_some_and(|at| at <= 2 * SECOND), ends, "{targets:?} {stream}");
    }
}

/// Exchanges of one worker, whose providers have room for one request each.
struct Crowd {
    configured: Rc<Configured>,
    health: Health,
    ledger: Ledger,
}

impl Crowd {
    fn new(document: &str) -> Self {
        let mut health = Health::default();
        let mut configured = Configured::new(document, Failover::Clusters, |_| None).unwrap();
        configured.take_seats(&mut health);
        Self { configured: Rc::new(configured), health, ledger: Ledger::default() }
    }

    /// Asks for a model; whether a target has room for it.
    fn ask(&mut self, model: &str) -> (Box<Exchange>, bool) {
        let head = headers(&[(":method", "POST"), (":path", "/v1/chat/completions"), ("content-type", "application/json")]);
        let (mut exchange, _) =
            Exchange::begin(&self.configured, head, false, SECOND, || true, &mut self.ledger, &mut self.health).unwrap();
        let body = BODY.replace("STREAM", "false").replace("\"m\"", &format!("\"{model}\""));
        let verdict = exchange.request_body(body.into_bytes(), 0, &mut self.ledger, &mut self.health, SECOND);
        let released = matches!(verdict, Verdict::Release);
        if released {
            exchange.depart(|| false).unwrap();
        }
        (exchange, released)
    }
}

fn bound(exchange: &mut Exchange, provider: &str) -> Box<Attempt> {
    let (weir_core::exchange::Bound::Attempt(mut attempt), _) = exchange.bind(provider, || SECOND) else { panic!("{provider} is full") };
    assert!(matches!(attempt.request_body(exchange, BODY.replace("STREAM", "false").as_bytes()), RequestVerdict::Send { .. }));
    attempt
}

fn fail(exchange: &mut Exchange, attempt: &mut Attempt) {
    attempt.answer_head(exchange, headers(&[(":status", "500"), ("content-type", "application/json")]), false, SECOND, String::new);
    let verdict = attempt.answer_body(exchange, b"{}", 2, true, SECOND);
    let AnswerVerdict::Commit(head) = verdict else { panic!("{verdict:?}") };
    assert_eq!(head.headers.first(":status"), Some("598"));
}

#[test]
fn the_next_targets_seat_is_kept_until_its_attempt_begins() {
    let provider = r#"{"kind": "openai-compatible", "endpoint": "http://H/v1", "concurrency": 1, "cooldown": {"failures": 0}}"#;
    let [one, other] = ["one", "other"].map(|name| provider.replace('H', name));
    let document = format!(
        r#"{{"version": 1, "providers": {{"one": {one}, "other": {other}}}, "models": [
            {{"name": "m", "targets": [{{"provider": "one"}}, {{"provider": "other", "priority": 1}}]}},
            {{"name": "lone", "targets": [{{"provider": "one"}}]}}, {{"name": "rest", "targets": [{{"provider": "other"}}]}}]}}"#
    );
    let mut crowd = Crowd::new(&document);
    let (mut exchange, _) = crowd.ask("m");
    let mut attempt = bound(&mut exchange, "one");
    assert!(!crowd.ask("lone").1, "it is under way there");
    fail(&mut exchange, &mut attempt);
    assert!(crowd.ask("lone").1, "what failed makes room");
    assert!(!crowd.ask("rest").1, "the next one is spoken for");
    let second = bound(&mut exchange, "other");
    assert!(!crowd.ask("rest").1);
    drop((attempt, second));
    assert!(crowd.ask("rest").1);
    // Where the host does not go on, nobody waits for it.
    let (mut exchange, _) = crowd.ask("m");
    let mut attempt = bound(&mut exchange, "one");
    fail(&mut exchange, &mut attempt);
    exchange.answer_head(true, || 598, String::new);
    assert!(crowd.ask("rest").1);
    // A first target that the host passes over.
    let (mut exchange, _) = crowd.ask("m");
    assert!(!crowd.ask("lone").1);
    let _attempt = bound(&mut exchange, "other");
    assert!(crowd.ask("lone").1 && !crowd.ask("rest").1);
}

#[test]
fn another_server_of_a_provider_has_the_seat_of_the_first() {
    let servers = r#"{"kind": "vllm", "endpoints": ["http://a/v1", "http://b/v1"], "concurrency": 1, "cooldown": {"failures": 5}}"#;
    let document =
        format!(r#"{{"version": 1, "providers": {{"own": {servers}}}, "models": [{{"name": "m", "targets": [{{"provider": "own"}}]}}]}}"#);
    let mut crowd = Crowd::new(&document);
    let (mut exchange, _) = crowd.ask("m");
    let mut attempt = bound(&mut exchange, "own");
    fail(&mut exchange, &mut attempt);
    drop(attempt);
    assert!(!crowd.ask("m").1, "its second server is asked next");
    let second = bound(&mut exchange, "own");
    assert!(!crowd.ask("m").1);
    drop((second, exchange));
    assert!(crowd.ask("m").1);
}

/// Converse's answers say no id of their own: the request's stands in a header, by which AWS finds it.
#[test]
fn an_answer_without_an_id_has_that_of_its_request() {
    let document = DOCUMENT.replace(
        r#""kind": "openai-compatible", "endpoint": "http://own/v1""#,
        r#""kind": "bedrock", "endpoint": "http://own", "speaks": ["converse"]"#,
    );
    let body = include_str!("../cases/answers/converse/cited.json");
    let (mut exchange, mut attempt, _) = sent_by(&document, false, false);
    let head = headers(&[(":status", "200"), ("content-type", "application/json"), ("x-amzn-requestid", "5f0c-1")]);
    attempt.answer_head(&mut exchange, head, false, 2 * SECOND, String::new);
    let AnswerVerdict::Commit(answer) = attempt.answer_body(&mut exchange, body.as_bytes(), body.len(), true, 2 * SECOND) else { panic!() };
    let told = String::from_utf8(answer.body.unwrap()).unwrap();
    assert!(told.starts_with(r#"{"id":"chatcmpl-5f0c-1","#), "{told}");
    assert_eq!(answer.headers.first("x-request-id"), Some("5f0c-1"));
}

/// What an earlier exchange left in the host's filter state finds none that has its place now.
#[test]
fn the_key_of_an_exchange_that_is_gone_finds_no_other() {
    let mut table = Table::new(7);
    let first = table.insert(sent(false, false).0);
    table.remove(first);
    let second = table.insert(sent(false, true).0);
    assert!(first != second && table.exchange(first).is_none() && table.exchange(second).is_some());
    table.remove(first);
    assert!(table.exchange(second).is_some(), "and lets none go");
    let mut other = Table::new(8);
    other.insert(sent(false, false).0);
    assert!(other.exchange(second).is_none(), "nor in another VM");
}

/// Filters behind the gateway position, and routes that lead nowhere.
#[test]
fn what_is_refused_behind_the_gateway_keeps_its_status() {
    for status in [400, 401, 403, 404, 408, 413, 429, 503, 504] {
        let (mut exchange, _, _, mut ledger) = departed(DOCUMENT, false, false);
        let ClientAnswer::Reply(reply) = exchange.answer_head(true, || status, || "rbac_access_denied".to_owned()) else {
            panic!("{status} went on as it was")
        };
        assert_eq!(reply.status, status);
        let told = record(&mut exchange, &mut ledger, "rbac_access_denied");
        assert!(told.contains(&format!("\"status\":{status},")) && told.contains("\"ending\":\"local_reply\""), "{told}");
    }
}
