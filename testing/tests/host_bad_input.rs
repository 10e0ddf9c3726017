//! Modules that are wrong in every way that a module can be: each is an error with a name, never a crash or a hang of this process.
#![allow(clippy::unwrap_used, clippy::as_conversions, clippy::panic, reason = "tests fail by panicking")]

mod encode;
mod probes;

use encode::{I32, I64, Wasm};
use probes::{host, module, plugin};
use std::time::Duration;
use weir_testing::{
    Answer, Cluster, Error, FailurePolicy, HeaderMap, Host, Module, Options, Play, Plugin, Proxy, Request, RpcPlay, Way, Wiring,
};

fn start(wasm: &Wasm) -> Error {
    let options = Options { fuel: 50_000_000, memory: 16 << 20, ..Options::plugins([Plugin::new("bad", "")]) };
    match Module::new(&wasm.bytes()).and_then(|module| Host::start(&module, options)) {
        Ok(_) => panic!("it starts"),
        Err(error) => error,
    }
}

/// A module that starts: the version, a memory, an allocator.
fn good() -> Wasm {
    Wasm::default().memory(1).func("proxy_abi_version_0_2_1", &[], &[], &[]).func("proxy_on_memory_allocate", &[I32], &[I32], &[0x41, 0])
}

#[test]
fn odd_exports_are_named() {
    let bad = |wasm: &Wasm, name: &str| {
        let error = start(wasm);
        assert!(matches!(&error, Error::BadExport { export, .. } if export.starts_with(name)), "{name}: {error}");
    };
    let version = |version: &str| Wasm::default().memory(1).func(version, &[], &[], &[]);
    bad(&Wasm::default().func("proxy_abi_version_0_2_1", &[], &[], &[]), "memory");
    bad(&version("proxy_abi_version_0_2_1"), "proxy_on_memory_allocate");
    bad(&version("proxy_abi_version_0_2_1").func("malloc", &[I64], &[I32], &[0x41, 0]), "malloc");
    bad(&good().func("proxy_on_request_headers", &[I32, I32], &[I32], &[0x41, 0]), "proxy_on_request_headers");
    bad(&good().func("proxy_on_log", &[I32], &[I32], &[0x41, 0]), "proxy_on_log");
    bad(&good().func("proxy_on_done", &[I64], &[I32], &[0x41, 0]), "proxy_on_done");
    bad(&good().memory_as("proxy_on_tick"), "proxy_on_tick");
    bad(&good().func("_initialize", &[I32], &[], &[]), "_initialize");
    bad(&good().func("_start", &[], &[I32], &[0x41, 0]), "_start");
    bad(&good().func("_initialize", &[], &[], &[]).func("main", &[], &[], &[]), "main");
    for known in ["proxy_abi_version_0_2_0", "proxy_abi_version_0_2_1", "proxy_abi_version_0_2_2"] {
        let whole = version(known).func("malloc", &[I32], &[I32], &[0x41, 0]);
        assert!(Host::start(&Module::new(&whole.bytes()).unwrap(), Options::plugins([Plugin::new("good", "")])).is_ok(), "{known}");
    }
    assert!(matches!(start(&version("proxy_abi_version_0_1_0")), Error::AbiVersion { found: Some(found) } if found.ends_with("0_1_0")));
    let refuses = good().func("proxy_on_vm_start", &[I32, I32], &[I32], &[0x41, 0]);
    assert!(matches!(start(&refuses), Error::StartRefused(_)));
}

#[test]
fn odd_imports_are_named() {
    let unknown = start(&good().import("env", "proxy_send_telegram", &[I32], &[I32]));
    assert!(matches!(&unknown, Error::UnknownImport { import } if import == "env.proxy_send_telegram"), "{unknown}");
    let shape = start(&good().import("env", "proxy_log", &[I64], &[I32]));
    assert!(matches!(&shape, Error::BadImport { import, .. } if import == "env.proxy_log"), "{shape}");
    // Envoy has this one with an argument less than the specification, and refuses who goes by that.
    let link = start(&good().import("wasi_snapshot_preview1", "path_link", &[I32; 7], &[I32]));
    assert!(matches!(&link, Error::BadImport { import, .. } if import.ends_with("path_link")), "{link}");
}

