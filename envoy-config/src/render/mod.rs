//! One document as the files of Envoy and of the rate-limit service.
//!
//! What is written here is one wiring, whose parts need each other: the filter names the cluster of each attempt in filter state, the route's
//! matcher reads it again for every retry, a cluster's metadata tells the upstream position whose key to send, and the private status 598 is
//! the only answer that Envoy retries.

mod alone;
mod bootstrap;
mod chains;
mod clusters;
mod filter;
mod istio;
mod limits;
pub(crate) mod routes;
mod servers;
mod signing;

use std::path::{Path, PathBuf};

use weir_core::routing::Failover;

use self::filter::Position;
use crate::template::{commented, fill};
use crate::version::stamp;
use crate::{Problems, Source};

pub use istio::{IstioOptions, Module, ModuleFault, render_istio};

/// What a rendering needs beside the document.
#[derive(Clone, Debug)]
pub struct RenderOptions {
    /// The folder as Envoy will see it, absolute.
    pub folder: PathBuf,
    /// The module as Envoy will see it; `weir.wasm` in the folder if there is none.
    pub module: Option<PathBuf>,
    /// The document's own path: the files that it names stand beside it.
    pub document: PathBuf,
    /// The file of certificate authorities as Envoy will see it; this machine's own if there is none.
    pub authorities: Option<PathBuf>,
    /// Only the filter entries, for an Envoy that someone already runs.
    pub filter_only: bool,
    /// One filter alone, which holds no headers: providers by the document's `standalone`.
    pub standalone: bool,
    /// Who chooses the target behind one that failed: Envoys before 1.39 can only do it themselves.
    pub failover: Failover,
}

impl RenderOptions {
    /// The options of a folder, all else left to be found.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            module: None,
            document: PathBuf::new(),
            authorities: None,
            filter_only: false,
            standalone: false,
            failover: Failover::Clusters,
        }
    }
}

/// The files of a rendering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Paths below the folder, with their texts, in the order in which a running Envoy has to read them.
    pub files: Vec<(&'static str, String)>,
    /// The bootstrap with the watched files inlined, for `envoy --mode validate`.
    pub(crate) inlined: String,
    /// The environment variables that Envoy passes to the filter.
    pub env: Vec<String>,
}

/// The bootstrap.
pub(crate) const BOOTSTRAP: &str = "envoy.yaml";
/// The watched files.
pub(crate) const CLUSTERS: &str = "xds/clusters.yaml";
pub(crate) const ROUTES: &str = "xds/routes.yaml";
pub(crate) const UPSTREAM: &str = "xds/upstream.yaml";
pub(crate) const GATEWAY: &str = "xds/gateway.yaml";
pub(crate) const STANDALONE: &str = "xds/standalone.yaml";
/// The rate-limit service's rules.
pub(crate) const LIMITS: &str = "ratelimit/config/weir.yaml";
/// The bootstrap with the watched files inlined.
pub(crate) const INLINED: &str = "inlined.yaml";
/// The filter entries alone.
pub(crate) const FILTER: &str = "filter.yaml";

/// Istio's resources.
pub(crate) const ISTIO_FILTER: &str = "envoyfilter.yaml";
pub(crate) const ISTIO_METRICS: &str = "metrics.yaml";
pub(crate) const ISTIO_PLUGIN: &str = "wasmplugin.yaml";
pub(crate) const ISTIO_PROVIDERS: &str = "providers.yaml";
pub(crate) const ISTIO_CALLS: &str = "limits.yaml";

/// Renders the text of a document.
///
/// # Errors
/// The document's syntax or faults, or a file of this machine that is missing.
pub fn render_envoy(document: &str, options: &RenderOptions) -> Result<Rendered, Problems> {
    render(&Source::parse(document, &options.document)?, options)
}

impl Rendered {
    /// The same as one file, [`static_bootstrap`].
    #[must_use]
    pub fn inlined(self) -> Self {
        Self { files: vec![(INLINED, self.inlined.clone())], ..self }
    }
}

/// The bootstrap with the watched files inlined: Envoy's validation does not open them.
#[must_use]
pub fn static_bootstrap(rendered: &Rendered) -> &str {
    &rendered.inlined
}

