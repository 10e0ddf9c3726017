//! Runs one scenario in a real Envoy, along the transcript that must come of it.
//!
//! Before each step of a client or an upstream, Envoy has logged as many of the probe's lines as the transcript has before that step: so
//! no two steps run into one read, and what Envoy does is told apart by what led to it.
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use weir_facts::{Act, Action, Fact, Scenario, Upstream as Behind, probe};
use weir_integration::process::{self, Process};
use weir_integration::{fetch, paths};

use super::client::Client;
use super::server::Upstream;
use super::{config, relay};

/// V8 compiles the probe on two threads of a busy machine.
const START: Duration = Duration::from_secs(60);
/// How long the first missing line is waited for, and each after it.
const PATIENCE: [Duration; 2] = [Duration::from_secs(20), Duration::from_millis(200)];
/// How long an Envoy that is about to crash may take.
const CRASH: Duration = Duration::from_secs(20);
const CRASHED: &str = "-- Envoy crashed";
/// Lines that nobody expects have come by then.
const SETTLED: Duration = Duration::from_millis(60);

struct Run<'f> {
    scenario: &'f Scenario,
    module: PathBuf,
    folder: PathBuf,
    listener: SocketAddr,
    envoy: Process,
    upstreams: Vec<(String, Upstream)>,
    clients: BTreeMap<usize, Client>,
    configured: usize,
    /// How many of the probe's lines the record has.
    read: usize,
    late: bool,
    record: String,
}

/// The transcript of this scenario.
pub fn run(fact: &Fact) -> String {
    let mut run = Run::start(&fact.scenario);
    let mut actions: BTreeMap<usize, Vec<&Action>> = BTreeMap::new();
    fact.scenario.clients.iter().rev().for_each(|(client, action)| actions.entry(*client).or_default().push(action));
    for line in fact.transcript.lines().filter(|line| !line.starts_with("-- ")) {
        match line.split_once(": ") {
            Some((who, _)) if who.starts_with("client") => {
                let client = who.strip_prefix("client ").map_or(1, |number| number.parse().unwrap());
                let got = fact.transcript.lines().find(|line| line.starts_with("-- client")).unwrap_or_default();
                run.say(line);
                run.client(client, &actions.get_mut(&client).unwrap().pop().unwrap().act, got);
            }
            Some((who, words)) if run.upstreams.iter().any(|(name, _)| name == who) => {
                run.say(line);
                run.upstreams.iter().find(|(name, _)| name == who).unwrap().1.permit(words);
            }
            Some(_) | None => run.take_line(),
        }
    }
    run.finish(fact.transcript.contains(CRASHED))
}