#[test]
fn a_module_that_does_not_come_to_its_start_is_named() {
    let looping = [0x03, 0x40, 0x0c, 0x00, 0x0b];
    assert!(matches!(start(&good().start(&looping)), Error::OutOfFuel { .. }));
    assert!(matches!(start(&good().start(&[0x00])), Error::Trap { .. }));
    assert!(matches!(start(&good().func("_initialize", &[], &[], &[0x00])), Error::Trap { callback, .. } if callback == "_initialize"));
    assert!(matches!(start(&good().func("_start", &[], &[], &looping)), Error::OutOfFuel { callback, .. } if callback == "_start"));
    let huge = Wasm::default().memory(0x8000).func("proxy_abi_version_0_2_1", &[], &[], &[]);
    assert!(matches!(start(&huge), Error::OutOfMemory { .. }));
    let endless = good().func("proxy_on_vm_start", &[I32, I32], &[I32], &[0x20, 0, 0x20, 1, 0x10, 2]);
    assert!(matches!(start(&endless), Error::Trap { .. }), "a stack that runs over");
}

#[test]
fn an_allocator_that_lies_is_told_so() {
    // Its memory is one page; it says that the bytes lie behind it.
    let lies = Wasm::default()
        .import("env", "proxy_get_buffer_bytes", &[I32, I32, I32, I32, I32], &[I32])
        .memory(1)
        .func("proxy_abi_version_0_2_1", &[], &[], &[])
        .func("proxy_on_memory_allocate", &[I32], &[I32], &[0x41, 0x80, 0x80, 0x04])
        // It answers what the host call answers: false where that is 0.
        .func("proxy_on_configure", &[I32, I32], &[I32], &[0x41, 7, 0x41, 0, 0x41, 9, 0x41, 0x10, 0x41, 0x14, 0x10, 0]);
    let options = Options::plugins([Plugin::new("bad", "x")]);
    let host = Host::start(&Module::new(&lies.bytes()).unwrap(), options).unwrap();
    assert!(host.transcript().contains("-> InvalidMemoryAccess"), "{}", host.transcript());
}

#[test]
fn an_allocator_that_traps_is_named_by_the_callback_that_asked() {
    let traps = Wasm::default()
        .import("env", "proxy_get_buffer_bytes", &[I32, I32, I32, I32, I32], &[I32])
        .memory(1)
        .func("proxy_abi_version_0_2_1", &[], &[], &[])
        .func("proxy_on_memory_allocate", &[I32], &[I32], &[0x00])
        .func("proxy_on_configure", &[I32, I32], &[I32], &[0x41, 7, 0x41, 0, 0x41, 9, 0x41, 0x10, 0x41, 0x14, 0x10, 0]);
    let error = Host::start(&Module::new(&traps.bytes()).unwrap(), Options::plugins([Plugin::new("bad", "x")])).err().unwrap();
    assert!(matches!(&error, Error::Trap { callback, .. } if callback == "proxy_on_configure"), "{error}");
}

#[test]
fn a_module_that_is_cut_short_is_none() {
    let whole = good().bytes();
    for length in 0..whole.len() {
        let cut = Module::new(&whole[..length]).and_then(|module| Host::start(&module, Options::default()));
        assert!(matches!(cut, Err(Error::NotAModule { .. } | Error::AbiVersion { .. })), "{length}");
    }
}

fn head() -> HeaderMap {
    [(":method", "POST"), (":path", "/"), (":authority", "a"), (":scheme", "http")].into_iter().collect()
}

fn services(host: &mut Host) {
    host.cluster("c", |_| Answer::reply(200, ""));
    host.rpc("g", |rpc| if rpc.ended { RpcPlay::reply("x") } else { RpcPlay::silence() });
}

/// Everything that can be done to a probe, until something fails.
fn live(host: &mut Host) -> Result<(), Error> {
    services(host);
    let root = host.root("probe")?;
    let id = host.open("probe")?;
    host.feed_headers(id, Way::Request, head(), false)?;
    host.feed_data(id, Way::Request, b"abc", false)?;
    host.feed_trailers(id, Way::Request, HeaderMap::new())?;
    host.feed_headers(id, Way::Response, [(":status", "200")].into_iter().collect(), false)?;
    host.feed_data(id, Way::Response, b"abc", false)?;
    host.feed_trailers(id, Way::Response, HeaderMap::new())?;
    host.tick(root)?;
    host.advance(Duration::from_secs(1))?;
    host.log(id)?;
    host.close(id)?;
    host.reconfigure("probe", "another")
}

const CALLBACKS: [&str; 18] = [
    "create",
    "request_headers",
    "request_body",
    "request_trailers",
    "response_headers",
    "response_body",
    "response_trailers",
    "tick",
    "answer",
    "rpc_headers",
    "rpc_message",
    "rpc_trailers",
    "rpc_closed",
    "queue_ready",
    "log",
    "done",
    "delete",
    "root_done",
];

