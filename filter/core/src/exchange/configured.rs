//! A compiled document with what the host delivered for it: its secrets and the rules of its budgets.

use crate::config::{ConfigErrors, Gateway, compile};
use crate::limits::Rule;
use crate::providers::{Credential, Provider, SecretRef};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

/// What the filter serves requests with. Exchanges in flight keep the one with which they began.
#[derive(Debug)]
pub struct Configured {
    /// The compiled document.
    pub gateway: Gateway,
    /// The budgets, in the document's order.
    pub rules: Vec<Rc<Rule>>,
    secrets: Secrets,
}

/// Secrets by the name of their environment variable. They can't be printed.
struct Secrets(BTreeMap<Box<str>, String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Configured {
    /// Compiles a document (JSON) and fetches the secrets that it names; `env` answers for an environment variable.
    ///
    /// # Errors
    /// Everything that is wrong with the document. A secret that is missing is no error: [`Configured::missing`] tells of it, and
    /// its provider is left out of plans.
    pub fn new(document: &str, env: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let gateway = compile(document)?;
        let rules = Rule::all(&gateway.budgets);
        let secret = |name: &String| Some((Box::from(name.as_str()), env(name).filter(|value| !value.is_empty())?));
        let secrets = Secrets(gateway.wants_env.iter().filter_map(secret).collect());
        Ok(Self { gateway, rules, secrets })
    }

    /// The environment variables that the document names and the host did not deliver.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        self.gateway.wants_env.iter().map(String::as_str).filter(|name| !self.secrets.0.contains_key(*name))
    }

    /// The header by which requests to a provider are authorised; `Ok(None)` where it asks for nothing.
    ///
    /// # Errors
    /// The secret was not delivered.
    pub fn credential(&self, provider: &Provider) -> Result<Option<(String, String)>, MissingSecret> {
        match &provider.credential {
            Credential::None => Ok(None),
            Credential::Bearer(secret) => Ok(Some(("authorization".into(), format!("Bearer {}", self.secret(secret)?)))),
            Credential::ApiKey { header, secret } => Ok(Some((header.to_string(), self.secret(secret)?.to_owned()))),
        }
    }

    fn secret(&self, secret: &SecretRef) -> Result<&str, MissingSecret> {
        match secret {
            SecretRef::Env(name) => self.secrets.0.get(name).map(String::as_str).ok_or(MissingSecret),
        }
    }
}

/// The host did not deliver a secret that the document names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingSecret;
