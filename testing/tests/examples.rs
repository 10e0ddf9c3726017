//! The three examples: filters as people write them, and how their tests read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use weir_testing::{
    Action, Answer, Error, Fault, HeaderMap, Module, Play, Plugin, Proxy, Reply, Request, Scene, Status, Verbs, Way, bytewise, every_cut,
};

/// Builds an example as cargo would build a filter of yours: `cargo build --release --target wasm32-wasip1`.
fn filter(name: &str) -> Module {
    let filters = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/filters");
    let source = filters.join(format!("{name}.rs"));
    let mut hash = DefaultHasher::new();
    for file in [&source, &filters.join("sdk.rs")] {
        std::fs::read(file).unwrap().hash(&mut hash);
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let built = folder.join(format!("{name}-{:016x}.wasm", hash.finish()));
    if !built.exists() {
        let part = folder.join(format!("{name}-{:?}.wasm", std::thread::current().id()).replace(['(', ')'], ""));
        let mut rustc = Command::new(std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()));
        rustc.current_dir(&filters).args(["--edition=2024", "--target=wasm32-wasip1", "--crate-type=cdylib", "-O", "--crate-name", name]);
        let status = rustc.arg(&source).arg("-o").arg(&part).status().expect("rustc runs");
        assert!(status.success(), "the example does not build: {rustc:?}");
        std::fs::rename(part, &built).unwrap();
    }
    Module::load(built).unwrap()
}

// --- the header filter

fn keyed() -> Scene {
    Scene::of(&filter("header"), "my_filter", "key-of-the-api").provider(|_| Play::json(200, "{}").header("server", "backend"))
}

#[test]
fn the_clients_credential_goes_and_the_apis_own_comes() -> Result<(), Error> {
    let mut proxy = keyed().open()?;
    let client = proxy.exchange(&Request::new("GET", "/things").header("authorization", "key-of-the-client"))?;
    assert_eq!(proxy.sent(client)[0].headers.all("authorization"), ["Bearer key-of-the-api"]);
    assert_eq!((proxy.received(client).status(), proxy.received(client).header("server")), (200, None));
    assert_eq!(proxy.host().metric("example.requests"), 1);
    Ok(())
}

#[test]
fn who_has_no_credential_gets_no_further() -> Result<(), Error> {
    let mut proxy = keyed().open()?;
    let client = proxy.exchange(&Request::new("GET", "/things"))?;
    assert_eq!(proxy.received(client).status(), 401);
    assert!(proxy.sent(client).is_empty());
    Ok(())
}

#[test]
fn whatever_call_fails_no_key_of_a_client_leaves() -> Result<(), Error> {
    for status in Status::ALL {
        for nth in 0..6 {
            let mut proxy = keyed().open()?;
            proxy.host_mut().fail(Fault::new("*", status).after(nth).once());
            let client = proxy.exchange(&Request::new("GET", "/things").header("authorization", "key-of-the-client"))?;
            assert!(proxy.sent(client).iter().all(|sent| !sent.headers.to_string().contains("key-of-the-client")));
        }
    }
    Ok(())
}

#[test]
fn a_configuration_without_a_key_is_refused() {
    let refused = Scene::of(&filter("header"), "my_filter", "").open().err().unwrap();
    assert!(matches!(&refused, Error::ConfigurationRefused { root_id, .. } if root_id == "my_filter"), "{refused:?}");
    assert!(refused.transcript().unwrap().contains("there is none"), "{refused:?}");
}

// --- the body filter

fn blackened() -> Result<Proxy, Error> {
    Scene::of(&filter("body"), "my_filter", "secret").stop_iteration().provider(|_| Play::stream([b"1".to_vec(), b"23".to_vec()])).open()
}

#[test]
fn a_word_is_blackened_wherever_the_body_is_cut() -> Result<(), Error> {
    let body = b"{\"a\":\"the secret\",\"b\":\"secret\"}";
    let trailers: HeaderMap = [("x-checksum", "1")].into_iter().collect();
    for pieces in every_cut(body).chain([bytewise(body)]) {
        let whole = Request::json("/things", body).pieces(pieces);
        for request in [whole.clone(), whole.trailers(trailers.clone())] {
            let mut proxy = blackened()?;
            let client = proxy.exchange(&request)?;
            let sent = &proxy.sent(client)[0];
            assert_eq!(String::from_utf8_lossy(&sent.body), "{\"a\":\"the ******\",\"b\":\"******\"}");
            assert_eq!(sent.headers.get("content-length"), Some(sent.body.len().to_string().as_str()));
            assert_eq!((proxy.received(client).text().as_str(), proxy.host().metric("example.answer_bytes")), ("123", 3));
        }
    }
    Ok(())
}

// --- the callout filter

