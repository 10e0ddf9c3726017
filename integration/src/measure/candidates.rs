//! What is measured: Envoy alone, with a filter that does nothing, and with Weir; each a running process.
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use weir_core::routing::Failover;

use super::bytes;
use super::load::{Load, Upstream};
use super::source::Source;
use crate::gateway::{self, Settings};
use crate::limiter::{Clock, Limiter};
use crate::process::{self, Process};
use crate::{client, fetch, paths, trouble::Trouble, wasm};

/// Envoy with a module starts in 15 s under valgrind on an idle machine.
const START: Duration = Duration::from_secs(300);

/// One configuration of Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Candidate {
    /// A route to the provider and an access log.
    Alone,
    /// The same with an empty filter in the listener's chain.
    Empty,
    /// The same with the empty filter in the upstream chain too: Weir's shape without its work.
    EmptyTwice,
    /// The same, where the filter in the upstream chain holds the head of a stream until its first content.
    Holding,
    /// Weir in both positions, with identity, credential, a budget far from its limit, usage, metrics and log record.
    Weir,
}

/// One Envoy that runs.
pub struct Running {
    pub process: Process,
    /// Holds its configuration and its outputs.
    pub folder: PathBuf,
    pub load: Load,
    /// Lives as long as the Envoy that asks it.
    _limiter: Option<Limiter>,
}

