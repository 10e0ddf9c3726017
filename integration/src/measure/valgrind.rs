//! One run of a candidate under valgrind: requests go through, and the instructions are read when Envoy has ended.

use super::candidates::Candidate;
use super::upstream;
use crate::client::{self, Connection};
use crate::process::{self, Process};
use crate::{fetch, trouble::Trouble};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Envoy with a module starts in 15 s under valgrind on an idle machine.
const START: Duration = Duration::from_secs(240);
/// Requests before those that count, in both runs alike: connections, pools, JIT.
const WARM_UP: u64 = 50;

/// Whether valgrind is there.
pub fn present() -> Result<(), Trouble> {
    let found = Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match found {
        Ok(status) if status.success() => Ok(()),
        Ok(_) | Err(_) => {
            Err(Trouble::new("valgrind is not on PATH", "install it (Debian: apt-get install valgrind); it counts the instructions"))
        }
    }
}

/// Instructions of a run with so many whole requests of `size` bytes.
pub fn requests(candidate: Candidate, module: &Path, weir: &Path, size: usize, count: u64) -> Result<u64, Trouble> {
    run(candidate, module, weir, 0, |connection| {
        let body = body(size, false);
        (0..WARM_UP + count).try_for_each(|_| ask(connection, &body))
    })
}

/// Instructions of a run with one streamed answer of so many chunks.
pub fn stream(candidate: Candidate, module: &Path, weir: &Path, chunks: u64) -> Result<u64, Trouble> {
    run(candidate, module, weir, chunks, |connection| {
        (0..5).try_for_each(|_| ask(connection, &body(1 << 10, false)))?;
        ask(connection, &body(1 << 10, true))
    })
}

fn ask(connection: &mut Connection, body: &[u8]) -> Result<(), Trouble> {
    let answer = connection.request("POST", "/v1/chat/completions", &[("content-type", "application/json")], body);
    match answer {
        Ok(response) if response.status == 200 => Ok(()),
        Ok(response) => Err(Trouble::new(format!("a measured request was answered {}: {}", response.status, response.text()), "")),
        Err(error) => Err(Trouble::new(format!("a measured request failed: {error}"), "")),
    }
}

/// A conversation of about `size` bytes in turns of 200.
fn body(size: usize, stream: bool) -> Vec<u8> {
    let turn = format!(r#"{{"role":"user","content":"{}"}},{{"role":"assistant","content":"{}"}},"#, "ask ".repeat(40), "tell ".repeat(30));
    let turns = turn.repeat((size / turn.len()).max(1));
    format!(r#"{{"model":"m","stream":{stream},"messages":[{turns}{{"role":"user","content":"and now?"}}]}}"#).into_bytes()
}

fn run(
    candidate: Candidate,
    module: &Path,
    weir: &Path,
    chunks: u64,
    work: impl FnOnce(&mut Connection) -> Result<(), Trouble>,
) -> Result<u64, Trouble> {
    let cannot = |error: std::io::Error| Trouble::new(format!("cannot serve: {error}"), "");
    let upstream = upstream::start(chunks).map_err(cannot)?;
    let [listener, admin] = [process::free_port(), process::free_port()].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let folder = candidate.prepare(module, weir, upstream, listener, admin)?;
    let mut command = Command::new("valgrind");
    command.args(["--tool=cachegrind", "--cache-sim=no", "--smc-check=all-non-file", "--cachegrind-out-file=/dev/null"]);
    command.arg(fetch::envoy::binary()?).arg("-c").arg(folder.join("envoy.yaml"));
    command.args(["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "error"]);
    let mut envoy = Process::start("envoy", &command, &folder)?;
    envoy.wait_until(START, || client::text(admin, "/ready").trim() == "LIVE")?;
    envoy.wait_until(START, || process::answers(listener))?;
    let mut connection = Connection::open(listener).map_err(cannot)?;
    work(&mut connection)?;
    drop(connection);
    envoy.signal("TERM");
    if envoy.wait_end(START).is_none() {
        return Err(Trouble::new("Envoy did not end under valgrind", ""));
    }
    let words = envoy.errors_text();
    let counted = words.lines().rev().find_map(|line| line.split_once("refs:")?.1.trim().replace(',', "").parse().ok());
    counted.ok_or_else(|| Trouble::new(format!("valgrind did not say what it counted:\n{words}"), ""))
}
