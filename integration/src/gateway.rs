//! A real Envoy that serves one document: rendered by the `weir` command, started on the loopback address, watched, stopped.
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use weir_core::routing::Failover;

use crate::client::{self, Connection};
use crate::limiter::{Clock, Limiter};
use crate::process::{self, Process};
use crate::{fetch, paths, trouble::Trouble};

/// V8 compiles the module at start: two workers and the main thread on a busy machine of two cores.
const START: Duration = Duration::from_secs(60);
/// How long names may take to resolve.
const RESOLVED: Duration = Duration::from_secs(15);
/// How long a log line or a statistic may take to appear; Envoy flushes the log every 20 ms here.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a gateway is made of besides its document.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Names the folder of the run.
    pub name: String,
    pub module: PathBuf,
    pub weir: PathBuf,
    /// Set for Envoy besides this process's own environment; the module sees of it what the document names.
    pub environment: Vec<(String, String)>,
    /// Listener and admin; free ones where absent.
    pub ports: Option<(u16, u16)>,
    pub workers: u32,
    /// Further members of the document's `listen`, such as `cors: [ "*" ]`.
    pub listen: String,
    /// Certificate authorities of providers over TLS; this machine's own where absent.
    pub authorities: Option<PathBuf>,
    /// Who chooses the target behind one that failed.
    pub failover: Failover,
    /// The name server that Envoy asks; the machine's own where absent.
    pub resolver: Option<SocketAddr>,
    /// One filter alone, which holds no headers; `failover` says nothing then.
    pub standalone: bool,
}

/// One running Envoy.
#[derive(Debug)]
pub struct Gateway {
    settings: Settings,
    pub listener: SocketAddr,
    pub admin: SocketAddr,
    /// Holds `document.yaml` and what was rendered from it.
    pub folder: PathBuf,
    pub process: Process,
}

impl Gateway {
    /// Renders `document` (YAML without `listen`) and starts Envoy; returns when it is LIVE.
    pub fn start(document: &str, settings: &Settings) -> Result<Self, Trouble> {
        Self::start_changed(document, settings, |_| ())
    }

    /// The same with a change to what was rendered, which lies in the folder that `change` is given.
    pub fn start_changed(document: &str, settings: &Settings, change: impl FnOnce(&Path)) -> Result<Self, Trouble> {
        let folder = paths::fresh_run(&settings.name)?;
        let (listener, admin) = settings.ports.unwrap_or_else(|| (process::free_port(), process::free_port()));
        let (listener, admin) = (SocketAddr::from((Ipv4Addr::LOCALHOST, listener)), SocketAddr::from((Ipv4Addr::LOCALHOST, admin)));
        write_document(&folder, document, &settings.listen, listener, admin)?;
        render(settings, &folder, &[])?;
        change(&folder);
        let process = start_envoy(settings, &folder)?;
        let mut gateway = Self { settings: settings.clone(), listener, admin, folder, process };
        gateway.process.wait_until(START, || client::text(admin, "/ready").trim() == "LIVE")?;
        gateway.process.wait_until(START, || process::answers(listener))?;
        Ok(gateway)
    }

    /// Waits until the names of these providers are resolved: Envoy is LIVE before, and answers 503 until it has their addresses.
    ///
    /// Where Weir chooses the clusters each has its tombstone from the start, so a second member is the sign.
    pub fn wait_resolved(&mut self, providers: &[&str]) -> Result<(), Trouble> {
        let admin = self.admin;
        let members = |stats: &str, provider: &str| {
            let name = format!("cluster.{provider}.membership_total: ");
            stats.lines().find_map(|line| line.strip_prefix(&name)?.parse::<u64>().ok()).unwrap_or(0)
        };
        let tombstones = u64::from(self.settings.failover == Failover::Clusters && !self.settings.standalone);
        self.process.wait_until(RESOLVED, || {
            let stats = client::text(admin, "/stats");
            providers.iter().all(|provider| members(&stats, provider) > tombstones)
        })
    }

    /// Renders another document into the running Envoy, file by file, as an operator does: what the command said.
    pub fn apply(&self, document: &str) -> Result<Output, Trouble> {
        write_document(&self.folder, document, &self.settings.listen, self.listener, self.admin)?;
        command(&self.settings, &self.folder, &["--admin", &self.admin.to_string()])
            .output()
            .map_err(|e| Trouble::new(format!("cannot run weir: {e}"), ""))
    }

    /// The embedded rate-limit service with the rules that were rendered from this document.
    pub fn limiter(&self, address: &str) -> Result<Limiter, Trouble> {
        let path = self.folder.join("ratelimit/config/weir.yaml");
        let rules = std::fs::read_to_string(&path).map_err(|e| Trouble::io("cannot read", &path, &e))?;
        Limiter::start(address, &rules, Clock::System).map_err(|e| Trouble::new(format!("the rate-limit service cannot start: {e}"), ""))
    }

