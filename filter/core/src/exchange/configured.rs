//! A compiled document with what the host delivered for it: its secrets and the rules of its budgets.

use super::position::{Misplaced, Position};
use crate::config::{ConfigErrors, Gateway, PassThrough, compile};
use crate::health::{Health, Seating, Seats};
use crate::limits::Rule;
use crate::providers::{Credential, Provider, ProviderId, SecretRef};
use crate::routing::{Failover, Picker};
use std::fmt;
use std::rc::Rc;

/// What the filter serves requests with. Exchanges in flight keep the one with which they began.
#[derive(Debug)]
pub struct Configured {
    /// The compiled document.
    pub gateway: Gateway,
    /// Who chooses the target behind one that failed.
    pub failover: Failover,
    /// The budgets, in the document's order.
    pub rules: Vec<Rc<Rule>>,
    /// Who picks the provider of a request by its head alone; only in the standalone position.
    pub(super) picker: Option<Picker>,
    missing: Vec<String>,
    authorities: Authorities,
    /// Where the health of each target is kept.
    seating: Seating,
}

/// The header by which requests to each provider are authorised, in the document's order. They can't be printed.
struct Authorities(Vec<Result<Option<Authority>, MissingSecret>>);

/// A header's name and value.
type Authority = (Box<str>, String);

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(Result::is_ok)).finish()
    }
}

impl Configured {
    /// The same for one position, as the host hands the document over; `root_id` is that of the plugin, if the host says it.
    ///
    /// # Errors
    /// Why the filter can't stand there with this document.
    pub fn at(root_id: Option<&[u8]>, document: Vec<u8>, env: impl Fn(&str) -> Option<String>) -> Result<(Position, Self), Misplaced> {
        let root_id = root_id.ok_or(Misplaced::Nameless)?;
        let position = Position::of_root(root_id);
        let document = String::from_utf8(document).map_err(|_| Misplaced::NotText)?;
        let mut configured = Self::new(&document, Failover::of_gateway(root_id).unwrap_or_default(), env).map_err(Misplaced::Document)?;
        if position == Position::Standalone {
            configured.picker = Some(configured.gateway.standalone.clone().ok_or(Misplaced::NoPicker)?);
        }
        Ok((position, configured))
    }

    /// Compiles a document (JSON) and fetches the secrets that it names; `env` answers for an environment variable.
    ///
    /// # Errors
    /// Everything that is wrong with the document. A secret that is missing is no error: [`Configured::missing`] tells of it, and
    /// its provider is left out of plans.
    pub fn new(document: &str, failover: Failover, env: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let gateway = compile(document)?;
        let rules = Rule::all(&gateway.budgets);
        let secret = |SecretRef::Env(name): &SecretRef| env(name).filter(|value| !value.is_empty()).ok_or(MissingSecret);
        let authority = |provider: &Provider| match &provider.credential {
            Credential::None | Credential::Aws(_) => Ok(None),
            Credential::Bearer(name) => Ok(Some(("authorization".into(), format!("Bearer {}", secret(name)?)))),
            Credential::ApiKey { header, secret: name } => Ok(Some((header.clone(), secret(name)?))),
        };
        let authorities = Authorities(gateway.providers.iter().map(authority).collect());
        let missing = gateway.wants_env.iter().filter(|name| env(name).is_none_or(|value| value.is_empty())).cloned().collect();
        Ok(Self { gateway, failover, rules, picker: None, missing, authorities, seating: Seating::default() })
    }

    /// Finds the seats of its targets in what this VM knows of their health.
    pub fn take_seats(&mut self, health: &mut Health) {
        self.seating = health.seat(&self.gateway);
    }

    /// Where the health of a target is kept.
    pub(super) fn seats(&self, route: usize, target: usize) -> Seats {
        self.seating.routes.get(route).and_then(|targets| targets.get(target)).copied().unwrap_or_default()
    }

    /// Where the health of a path that passes is kept.
    pub(super) fn endpoint_seats(&self, endpoint: &PassThrough) -> Seats {
        let place = self.gateway.endpoints.iter().position(|one| one == endpoint);
        place.and_then(|place| self.seating.endpoints.get(place)).copied().unwrap_or_default()
    }

    /// The environment variables that the document names and the host did not deliver.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        self.missing.iter().map(String::as_str)
    }

    /// The header (name, value) by which requests to a provider are authorised; `Ok(None)` where it asks for nothing.
    ///
    /// # Errors
    /// The secret was not delivered.
    pub fn credential(&self, provider: ProviderId) -> Result<Option<(&str, &str)>, MissingSecret> {
        match self.authorities.0.get(provider.index()) {
            Some(Ok(Some((name, value)))) => Ok(Some((name, value))),
            Some(Ok(None)) => Ok(None),
            Some(Err(MissingSecret)) | None => Err(MissingSecret),
        }
    }
}

/// The host did not deliver a secret that the document names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingSecret;