fn guarded(says: impl Fn() -> Answer + 'static) -> Result<Proxy, Error> {
    Scene::of(&filter("callout"), "my_filter", "")
        .stop_iteration()
        .service("guard", move |_| says())
        .provider(|_| Play::json(200, "{}"))
        .open()
}

#[test]
fn the_guard_decides() -> Result<(), Error> {
    let slow = || Answer::After(Duration::from_millis(90), Box::new(Answer::reply(200, "")));
    let says: [(fn() -> Answer, u16); 6] = [
        (|| Answer::reply(200, ""), 200),
        (slow, 200),
        (|| Answer::reply(403, ""), 403),
        (|| Answer::reply(500, ""), 503),
        (|| Answer::Timeout, 503),
        (|| Answer::Fails(Status::InternalFailure), 503),
    ];
    for (says, status) in says {
        let mut proxy = guarded(says)?;
        let client = proxy.exchange(&Request::json("/things", "{}").header("x-user", "ann"))?;
        assert_eq!(proxy.received(client).status(), status);
        assert_eq!(proxy.sent(client).len(), usize::from(status == 200));
        let asked = proxy.host().callouts();
        assert!(asked.iter().all(|call| call.headers.get("x-user") == Some("ann")));
    }
    Ok(())
}

#[test]
fn a_client_that_leaves_while_the_guard_thinks_disturbs_nobody() -> Result<(), Error> {
    let mut proxy = guarded(|| Answer::After(Duration::from_millis(50), Box::new(Answer::reply(200, ""))))?;
    let impatient = proxy.send(&Request::json("/things", "{}"))?;
    let patient = proxy.send(&Request::json("/things", "{}"))?;
    proxy.abort(impatient)?;
    proxy.finish(patient)?;
    assert_eq!((proxy.sent(impatient).len(), proxy.received(patient).status()), (0, 200));
    Ok(())
}

#[test]
fn whatever_call_fails_nobody_passes_the_guard() -> Result<(), Error> {
    for nth in 0..12 {
        let mut proxy = guarded(|| Answer::reply(403, ""))?;
        proxy.host_mut().fail(Fault::new("*", Status::InternalFailure).after(nth).once());
        let client = proxy.send(&Request::json("/things", "{}"))?;
        proxy.advance(Duration::from_secs(1))?;
        assert!(proxy.sent(client).is_empty(), "call {nth}");
    }
    Ok(())
}

// --- what a test that goes wrong says

#[test]
fn a_module_that_is_not_there_fails_the_test_by_its_path() {
    let missing = Module::load("/nowhere/my_filter.wasm").err().unwrap();
    let shown = format!("{missing:?}");
    assert!(shown.contains("/nowhere/my_filter.wasm") && shown.contains("build it"), "{shown}");
}

// --- the same by the verbs of the public framework

#[test]
fn a_filter_may_be_driven_callback_by_callback() -> Result<(), Error> {
    let mut verbs = Verbs::call_start(&filter("callout"), Plugin::new("my_filter", "").stop_iteration())?;
    verbs.host().cluster("guard", |_| Answer::Later);
    let stream = verbs.call_proxy_on_context_create("my_filter")?;
    let head: HeaderMap = [(":method", "POST"), (":path", "/things"), ("x-user", "ann")].into_iter().collect();
    assert_eq!(verbs.call_proxy_on_request_headers(stream, head, false)?, Action::Pause);
    let call = verbs.expect_http_call("guard");
    assert_eq!(call.headers.get("x-user"), Some("ann"));
    assert_eq!(verbs.call_proxy_on_request_body(stream, b"{}", true)?, Action::Pause);
    verbs.call_proxy_on_http_call_response(call.token, Reply::new(200, ""))?;
    verbs.expect_header(stream, Way::Request, ":path", Some("/things"));
    verbs.expect_body(stream, Way::Request, "{}");
    verbs.call_proxy_on_done(stream)?;

    let stream = verbs.call_proxy_on_context_create("my_filter")?;
    verbs.call_proxy_on_request_headers(stream, HeaderMap::new(), true)?;
    let call = verbs.expect_http_call("guard");
    verbs.call_proxy_on_http_call_response(call.token, Reply::new(403, ""))?;
    verbs.expect_send_local_response(stream, 403, "the guard says no");
    Ok(())
}

#[test]
fn logs_and_metrics_have_verbs_too() -> Result<(), Error> {
    let mut verbs = Verbs::call_start(&filter("header"), Plugin::new("my_filter", "key"))?;
    let stream = verbs.call_proxy_on_context_create("my_filter")?;
    let head: HeaderMap = [(":method", "GET"), (":path", "/"), ("authorization", "mine")].into_iter().collect();
    assert_eq!(verbs.call_proxy_on_request_headers(stream, head, true)?, Action::Continue);
    verbs.expect_header(stream, Way::Request, "authorization", Some("Bearer key"));
    verbs.expect_metric("example.requests", 1);
    Ok(())
}
