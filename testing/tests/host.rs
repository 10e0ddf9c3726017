//! The host by itself: one VM, one position, each host call and callback.
#![allow(clippy::unwrap_used, clippy::as_conversions, reason = "tests fail by panicking")]

mod probes;

use probes::{host, logs, module, plugin};
use std::time::Duration;
use weir_testing::{Answer, Error, Fault, Flow, HeaderMap, Host, Module, Options, Part, Pit, Plugin, Process, Reply, Status, Thread, Way};

fn post() -> HeaderMap {
    [(":method", "POST"), (":path", "/v1?x=1"), (":authority", "a"), (":scheme", "http"), ("x-a", "1")].into_iter().collect()
}

fn data(bytes: &str, end: bool) -> Flow {
    Flow::Data { bytes: bytes.as_bytes().to_vec(), end }
}

#[test]
fn pause_in_headers_still_delivers_the_body_and_continue_releases_both() {
    let mut host = host("request_headers: pause\nrequest_body: pause_unless_end; set request x-size 9; write request 0 all new");
    let id = host.open("probe").unwrap();
    host.feed_headers(id, Way::Request, post(), false).unwrap();
    assert_eq!(host.take(id, Way::Request).unwrap(), []);
    host.feed_data(id, Way::Request, b"abc", false).unwrap();
    assert_eq!(host.take(id, Way::Request).unwrap(), []);
    host.feed_data(id, Way::Request, b"def", true).unwrap();
    assert_eq!(host.take(id, Way::Request).unwrap(), [Flow::Headers { end: false }, data("new", true)]);
    assert_eq!(host.headers(id, Way::Request).unwrap().get("x-size"), Some("9"));
    // The first write replaced what had come; the next callback sees that and the new bytes.
    assert!(logs(&host).contains(&"request_body 6 true".to_owned()), "{:?}", logs(&host));
}

#[test]
fn without_the_flag_pause_in_headers_stops_the_body_too() {
    let script = "request_headers: pause; call c / 10\nanswer: effective; resume request";
    let mut host = Host::start(&module(), Options::plugins([Plugin::new("probe", script)])).unwrap();
    host.cluster("c", |_| Answer::Later);
    let id = host.open("probe").unwrap();
    host.feed_headers(id, Way::Request, post(), false).unwrap();
    host.feed_data(id, Way::Request, b"abc", true).unwrap();
    assert!(!logs(&host).iter().any(|line| line.starts_with("request_body")));
    host.answer(4, Reply::new(200, "")).unwrap();
    assert!(logs(&host).contains(&"request_body 3 true".to_owned()));
    assert_eq!(host.take(id, Way::Request).unwrap(), [Flow::Headers { end: false }, data("abc", true)]);
}

#[test]
fn header_maps_vanish_when_they_have_gone_on() {
    let mut host = host(
        "request_headers: get request x-a; get request x-b; get response x-a; pairs response\nrequest_body: get request x-a; set request x-a 2\nlog: get request x-a; get response_trailers x",
    );
    let id = host.open("probe").unwrap();
    host.feed_headers(id, Way::Request, post(), false).unwrap();
    host.feed_data(id, Way::Request, b"", true).unwrap();
    host.log(id).unwrap();
    assert_eq!(logs(&host), ["get 0 1", "get 1 ", "get 2 ", "pairs 0 0", "request_body 0 true", "get 2 ", "set 2", "get 0 1", "get 1 "]);
}

#[test]
fn buffers_take_bytes_at_their_ends_only() {
    let script = "request_headers: write request 0 all x\nrequest_body: pause; write request 0 0 <; write request 99 0 >; write request 1 1 x; read request\nrequest_trailers: read request; write request 0 2 AB";
    let mut host = host(script);
    let id = host.open("probe").unwrap();
    host.feed_headers(id, Way::Request, post(), false).unwrap();
    host.feed_data(id, Way::Request, b"abc", false).unwrap();
    host.feed_trailers(id, Way::Request, [("t", "1")].into_iter().collect()).unwrap();
    assert_eq!(
        logs(&host),
        ["write 2", "request_body 3 false", "write 0", "write 0", "write 2", "read 0 <abc>", "read 0 <abc>", "write 0"]
    );
    let flows = host.take(id, Way::Request).unwrap();
    assert_eq!(flows[..2], [Flow::Headers { end: false }, data("ABbc>", false)]);
    assert!(matches!(&flows[2], Flow::Trailers(map) if map.get("t") == Some("1")));
}

