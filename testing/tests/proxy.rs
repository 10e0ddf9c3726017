//! Whole exchanges: a client, two positions of one module, providers, retries.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod probes;

use probes::{logs, module};
use std::time::Duration;
use weir_testing::{
    Cluster, Error, HeaderMap, Host, LocalReply, Options, Play, Plugin, Proxy, Request, Verdict, Wiring, bytewise, every_cut, seeded,
};

/// Which limit a test sets, to 15 seconds.
#[derive(Clone, Copy, PartialEq)]
enum Limit {
    Route,
    /// By the filter, over one of the route's that is longer.
    Header,
    Idle,
}

fn timed(limit: Limit, (host, mut wiring): (Host, Wiring)) -> Proxy {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    match limit {
        Limit::Route => wiring.timeout = seconds(15),
        Limit::Header => wiring.timeout = seconds(60),
        Limit::Idle => wiring.stream_idle = seconds(15),
    }
    Proxy::new(host, wiring.on_no_match("a"))
}

fn post() -> HeaderMap {
    [(":method", "POST"), (":path", "/"), (":authority", "a"), (":scheme", "http")].into_iter().collect()
}

/// Both positions of the probe, and clusters `a` and `b`.
fn proxy(gateway: &str, upstream: &str, a: Cluster, b: Cluster) -> Proxy {
    let (host, wiring) = proxy_wiring(gateway, upstream, a, b);
    Proxy::new(host, wiring)
}

fn proxy_wiring(gateway: &str, upstream: &str, a: Cluster, b: Cluster) -> (Host, Wiring) {
    let plugins = [Plugin::new("gateway", gateway).stop_iteration(), Plugin::new("upstream", upstream).stop_iteration()];
    let host = Host::start(&module(), Options::plugins(plugins)).unwrap();
    let wiring = Wiring::new("gateway", "wasm.next").upstream("upstream").retry(&[598], 1);
    (host, wiring.cluster("a", a.metadata("ns", "k", "A")).cluster("b", b.metadata("ns", "k", "B")))
}

fn echo() -> Cluster {
    Cluster::new(|sent| Play::json(200, &sent.body))
}

/// The gateway reads the body, chooses a cluster, and lets go.
const GATEWAY: &str = "request_headers: pause\nrequest_body: pause_unless_end; set_property next a; foreign clear_route_cache x";

#[test]
fn a_request_goes_there_and_back_at_every_cut() {
    let body = br#"{"model":"m"}"#;
    let mut cuts: Vec<_> = every_cut(body).collect();
    cuts.push(bytewise(body));
    cuts.push(vec![body.to_vec(), Vec::new()]);
    seeded(20, |random| cuts.push(random.pieces(body)));
    for pieces in cuts {
        let upstream =
            "request_headers: property xds/cluster_metadata/filter_metadata/ns/k; set request :path /there; remove request authorization";
        let mut proxy = proxy(GATEWAY, upstream, echo(), Cluster::refusing());
        let request = Request::new("POST", "/here").header("authorization", "client").pieces(pieces);
        let id = proxy.exchange(&request).unwrap();
        assert_eq!(proxy.received(id).body(), body);
        let [sent] = proxy.sent(id) else { panic!("one attempt") };
        assert_eq!((sent.headers.get(":path"), sent.headers.get("authorization")), (Some("/there"), None));
        assert_eq!(sent.body, body);
        assert!(logs(proxy.host()).contains(&"property 0 A".to_owned()));
        assert!(proxy.is_over(id));
    }
}

#[test]
fn a_body_may_end_with_trailers() {
    let gateway = "request_headers: pause\nrequest_body: pause\nrequest_trailers: set_property next a; foreign clear_route_cache x; write request 0 all whole";
    let mut proxy = proxy(gateway, "", echo(), Cluster::refusing());
    let trailers: HeaderMap = [("t", "1")].into_iter().collect();
    let id = proxy.exchange(&Request::new("POST", "/").pieces([b"x".to_vec()]).trailers(trailers.clone())).unwrap();
    assert_eq!(proxy.sent(id)[0].trailers, Some(trailers));
    assert_eq!(proxy.received(id).text(), "whole");
}

