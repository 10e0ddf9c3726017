//! The standalone position: one filter alone, in a host that can't hold headers. The head picks the provider; what follows is as elsewhere.

use super::limiter::Limiter;
use super::rig::{ANSWER, ASK, ASK_STREAM, END, KEYS, STREAM, USAGE, answers, ask, line, module, stream, unused};
use super::translated;
use std::time::Duration;
use weir_testing::{Answer, Cluster, Error, HeaderMap, Host, Options, Play, Plugin, Proxy, Request, Sent, Wiring, bytewise};

/// Two providers that the client names; only one speaks its format.
pub const DOCUMENT: &str = r#"{
    "version": 1,
    "standalone": {"provider": {"header": "x-provider"}},
    "providers": {
        "alpha": {"kind": "openai", "auth": {"bearer": {"env": "ALPHA_KEY"}}},
        "beta": {"kind": "anthropic", "auth": {"api_key": {"env": "BETA_KEY"}}}
    },
    "endpoints": [{"prefix": "/v1/files", "provider": "alpha"}],
    "identity": {"team": {"header": "x-team", "trusted": true}},
    "limits": {
        "service": {"endpoint": "http://limits.internal/json", "timeout": "250ms"},
        "budgets": [{"name": "team-hour", "key": ["team"], "tokens": 1000, "per": "hour", "on_failure": "deny"}]
    },
    "models": [{"name": "smart", "targets": [
        {"provider": "alpha", "model": "m-alpha", "stream_idle": "20s"},
        {"provider": "beta", "model": "claude-x", "answer": "20s"}
    ]}]
}"#;

pub fn host(root_id: &str, document: &str) -> Result<Host, Error> {
    let environment = KEYS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Host::start(&module(), Options { environment, ..Options::plugins([Plugin::new(root_id, document)]) })
}

/// A host without the flag, whose only provider answers so; the rate-limit service has this much left.
pub fn alone_within(limit: u64, plays: impl FnMut(&Sent) -> Play + 'static) -> Proxy {
    before(limit, Cluster::new(plays))
}

fn before(limit: u64, provider: Cluster) -> Proxy {
    let wiring = Wiring::new("weir.standalone", "").on_no_match("there").cluster("there", provider);
    let mut proxy = Proxy::new(host("weir.standalone", DOCUMENT).unwrap(), wiring);
    let limiter = Limiter::new(limit);
    proxy.host_mut().cluster("weir-limits", move |call| Answer::After(Duration::from_millis(50), Box::new(limiter.answer(call))));
    proxy
}

fn alone(plays: impl FnMut(&Sent) -> Play + 'static) -> Proxy {
    alone_within(1000, plays)
}

/// A client's request that names its provider.
pub fn to(provider: &str, body: &str) -> Request {
    ask(body).header("x-provider", provider).header("x-team", "blue")
}

/// What the provider of the request's authority answers.
pub fn either(sent: &Sent) -> Play {
    let streamed = String::from_utf8_lossy(&sent.body).contains("\"stream\":true");
    match (sent.headers.get(":authority"), streamed) {
        (Some("api.openai.com"), false) => answers(sent),
        (Some("api.openai.com"), true) => Play::stream([stream()]),
        (_, false) => Play::json(200, translated::ANSWER),
        (_, true) => Play::stream([translated::STREAM.into()]),
    }
}

fn record(proxy: &Proxy, id: weir_testing::ExchangeId) -> String {
    String::from_utf8_lossy(&proxy.filter_state(id, "wasm.weir.log").unwrap_or_default()).into_owned()
}