#[test]
fn bytes_kept_outside_of_the_buffer_cannot_be_put_back_in_trailers() {
    let mut host = host("response_trailers: write response 0 0 late");
    let id = host.open("probe").unwrap();
    host.feed_headers(id, Way::Response, [(":status", "200")].into_iter().collect(), false).unwrap();
    host.feed_data(id, Way::Response, b"x", false).unwrap();
    host.feed_trailers(id, Way::Response, HeaderMap::new()).unwrap();
    assert!(logs(&host).contains(&"write 2".to_owned()));
}

#[test]
fn a_local_reply_runs_through_the_filters_own_callbacks() {
    let mut host = host(
        "request_headers: reply 403 no\nresponse_headers: get response x-reply; get response content-type; property response/code_details",
    );
    let id = host.open("probe").unwrap();
    host.feed_headers(id, Way::Request, post(), false).unwrap();
    host.feed_data(id, Way::Request, b"abc", true).unwrap();
    assert_eq!(host.take(id, Way::Request).unwrap(), []);
    assert_eq!(host.take(id, Way::Response).unwrap(), [Flow::Headers { end: false }, data("no", true)]);
    let headers = host.headers(id, Way::Response).unwrap();
    assert_eq!((headers.get(":status"), headers.get("content-length")), (Some("403"), Some("2")));
    assert_eq!(
        logs(&host),
        ["reply 0", "response_headers false", "get 0 local", "get 0 text/plain", "property 0 why", "response_body 2 true"]
    );
}

#[test]
fn a_local_reply_over_a_held_response_goes_past_the_callbacks() {
    let mut host = host("response_headers: pause\nresponse_body: reply 502 bad");
    let id = host.open("probe").unwrap();
    host.feed_headers(id, Way::Response, [(":status", "200")].into_iter().collect(), false).unwrap();
    host.feed_data(id, Way::Response, b"x", true).unwrap();
    assert_eq!(host.take(id, Way::Response).unwrap(), [Flow::Headers { end: false }, data("bad", true)]);
    assert_eq!(host.headers(id, Way::Response).unwrap().get(":status"), Some("502"));
}

#[test]
fn a_local_reply_after_the_headers_have_left_resets() {
    let mut host = host("response_body: reply 502 bad");
    let id = host.open("probe").unwrap();
    host.feed_headers(id, Way::Response, [(":status", "200")].into_iter().collect(), false).unwrap();
    host.feed_data(id, Way::Response, b"x", true).unwrap();
    assert!(host.was_reset(id).unwrap());
}

#[test]
fn callouts_end_in_every_way_that_envoy_knows() {
    let steps =
        "call good / 100; call refused / 100; call reset / 100; call slow / 100; call never / 50; call failing / 100; call unknown / 100";
    let mut host = host(&format!("request_headers: pause; {steps}\nanswer: get answer :status; read answer"));
    host.cluster("good", |call| Answer::reply(200, format!("{} {}", call.headers.get(":path").unwrap(), call.body.len())));
    host.cluster("refused", |_| Answer::Refused);
    host.cluster("reset", |_| Answer::Reset);
    host.cluster("slow", |_| Answer::After(Duration::from_millis(70), Box::new(Answer::reply(200, "slow"))));
    host.cluster("never", |_| Answer::Timeout);
    host.cluster("failing", |_| Answer::Fails(Status::InternalFailure));
    let id = host.open("probe").unwrap();
    let root = host.root("probe").unwrap();
    host.feed_headers(id, Way::Request, post(), false).unwrap();
    assert!(logs(&host).contains(&"call 10 0".to_owned()) && logs(&host).contains(&"call 2 0".to_owned()));
    host.advance(Duration::from_millis(60)).unwrap();
    host.advance(Duration::from_millis(60)).unwrap();
    let answers: Vec<String> = logs(&host).into_iter().filter(|line| !line.starts_with("call")).collect();
    assert_eq!(
        answers,
        [
            &format!("answer 4 2 3 to {root}"),
            "get 0 200",
            "read 0 / 1",
            &format!("answer 8 2 98 to {root}"),
            "get 0 503",
            "read 0 upstream connect error or disconnect/reset before headers. reset reason: remote connection failure",
            &format!("answer 12 0 0 to {root}"),
            "get 2 ",
            "read 1 ",
            &format!("answer 20 2 24 to {root}"),
            "get 0 504",
            "read 0 upstream request timeout",
            &format!("answer 16 2 4 to {root}"),
            "get 0 200",
            "read 0 slow",
        ]
    );
}