    /// A new connection to the listener.
    pub fn connect(&self) -> Connection {
        Connection::open(self.listener).expect("Envoy listens")
    }

    /// The access log so far, each line parsed.
    pub fn log(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("the access log holds no JSON ({e}): {line}"));
        let text = self.process.output_text();
        let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
        whole.lines().map(parse).collect()
    }

    /// Waits until the access log has `count` lines; those lines.
    pub fn wait_log(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let lines = self.log();
            if lines.len() >= count {
                return lines;
            }
            assert!(Instant::now() < deadline, "{} log lines instead of {count}; Envoy says:\n{}", lines.len(), self.process.errors_text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the access log has a line of which `wanted` holds; that line.
    pub fn wait_line(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let lines = self.log();
            if let Some(line) = lines.iter().find(|line| wanted(line)) {
                return line.clone();
            }
            assert!(Instant::now() < deadline, "no log line of {what}: {lines:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The value of one statistic, by its full name in `/stats`.
    pub fn stat(&self, name: &str) -> Option<u64> {
        let text = client::text(self.admin, "/stats");
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")?.trim().parse().ok())
    }

    /// Every statistic whose name begins with `prefix`.
    pub fn stats(&self, prefix: &str) -> Vec<(String, String)> {
        let text = client::text(self.admin, "/stats");
        let pairs = text.lines().filter(|line| line.starts_with(prefix)).filter_map(|line| line.split_once(": "));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// What Envoy and the module logged.
    pub fn words(&self) -> String {
        self.process.errors_text()
    }
}

/// Renders the document in `folder` for a first start.
pub fn render(settings: &Settings, folder: &Path, more: &[&str]) -> Result<(), Trouble> {
    let output = command(settings, folder, more).output().map_err(|e| Trouble::new(format!("cannot run weir: {e}"), ""))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Trouble::new(format!("weir render envoy: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)), ""))
}

/// Starts Envoy on what lies in `folder`, without waiting.
pub fn start_envoy(settings: &Settings, folder: &Path) -> Result<Process, Trouble> {
    let mut envoy = Command::new(fetch::envoy::binary()?);
    envoy.arg("-c").arg(folder.join("envoy.yaml")).args(["--use-dynamic-base-id", "--reject-unknown-dynamic-fields"]);
    envoy.args(["--concurrency", &settings.workers.to_string(), "--file-flush-interval-msec", "20"]);
    envoy.args(["--log-level", "warning", "--component-log-level", "wasm:info,config:info"]);
    if let Some(resolver) = settings.resolver {
        // Merged into the file's own.
        envoy.arg("--config-yaml").arg(asking(resolver));
    }
    for (name, value) in &settings.environment {
        envoy.env(name, value);
    }
    Process::start("envoy", &envoy, folder)
}

/// The bootstrap's word about who is asked for names: this server alone, for each name as it stands.
fn asking(resolver: SocketAddr) -> String {
    let (address, port) = (resolver.ip(), resolver.port());
    format!(
        r#"typed_dns_resolver_config: {{ name: envoy.network.dns_resolver.cares, typed_config: {{ "@type": type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig, resolvers: [ {{ socket_address: {{ address: "{address}", port_value: {port} }} }} ], dns_resolver_options: {{ no_default_search_domain: true }} }} }}"#
    )
}

/// The `weir render envoy` call for the document in `folder`.
pub fn command(settings: &Settings, folder: &Path, more: &[&str]) -> Command {
    let mut weir = Command::new(&settings.weir);
    weir.args(["render", "envoy"]).arg(folder.join("document.yaml")).arg("-o").arg(folder);
    weir.arg("--module").arg(&settings.module).args(more).stdin(Stdio::null());
    if settings.standalone {
        weir.arg("--standalone");
    } else {
        weir.args(["--failover", failover_word(settings.failover)]);
    }
    if let Some(authorities) = &settings.authorities {
        weir.arg("--ca").arg(authorities);
    }
    weir
}

fn failover_word(failover: Failover) -> &'static str {
    match failover {
        Failover::Clusters => "clusters",
        Failover::Priorities => "priorities",
    }
}

fn write_document(folder: &Path, document: &str, more: &str, listener: SocketAddr, admin: SocketAddr) -> Result<(), Trouble> {
    let path = folder.join("document.yaml");
    let listen = format!("listen: {{ address: \"{listener}\", admin: \"{admin}\", {more} }}\n");
    std::fs::write(&path, format!("{document}\n{listen}")).map_err(|e| Trouble::io("cannot write", &path, &e))
}