impl<'f> Run<'f> {
    fn start(scenario: &'f Scenario) -> Self {
        let folder = paths::fresh_run("facts").unwrap();
        let module = probe::build(&paths::target());
        let server = |name: &str, plays: &[Vec<Action>], gated| (name.to_owned(), Upstream::start(name, plays, gated, &scenario.look));
        let mut upstreams = Vec::new();
        let mut addresses = Vec::new();
        for (name, behind) in &scenario.clusters {
            addresses.push(match behind {
                Behind::Plays(plays) => {
                    upstreams.push(server(name, plays, true));
                    (name.clone(), upstreams.last().map(|(_, upstream)| upstream.address()))
                }
                Behind::Refuses => (name.clone(), Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)))),
                Behind::Empty => (name.clone(), None),
                Behind::Says(..) => (name.clone(), Some(relay::place())),
            });
        }
        for (name, play) in &scenario.callouts {
            upstreams.push(server(name, std::slice::from_ref(play), false));
            addresses.push((name.clone(), upstreams.last().map(|(_, upstream)| upstream.address())));
        }
        let mut exits = Vec::new();
        for (name, play) in &scenario.rpcs {
            let (server, here) = (server(name, std::slice::from_ref(play), false), relay::place());
            addresses.push((name.clone(), Some(here)));
            exits.push((name, here, server.1.address()));
            upstreams.push(server);
        }
        let probe = relay::place();
        let mut envoy = config::envoy(scenario, &module, &folder, probe, &addresses);
        exits.into_iter().for_each(|(name, here, server)| relay::exit(&mut envoy, name, here, server));
        for ((name, behind), (_, here)) in scenario.clusters.iter().zip(&addresses) {
            if let (Behind::Says(status, body), Some(here)) = (behind, here) {
                relay::says(&mut envoy, name, *here, *status, body);
            }
        }
        let listener = if scenario.http2 { relay::place() } else { probe };
        if scenario.http2 {
            relay::entrance(&mut envoy, scenario, listener, probe);
        }
        write(&folder.join("envoy.json"), &envoy);
        write(&folder.join("down.json"), &config::discovered(scenario, &module, 0));
        let mut command = Command::new(fetch::envoy::binary().unwrap());
        command.arg("-c").arg(folder.join("envoy.json")).args(["--use-dynamic-base-id", "--concurrency", "1", "--log-format", "%t|%v"]);
        command.args(["--log-level", "warning", "--component-log-level", "wasm:info"]);
        let mut envoy = Process::start("envoy", &command, &folder).unwrap();
        envoy.wait_until(START, || process::answers(probe) && process::answers(listener)).unwrap_or_else(|trouble| panic!("{trouble}"));
        let (clients, record) = (BTreeMap::new(), String::new());
        Self { scenario, module, folder, listener, envoy, upstreams, clients, configured: 0, read: 0, late: false, record }
    }

    fn say(&mut self, line: &str) {
        self.record.push_str(line);
        self.record.push('\n');
    }

    /// What the probe logged so far on the worker's thread; the main thread has a VM of its own.
    fn lines(&self) -> Vec<String> {
        let main = format!("{}|", self.envoy.pid());
        let text = self.envoy.errors_text();
        let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
        let worker = whole.lines().filter(|line| !line.starts_with(&main));
        worker.filter_map(|line| line.split_once(probe::MARK)).map(|(_, said)| said.to_owned()).collect()
    }

    /// Waits for one line more.
    fn take_line(&mut self) {
        let deadline = Instant::now() + PATIENCE[usize::from(self.late)];
        loop {
            if let Some(line) = self.lines().get(self.read) {
                self.read += 1;
                let line = line.clone();
                return self.say(&line);
            }
            if Instant::now() > deadline {
                self.late = true;
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn client(&mut self, number: usize, act: &Act, expected: &str) {
        match act {
            Act::Wait(limit) => return std::thread::sleep(Duration::from_millis(*limit)),
            Act::Reconfigure => {
                self.configured += 1;
                let draft = self.folder.join("draft.json");
                write(&draft, &config::discovered(self.scenario, &self.module, self.configured));
                return std::fs::rename(&draft, self.folder.join("down.json")).unwrap();
            }
            Act::Head { .. } | Act::Whole { .. } | Act::Data(_) | Act::Last(_) | Act::Message(_) => {}
            Act::End | Act::Trailers(_) | Act::Reset => {}
        }
        let (listener, look) = (self.listener, &self.scenario.look);
        let client = self.clients.entry(number).or_insert_with(|| Client::open(number, listener, look));
        if *act == Act::Reset {
            client.await_line(expected, PATIENCE[0]);
        }
        client.act(act);
    }

    fn finish(mut self, crashes: bool) -> String {
        // A stack takes its time to run over.
        let _ = self.envoy.wait_end(if crashes { CRASH } else { SETTLED });
        if self.envoy.ended().is_some() {
            // Of what its last moments brought nothing is certain.
            self.say(CRASHED);
            return self.record;
        }
        let got: Vec<_> = self.clients.values().map(|client| client.got(PATIENCE[usize::from(self.late)]).to_string()).collect();
        let more: Vec<String> = self.lines().split_off(self.read);
        more.iter().for_each(|line| self.say(line));
        let mut reached: Vec<_> =
            self.upstreams.iter().flat_map(|(_, upstream)| upstream.reached()).map(|reached| reached.to_string()).collect();
        reached.sort();
        reached.iter().chain(&got).for_each(|line| self.say(line));
        self.record
    }
}

fn write(path: &Path, value: &serde_json::Value) {
    std::fs::write(path, value.to_string()).unwrap();
}