#[test]
fn ticks_follow_the_clock_and_act_on_a_stream_through_the_effective_context() {
    let mut host =
        host("configure: tick 100\nresponse_headers: pause\ntick: log tick; time; effective; set response :status 598; resume response");
    let id = host.open("probe").unwrap();
    host.feed_headers(id, Way::Response, [(":status", "200")].into_iter().collect(), false).unwrap();
    host.advance(Duration::from_millis(99)).unwrap();
    assert!(!logs(&host).contains(&"tick".to_owned()));
    host.advance(Duration::from_millis(1)).unwrap();
    assert_eq!(host.take(id, Way::Response).unwrap(), [Flow::Headers { end: false }]);
    assert_eq!(host.headers(id, Way::Response).unwrap().get(":status"), Some("598"));
    assert!(logs(&host).contains(&"time 1800000000100000000 true".to_owned()), "{:?}", logs(&host));
    host.advance(Duration::from_millis(1000)).unwrap();
    assert_eq!(logs(&host).iter().filter(|line| *line == "tick").count(), 11);
}

#[test]
fn two_plugins_share_one_vm_and_one_filter_state() {
    let plugins = [
        Plugin::new("one", "request_headers: set_property x.y v; property plugin_root_id; property request/url_path"),
        Plugin::new(
            "two",
            "request_headers: property x.y; property filter_state/wasm.x.y; property xds; property xds/cluster_name; count c",
        ),
    ];
    let mut host = Host::start(&module(), Options { environment: vec![("K".into(), "v".into())], ..Options::plugins(plugins) }).unwrap();
    let one = host.open("one").unwrap();
    host.feed_headers(one, Way::Request, post(), true).unwrap();
    assert_eq!(host.filter_state(one, "wasm.x.y").unwrap(), Some(b"v".to_vec()));
    let two = host.open("two").unwrap();
    host.set_filter_state(two, "wasm.x.y", "w").unwrap();
    host.set_property(two, &["xds", "cluster_name"], "c1").unwrap();
    host.feed_headers(two, Way::Request, post(), true).unwrap();
    let expected =
        ["set_property 0", "property 0 one", "property 0 /v1", "property 0 w", "property 0 w", "property 3 ", "property 0 c1", "count 0 0"];
    assert_eq!(logs(&host), expected);
    assert_eq!(host.metric("c"), 1);
}

#[test]
fn processes_share_data_and_queues_between_their_vms() {
    let process = Process::new();
    let start = |script: &str| {
        let options =
            Options { process: process.clone(), environment: vec![("K".into(), "v".into())], ..Options::plugins([plugin(script)]) };
        Host::start(&module(), options).unwrap()
    };
    let mut consumer = start("configure: queue q; env K\nqueue_ready: dequeue; shared k\ntick: dequeue");
    let mut producer = start("tick: enqueue hello; set_shared k v");
    let root = producer.root("probe").unwrap();
    producer.tick(root).unwrap();
    consumer.advance(Duration::ZERO).unwrap();
    assert_eq!(logs(&consumer), ["queue 0 1", "env v", "dequeue 0 hello", "shared 0 v"]);
    let root = consumer.root("probe").unwrap();
    consumer.tick(root).unwrap();
    assert_eq!(logs(&consumer).last().unwrap(), "dequeue 7 ");
}