#[test]
fn a_private_code_retries_with_the_original_body_and_leaked_headers() {
    let upstream = "request_headers: get request x-leak; set request x-leak yes; remove request content-length; set_property next b; pause
request_body: pause_unless_end; add request x-size 1; write request 0 0 +
response_headers: set response :status 598
done: log upstream_done";
    let mut proxy = proxy(GATEWAY, upstream, echo(), echo());
    let id = proxy.exchange(&Request::json("/", "abc")).unwrap();
    let sent: Vec<_> = proxy.sent(id).iter().map(|s| (s.cluster.as_str(), s.attempt, s.body.clone())).collect();
    assert_eq!(sent, [("a", 1, b"+abc".to_vec()), ("b", 2, b"+abc".to_vec())]);
    let leaks: Vec<_> = logs(proxy.host()).into_iter().filter(|l| l.starts_with("get ")).collect();
    assert_eq!(leaks, ["get 1 ", "get 0 yes"]);
    assert_eq!(proxy.sent(id)[1].headers.all("x-size"), ["1", "1"]);
    // No retry is left, so the client sees the private code, unless the gateway position restores the reply.
    assert_eq!(proxy.received(id).status(), 598);
}

#[test]
fn the_filter_limits_its_retries_by_header_and_the_router_takes_it_out() {
    let gateway = "request_headers: set request x-envoy-max-retries 0; set_property next a";
    let mut proxy = proxy(gateway, "response_headers: set response :status 598", echo(), echo());
    let id = proxy.exchange(&Request::json("/", "abc")).unwrap();
    assert_eq!(proxy.sent(id).len(), 1);
    assert!(!proxy.sent(id)[0].headers.contains("x-envoy-max-retries"));
}

#[test]
fn a_refused_connection_is_retried_and_then_envoys_503_passes_the_gateway() {
    let upstream = "request_headers: set_property next b\ndone: property upstream/transport_failure_reason";
    let mut moved_on = proxy(GATEWAY, upstream, Cluster::refusing(), echo());
    let id = moved_on.exchange(&Request::json("/", "abc")).unwrap();
    assert_eq!((moved_on.received(id).status(), moved_on.sent(id).len()), (200, 2));
    let reasons: Vec<_> = logs(moved_on.host()).into_iter().filter(|l| l.starts_with("property")).collect();
    assert_eq!(reasons, ["property 0 delayed connect error: Connection refused", "property 0 "]);

    let gateway = format!("{GATEWAY}\nresponse_headers: property response/code_details; set response x-seen 1");
    let mut refused = proxy(&gateway, "", Cluster::refusing(), echo());
    let id = refused.exchange(&Request::json("/", "abc")).unwrap();
    assert_eq!((refused.received(id).status(), refused.received(id).header("x-seen")), (503, Some("1")));
    assert!(refused.received(id).text().contains("remote connection failure"));
}

#[test]
fn a_reset_before_the_answer_is_retried_and_after_it_reaches_the_client() {
    let half = || Cluster::new(|_| Play::answer(200).pieces([b"half".to_vec()]).reset());
    let mut before =
        proxy(GATEWAY, "request_headers: set_property next b\nresponse_headers: pause\nresponse_body: pause_unless_end", half(), echo());
    let id = before.exchange(&Request::json("/", "abc")).unwrap();
    assert_eq!(before.received(id).text(), "abc");

    let mut after = proxy(GATEWAY, "", half(), echo());
    let id = after.exchange(&Request::json("/", "abc")).unwrap();
    let received = after.received(id);
    assert_eq!((received.status(), received.text().as_str(), received.reset, received.ended), (200, "half", true, false));
}