impl Candidate {
    /// Starts Envoy; returns before it is ready, so that all of them start at the same time. `weir` is the command that renders.
    pub fn start(self, source: Source, upstream: &Upstream, weir: &Path) -> Result<Starting, Trouble> {
        let folder = paths::fresh_run("measure")?;
        let [listener, admin] = [process::free_port(), process::free_port()].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let limiter = match self {
            Self::Weir => Some(render(&folder, weir, upstream.address(), [listener, admin])?),
            Self::Alone | Self::Empty | Self::EmptyTwice | Self::Holding => {
                let text = self.envoy()?.replace("UPSTREAM", &upstream.address().port().to_string());
                let text = text.replace("LISTENER", &listener.port().to_string()).replace("ADMIN", &admin.port().to_string());
                write(&folder.join("envoy.yaml"), &text)?;
                None
            }
        };
        let mut command = source.command(&fetch::envoy::binary()?, &folder);
        command.arg("-c").arg(folder.join("envoy.yaml")).args(["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "error"]);
        command.env(KEY, "sk-measured");
        let process = Process::start("envoy", &command, &folder)?;
        Ok(Starting { process, folder, limiter, listener, admin })
    }

    fn envoy(self) -> Result<String, Trouble> {
        let [down, up] = match self {
            Self::Empty => [empty_filter("down", "empty")?, String::new()],
            Self::EmptyTwice => [empty_filter("down", "empty")?, empty_filter("up", "empty")?],
            Self::Holding => [empty_filter("down", "empty")?, empty_filter("up", "holding")?],
            Self::Alone | Self::Weir => [String::new(), String::new()],
        };
        let codec = "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec";
        let codec = format!("{{ name: codec, typed_config: {{ \"@type\": type.googleapis.com/{codec} }} }}");
        let up = if up.is_empty() { up } else { format!(", upstream_http_filters: [ {up}, {codec} ]") };
        let down = if down.is_empty() { down } else { format!("\n          - {down}") };
        Ok(ENVOY.replace("DOWN", &down).replace("UP_FILTERS", &up))
    }
}

/// One Envoy that may not be ready yet.
pub struct Starting {
    process: Process,
    folder: PathBuf,
    limiter: Option<Limiter>,
    listener: SocketAddr,
    admin: SocketAddr,
}

impl Starting {
    /// Waits until it is LIVE and opens the client's connections.
    pub fn ready(mut self) -> Result<Running, Trouble> {
        self.process.wait_until(START, || client::text(self.admin, "/ready").trim() == "LIVE")?;
        self.process.wait_until(START, || process::answers(self.listener))?;
        let load = Load::open(self.listener).map_err(|e| Trouble::new(format!("cannot connect to Envoy: {e}"), ""))?;
        Ok(Running { process: self.process, folder: self.folder, load, _limiter: self.limiter })
    }
}

/// Renders Weir's configuration into the folder and starts the rate-limit service that it asks.
fn render(folder: &Path, weir: &Path, upstream: SocketAddr, [listener, admin]: [SocketAddr; 2]) -> Result<Limiter, Trouble> {
    let limits = SocketAddr::from((Ipv4Addr::LOCALHOST, process::free_port()));
    let document = DOCUMENT.replace("UPSTREAM", &upstream.to_string()).replace("LIMITS", &limits.to_string());
    let document = document.replace("LISTENER", &listener.to_string()).replace("ADMIN", &admin.to_string());
    write(&folder.join("document.yaml"), &document)?;
    let settings = Settings {
        name: "measure".into(),
        module: wasm::path(),
        weir: weir.to_owned(),
        environment: Vec::new(),
        ports: None,
        workers: 1,
        listen: String::new(),
        authorities: None,
        failover: Failover::Clusters,
        resolver: None,
        standalone: false,
    };
    gateway::render(&settings, folder, &[])?;
    let path = folder.join("ratelimit/config/weir.yaml");
    let rules = std::fs::read_to_string(&path).map_err(|e| Trouble::io("cannot read", &path, &e))?;
    let cannot = |e: std::io::Error| Trouble::new(format!("the rate-limit service cannot start: {e}"), "");
    Limiter::start(&limits.to_string(), &rules, Clock::System).map_err(cannot)
}

/// The empty filter's configuration; rustc compiles it here, with `kind` as what is configured.
fn empty_filter(name: &str, kind: &str) -> Result<String, Trouble> {
    let source = paths::workspace().join("integration/src/measure/empty.rs");
    let built = paths::target().join(format!("{kind}-filter.wasm"));
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.current_dir(paths::workspace()).args(["--edition=2024", "--target=wasm32-wasip1", "--crate-type=cdylib", "-O", "--cfg", kind]);
    rustc.env("BEFORE", bytes::CHAT.before.len().to_string());
    let output = rustc.arg(&source).arg("-o").arg(&built).output().map_err(|e| Trouble::new(format!("cannot run rustc: {e}"), ""))?;
    if !output.status.success() {
        return Err(Trouble::new(format!("the empty filter does not compile:\n{}", String::from_utf8_lossy(&output.stderr)), ""));
    }
    Ok(EMPTY.replace("NAME", name).replace("KIND", kind).replace("MODULE", &built.display().to_string()))
}

fn write(path: &Path, text: &str) -> Result<(), Trouble> {
    std::fs::write(path, text).map_err(|error| Trouble::io("cannot write", path, &error))
}

/// Holds the provider's key for Weir.
const KEY: &str = "WEIR_MEASURED_KEY";

const DOCUMENT: &str = r#"version: 1
listen: { address: "LISTENER", admin: "ADMIN" }
providers:
  chat: { kind: openai-compatible, endpoint: "http://UPSTREAM/v1", speaks: [chat], auth: { bearer: { env: WEIR_MEASURED_KEY } } }
  messages: { kind: anthropic, endpoint: "http://UPSTREAM", auth: { api_key: { env: WEIR_MEASURED_KEY } } }
  spare: { kind: openai-compatible, endpoint: "http://UPSTREAM/v1", speaks: [chat], auth: { bearer: { env: WEIR_MEASURED_KEY } } }
models:
  - { name: passed, targets: [ { provider: chat, model: gpt-5 }, { provider: spare, priority: 1 } ] }
  - { name: translated, targets: [ { provider: messages, model: claude-sonnet-5 }, { provider: spare, priority: 1 } ] }
  - { name: passed-alone, targets: [ { provider: chat, model: gpt-5 } ] }
  - { name: translated-alone, targets: [ { provider: messages, model: claude-sonnet-5 } ] }
identity:
  team: { header: x-team, trusted: true }
limits:
  service: { endpoint: "http://LIMITS/json", timeout: 250ms }
  budgets:
    - { name: team-hour, key: [team, model], tokens: 1_000_000_000, per: hour, mode: check, on_failure: allow }
"#;

const EMPTY: &str = r#"{ name: empty, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm, config: { name: NAME, root_id: NAME, allow_on_headers_stop_iteration: true, vm_config: { runtime: envoy.wasm.runtime.v8, vm_id: KIND, code: { local: { filename: "MODULE" } } } } } }"#;

const ENVOY: &str = r#"admin: { address: { socket_address: { address: 127.0.0.1, port_value: ADMIN } } }
static_resources:
  listeners:
  - name: measured
    address: { socket_address: { address: 127.0.0.1, port_value: LISTENER } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: measured
          access_log:
          - name: envoy.access_loggers.file
            typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /dev/stdout }
          route_config: { virtual_hosts: [ { name: all, domains: [ "*" ], routes: [ { match: { prefix: "/" }, route: { cluster: provider, timeout: 0s } } ] } ] }
          http_filters:DOWN
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router UP_FILTERS }
  clusters:
  - name: provider
    type: STATIC
    load_assignment: { cluster_name: provider, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: UPSTREAM } } } } ] } ] }
"#;