#[test]
fn a_queue_tells_whoever_registered_last() {
    let process = Process::new();
    let start = |script: &str| Host::start(&module(), Options { process: process.clone(), ..Options::plugins([plugin(script)]) }).unwrap();
    let mut first = start("configure: queue q\nqueue_ready: dequeue");
    let mut last = start("configure: queue q\nqueue_ready: dequeue\nrequest_headers: enqueue hello");
    let id = last.open("probe").unwrap();
    last.feed_headers(id, Way::Request, post(), true).unwrap();
    first.advance(Duration::ZERO).unwrap();
    assert_eq!(logs(&first), ["queue 0 1"]);
    assert_eq!(logs(&last), ["queue 0 1", "enqueue 0", "dequeue 0 hello"]);
}

#[test]
fn the_main_thread_has_a_vm_without_streams_beside_the_workers() {
    let process = Process::new();
    let start = |thread, script: &str| {
        let options = Options { process: process.clone(), thread, ..Options::plugins([plugin(script)]) };
        Host::start(&module(), options).unwrap()
    };
    let mut main = start(Thread::Main, "configure: queue q; tick 1000; set_shared k v\ntick: log tick\nqueue_ready: dequeue");
    let mut workers = [(); 2].map(|()| start(Thread::Worker, "request_headers: shared k; enqueue hello"));
    for worker in &mut workers {
        let id = worker.open("probe").unwrap();
        worker.feed_headers(id, Way::Request, post(), true).unwrap();
        assert_eq!(logs(worker), ["shared 0 v", "enqueue 0"]);
    }
    main.advance(Duration::from_secs(2)).unwrap();
    assert_eq!(logs(&main), ["queue 0 1", "set_shared 0", "tick", "dequeue 0 hello", "dequeue 0 hello", "tick"]);
    assert!(matches!(main.open("probe"), Err(Error::Misuse(why)) if why.contains("main thread")));
}

#[test]
fn a_new_configuration_is_tried_before_it_counts() {
    let mut host = host("request_headers: pause\nroot_done: log old_root_done");
    let old = host.open("probe").unwrap();
    let refused = host.reconfigure("probe", "configure: refuse").unwrap_err();
    assert!(matches!(refused, Error::ConfigurationRefused { .. }));
    assert!(matches!(host.reconfigure("probe", "configure: trap"), Err(Error::Trap { .. })));
    host.reconfigure("probe", "request_headers: log new").unwrap();
    let new = host.open("probe").unwrap();
    for id in [new, old] {
        host.feed_headers(id, Way::Request, post(), true).unwrap();
    }
    // The old stream still has its own script, and its root ends behind it.
    assert_eq!((host.take(new, Way::Request).unwrap().len(), host.take(old, Way::Request).unwrap().len()), (1, 0));
    assert_eq!(logs(&host), ["new"]);
    host.close(old).unwrap();
    assert_eq!(logs(&host), ["new", "old_root_done"]);
}

#[test]
fn linear_memory_is_counted_per_context() {
    let mut host = host("request_body: read request");
    let (small, large) = (host.open("probe").unwrap(), host.open("probe").unwrap());
    for (id, size) in [(small, 1), (large, 1_000_000)] {
        host.feed_headers(id, Way::Request, post(), false).unwrap();
        host.feed_data(id, Way::Request, &vec![b'x'; size], true).unwrap();
    }
    assert!(host.spent_by(large.context()).memory >= 900_000, "{:?}", host.spent_by(large.context()));
    assert!(host.spent_by(small.context()).memory < 900_000);
}

#[test]
fn any_host_call_answers_what_the_test_wants() {
    for status in Status::ALL.into_iter().skip(1) {
        let mut host = host("request_headers: get request x-a; get request x-a\nlog: get request x-a");
        host.fail(Fault::new("proxy_get_header_map_value", status).during("proxy_on_request_headers").after(1).once());
        let id = host.open("probe").unwrap();
        host.feed_headers(id, Way::Request, post(), true).unwrap();
        host.log(id).unwrap();
        assert_eq!(logs(&host), ["get 0 1".to_owned(), format!("get {} ", status as u32), "get 0 1".to_owned()]);
    }
}