#[test]
fn ends_come_in_envoys_order() {
    let gateway =
        format!("{GATEWAY}\nresponse_body: log gateway_body\nlog: log gateway_log\ndone: log gateway_done\ndelete: log gateway_delete");
    let upstream = "response_body: log upstream_body\ndone: log upstream_done";
    let order = |proxy: &Proxy| -> Vec<String> {
        logs(proxy.host()).into_iter().filter(|l| l.starts_with("gateway_") || l.starts_with("upstream_")).collect()
    };
    let mut normal = proxy(&gateway, upstream, echo(), echo());
    normal.exchange(&Request::json("/", "abc")).unwrap();
    assert_eq!(order(&normal), ["upstream_body", "upstream_done", "gateway_body", "gateway_log", "gateway_done", "gateway_delete"]);

    let slow = Cluster::new(|_| Play::answer(200).pieces([b"1".to_vec()]).wait(Duration::from_secs(5)).pieces([b"2".to_vec()]));
    let mut aborted = proxy(&gateway, upstream, slow, echo());
    let id = aborted.send(&Request::json("/", "abc")).unwrap();
    assert_eq!(aborted.received(id).text(), "1");
    aborted.abort(id).unwrap();
    assert_eq!(order(&aborted), ["upstream_body", "gateway_body", "gateway_log", "gateway_done", "gateway_delete", "upstream_done"]);
    assert!(aborted.is_over(id) && aborted.received(id).reset);
}

#[test]
fn a_local_reply_upstream_ends_the_request_without_a_retry() {
    let gateway = format!("{GATEWAY}\nresponse_headers: set response x-seen 1");
    let mut proxy = proxy(&gateway, "request_headers: reply 598 no\nresponse_headers: log never", echo(), echo());
    let id = proxy.exchange(&Request::json("/", "abc")).unwrap();
    let received = proxy.received(id);
    assert_eq!((received.status(), received.text().as_str(), received.header("x-seen")), (598, "no", Some("1")));
    assert_eq!((proxy.sent(id).len(), proxy.sent(id)[0].complete), (1, false));
    assert!(!logs(proxy.host()).contains(&"never".to_owned()));
}

#[test]
fn a_cluster_with_filters_of_its_own_has_no_upstream_position() {
    let mut proxy = proxy(GATEWAY, "request_headers: log upstream", echo().without_upstream(), echo());
    let id = proxy.exchange(&Request::json("/", "abc")).unwrap();
    assert_eq!(proxy.received(id).text(), "abc");
    assert!(!logs(proxy.host()).contains(&"upstream".to_owned()));
}

#[test]
fn a_per_try_timeout_moves_on_until_headers_have_come() {
    let silent = Cluster::new(|_| Play::default().wait(Duration::from_secs(9)));
    let gateway = "request_headers: set request x-envoy-upstream-rq-per-try-timeout-ms 500; set_property next a";
    let mut proxy = proxy(gateway, "request_headers: set_property next b", silent, echo());
    let before = proxy.host().now();
    let id = proxy.exchange(&Request::json("/", "abc")).unwrap();
    assert_eq!((proxy.received(id).text().as_str(), proxy.host().now() - before), ("abc", 500_000_000));
}

#[test]
fn the_routes_timeout_and_an_idle_stream_end_in_a_reply_through_the_filter() {
    let silent = || Cluster::new(|_| Play::default().wait(Duration::from_secs(900)));
    let gateway = "response_headers: set response x-seen 1; property response/code_details";
    for (limit, details, body) in [
        (Limit::Route, "response_timeout", "upstream request timeout"),
        (Limit::Header, "response_timeout", "upstream request timeout"),
        (Limit::Idle, "stream_idle_timeout", "stream timeout"),
    ] {
        let header = if limit == Limit::Header { "request_headers: set request x-envoy-upstream-rq-timeout-ms 15000\n" } else { "" };
        let mut proxy = timed(limit, proxy_wiring(&format!("{header}{gateway}"), "", silent(), echo()));
        let before = proxy.host().now();
        let id = proxy.exchange(&Request::json("/", "abc")).unwrap();
        let received = proxy.received(id);
        assert_eq!((received.status(), received.header("x-seen"), received.text().as_str()), (504, Some("1"), body), "{details}");
        assert_eq!((proxy.host().now() - before, proxy.sent(id).len()), (15_000_000_000, 1));
        assert!(logs(proxy.host()).contains(&format!("property 0 {details}")));
    }
}