/// Renders a document that was read before.
///
/// # Errors
/// A file of this machine that is missing.
pub(crate) fn render(source: &Source, options: &RenderOptions) -> Result<Rendered, Problems> {
    let gateway = &source.document.gateway;
    if options.standalone {
        alone::check(gateway)?;
    } else if options.failover == Failover::Priorities {
        chains::check(gateway)?;
    }
    let place = Place::new(source, options)?;
    let clusters = clusters::all(gateway, &place, &filter::discovered_by_cluster(Position::Upstream, &place));
    let whole_clusters = clusters::inlined(&clusters::all(gateway, &place, &filter::inlined(Position::Upstream, source, &place)));
    let routes = routes::configuration(&source.document, &place);
    let limits = limits::rules(gateway);
    let mut files = Vec::new();
    if options.filter_only {
        files.push((FILTER, only_filter(source, &place, &whole_clusters)));
    } else {
        let (about_clusters, about_routes) = place.about();
        files.push((BOOTSTRAP, bootstrap::watching(source, &place)));
        files.push((
            CLUSTERS,
            versioned(include_str!("../../templates/clusters.yaml"), &[("about", about_clusters), ("clusters", &clusters)]),
        ));
        files
            .push((ROUTES, versioned(include_str!("../../templates/routes.yaml"), &[("about", about_routes), ("configuration", &routes)])));
        files.extend(place.positions().iter().map(|position| (position.file(), filter::discovery(*position, source, &place))));
    }
    files.extend(limits.map(|rules| (LIMITS, rules)));
    let inlined = bootstrap::inlined(source, &place, &whole_clusters, &routes);
    Ok(Rendered { files, inlined, env: gateway.wants_env.clone() })
}

/// Fills a discovery file, its version from the rest of its content.
fn versioned(template: &str, fillings: &[(&str, &str)]) -> String {
    stamp(&fill(template, fillings))
}

fn only_filter(source: &Source, place: &Place, clusters: &str) -> String {
    let route = commented(&routes::route(&source.document.gateway, false, place));
    let gateway = filter::wasm(filter::Position::Gateway, source, place);
    let upstream = filter::wasm(filter::Position::Upstream, source, place);
    let fillings = [
        ("gateway_name", &*crate::quote::quoted(weir_core::names::ROOT_GATEWAY)),
        ("upstream_name", &*crate::quote::quoted(weir_core::names::ROOT_UPSTREAM)),
        ("gateway", &gateway),
        ("upstream", &upstream),
        ("route", &route),
        ("clusters", &commented(clusters)),
        ("log_format", &crate::quote::quoted(&bootstrap::log_format())),
        ("stats", &commented(&fill("stats_config:\n  stats_tags:\n  {{tags}}\n", &[("tags", &bootstrap::stats_tags())]))),
    ];
    fill(include_str!("../../templates/only_filter.yaml"), &fillings)
}

/// Where things are, as Envoy sees them, and which form they have.
#[derive(Clone, Debug)]
struct Place {
    folder: PathBuf,
    /// The module, as Envoy's `code`.
    code: String,
    /// Beside the document, for the files that it names.
    beside: PathBuf,
    /// Empty if no provider needs it.
    authorities: PathBuf,
    failover: Failover,
    /// Direct twins are there: the route leads to them.
    twins: bool,
    /// There is but the standalone position.
    alone: bool,
}

/// Where distributions keep the certificate authorities: Debian and Alpine, Red Hat, SUSE, macOS.
const AUTHORITIES: [&str; 4] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"];

impl Place {
    fn new(source: &Source, options: &RenderOptions) -> Result<Self, Problems> {
        let authorities = match &options.authorities {
            Some(path) => path.clone(),
            None if clusters::need_tls(&source.document.gateway) => {
                let found = AUTHORITIES.into_iter().map(Path::new).find(|path| path.is_file());
                found.ok_or(Problems::NoAuthorities)?.to_owned()
            }
            None => PathBuf::new(),
        };
        let module = options.module.clone().unwrap_or_else(|| options.folder.join("weir.wasm"));
        let code = format!("{{ local: {{ filename: {} }} }}", quoted_path(&module));
        let beside = options.document.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self {
            folder: options.folder.clone(),
            code,
            beside,
            authorities,
            failover: options.failover,
            twins: true,
            alone: options.standalone,
        })
    }

    /// The positions that are filled, in the order in which they come into force.
    fn positions(&self) -> &'static [Position] {
        if self.alone { &[Position::Standalone] } else { &[Position::Upstream, Position::Gateway] }
    }

    /// What the files of clusters and of routes hold.
    fn about(&self) -> (&'static str, &'static str) {
        if self.alone {
            (
                "each provider's host, and the rate-limit service.",
                "The filter writes the provider's own host, by which Envoy picks the route anew.",
            )
        } else {
            (
                "each provider, its direct twin without Weir's upstream position, where unknown names go, and the rate-limit service.",
                "The value of the filter state is the name of a cluster; one that does not stand here goes to the cluster that refuses.",
            )
        }
    }

    /// The position in the listener's filter chain.
    fn in_listener(&self) -> Position {
        if self.alone { Position::Standalone } else { Position::Gateway }
    }
}

/// A path as a YAML string.
fn quoted_path(path: &Path) -> String {
    crate::quote::quoted(&path.to_string_lossy())
}