#[test]
fn foreign_functions_are_the_tests_own() {
    let mut host = host("request_headers: foreign sign abc; foreign none x; foreign clear_route_cache x");
    host.foreign("sign", |argument| Ok([argument, b"!"].concat()));
    let id = host.open("probe").unwrap();
    host.feed_headers(id, Way::Request, post(), true).unwrap();
    assert_eq!(logs(&host), ["foreign 0 abc!", "foreign 1 ", "foreign 0 "]);
    assert_eq!(host.route_clears(id).unwrap(), 1);
}

#[test]
fn failures_have_names_and_a_transcript() {
    let failure = |script: &str| {
        let mut host = Host::start(&module(), Options { fuel: 50_000_000, memory: 16 << 20, ..Options::plugins([plugin(script)]) })?;
        let id = host.open("probe")?;
        let outcome = host.feed_headers(id, Way::Request, post(), true).and_then(|()| host.log(id));
        assert!(outcome.is_err() && matches!(host.open("probe"), Err(Error::VmDead)));
        outcome
    };
    assert!(matches!(failure("request_headers: trap"), Err(Error::Trap { callback, .. }) if callback == "proxy_on_request_headers"));
    assert!(matches!(failure("request_headers: loop"), Err(Error::OutOfFuel { .. })));
    assert!(matches!(failure("request_headers: eat"), Err(Error::OutOfMemory { .. })));
    assert!(matches!(failure("log: reply 500 x"), Err(Error::EnvoyCrash { .. })));
    let refused = failure("configure: refuse").unwrap_err();
    assert!(matches!(&refused, Error::ConfigurationRefused { root_id, .. } if root_id == "probe"));
    let shown = format!("{:?}", failure("request_headers: get request x-a; trap").unwrap_err());
    assert!(shown.contains("proxy_get_header_map_value(request headers, x-a, = \"1\") -> Ok"), "{shown}");
}

#[test]
fn modules_that_are_not_filters_are_named() {
    assert!(matches!(Module::load("/nowhere/filter.wasm"), Err(Error::ModuleNotFound { .. })));
    assert!(matches!(Module::new(b"no module"), Err(Error::NotAModule { .. })));
    let empty = Module::new(b"\0asm\x01\0\0\0").unwrap();
    assert!(matches!(Host::start(&empty, Options::default()), Err(Error::AbiVersion { found: None })));
    let without_wasi = Options { wasi: false, ..Options::plugins([plugin("")]) };
    let refused = Host::start(&module(), without_wasi).err().unwrap();
    assert!(matches!(&refused, Error::UnknownImport { import } if import.starts_with("wasi_snapshot_preview1.")), "{refused}");
}

#[test]
fn fuel_and_host_calls_are_counted_per_context() {
    let mut host = host("request_headers: get request x-a; get request x-a; get request x-a");
    let id = host.open("probe").unwrap();
    let before = host.spent().fuel;
    host.feed_headers(id, Way::Request, post(), true).unwrap();
    let spent = host.spent_by(id.context());
    assert_eq!(spent.calls["proxy_get_header_map_value"], 3);
    assert_eq!(spent.callbacks["proxy_on_request_headers"], 1);
    assert!(spent.fuel > 100 && host.spent().fuel - before < spent.fuel + 1);
    assert!(host.memory() >= 1 << 16);
}

#[test]
fn a_planted_fault_is_found_in_random_orders_and_made_small() {
    let part = |body: &[u8]| Part { headers: post(), body: body.to_vec() };
    let parts = [part(b"abcdefgh"), part(b"")];
    let explore = |script: &'static str| {
        let host = || host(script);
        let pit = Pit { host: &host, positions: &["probe"], requests: &parts, answers: &parts, streams: 4, check: &|_, _| Ok(()) };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pit.explore(0..200)));
        outcome.map_err(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())
    };
    assert_eq!(explore("request_body: pause_unless_end"), Ok(()));
    let said = explore("response_trailers: trap").unwrap_err();
    let again = said.lines().find_map(|line| line.strip_prefix("again: TESTING_ORDER='")).unwrap_or_default();
    let turns: Vec<&str> = again.trim_end_matches('\'').split("; ").collect();
    assert!(said.starts_with("seed ") && turns.len() == 3, "{said}");
    assert!(turns[0].starts_with("open") && turns[1].starts_with("headers") && turns[2].starts_with("trailers"), "{said}");
}
