//! What passes unread (`endpoints`), and what the gateway position answers by the head alone: the table in ARCHITECTURE.md.

use super::limiter::Limiter;
use super::rig::{DOCUMENT, KEYS, envoy, provider, stream, try_host, unused, wiring};
use std::time::Duration;
use weir_testing::{Play, Proxy, Request, Sent};

/// [`DOCUMENT`] with paths that pass to `alpha`, and `members` beside them.
fn document(members: &str) -> String {
    let endpoints = format!(r#""endpoints": [{{"prefix": "/v1/files", "provider": "alpha"}}], {members} "models": ["#);
    DOCUMENT.replacen("\"models\": [", &endpoints, 1)
}

fn passing(alpha: impl FnMut(&Sent) -> Play + 'static) -> Proxy {
    envoy(&document(""), wiring().cluster("alpha", provider("alpha", alpha)).cluster("beta", provider("beta", unused)))
}

/// A client with every kind of credential.
fn client(method: &str, path: &str) -> Request {
    Request::new(method, path)
        .header("authorization", "Bearer key-of-client")
        .header("x-api-key", "key-of-client")
        .header("x-goog-api-key", "key-of-client")
        .header("x-weir-anything", "key-of-client")
        .header("cookie", "session=key-of-client")
}

#[test]
fn an_endpoint_passes_with_the_providers_key_alone() {
    let body = b"--x\r\n\xff\xfe\0binary".to_vec();
    for method in ["POST", "PUT", "DELETE", "GET"] {
        let answer = body.clone();
        let mut proxy = passing(move |_| Play::answer(200).header("content-type", "application/octet-stream").pieces([answer.clone()]));
        let request = client(method, "/v1/files/f-1?key=key-of-client&purpose=x").pieces([body.clone()]);
        let id = proxy.exchange(&request).unwrap();
        assert_eq!((proxy.received(id).status(), proxy.received(id).body()), (200, body.clone()));
        let [sent] = proxy.sent(id) else { panic!("one attempt") };
        assert_eq!((sent.headers.get(":method"), &sent.body), (Some(method), &body));
        assert_eq!(sent.headers.get(":path"), Some("/v1/files/f-1?purpose=x"));
        assert_eq!(sent.headers.all("authorization"), ["Bearer key-of-alpha"]);
        assert!(!sent.headers.to_string().contains("key-of-client"), "{}", sent.headers);
    }
}

#[test]
fn an_endpoint_passes_streams_and_errors_as_they_are() {
    for (status, media, body) in [(200, "text/event-stream", stream()), (404, "application/json", b"{\"error\":{}}".to_vec())] {
        let answer = body.clone();
        let mut proxy = passing(move |_| {
            let pieces = answer.chunks(200).map(<[u8]>::to_vec);
            pieces
                .fold(Play::answer(status).header("content-type", media), |play, piece| play.wait(Duration::from_secs(40)).pieces([piece]))
        });
        let id = proxy.exchange(&client("GET", "/v1/files/f-1/content")).unwrap();
        assert_eq!((proxy.received(id).status(), proxy.received(id).body()), (status, body));
    }
}

#[test]
fn an_endpoint_whose_provider_fails_answers_in_the_gateways_words() {
    let plays: [fn(&Sent) -> Play; 2] = [|_| Play::refuse(), |_| Play::default().reset()];
    for play in plays {
        let mut proxy = passing(play);
        let id = proxy.exchange(&client("POST", "/v1/files").pieces([b"x".to_vec()])).unwrap();
        assert_eq!((proxy.received(id).status(), proxy.sent(id).len()), (503, 1), "{}", proxy.received(id).text());
        assert!(proxy.received(id).text().starts_with("{\"error\":{"), "{}", proxy.received(id).text());
    }
}

#[test]
fn an_endpoint_without_its_key_is_503() {
    let wiring = wiring().cluster("alpha", provider("alpha", unused)).cluster("beta", provider("beta", unused));
    let mut proxy = Proxy::new(try_host(&document(""), &KEYS[1..]).unwrap(), wiring);
    let id = proxy.exchange(&client("GET", "/v1/files")).unwrap();
    assert_eq!(proxy.received(id).status(), 503);
    assert!(proxy.received(id).text().starts_with("{\"error\":{"), "{}", proxy.received(id).text());
}

#[test]
fn an_endpoint_over_its_budget_is_429_and_within_it_counted() {
    let limits = r#""identity": {"team": {"header": "x-team", "trusted": true}},
        "limits": {"service": {"endpoint": "http://limits.internal/json"},
            "budgets": [{"name": "team-rpm", "key": ["team"], "requests": 3, "per": "minute", "on_failure": "deny"}]},"#;
    for (limit, statuses) in [(0, [429, 429]), (1, [200, 429])] {
        let limiter = Limiter::new(limit);
        let alpha = provider("alpha", |_| Play::answer(204));
        let mut proxy = envoy(&document(limits), wiring().cluster("alpha", alpha).cluster("beta", provider("beta", unused)));
        let counts = limiter.clone();
        proxy.host_mut().cluster("weir-limits", move |call| counts.answer(call));
        for status in statuses {
            let id = proxy.exchange(&client("POST", "/v1/files").header("x-team", "blue").pieces([b"x".to_vec()])).unwrap();
            let expected = if status == 200 { 204 } else { status };
            assert_eq!(proxy.received(id).status(), expected, "{}", proxy.received(id).text());
            proxy.advance(Duration::from_secs(2)).unwrap();
        }
        assert_eq!(limiter.counted("team-rpm"), limit);
    }
}

/// One row of the table: what is asked, and the answer: status, `allow`, how the body begins.
struct Row(Request, u16, Option<&'static str>, &'static str);

#[test]
fn heads_are_answered_by_the_table() {
    const CHAT: &str = "/v1/chat/completions";
    const ERROR: &str = "{\"error\":{";
    let get = "GET, HEAD, OPTIONS";
    let new = Request::new;
    let json = |body: &str| Request::json(CHAT, body);
    let rows = [
        Row(new("GET", "/unknown"), 404, None, ERROR),
        Row(new("POST", CHAT).header("content-type", "application/grpc+proto").pieces([b"x".to_vec()]), 415, None, ERROR),
        Row(new("GET", CHAT).header("upgrade", "websocket"), 400, None, ERROR),
        Row(new("OPTIONS", CHAT), 204, Some("POST, OPTIONS"), ""),
        Row(new("OPTIONS", "/v1/models"), 204, Some(get), ""),
        Row(new("GET", "/v1/models"), 200, None, "{\"object\":\"list\""),
        Row(new("HEAD", "/v1/models"), 200, None, ""),
        Row(new("POST", "/v1/models").pieces([b"{}".to_vec()]), 405, Some(get), ERROR),
        Row(new("GET", "/healthz"), 200, None, "ok"),
        Row(new("HEAD", "/healthz"), 200, None, ""),
        Row(new("DELETE", "/healthz"), 405, Some(get), ERROR),
        Row(new("GET", CHAT), 405, Some("POST, OPTIONS"), ERROR),
        Row(new("HEAD", CHAT), 405, Some("POST, OPTIONS"), ""),
        Row(new("PUT", "/openai/v1/chat/completions").pieces([b"{}".to_vec()]), 405, Some("POST, OPTIONS"), ERROR),
        Row(new("POST", CHAT), 400, None, ERROR),
        Row(new("POST", CHAT).header("content-encoding", "br").pieces([b"x".to_vec()]), 415, None, ERROR),
        Row(new("POST", CHAT).header("content-length", "99999999999").pieces([b"x".to_vec()]), 413, None, ERROR),
        Row(json(&"x".repeat(33 << 20)), 413, None, ERROR),
        Row(json(""), 400, None, ERROR),
        Row(json("[]"), 400, None, ERROR),
        Row(json("{\"model\":\"none\",\"messages\":[]}"), 404, None, ERROR),
    ];
    for Row(request, status, allow, body) in rows {
        let mut proxy = passing(unused);
        let id = proxy.exchange(&request).unwrap();
        let received = proxy.received(id);
        let asked = proxy.host().transcript().lines().iter().find(|line| line.starts_with("client: ")).cloned();
        assert_eq!((received.status(), received.header("allow")), (status, allow), "{asked:?}: {}", received.text());
        assert!(received.ended && received.text().starts_with(body) && (!body.is_empty() || received.text().is_empty()), "{asked:?}");
    }
}

/// Weir's own headers are Weir's: what a provider says in them reaches no client, and which target answered is told only where asked for.
#[test]
fn a_providers_headers_of_weirs_names_stay_behind() {
    let lies = |play: Play| play.header("x-weir-target", "evil").header("x-weir-lost", "evil").header("x-weir-anything", "evil");
    let answer = move |sent: &Sent| {
        let streams = String::from_utf8_lossy(&sent.body).contains("stream");
        lies(if streams { Play::stream([stream()]) } else { Play::json(200, super::rig::ANSWER) })
    };
    for tells in [false, true] {
        let tell = if tells { r#""tell": {"target": true},"# } else { "" };
        let mut proxy =
            envoy(&document(tell), wiring().cluster("alpha", provider("alpha", answer)).cluster("beta", provider("beta", unused)));
        for request in
            [super::rig::ask(super::rig::ASK), super::rig::ask(super::rig::ASK_STREAM), client("POST", "/v1/files").pieces([b"x".to_vec()])]
        {
            let id = proxy.exchange(&request).unwrap();
            let received = proxy.received(id);
            assert_eq!(received.status(), 200, "{}", received.text());
            let target = received.header("x-weir-target").map(str::to_owned);
            assert!(target.is_none_or(|target| tells && target.starts_with("alpha/")), "{tells}");
            assert_eq!((received.header("x-weir-lost"), received.header("x-weir-anything")), (None, None));
        }
    }
}

#[test]
fn a_path_that_leads_out_of_its_prefix_passes_nowhere() {
    let mut proxy = passing(unused);
    for path in ["/v1/files/..%2fchat/completions", "/v1/files/%2e%2e%2fmodels", "/v1/files/x%5c..%5c..%5cchat"] {
        let id = proxy.exchange(&client("POST", path).pieces([b"x".to_vec()])).unwrap();
        assert_eq!(proxy.received(id).status(), 400, "{path}: {}", proxy.received(id).text());
    }
}