#[test]
fn the_provider_of_the_head_gets_its_own_request_and_the_client_its_answer() {
    for (provider, authority, path, model, key) in [
        ("alpha", "api.openai.com", "/v1/chat/completions", "m-alpha", "key-of-alpha"),
        ("beta", "api.anthropic.com", "/v1/messages", "claude-x", "key-of-beta"),
    ] {
        for body in [ASK, ASK_STREAM] {
            let mut proxy = alone(either);
            let id = proxy.exchange(&to(provider, body)).unwrap();
            let received = proxy.received(id);
            assert_eq!((received.status(), received.ended), (200, true), "{}", received.text());
            match (provider, body == ASK) {
                ("alpha", true) => assert_eq!(received.text(), ANSWER),
                ("alpha", false) => assert_eq!(received.text(), [STREAM, END].concat()),
                (_, true) => assert!(received.text().contains("\"content\":\"Hi there\""), "{}", received.text()),
                (_, false) => {
                    assert!(received.header("content-type").unwrap().starts_with("text/event-stream"));
                    assert!(received.text().contains("\"content\":\" there\"") && received.text().ends_with(END), "{}", received.text());
                }
            }
            let [sent] = proxy.sent(id) else { panic!("one attempt: {:?}", proxy.sent(id)) };
            assert_eq!((sent.headers.get(":authority"), sent.headers.get(":path")), (Some(authority), Some(path)));
            assert_eq!(sent.headers.get("content-length"), None);
            let everything = format!("{} {}", line(&sent.headers), String::from_utf8_lossy(&sent.body));
            assert!(everything.contains(key) && everything.contains(model), "{everything}");
            for stranger in ["key-of-client", "x-provider", "x-team", if key == "key-of-beta" { "key-of-alpha" } else { "key-of-beta" }] {
                assert!(!everything.contains(stranger), "{stranger}: {everything}");
            }
            let log = record(&proxy, id);
            for part in [r#""ending":"complete""#, r#""usage.input_tokens":5"#, &format!("\"provider\":\"{provider}\"")] {
                assert!(log.contains(part), "{part}: {log}");
            }
            proxy.advance(Duration::from_secs(2)).unwrap();
            let charged: u64 = charges(&proxy);
            assert_eq!(charged, 7);
        }
    }
}

