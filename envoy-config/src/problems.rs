//! What keeps a document from being read, rendered or applied.

use std::fmt;
use std::path::PathBuf;

use weir_core::config::ConfigErrors;

/// Why nothing came of a document.
#[derive(Debug)]
pub enum Problems {
    /// A file could not be read.
    Read(PathBuf, std::io::Error),
    /// A file could not be written.
    Write(PathBuf, std::io::Error),
    /// A file is not YAML; the parser's words, with line and column.
    Syntax(PathBuf, Box<str>),
    /// The document has faults.
    Document(ConfigErrors),
    /// The file that the document's `prices` names holds something else.
    Prices(PathBuf),
    /// A provider is reached over TLS, and no file with certificate authorities was found.
    NoAuthorities,
    /// The priorities form cannot do what the document asks for.
    NotByPriorities {
        /// Where it asks.
        models: Vec<String>,
        /// For what.
        asked: &'static str,
    },
    /// Two providers of a model at one host and port, of which one's requests are signed and the other's are not, or for another region.
    OneSignature(String, String),
    /// A provider that the mesh's own resources can't lead to.
    NotInMesh {
        /// Its name.
        provider: String,
        /// What its endpoint is.
        why: &'static str,
    },
    /// The document has no `standalone`.
    NoPicker,
    /// A provider whose servers have several names, where one is written before a server is picked.
    ManyNames(String),
    /// Two providers at one host and port, one over TLS and one not.
    OneHost(String, String),
    /// The folder was rendered for another VM: variables that came, variables that went.
    Restart {
        /// Names that only the new document has.
        added: Vec<String>,
        /// Names that only the old document had.
        removed: Vec<String>,
    },
    /// Nothing answers at the admin address.
    Admin(String, Box<str>),
    /// Envoy refused a file, and keeps what it had.
    Refused {
        /// The file, below the folder.
        file: &'static str,
        /// The statistic that says so.
        sign: String,
    },
    /// Envoy took no notice of a file in time.
    Unnoticed(&'static str),
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, error) => write!(f, "{}: cannot be read: {error}", path.display()),
            Self::Write(path, error) => write!(f, "{}: cannot be written: {error}", path.display()),
            Self::Syntax(path, what) => write!(f, "{}: not YAML: {what}", path.display()),
            Self::Document(errors) => errors.fmt(f),
            Self::Prices(path) => write!(f, "prices.file: {} holds no object with the list `models` alone", path.display()),
            Self::NoAuthorities => f.write_str(
                "providers are reached over TLS, and this machine's certificate authorities were not found: name their file with --ca",
            ),
            Self::NotByPriorities { models, asked } => write!(
                f,
                "models {}: {asked} cannot be had with --failover priorities, where Envoy goes through the targets in the document's order",
                models.join(", ")
            ),
            Self::OneSignature(signed, other) => write!(
                f,
                "providers {signed} and {other}: --failover priorities can't sign the requests of one and not of the other, or for two regions, \
                 where a model has both at the same host and port"
            ),
            Self::NotInMesh { provider, why } => write!(f, "providers.{provider}.endpoint: {why}, so a WasmPlugin can't reach it"),
            Self::NoPicker => f.write_str("--standalone needs the document's `standalone`: it says who picks the provider"),
            Self::ManyNames(provider) => write!(
                f,
                "providers.{provider}.endpoints: with standalone the host is written before a server is picked, so all have one name, or addresses"
            ),
            Self::OneHost(one, other) => write!(
                f,
                "providers {one} and {other}: --standalone can't tell http from https, or one list of servers from another, at the same host and port, for its routes go by the host"
            ),
            Self::Restart { added, removed } => {
                f.write_str("another module or another environment makes another VM in Envoy, which takes a restart")?;
                if !added.is_empty() {
                    write!(f, "; new environment variables: {}", added.join(", "))?;
                }
                if !removed.is_empty() {
                    write!(f, "; no longer used: {}", removed.join(", "))?;
                }
                f.write_str(".\nNothing was written. With --restart the files are written all the same; restart Envoy then.")
            }
            Self::Admin(address, what) => write!(f, "Envoy's admin interface at {address} does not answer: {what}"),
            Self::Refused { file, sign } => write!(
                f,
                "Envoy refused {file} ({sign}) and keeps what it had; its log says why. The file from before is back in its place, and what comes after it was not written."
            ),
            Self::Unnoticed(file) => {
                write!(f, "Envoy has not taken {file} after 10 seconds: does it read this folder? What comes after it was not written.")
            }
        }
    }
}

impl std::error::Error for Problems {}

impl From<ConfigErrors> for Problems {
    fn from(errors: ConfigErrors) -> Self {
        Self::Document(errors)
    }
}
