//! What is measured: Envoy alone, with a filter that does nothing, and with Weir in its two ways.

use crate::gateway::{self, Settings};
use crate::{paths, trouble::Trouble};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One configuration of Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Candidate {
    /// Envoy with a route to the provider and an access log.
    Alone,
    /// The same with an empty Wasm filter in the listener's chain.
    Empty,
    /// Weir with a provider of the client's format: bytes pass.
    Passing,
    /// Weir with a provider of another format: translated.
    Translating,
}

impl Candidate {
    /// In the order of the table.
    pub const ALL: [Self; 4] = [Self::Alone, Self::Empty, Self::Passing, Self::Translating];

    /// The row's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alone => "Envoy alone",
            Self::Empty => "an empty Wasm filter, one position",
            Self::Passing => "Weir, bytes pass (chat to chat)",
            Self::Translating => "Weir, translating (chat to messages)",
        }
    }

    /// Writes its configuration into a fresh folder and gives the folder.
    pub fn prepare(
        self,
        module: &Path,
        weir: &Path,
        upstream: SocketAddr,
        listener: SocketAddr,
        admin: SocketAddr,
    ) -> Result<PathBuf, Trouble> {
        let folder = paths::fresh_run("measure")?;
        let filter = match self {
            Self::Alone => String::new(),
            Self::Empty => EMPTY_FILTER.replace("MODULE", &empty_module()?.display().to_string()),
            Self::Passing | Self::Translating => {
                let kind = if self == Self::Passing { "openai-compatible" } else { "anthropic" };
                let base = if self == Self::Passing { "/v1" } else { "" };
                let document = format!(
                    "version: 1\nproviders:\n  p: {{ kind: {kind}, endpoint: \"http://{upstream}{base}\" }}\nmodels:\n  - {{ name: m, targets: [ {{ provider: p, model: m }} ] }}\nlisten: {{ address: \"{listener}\", admin: \"{admin}\" }}\n"
                );
                write(&folder.join("document.yaml"), &document)?;
                let settings = Settings {
                    name: "measure".into(),
                    module: module.to_owned(),
                    weir: weir.to_owned(),
                    environment: Vec::new(),
                    ports: None,
                    workers: 1,
                    listen: String::new(),
                };
                gateway::render(&settings, &folder, &[])?;
                return Ok(folder);
            }
        };
        let text = ALONE.replace("FILTER", &filter).replace("UPSTREAM", &upstream.port().to_string());
        let text = text.replace("LISTENER", &listener.port().to_string()).replace("ADMIN", &admin.port().to_string());
        write(&folder.join("envoy.yaml"), &text)?;
        Ok(folder)
    }
}

fn write(path: &Path, text: &str) -> Result<(), Trouble> {
    std::fs::write(path, text).map_err(|error| Trouble::io("cannot write", path, &error))
}

/// A module whose callbacks do nothing, compiled here.
fn empty_module() -> Result<PathBuf, Trouble> {
    let source = paths::target().join("empty-filter.rs");
    let built = source.with_extension("wasm");
    write(&source, EMPTY_MODULE)?;
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition=2024", "--target=wasm32-wasip1", "--crate-type=cdylib", "-O"]).arg(&source).arg("-o").arg(&built);
    match rustc.status() {
        Ok(status) if status.success() => Ok(built),
        Ok(_) | Err(_) => Err(Trouble::new("the empty filter does not compile", "is rustc's target wasm32-wasip1 there?")),
    }
}

const EMPTY_MODULE: &str = r#"//! A filter that does nothing.
#[unsafe(no_mangle)] extern "C" fn proxy_abi_version_0_2_1() {}
#[unsafe(no_mangle)] extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 { core::mem::ManuallyDrop::new(Vec::<u8>::with_capacity(size)).as_mut_ptr() }
#[unsafe(no_mangle)] extern "C" fn proxy_on_vm_start(_: u32, _: usize) -> i32 { 1 }
#[unsafe(no_mangle)] extern "C" fn proxy_on_configure(_: u32, _: usize) -> i32 { 1 }
#[unsafe(no_mangle)] extern "C" fn proxy_on_context_create(_: u32, _: u32) {}
#[unsafe(no_mangle)] extern "C" fn proxy_on_request_headers(_: u32, _: u32, _: u32) -> i32 { 0 }
#[unsafe(no_mangle)] extern "C" fn proxy_on_request_body(_: u32, _: usize, _: u32) -> i32 { 0 }
#[unsafe(no_mangle)] extern "C" fn proxy_on_response_headers(_: u32, _: u32, _: u32) -> i32 { 0 }
#[unsafe(no_mangle)] extern "C" fn proxy_on_response_body(_: u32, _: usize, _: u32) -> i32 { 0 }
#[unsafe(no_mangle)] extern "C" fn proxy_on_done(_: u32) -> i32 { 1 }
#[unsafe(no_mangle)] extern "C" fn proxy_on_log(_: u32) {}
#[unsafe(no_mangle)] extern "C" fn proxy_on_delete(_: u32) {}
"#;

const EMPTY_FILTER: &str = r#"
          - name: empty
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config: { name: empty, root_id: empty, vm_config: { runtime: envoy.wasm.runtime.v8, vm_id: empty, code: { local: { filename: "MODULE" } } } }"#;

const ALONE: &str = r#"node: { id: "measure", cluster: "measure" }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: ADMIN } } }
static_resources:
  listeners:
  - name: l
    address: { socket_address: { address: 127.0.0.1, port_value: LISTENER } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: l
          access_log:
          - name: envoy.access_loggers.file
            typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /dev/stdout }
          route_config: { name: r, virtual_hosts: [ { name: v, domains: [ "*" ], routes: [ { match: { prefix: "/" }, route: { cluster: p, timeout: 0s } } ] } ] }
          http_filters:FILTER
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  clusters:
  - { name: p, type: STATIC, connect_timeout: 3s, load_assignment: { cluster_name: p, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: UPSTREAM } } } } ] } ] } }
"#;
