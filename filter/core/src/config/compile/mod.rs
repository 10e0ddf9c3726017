//! From the tree of a document to what the filter and the renderer read.
//!
//! The walk of `shape` has refused what cannot be read, so a reading here that finds nothing only leaves the entry out: its fault is recorded.

mod demands;
mod google;
mod limits;
mod listen;
mod models;
mod patience;
mod providers;
mod servers;
mod standalone;

pub use listen::{Listen, Tls};

use std::collections::BTreeSet;

use super::document::DOCUMENT;
use super::errors::{ConfigErrors, Fault, Faults, Path};
use super::gateway::{Caps, Gateway};
use super::shape::{Value, check};
use super::tree::Tree;
use super::{ConfigError, scalar};
use crate::providers::{Credential, ProviderId, SecretRef};

/// A whole document: the part that only the renderer reads, and the part that the filter reads.
#[derive(Clone, Debug)]
pub struct Document {
    /// The listener.
    pub listen: Listen,
    /// All else.
    pub gateway: Gateway,
}

/// Compiles the JSON text of a document, as the filter gets it.
///
/// # Errors
/// Every fault that can be found, each with its path.
pub fn compile(json: &str) -> Result<Gateway, ConfigErrors> {
    let tree: Tree = serde_json::from_str(json)
        .map_err(|error| ConfigErrors(vec![ConfigError { path: String::new(), what: Fault::Syntax(error.to_string()) }]))?;
    Document::read(&tree).map(|document| document.gateway)
}

impl Document {
    /// Compiles a document that was parsed from whatever it was written in.
    ///
    /// # Errors
    /// Every fault that can be found, each with its path.
    pub fn read(tree: &Tree) -> Result<Self, ConfigErrors> {
        let mut faults = Faults::default();
        let root = Path::default();
        if let Some(version) = tree.member("version").and_then(scalar::count).filter(|version| *version != 1) {
            // What else stands in a document of another version is not for this one to judge.
            faults.add(&root.member("version"), Fault::Version(version));
            return Err(faults.into_errors());
        }
        check(tree, &Value::Object(&DOCUMENT), &root, &mut faults);
        let mut reading = Reading { root: tree, provider_names: names_of(tree.member("providers")), faults };
        let listen = listen::read(&mut reading);
        let gateway = reading.gateway();
        match (listen, gateway) {
            (Some(listen), Some(gateway)) if reading.faults.is_empty() => Ok(Self { listen, gateway }),
            _ => {
                if reading.faults.is_empty() {
                    reading.faults.add(&root, Fault::Unreadable);
                }
                Err(reading.faults.into_errors())
            }
        }
    }
}

/// What all parts of the reading share.
struct Reading<'t> {
    root: &'t Tree,
    /// The names of all providers, those with a fault of their own included, so that a reference to one is not a second fault.
    provider_names: Vec<&'t str>,
    faults: Faults,
}

impl Reading<'_> {
    fn gateway(&mut self) -> Option<Gateway> {
        let providers = providers::read(self);
        let defaults = providers::default_max_tokens(self);
        let (routes, exact) = models::read_routes(self, &defaults);
        let endpoints = models::read_endpoints(self);
        let standalone = standalone::read(self);
        let identities = limits::read_identities(self);
        let demands = demands::read(self);
        let limit_service = limits::read_service(self);
        let prices = limits::read_prices(self);
        let budgets = limits::read_budgets(self, &identities);
        let concurrency = limits::read_concurrency(self, &identities);
        let strict_losses = text_of(self.root, "losses") == Some("strict");
        let caps = self.caps()?;
        let wants_env = providers.iter().filter_map(|provider| match &provider.credential {
            Credential::Bearer(SecretRef::Env(name)) | Credential::ApiKey { secret: SecretRef::Env(name), .. } => Some(name.to_string()),
            Credential::None | Credential::Aws(_) => None,
        });
        let wants_env: BTreeSet<String> = wants_env.collect();
        let wants_env = wants_env.into_iter().collect();
        let tells_target = self.root.member("tell").and_then(|tell| tell.member("target")).and_then(Tree::flag) == Some(true);
        let gateway = Gateway {
            tells_target,
            providers,
            routes,
            endpoints,
            standalone,
            identities,
            demands,
            limit_service,
            budgets,
            concurrency,
            prices,
            strict_losses,
            caps,
            wants_env,
            exact,
        };
        standalone::check(self, &gateway);
        demands::check(self, &gateway);
        limits::check_prices(self, &gateway);
        Some(gateway)
    }

    /// The id of a provider that the document names at `path`.
    fn provider(&mut self, name: &str, path: &Path) -> Option<ProviderId> {
        match self.provider_names.iter().position(|known| *known == name) {
            Some(place) => u16::try_from(place).ok().map(ProviderId),
            None => {
                self.faults.add(path, Fault::NoProvider(name.to_owned()));
                None
            }
        }
    }

    fn caps(&mut self) -> Option<Caps> {
        let caps = self.root.member("caps");
        let size = |name: &str, default: usize| match caps.and_then(|caps| caps.member(name)) {
            Some(tree) => scalar::size(tree).and_then(|size| usize::try_from(size).ok()),
            None => Some(default),
        };
        Some(Caps { request_body: size("request_body", 32 << 20)?, answer: size("answer", 16 << 20)?, held: size("held", 64 << 10)? })
    }
}

/// The names of an object's members.
fn names_of(tree: Option<&Tree>) -> Vec<&str> {
    tree.map(Tree::members).unwrap_or_default().iter().map(|(name, _)| name.as_str()).collect()
}

/// The text of a member, if it is there and can be read.
fn text_of<'t>(tree: &'t Tree, name: &str) -> Option<&'t str> {
    tree.member(name).and_then(Tree::text).filter(|text| !text.is_empty())
}