fn charges(proxy: &Proxy) -> u64 {
    let bodies = proxy.host().callouts().iter().map(|call| String::from_utf8_lossy(&call.body).into_owned()).collect::<String>();
    bodies.split("\"hitsAddend\":\"").skip(1).map(|rest| rest.split('"').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn a_body_in_any_pieces_and_ended_by_trailers_is_the_same() {
    let trailers: HeaderMap = [("x-checksum", "1")].into_iter().collect();
    for provider in ["alpha", "beta"] {
        let whole = to(provider, ASK);
        for request in [whole.clone().pieces(bytewise(ASK.as_bytes())), whole.trailers(trailers.clone())] {
            let mut proxy = alone(either);
            let id = proxy.exchange(&request).unwrap();
            assert_eq!(proxy.received(id).status(), 200, "{}", proxy.received(id).text());
            assert!(proxy.sent(id)[0].trailers.as_ref().is_none_or(|trailers| trailers.is_empty()));
        }
    }
}

#[test]
fn what_the_head_or_the_body_rules_out_is_refused_in_the_clients_format() {
    for (request, status, words) in [
        (ask(ASK), 400, "must name its provider in the header x-provider"),
        (to("gamma", ASK), 400, "no provider is called `gamma`"),
        (to("beta", "{"), 400, ""),
        (to("alpha", &ASK.replace("smart", "none")), 404, "`none` does not exist"),
        (to("beta", ASK).header("content-encoding", "br"), 415, "content-encoding"),
        (Request::new("POST", "/v1/files").header("x-provider", "beta").pieces([b"x".to_vec()]), 400, "belongs to another provider"),
    ] {
        let mut proxy = alone(unused_if_whole);
        let id = proxy.exchange(&request).unwrap();
        let (told, text) = (proxy.received(id).status(), proxy.received(id).text());
        assert!(told == status && text.starts_with("{\"error\":{") && text.contains(words), "{words}: {told} {text}");
    }
    let mut proxy = alone_within(0, unused_if_whole);
    let id = proxy.exchange(&to("beta", ASK)).unwrap();
    assert_eq!(proxy.received(id).status(), 429);
    assert!(proxy.received(id).text().contains("team-hour") && proxy.received(id).header("retry-after").is_some());
}

/// A head may have come here, a whole request must not.
fn unused_if_whole(sent: &Sent) -> Play {
    if sent.complete { unused(sent) } else { Play::default().wait(Duration::from_secs(3600)) }
}

#[test]
fn a_path_without_a_body_and_one_that_passes_are_as_elsewhere() {
    let mut proxy = alone(|sent| {
        assert_eq!((sent.headers.get("authorization"), sent.body.as_slice()), (Some("Bearer key-of-alpha"), &b"x"[..]));
        Play::json(200, "{}")
    });
    for (request, status) in [
        (Request::new("GET", "/healthz"), 200),
        (Request::new("GET", "/v1/models"), 200),
        (Request::new("POST", "/v1/files").header("x-provider", "alpha").header("x-team", "blue").pieces([b"x".to_vec()]), 200),
        (Request::new("POST", "/v1/chat/completions").header("x-provider", "alpha"), 400),
    ] {
        let id = proxy.exchange(&request).unwrap();
        assert_eq!(proxy.received(id).status(), status, "{}", proxy.received(id).text());
    }
}

#[test]
fn errors_keep_their_status_and_speak_the_clients_format() {
    const OVERLOADED: &str = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    const REFUSED: &str = r#"{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: too many"}}"#;
    for (play, status, words) in [
        (Play::json(400, REFUSED), 400, "max_tokens: too many"),
        (Play::json(429, OVERLOADED).header("retry-after", "7"), 429, "Overloaded"),
        (Play::json(529, OVERLOADED), 503, "Overloaded"),
        (Play::answer(500), 500, ""),
        (Play::refuse(), 503, "could be reached"),
        (Play::default().reset(), 503, "could be reached"),
    ] {
        for body in [ASK, ASK_STREAM] {
            let play = play.clone();
            let mut proxy = alone(move |_| play.clone());
            let id = proxy.exchange(&to("beta", body)).unwrap();
            let (told, text) = (proxy.received(id).status(), proxy.received(id).text());
            assert!(told == status && text.starts_with("{\"error\":{") && text.contains(words), "{words}: {told} {text}");
            let ending = if words == "could be reached" { "local_reply" } else { "provider_error" };
            assert!(record(&proxy, id).contains(&format!("\"ending\":\"{ending}\"")), "{}", record(&proxy, id));
        }
    }
}

#[test]
fn a_provider_that_answers_before_the_body_is_an_attempt_too() {
    for (play, status, ending, outcome) in [
        (Play::json(401, "{}"), 502, "provider_error", r#""outcome":"error","status":401"#),
        (Play::json(429, "{}"), 429, "provider_error", r#""outcome":"error","status":429"#),
        (Play::json(200, translated::ANSWER), 502, "local_reply", r#""outcome":"broken","status":200"#),
    ] {
        let mut proxy = before(1000, Cluster::new(move |_| play.clone()).eager());
        let path = "/v1/chat/completions";
        let headers = [(":method", "POST"), (":path", path), (":authority", "gateway"), ("x-provider", "beta"), ("x-team", "blue")];
        let id = proxy.open(headers.into_iter().collect(), false).unwrap();
        proxy.send_data(id, b"{\"model\":", false).unwrap();
        proxy.advance(Duration::from_secs(1)).unwrap();
        let (told, text) = (proxy.received(id).status(), proxy.received(id).text());
        assert!(told == status && text.starts_with("{\"error\":{"), "{told} {text}");
        let log = record(&proxy, id);
        for part in [outcome, r#""provider":"beta""#, &format!("\"ending\":\"{ending}\"")] {
            assert!(log.contains(part), "{part}: {log}");
        }
        assert_eq!(charges(&proxy), 0);
    }
}

#[test]
fn what_a_head_promised_and_does_not_come_is_no_answer() {
    let json = || Play::answer(200).header("content-type", "application/json");
    for (name, play) in [
        ("no answer at all", json().pieces([b"{}".to_vec()])),
        ("cut short", json().pieces([b"{\"id\":".to_vec()])),
        ("reset", json().pieces([b"{\"id\":".to_vec()]).reset()),
        ("silence", json().pieces([b"{\"id\":".to_vec()]).wait(Duration::from_secs(3600)).pieces([b"1}".to_vec()])),
    ] {
        let mut proxy = alone(move |_| play.clone());
        let before = proxy.host().now();
        let id = proxy.exchange(&to("beta", ASK)).unwrap();
        assert!(proxy.received(id).reset && proxy.received(id).body().is_empty(), "{name}: {}", proxy.received(id).text());
        let taken = proxy.host().now() - before;
        assert!(taken < 22_000_000_000 && (name != "silence" || taken >= 20_000_000_000), "{name}: {taken}");
        let log = record(&proxy, id);
        assert!(!log.contains("\"ending\":\"complete\""), "{name}: {log}");
    }
}

#[test]
fn an_error_in_a_stream_is_the_formats_own_event() {
    const FAILED: &str =
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let mut proxy = alone(|_| Play::stream([FAILED.into()]));
    let id = proxy.exchange(&to("beta", ASK_STREAM)).unwrap();
    let text = proxy.received(id).text();
    assert!(text.starts_with("data: {\"error\":{") && text.contains("Overloaded") && !text.contains("[DONE]"), "{text}");
    // A stream that falls silent behind its head ends as well.
    let role = STREAM.split_inclusive("\n\n").next().unwrap().as_bytes().to_vec();
    let mut proxy = alone(move |_| Play::stream([role.clone()]).wait(Duration::from_secs(3600)).pieces([USAGE.into()]));
    let id = proxy.exchange(&to("alpha", ASK_STREAM)).unwrap();
    assert!(proxy.received(id).reset);
    assert!(record(&proxy, id).contains("\"ending\":\"stalled\""), "{}", record(&proxy, id));
}

#[test]
fn a_client_or_a_provider_that_falls_silent_is_told_in_time() {
    let mut proxy = alone(|_| Play::default().wait(Duration::from_secs(3600)));
    let id = proxy.exchange(&to("beta", ASK)).unwrap();
    assert_eq!(proxy.received(id).status(), 504);
    let mut headers: HeaderMap = [(":method", "POST"), (":path", "/v1/chat/completions"), (":authority", "gateway")].into_iter().collect();
    headers.add("x-provider", "beta");
    headers.add("x-team", "blue");
    let id = proxy.open(headers, false).unwrap();
    proxy.send_data(id, b"{\"model\":", false).unwrap();
    proxy.advance(Duration::from_secs(31)).unwrap();
    assert_eq!(proxy.received(id).status(), 408);
}

#[test]
fn prefixes_hosts_and_constants_pick_as_well() {
    for (picker, path, authority) in [
        (r#"{"prefix": {"/claude": "beta", "/gpt": "alpha"}}"#, "/claude/v1/chat/completions", "gateway"),
        (r#"{"host": {"claude.example": "beta", "gpt.example": "alpha"}}"#, "/v1/chat/completions", "claude.example:8443"),
    ] {
        let document = DOCUMENT.replace(r#"{"header": "x-provider"}"#, picker);
        let wiring = Wiring::new("any.name", "").on_no_match("there").cluster("there", Cluster::new(either));
        let mut proxy = Proxy::new(host("any.name", &document).unwrap(), wiring);
        proxy.host_mut().cluster("weir-limits", |call| Limiter::new(1000).answer(call));
        let headers = [(":method", "POST"), (":path", path), (":authority", authority), ("x-forwarded-proto", "http"), ("x-team", "blue")];
        let id = proxy.open(headers.into_iter().collect(), false).unwrap();
        proxy.send_data(id, ASK.as_bytes(), true).unwrap();
        proxy.finish(id).unwrap();
        assert_eq!(proxy.sent(id)[0].headers.get(":authority"), Some("api.anthropic.com"), "{picker}");
        assert_eq!(proxy.received(id).status(), 200);
        if picker.contains("prefix") {
            let id = proxy.exchange(&Request::json("/claude/v1/nothing", ASK)).unwrap();
            assert_eq!(proxy.received(id).status(), 404, "what stands below a prefix is Weir's");
        }
    }
}