fn script(callback: &str, step: &str) -> String {
    format!("configure: queue q\nrequest_headers: call c / 1000; rpc_stream g; send x end; enqueue x\n{callback}: {step}")
}

#[test]
fn a_trap_in_any_callback_is_named_with_its_transcript() {
    for callback in CALLBACKS {
        let mut host = host(&script(callback, "trap"));
        let error = live(&mut host).expect_err(callback);
        assert!(matches!(&error, Error::Trap { .. }), "{callback}: {error}");
        assert!(error.transcript().is_some_and(|transcript| transcript.contains("trapped")), "{callback}");
        assert!(matches!(host.open("probe"), Err(Error::VmDead)));
    }
}

#[test]
fn a_loop_in_any_callback_is_named() {
    for callback in CALLBACKS {
        let options = Options { fuel: 5_000_000, ..Options::plugins([plugin(&script(callback, "loop"))]) };
        let error = live(&mut Host::start(&module(), options).unwrap()).expect_err(callback);
        assert!(matches!(&error, Error::OutOfFuel { .. }), "{callback}: {error}");
    }
}

#[test]
fn what_has_no_end_is_named() {
    let failure = |script: &str| {
        let options = Options { memory: 64 << 20, ..Options::plugins([plugin(script)]) };
        live(&mut Host::start(&module(), options).unwrap()).expect_err(script)
    };
    let eats = failure("request_headers: eat");
    assert!(matches!(&eats, Error::OutOfMemory { .. }), "{eats}");
    let chatters = failure("request_headers: chatter");
    assert!(matches!(&chatters, Error::TooManyCalls { .. }), "{chatters}");
    let floods = failure("request_headers: flood");
    assert!(matches!(&floods, Error::TooManyCalls { .. }), "{floods}");
    let asks = failure("request_headers: call c / 1000\nanswer: call c / 1000");
    assert!(matches!(&asks, Error::Endless { .. }), "{asks}");
    let streams = failure("request_headers: rpc g ask 1000\nrpc_message: rpc g ask 1000");
    assert!(matches!(&streams, Error::Endless { .. }), "{streams}");
    let queues = failure("configure: queue q\nrequest_headers: enqueue x\nqueue_ready: dequeue; enqueue x");
    assert!(matches!(&queues, Error::Endless { .. }), "{queues}");
}

#[test]
fn a_pause_that_nothing_ends_is_named_however_often_the_filter_ticks() {
    let mut host = host("configure: tick 10\nrequest_headers: pause");
    services(&mut host);
    let cluster = Cluster::new(|_| Play::answer(200));
    let mut proxy = Proxy::new(host, Wiring::new("probe", "").on_no_match("a").cluster("a", cluster));
    let hung = proxy.exchange(&Request::new("GET", "/")).unwrap_err();
    assert!(matches!(&hung, Error::Hung { .. }), "{hung}");
    let shown = format!("{hung:?}");
    assert!(shown.contains("ticks that do the same") && shown.contains("proxy_on_request_headers"), "{shown}");
}

#[test]
fn under_a_policy_of_envoys_every_trap_leaves_its_clients_answered() {
    for policy in [FailurePolicy::Closed, FailurePolicy::Open, FailurePolicy::Reload(Duration::from_millis(10))] {
        for callback in CALLBACKS {
            let plugins = [
                Plugin::new("down", script(callback, "trap")).stop_iteration(),
                Plugin::new("up", script(callback, "trap")).stop_iteration(),
            ];
            let options = Options { failure: policy, ..Options::plugins(plugins) };
            let mut host = Host::start(&module(), options).unwrap();
            services(&mut host);
            let cluster = Cluster::new(|_| Play::answer(200).pieces([b"abc".to_vec()]).trailers(HeaderMap::new()));
            let mut proxy = Proxy::new(host, Wiring::new("down", "wasm.next").upstream("up").on_no_match("a").cluster("a", cluster));
            for _ in 0..3 {
                let request = Request::new("POST", "/").pieces([b"abc".to_vec()]).trailers(HeaderMap::new());
                let id = proxy.exchange(&request).unwrap_or_else(|error| panic!("{policy:?} {callback}: {error:?}"));
                let received = proxy.received(id);
                assert!(received.reset || matches!(received.status(), 200 | 503), "{policy:?} {callback}: {received:?}");
                proxy.advance(Duration::from_millis(50)).unwrap();
            }
        }
    }
}
