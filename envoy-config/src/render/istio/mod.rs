//! One document as Istio's resources: patches for both positions, or a `WasmPlugin` where the document has `standalone`.

mod both;
mod module;
mod standalone;

use std::path::PathBuf;

use weir_core::routing::Failover;

pub use module::{Module, ModuleFault};

use super::{ISTIO_CALLS, ISTIO_FILTER, ISTIO_METRICS, ISTIO_PLUGIN, ISTIO_PROVIDERS, LIMITS, Place, Rendered, bootstrap, chains, limits};
use crate::quote::quoted;
use crate::template::fill;
use crate::{Problems, Source};

/// What a rendering for Istio needs beside the document.
#[derive(Clone, Debug)]
pub struct IstioOptions {
    /// The document's own path: the files that it names stand beside it.
    pub document: PathBuf,
    /// The host that clients ask.
    pub host: String,
    /// The port of the `Gateway`'s server; every server's if there is none.
    pub port: Option<u16>,
    /// The namespace of the gateway's workload.
    pub namespace: String,
    /// A `Gateway` to which the providers' hosts are bound, as `NAMESPACE/NAME`.
    pub gateway: String,
    /// The labels of the gateway's workload, names and values.
    pub selector: Vec<(String, String)>,
    /// Where the proxies get the module.
    pub module: Module,
    /// The file of certificate authorities in the proxy's image.
    pub authorities: PathBuf,
    /// Who chooses the target behind one that failed.
    pub failover: Failover,
}

impl IstioOptions {
    /// Options for Istio's own ingress gateway.
    #[must_use]
    pub fn new(host: impl Into<String>, module: Module) -> Self {
        Self {
            document: PathBuf::new(),
            host: host.into(),
            port: None,
            namespace: "istio-system".to_owned(),
            gateway: "istio-system/weir".to_owned(),
            selector: vec![("istio".to_owned(), "ingressgateway".to_owned())],
            module,
            authorities: super::AUTHORITIES.iter().map(PathBuf::from).next().unwrap_or_default(),
            failover: Failover::Priorities,
        }
    }

    /// A template with what stands in every resource, and more.
    fn fill(&self, template: &str, more: Vec<(&'static str, String)>) -> String {
        let labels: Vec<String> = self.selector.iter().map(|(name, value)| format!("{}: {}", quoted(name), quoted(value))).collect();
        let mut all = more;
        all.push(("namespace", quoted(&self.namespace)));
        all.push(("labels", labels.join(", ")));
        all.push(("host", quoted(&self.host)));
        all.push(("gateway", quoted(&self.gateway)));
        let all: Vec<(&str, &str)> = all.iter().map(|(name, text)| (*name, &**text)).collect();
        fill(template, &all)
    }
}

/// Renders the text of a document for Istio.
///
/// # Errors
/// The document's syntax or faults, or what the form cannot do.
pub fn render_istio(document: &str, options: &IstioOptions) -> Result<Rendered, Problems> {
    let source = Source::parse(document, &options.document)?;
    let gateway = &source.document.gateway;
    let mut files = Vec::new();
    if gateway.standalone.is_some() {
        files.push((ISTIO_PROVIDERS, standalone::providers(gateway, options)?));
        files.extend(standalone::calls(gateway, options).map(|calls| (ISTIO_CALLS, calls)));
        files.push((ISTIO_PLUGIN, standalone::plugin(&source, options)));
    } else {
        if options.failover == Failover::Priorities {
            chains::check(gateway)?;
        }
        files.push((ISTIO_FILTER, both::filter(&source, options)));
    }
    let metrics = options.fill(include_str!("../../../templates/istio/metrics.yaml"), vec![("tags", bootstrap::stats_tags())]);
    files.push((ISTIO_METRICS, metrics));
    files.extend(limits::rules(gateway).map(|rules| (LIMITS, rules)));
    Ok(Rendered { files, inlined: String::new(), env: gateway.wants_env.clone() })
}

/// Where things are in the proxy.
fn place(options: &IstioOptions) -> Place {
    Place {
        folder: PathBuf::new(),
        code: options.module.code(),
        beside: PathBuf::new(),
        authorities: options.authorities.clone(),
        failover: options.failover,
        twins: false,
        alone: false,
    }
}

/// Every list entry of a text as a patch that adds a cluster; comments stand in front of their patch.
fn cluster_patches(entries: &str) -> String {
    let mut text = String::new();
    let mut lines = entries.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(first) = line.strip_prefix("- ") else {
            text.push_str(&format!("{line}\n"));
            continue;
        };
        let mut cluster = format!("{first}\n");
        while let Some(more) = lines.next_if(|line| line.starts_with("  ")) {
            cluster.push_str(&format!("{}\n", more.strip_prefix("  ").unwrap_or(more)));
        }
        text.push_str(&fill(include_str!("../../../templates/istio/cluster.yaml"), &[("cluster", &cluster)]));
    }
    text
}
