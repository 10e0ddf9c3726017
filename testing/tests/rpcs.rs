//! gRPC callouts as a test tells them: by verbs, in a scene, in stories, and with host calls that fail.
#![allow(clippy::unwrap_used, clippy::as_conversions, reason = "tests fail by panicking")]

mod probes;

use probes::{host, logs, module, plugin};
use std::time::Duration;
use weir_testing::{
    Action, Delivery, Error, Fault, HeaderMap, Play, Proxy, Request, RpcPlay, Scene, Stage, Status, Story, Trouble, Verbs, Way, Weather,
};

fn get() -> HeaderMap {
    [(":method", "GET"), (":path", "/"), (":authority", "a"), (":scheme", "http")].into_iter().collect()
}

fn verbs(script: &str) -> Verbs {
    let mut verbs = Verbs::call_start(&module(), plugin(script)).unwrap();
    verbs.host().rpc("g", |_| RpcPlay::silence());
    verbs
}

/// A call while the request waits: its message lets the request go, any end of it refuses.
const CALL: &str = "request_headers: pause; rpc g ask 500\nrpc_message: read rpc; effective; resume request
rpc_closed: status; effective; reply 503 no";
const STREAM: &str = "request_headers: pause; rpc_stream g; send one more; send two end\nrpc_headers: get rpc x-there
rpc_message: read rpc\nrpc_trailers: get rpc_trailers x-late\nrpc_closed: status; rpc_close; effective; resume request";

#[test]
fn verbs_answer_a_call() {
    let mut verbs = verbs(CALL);
    let stream = verbs.call_proxy_on_context_create("probe").unwrap();
    assert_eq!(verbs.call_proxy_on_request_headers(stream, get(), true).unwrap(), Action::Pause);
    let call = verbs.expect_grpc_call("g", "probe.Service", "Do");
    assert_eq!((call.metadata.get("x-mine"), call.timeout), (Some("1"), Some(Duration::from_millis(500))));
    verbs.expect_grpc_messages(call.token, &[b"ask"]);
    verbs.call_proxy_on_grpc_receive(call.token, "yes").unwrap();
    verbs.expect_log(2, "read 0 yes");
    assert_eq!(verbs.host().take(stream, Way::Request).unwrap().len(), 1);
    let over = verbs.call_proxy_on_grpc_close(call.token, 0, "");
    assert!(matches!(&over, Err(Error::Misuse(why)) if why.contains("under way")), "{over:?}");
}

#[test]
fn verbs_play_a_stream() {
    let mut verbs = verbs(STREAM);
    let stream = verbs.call_proxy_on_context_create("probe").unwrap();
    verbs.call_proxy_on_request_headers(stream, get(), true).unwrap();
    let rpc = verbs.expect_grpc_stream("g", "probe.Service", "Do");
    verbs.expect_grpc_messages(rpc.token, &[b"one", b"two"]);
    verbs.expect_grpc_close(rpc.token);
    verbs.call_proxy_on_grpc_receive_initial_metadata(rpc.token, [("x-there", "1")].into_iter().collect()).unwrap();
    verbs.call_proxy_on_grpc_receive(rpc.token, "first").unwrap();
    verbs.call_proxy_on_grpc_receive(rpc.token, b"\0\xff").unwrap();
    verbs.call_proxy_on_grpc_receive_trailing_metadata(rpc.token, [("x-late", "2")].into_iter().collect()).unwrap();
    verbs.call_proxy_on_grpc_close(rpc.token, 8, "full").unwrap();
    for line in ["get 0 1", "read 0 first", "read 0 \0", "get 0 2", "status 8 0 full{via_upstream}"] {
        verbs.expect_log(2, line);
    }
    assert_eq!(verbs.host().take(stream, Way::Request).unwrap().len(), 1);
}

#[test]
fn a_callout_ends_with_any_status() {
    for (script, stream) in [(CALL, false), (STREAM, true)] {
        for status in (0..=17).chain([u32::MAX]) {
            let mut verbs = verbs(script);
            let id = verbs.call_proxy_on_context_create("probe").unwrap();
            verbs.call_proxy_on_request_headers(id, get(), true).unwrap();
            let token = verbs.host().rpcs()[0].token;
            verbs.call_proxy_on_grpc_close(token, status, "why").unwrap();
            // A call that ends well without a message is none that did; what gRPC does not have is -1.
            let told = match status {
                0 if !stream => 13,
                17.. => u32::MAX,
                known => known,
            };
            verbs.expect_log(2, &format!("status {told} 0"));
        }
    }
}

