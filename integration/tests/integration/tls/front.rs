//! TLS in front of simulated providers: an Envoy of the providers' side, without Weir, that says how it was reached.
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use weir_integration::process::{self, Process};
use weir_integration::{client, fetch};

use super::authority::Certificate;

const START: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(20);

/// One port with a certificate, and the plain server behind it.
pub struct Door {
    pub name: &'static str,
    pub port: u16,
    certificate: Certificate,
    /// What it offers in the handshake (ALPN), such as `"h2", "http/1.1"`.
    protocols: &'static str,
    to: SocketAddr,
}

impl Door {
    pub fn new(name: &'static str, certificate: Certificate, protocols: &'static str, to: SocketAddr) -> Self {
        Self { name, port: process::free_port(), certificate, protocols, to }
    }
}

/// The running Envoy.
pub struct Front {
    process: Process,
}

impl Front {
    pub fn start(folder: &Path, doors: &[Door]) -> Self {
        let admin = SocketAddr::from(([127, 0, 0, 1], process::free_port()));
        let (listeners, clusters): (String, String) = doors.iter().map(|door| (listener(door), cluster(door))).unzip();
        let bootstrap = format!(
            "admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {} }} }} }}\nstatic_resources:\n  listeners:\n{listeners}  clusters:\n{clusters}",
            admin.port()
        );
        std::fs::write(folder.join("front.yaml"), bootstrap).unwrap();
        let mut envoy = Command::new(fetch::envoy::binary().unwrap());
        envoy.arg("-c").arg(folder.join("front.yaml")).args(["--use-dynamic-base-id", "--concurrency", "1"]);
        envoy.args(["--file-flush-interval-msec", "20", "--log-level", "warning"]);
        let mut process = Process::start("front", &envoy, folder).unwrap();
        process.wait_until(START, || client::text(admin, "/ready").trim() == "LIVE").unwrap_or_else(|trouble| panic!("{trouble}"));
        Self { process }
    }

    /// Waits for `count` requests; of each the door, the name that the handshake asked for (SNI) and the protocol.
    pub fn wait(&self, count: usize) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let lines: Vec<String> = self.process.output_text().lines().map(str::to_owned).collect();
            if lines.len() >= count {
                return lines;
            }
            assert!(Instant::now() < deadline, "{lines:?} instead of {count} requests; {}", self.process.errors_text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn listener(door: &Door) -> String {
    let Door { name, port, certificate, protocols, .. } = door;
    let (chain, key) = (certificate.chain.display(), certificate.key.display());
    format!(
        r#"  - name: {name}
    address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    # It reads the handshake's name for the log.
    listener_filters: [ {{ name: envoy.filters.listener.tls_inspector, typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector }} }} ]
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: {name}
          route_config: {{ virtual_hosts: [ {{ name: all, domains: [ "*" ], routes: [ {{ match: {{ prefix: "/" }}, route: {{ cluster: {name}, timeout: 0s }} }} ] }} ] }}
          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: /dev/stdout
              log_format: {{ text_format_source: {{ inline_string: "{name} %REQUESTED_SERVER_NAME% %PROTOCOL%\n" }} }}
          http_filters: [ {{ name: envoy.filters.http.router, typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }} }} ]
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [ {protocols} ]
            tls_certificates: [ {{ certificate_chain: {{ filename: "{chain}" }}, private_key: {{ filename: "{key}" }} }} ]
"#
    )
}

fn cluster(door: &Door) -> String {
    let (name, address, port) = (door.name, door.to.ip(), door.to.port());
    format!(
        "  - name: {name}\n    type: STATIC\n    load_assignment: {{ cluster_name: {name}, endpoints: [ {{ lb_endpoints: [ {{ endpoint: {{ address: {{ socket_address: {{ address: \"{address}\", port_value: {port} }} }} }} }} ] }} ] }}\n"
    )
}
