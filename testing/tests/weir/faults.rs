//! One host call fails once, wherever it is made and whatever it answers: nothing traps, nothing hangs, and the client is answered.

use super::limiter::{Limiter, limited};
use super::rig::{ASK, ASK_STREAM, DOCUMENT, STREAM, answers, ask, envoy, pair, provider, stream, twins, unused, wiring};
use super::standalone::{alone_within, either, to};
use super::{cuts, stories, translated};
use std::time::Duration;
use weir_testing::{Answer, Fault, HeaderMap, Play, Proxy, Request, Sent, Status};

fn alpha(sent: &Sent) -> Play {
    if String::from_utf8_lossy(&sent.body).contains("stream") { Play::stream([stream()]) } else { answers(sent) }
}

fn failing(_: &Sent) -> Play {
    Play::json(500, r#"{"error":{"message":"try later","type":"server_error","param":null,"code":null}}"#)
}

/// A stream that is held until its time is up, and flows on then.
fn hesitating(_: &Sent) -> Play {
    let (role, rest) = STREAM.as_bytes().split_at(STREAM.find("\n\n").unwrap() + 2);
    Play::stream([role.to_vec()]).wait(Duration::from_secs(40)).pieces([rest.to_vec(), super::rig::END.into()])
}

fn waiting(limit: u64) -> Proxy {
    let limiter = Limiter::new(limit);
    let mut proxy = limited("deny", &limiter, provider("alpha", alpha), provider("beta", alpha));
    proxy.host_mut().cluster("weir-limits", move |call| Answer::After(Duration::from_millis(150), Box::new(limiter.answer(call))));
    proxy
}

fn passing() -> Proxy {
    let document = DOCUMENT.replacen("\"models\": [", r#""endpoints": [{"prefix": "/v1/files", "provider": "alpha"}], "models": ["#, 1);
    envoy(&document, wiring().cluster("alpha", provider("alpha", alpha)).cluster("beta", provider("beta", unused)))
}

/// The twin of a plan's only target; where the route's metadata can't be read, the usual cluster serves as well.
fn direct() -> Proxy {
    let marked = |sent: &Sent| alpha(sent).header("set-cookie", "of=the-provider");
    let twin = provider("alpha", marked).without_upstream();
    let clusters = twins().cluster("weir-direct-alpha", twin).cluster("alpha", provider("alpha", marked));
    envoy(DOCUMENT, clusters.cluster("beta", provider("beta", unused)))
}

/// What the client asks for, who answers, and the status if nothing fails.
struct Scene {
    name: &'static str,
    proxy: fn() -> Proxy,
    request: Request,
    status: u16,
}

fn scenes() -> Vec<Scene> {
    let team = |body: &str| ask(body).header("x-team", "blue");
    let scene = |name, proxy, request, status| Scene { name, proxy, request, status };
    let trailers: HeaderMap = [("x-checksum", "1")].into_iter().collect();
    let with_trailers = Request::new("POST", "/v1/chat/completions").pieces([ASK.into()]).trailers(trailers);
    vec![
        scene("whole", || pair(alpha, alpha), ask(ASK), 200),
        scene("ended by trailers", || pair(alpha, alpha), with_trailers, 200),
        scene("stream", || pair(alpha, alpha), ask(ASK_STREAM), 200),
        scene("failover", || pair(failing, alpha), ask(ASK), 200),
        scene("failover of a stream", || pair(failing, alpha), ask(ASK_STREAM), 200),
        scene("refused connection", || pair(|_| Play::refuse(), alpha), ask(ASK), 200),
        scene("both fail", || pair(failing, failing), ask(ASK), 500),
        scene("a stream without content", || pair(hesitating, alpha), ask(ASK_STREAM), 200),
        scene("silence", || pair(|_| Play::default().wait(Duration::from_secs(3600)), alpha), ask(ASK), 504),
        scene("translated", || translated::claude(|_| Play::json(200, translated::ANSWER)), ask(ASK), 200),
        scene("translated stream", || translated::claude(|_| Play::stream([translated::STREAM.into()])), ask(ASK_STREAM), 200),
        scene("translated stream in pieces", || translated::claude(|_| translated::pieces()), ask(ASK_STREAM), 200),
        scene("direct twin", direct, ask(ASK.replace("smart", "lone")), 200),
        scene("direct twin, stream", direct, ask(ASK_STREAM.replace("smart", "lone")), 200),
        scene(
            "Responses to chat, streamed",
            || cuts::speaking_chat(alpha, alpha),
            Request::json("/v1/responses", stories::streamed(stories::RESPONSES)),
            200,
        ),
        scene("within the budget", || waiting(1_000_000), team(ASK), 200),
        scene("over the budget", || waiting(0), team(ASK), 429),
        scene(
            "passed",
            passing,
            Request::new("POST", "/v1/files").header("authorization", "Bearer key-of-client").pieces([b"x".to_vec()]),
            200,
        ),
        scene("standalone", || alone_within(1000, either), to("alpha", ASK), 200),
        scene("standalone, stream", || alone_within(1000, either), to("alpha", ASK_STREAM), 200),
        scene("standalone, translated", || alone_within(1000, either), to("beta", ASK), 200),
        scene("standalone, translated stream", || alone_within(1000, either), to("beta", ASK_STREAM), 200),
        scene("standalone, error", || alone_within(1000, failing), to("beta", ASK), 500),
        scene("standalone, over the budget", || alone_within(0, either), to("alpha", ASK), 429),
        scene("models", || pair(unused, unused), Request::new("GET", "/v1/models"), 200),
        scene("no such model", || pair(unused, unused), ask(ASK.replace("smart", "none")), 404),
        scene("no body", || pair(unused, unused), Request::new("POST", "/v1/chat/completions"), 400),
    ]
}

/// Every status where everything happens, elsewhere those of which a filter thinks.
fn statuses(name: &str) -> Vec<Status> {
    match name {
        "stream" | "within the budget" => Status::ALL.into_iter().skip(1).collect(),
        _ => vec![Status::NotFound, Status::BadArgument, Status::InternalFailure],
    }
}

/// No longer than the longest deadline.
const LONGEST: Duration = Duration::from_secs(301);

#[test]
fn any_host_call_may_fail_once() {
    for Scene { name, proxy: ready, request, status } in scenes() {
        let mut whole = ready();
        let started = whole.host().spent().host_calls();
        let id = whole.exchange(&request).unwrap();
        assert_eq!(whole.received(id).status(), status, "{name}");
        let calls = whole.host().spent().host_calls() - started;
        for nth in 0..calls {
            // Ticks without anything to do repeat themselves hundreds of times.
            if nth > 120 && nth + 40 < calls {
                continue;
            }
            for answer in statuses(name) {
                let mut proxy = ready();
                proxy.host_mut().fail(Fault::new("*", answer).after(nth).once());
                let before = proxy.host().now();
                let id = proxy.exchange(&request).unwrap_or_else(|e| panic!("{name}: call {nth} answers {answer:?}: {e:?}"));
                let what = |proxy: &Proxy| format!("{name}: call {nth} answers {answer:?}\n{}", proxy.host().transcript());
                let received = proxy.received(id);
                let answered = received.reset || received.ended && (200..=504).contains(&received.status());
                assert!(answered, "{}: {}", received.status(), what(&proxy));
                assert!(Duration::from_nanos(proxy.host().now() - before) <= LONGEST, "{}", what(&proxy));
                assert!(!received.text().contains("key-of"), "{}: {}", received.text(), what(&proxy));
                // No answer passes that nobody has looked at, and no vendor's bytes reach another vendor's client.
                assert!(!received.text().contains("content_block"), "{}: {}", received.text(), what(&proxy));
                assert_eq!(received.header("set-cookie"), None, "{}", what(&proxy));
                for sent in proxy.sent(id).iter().filter(|sent| sent.complete) {
                    let beta =
                        sent.cluster == "beta" || sent.cluster == "there" && sent.headers.get(":authority") == Some("api.anthropic.com");
                    let own = if beta { "key-of-beta" } else { "key-of-alpha" };
                    let headers = sent.headers.to_string().replace(own, "");
                    assert!(!headers.contains("key-of"), "{headers}: {}", what(&proxy));
                }
                // The VM goes on as if nothing had been.
                proxy.advance(Duration::from_secs(2)).unwrap();
                let next = proxy.exchange(&request).unwrap();
                assert_eq!(proxy.received(next).status(), status, "the next one: {}", what(&proxy));
            }
        }
    }
}
