//! A provider as compiled data: kind, endpoint, what it speaks, dialect and credential kind.

mod endpoint;
mod kinds;
mod paths;
mod presets;

pub use endpoint::{Endpoint, EndpointFault, Scheme};
pub use kinds::{AwsService, Base, Dialect, Kind, OutputLimit, Preset, vertex_endpoint};
pub use presets::NAMES as KIND_NAMES;

use crate::formats::messages::Carrier;
use crate::health::Cooldown;
use crate::names::{CLUSTER_DIRECT, FormatId};
use crate::routing::Labels;

/// The place of a provider in [`crate::config::Gateway::providers`], which is the document's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(pub u16);

impl ProviderId {
    /// The same as an index into the list of providers.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A secret by name. The value is delivered by the host and never stands in the document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretRef {
    /// The name of an environment variable of the VM.
    Env(Box<str>),
}

/// How requests to a provider are authorised. The client's own credential is never sent, whatever stands here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The provider asks for nothing.
    None,
    /// `authorization: Bearer SECRET`.
    Bearer(SecretRef),
    /// `HEADER: SECRET`.
    ApiKey {
        /// The header's name, in lower case.
        header: Box<str>,
        /// Whose value it carries.
        secret: SecretRef,
    },
    /// AWS Signature Version 4, which the host writes behind Weir over what Weir has written: no key of it ever enters the filter.
    Aws(AwsScope),
}

/// What a signature of AWS is valid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsScope {
    /// The service, as AWS calls it in signatures.
    pub service: &'static str,
    /// The region.
    pub region: Box<str>,
}

/// One place that answers requests for models, and all that has to be known to write a request for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The name in the document. It is the name of the provider's cluster in Envoy too.
    pub name: Box<str>,
    /// The name of the cluster in whose filter list there is no Weir (the direct twin).
    pub direct_cluster: Box<str>,
    /// The preset that the document chose.
    pub kind: Kind,
    /// The formats that the provider takes, the preferred one first; never empty.
    pub speaks: Vec<FormatId>,
    /// Where it is: the base URL that the vendor's own SDK would take; of several servers the first.
    pub endpoint: Endpoint,
    /// Its servers, where the document lists them: of one scheme and one path. Each address of a name is a server by itself.
    pub servers: Vec<Endpoint>,
    /// The version of the API that stands in its paths, where it has one: Azure's.
    pub api_version: Option<Box<str>>,
    /// What stands between the version and the publisher in its paths, where anything does: Vertex AI's project and location.
    pub project: Box<str>,
    /// How its requests are authorised.
    pub credential: Credential,
    /// How it differs from the format that it speaks.
    pub dialect: Dialect,
    /// Request headers that pass from the client beside those that always do; lower case.
    pub pass_headers: Vec<Box<str>>,
    /// The most requests under way at it at a time, for each worker; `None`: no limit of Weir's.
    pub concurrency: Option<u32>,
    /// When it is left alone.
    pub cooldown: Cooldown,
    /// What is true of it.
    pub labels: Labels,
}

impl Provider {
    /// A provider called `name`, and its cluster beside it.
    #[must_use]
    pub fn direct_cluster_of(name: &str) -> Box<str> {
        format!("{CLUSTER_DIRECT}{name}").into()
    }

    /// What its requests are signed for, where they are.
    #[must_use]
    pub fn signed_for(&self) -> Option<&AwsScope> {
        match &self.credential {
            Credential::Aws(scope) => Some(scope),
            Credential::None | Credential::Bearer(_) | Credential::ApiKey { .. } => None,
        }
    }

    /// How many of a provider's servers one request may try.
    pub const MOST_TRIES: usize = 2;

    /// Whether it is several servers, of which the host picks one for each attempt.
    #[must_use]
    pub const fn has_servers(&self) -> bool {
        !self.servers.is_empty()
    }

    /// Whether its servers have several authorities.
    #[must_use]
    pub fn has_names(&self) -> bool {
        self.servers.iter().any(|server| server.authority != self.endpoint.authority)
    }

    /// How many attempts a request may make here before it goes on.
    #[must_use]
    pub fn tries(&self) -> usize {
        let one = self.servers.len() < 2 && self.endpoint.is_address();
        if self.has_servers() && !one { Self::MOST_TRIES } else { 1 }
    }

    /// The `:authority` of every request to this provider, unless its servers have several.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.endpoint.authority
    }

    /// Who carries what it takes in `format`.
    #[must_use]
    pub fn carrier(&self, format: FormatId) -> Carrier {
        if format == FormatId::Messages { self.dialect.carrier } else { Carrier::Own }
    }

    /// Headers that a request in `format` must carry, and that are added where the client sent none of its own.
    #[must_use]
    pub fn default_headers(&self, format: FormatId) -> &'static [(&'static str, &'static str)] {
        match format {
            // The API refuses a request without a version; SDKs always send this one.
            FormatId::Messages if self.dialect.carrier == Carrier::Own => &[("anthropic-version", "2023-06-01")],
            FormatId::Messages | FormatId::Chat | FormatId::Responses | FormatId::Converse | FormatId::Gemini => &[],
        }
    }
}