#[test]
fn a_client_that_stops_is_told_408_and_one_that_goes_on_is_not() {
    let mut proxy = timed(Limit::Idle, proxy_wiring("", "", echo(), echo()));
    let (stops, goes_on) = (proxy.open(post(), false).unwrap(), proxy.open(post(), false).unwrap());
    for _ in 0..4 {
        proxy.advance(Duration::from_secs(10)).unwrap();
        proxy.send_data(goes_on, b"x", false).unwrap();
    }
    proxy.send_data(goes_on, b"", true).unwrap();
    proxy.finish(goes_on).unwrap();
    assert_eq!((proxy.received(stops).status(), proxy.received(goes_on).text().as_str()), (408, "xxxx"));
}

#[test]
fn a_filter_behind_answers_what_the_gateway_lets_go() {
    let (host, wiring) = proxy_wiring("request_headers: set request x-a 1\nresponse_headers: set response x-seen 1", "", echo(), echo());
    let reply = LocalReply {
        status: 403,
        details: "denied".to_owned(),
        headers: vec![("x-by".to_owned(), b"guard".to_vec())],
        body: b"no".to_vec(),
    };
    let mut proxy = Proxy::new(
        host,
        wiring
            .on_no_match("a")
            .behind(move |headers| if headers.get("x-a") == Some("1") { Verdict::Reply(reply.clone()) } else { Verdict::Pass }),
    );
    let id = proxy.exchange(&Request::json("/", "abc")).unwrap();
    let received = proxy.received(id);
    assert_eq!(
        (received.status(), received.header("x-by"), received.header("x-seen"), received.text().as_str()),
        (403, Some("guard"), Some("1"), "no")
    );
    assert!(proxy.sent(id).is_empty());
}

#[test]
fn a_filter_behind_may_take_its_time() {
    let (host, wiring) = proxy_wiring("request_body: log body", "", echo(), echo());
    let later = Verdict::After(Duration::from_secs(1), Box::new(Verdict::Pass));
    let mut proxy = Proxy::new(host, wiring.on_no_match("a").behind(move |_| later.clone()));
    let (stays, goes) = (proxy.send(&Request::json("/", "abc")).unwrap(), proxy.send(&Request::json("/", "abc")).unwrap());
    assert_eq!((proxy.sent(stays).len(), logs(proxy.host()).iter().filter(|line| *line == "body").count()), (0, 2));
    proxy.abort(goes).unwrap();
    proxy.finish(stays).unwrap();
    assert_eq!((proxy.received(stays).text().as_str(), proxy.sent(goes).len()), ("abc", 0));
}

#[test]
fn clusters_that_cannot_be_reached_end_the_request() {
    let mut nowhere = proxy("request_headers: set_property next z; foreign clear_route_cache x", "", echo(), echo());
    let id = nowhere.exchange(&Request::new("GET", "/")).unwrap();
    assert_eq!((nowhere.received(id).status(), nowhere.sent(id).len()), (503, 0));
    let mut empty = proxy("request_headers: set_property next a; foreign clear_route_cache x", "", Cluster::empty(), echo());
    let id = empty.exchange(&Request::new("GET", "/")).unwrap();
    assert_eq!((empty.received(id).text().as_str(), empty.sent(id).len()), ("no healthy upstream", 0));
}

#[test]
fn a_pause_without_an_end_is_named() {
    let mut proxy = proxy("configure: tick 1000\nrequest_headers: pause", "", echo(), echo());
    let hung = proxy.exchange(&Request::new("GET", "/")).unwrap_err();
    assert!(matches!(&hung, Error::Hung { waiting, .. } if waiting.contains("request headers held")), "{hung}");
}

#[test]
fn two_exchanges_run_side_by_side() {
    let slow = Cluster::new(|sent| Play::answer(200).wait(Duration::from_secs(1)).pieces([sent.body.clone()]));
    let mut proxy = proxy(GATEWAY, "", slow, echo());
    let first = proxy.send(&Request::json("/", "first")).unwrap();
    let second = proxy.send(&Request::json("/", "second")).unwrap();
    proxy.finish(second).unwrap();
    assert_eq!((proxy.received(first).text().as_str(), proxy.received(second).text().as_str()), ("first", "second"));
    assert!(proxy.spent(first).fuel > 0 && proxy.spent(first).host_calls() > 0);
}
