//! The tools that everything else stands on: fetched once, started, ready, ended.
use std::process::Command;
use std::time::Duration;

use weir_integration::process::{self, Process};
use weir_integration::{client, fetch, paths};

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn envoy_starts_says_live_and_ends_when_dropped() {
    let folder = paths::fresh_run("tools").unwrap();
    let port = process::free_port();
    let bootstrap = format!("admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }} }}\n");
    std::fs::write(folder.join("envoy.yaml"), bootstrap).unwrap();
    let mut envoy = Command::new(fetch::envoy::binary().unwrap());
    envoy.arg("-c").arg(folder.join("envoy.yaml")).args(["--concurrency", "1", "--use-dynamic-base-id"]);
    let admin = ([127, 0, 0, 1], port).into();
    let mut process = Process::start("envoy", &envoy, &folder).unwrap();
    process.wait_until(LIMIT, || client::text(admin, "/ready").trim() == "LIVE").unwrap();
    assert!(process::answers(admin));
    drop(process);
    assert!(!process::answers(admin));
}

#[test]
fn a_program_that_ends_at_once_is_told_with_its_words() {
    let folder = paths::fresh_run("tools").unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "echo no good >&2; exit 3"]);
    let trouble = Process::start("shell", &shell, &folder).unwrap().wait_until(LIMIT, || false).unwrap_err();
    assert!(trouble.what.contains("no good"), "{trouble}");
}

#[test]
fn a_port_in_use_is_told_with_advice() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let trouble = process::must_be_free(port, "the gateway").unwrap_err();
    assert!(trouble.to_string().contains("--port"), "{trouble}");
}