#[test]
fn what_the_filter_takes_back_is_seen() {
    let mut verbs = verbs("request_headers: rpc_stream g; send one more; rpc_cancel; rpc_stream g; rpc_close");
    let stream = verbs.call_proxy_on_context_create("probe").unwrap();
    verbs.call_proxy_on_request_headers(stream, get(), true).unwrap();
    let cancelled = verbs.expect_grpc_stream("g", "probe.Service", "Do");
    verbs.expect_grpc_cancel(cancelled.token);
    let closed = verbs.expect_grpc_stream("g", "probe.Service", "Do");
    verbs.expect_grpc_close(closed.token);
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| verbs.expect_grpc_cancel(closed.token)));
    assert!(refused.is_err());
}

#[test]
fn every_grpc_host_call_answers_any_status() {
    let script = "request_headers: rpc g ask 500; rpc_stream g; send one more; rpc_close; rpc_cancel; status";
    let calls = [
        ("proxy_grpc_call", "rpc"),
        ("proxy_grpc_stream", "rpc_stream"),
        ("proxy_grpc_send", "send"),
        ("proxy_grpc_close", "rpc_close"),
        ("proxy_grpc_cancel", "rpc_cancel"),
        ("proxy_get_status", "status 0"),
    ];
    for (call, says) in calls {
        for status in Status::ALL.into_iter().skip(1) {
            let mut host = host(script);
            host.rpc("g", |_| RpcPlay::silence());
            host.fail(Fault::new(call, status).once());
            let id = host.open("probe").unwrap();
            host.feed_headers(id, Way::Request, get(), true).unwrap();
            let said = format!("{says} {}", status as u32);
            assert!(logs(&host).iter().any(|line| line.starts_with(&said)), "{call} {status:?}: {:?}", logs(&host));
            let begun = usize::from(call != "proxy_grpc_call") + usize::from(call != "proxy_grpc_stream");
            assert_eq!(host.rpcs().len(), begun, "a callout whose host call failed is none");
        }
    }
}

fn guarded() -> Proxy {
    let scene = Scene::of(&module(), "probe", CALL).stop_iteration().provider(|_| Play::json(200, "{}"));
    scene.rpc("g", |call| if call.messages == [b"ask"] { RpcPlay::reply("yes") } else { RpcPlay::status(3, "what?") }).open().unwrap()
}

#[test]
fn a_scene_has_grpc_services_and_a_story_has_their_weather() {
    let requests = [Request::new("GET", "/")];
    let told = |weather: Weather| {
        let client = weir_testing::Client { request: 0, delivery: Delivery::default() };
        let story = Story { clients: vec![client], callouts: vec![weather], ..Story::default() };
        let told = story.play(guarded(), &requests).unwrap();
        told.proxy.received(told.exchanges[0].unwrap()).status()
    };
    assert_eq!(told(Weather::Fair), 200);
    assert_eq!(told(Weather::Late(499)), 200);
    for bad in [Weather::Late(501), Weather::Silence, Weather::Reset, Weather::Refused] {
        assert_eq!(told(bad), 503, "{bad:?}");
    }
}

#[test]
fn random_stories_put_grpc_services_under_weather() {
    let requests = [Request::new("GET", "/"), Request::json("/", "{}")];
    let check = |_: &Story, told: &mut weir_testing::Told| {
        let Some(id) = told.exchanges.first().copied().flatten() else { return Ok(()) };
        let status = told.proxy.received(id).status();
        if told.left[0] || matches!(status, 200 | 503) { Ok(()) } else { Err(format!("{status}")) }
    };
    // A call that the host refuses leaves this filter waiting for ever, so no host call fails here.
    let trouble = Trouble { providers: false, faults: 0, statuses: Vec::new(), ..Trouble::all(0) };
    let stage = Stage { proxy: &guarded, requests: &requests, trouble, check: &check };
    assert_eq!(stage.explore(0..200).stories, 200);
}
