//! What can go wrong with a module, each case by its name and with the transcript of what led to it.

use crate::abi::Status;
use crate::transcript::Transcript;
use std::fmt;
use std::path::PathBuf;

/// A failure of the module, or of the test that drives it.
pub enum Error {
    /// No file at this path. Building the module is the test's business, so nothing is skipped.
    ModuleNotFound {
        /// Where it was looked for.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The file is not a WebAssembly module that the engine takes.
    NotAModule {
        /// What the engine said.
        reason: String,
    },
    /// The module exports no `proxy_abi_version_0_2_*`, or one that this host does not speak.
    AbiVersion {
        /// What it exports instead, if anything.
        found: Option<String>,
    },
    /// The module imports something that no Proxy-Wasm host offers.
    UnknownImport {
        /// `module.name` of the import.
        import: String,
    },
    /// The module imports a function of the ABI in another shape.
    BadImport {
        /// `module.name` of the import.
        import: String,
        /// What is there, and what the module wants.
        reason: String,
    },
    /// An export has another signature than the ABI's, or a necessary one is missing.
    BadExport {
        /// Its name.
        export: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `proxy_on_vm_start` answered false.
    StartRefused(Box<Transcript>),
    /// `proxy_on_configure` answered false: Envoy does not start, or keeps the old configuration.
    ConfigurationRefused {
        /// Of which plugin.
        root_id: String,
        /// What led to it; the filter's own log lines are in it.
        transcript: Box<Transcript>,
    },
    /// The module trapped: in Envoy every stream of this VM is lost.
    Trap {
        /// In which callback.
        callback: String,
        /// The engine's words, with the functions on the stack.
        reason: String,
        /// What led to it.
        transcript: Box<Transcript>,
    },
    /// The callback spent more fuel than it may: an endless loop, most likely.
    OutOfFuel {
        /// Which callback.
        callback: String,
        /// What it was given.
        fuel: u64,
        /// What led to it.
        transcript: Box<Transcript>,
    },
    /// The module wanted more linear memory than there is, and trapped.
    OutOfMemory {
        /// In which callback.
        callback: String,
        /// How many bytes it may have.
        limit: usize,
        /// What led to it.
        transcript: Box<Transcript>,
    },
    /// One callback made more host calls, or moved more bytes by them, than a loop with an end does.
    TooManyCalls {
        /// Which callback.
        callback: String,
        /// Host calls.
        calls: u64,
        /// Bytes that they moved.
        bytes: u64,
        /// What led to it.
        transcript: Box<Transcript>,
    },
    /// One thing led to the next for ever, without any time going by.
    Endless {
        /// What happened last.
        what: &'static str,
        /// What led to it.
        transcript: Box<Transcript>,
    },
    /// The module trapped or ran dry before; Envoy answers 503 from here on.
    VmDead,
    /// The filter did what makes the Envoy process itself crash.
    EnvoyCrash {
        /// What that is.
        reason: &'static str,
        /// What led to it.
        transcript: Box<Transcript>,
    },
    /// Nothing is left to happen, no timer runs, and the exchange is not over.
    Hung {
        /// Who waits for what.
        waiting: String,
        /// What led to it.
        transcript: Box<Transcript>,
    },
    /// The test asked for something that does not exist (a stream, a cluster, a root id).
    Misuse(String),
}

impl Error {
    /// The transcript, if the failure has one.
    pub fn transcript(&self) -> Option<&Transcript> {
        match self {
            Error::StartRefused(transcript)
            | Error::ConfigurationRefused { transcript, .. }
            | Error::Trap { transcript, .. }
            | Error::OutOfFuel { transcript, .. }
            | Error::OutOfMemory { transcript, .. }
            | Error::TooManyCalls { transcript, .. }
            | Error::Endless { transcript, .. }
            | Error::EnvoyCrash { transcript, .. }
            | Error::Hung { transcript, .. } => Some(transcript),
            Error::ModuleNotFound { .. }
            | Error::NotAModule { .. }
            | Error::AbiVersion { .. }
            | Error::UnknownImport { .. }
            | Error::BadImport { .. }
            | Error::BadExport { .. }
            | Error::VmDead
            | Error::Misuse(_) => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::ModuleNotFound { path, reason } => {
                write!(
                    f,
                    "no module at {}: {reason}; build it: cargo build --release --target wasm32-wasip1 -p ITS_PACKAGE",
                    path.display()
                )
            }
            Error::NotAModule { reason } => write!(f, "not a module: {reason}"),
            Error::AbiVersion { found: Some(found) } => write!(f, "the host speaks ABI 0.2.0 to 0.2.2, the module {found}"),
            Error::AbiVersion { found: None } => f.write_str("the module exports no proxy_abi_version_…"),
            Error::UnknownImport { import } => write!(f, "the module imports {import}, which no host offers"),
            Error::BadImport { import, reason } => write!(f, "import {import}: {reason}"),
            Error::BadExport { export, reason } => write!(f, "export {export}: {reason}"),
            Error::StartRefused(_) => f.write_str("proxy_on_vm_start answered false"),
            Error::ConfigurationRefused { root_id, .. } => write!(f, "proxy_on_configure of `{root_id}` answered false"),
            Error::Trap { callback, reason, .. } => write!(f, "trap in {callback}: {reason}"),
            Error::OutOfFuel { callback, fuel, .. } => write!(f, "{callback} spent all its fuel ({fuel})"),
            Error::OutOfMemory { callback, limit, .. } => write!(f, "{callback} wanted more than {limit} bytes of linear memory"),
            Error::TooManyCalls { callback, calls, bytes, .. } => {
                write!(f, "{callback} made {calls} host calls, which moved {bytes} bytes")
            }
            Error::Endless { what, .. } => write!(f, "one thing leads to the next for ever: {what}"),
            Error::VmDead => f.write_str("the VM died before"),
            Error::EnvoyCrash { reason, .. } => write!(f, "Envoy itself would crash: {reason}"),
            Error::Hung { waiting, .. } => write!(f, "nothing will ever happen again: {waiting}"),
            Error::Misuse(what) => f.write_str(what),
        }
    }
}

/// A failed test shows this form, so it holds the transcript.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        match self.transcript() {
            Some(transcript) => write!(f, "\n--- transcript ---\n{transcript}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// How a host call leaves: with a status for the filter, or with the end of the VM.
pub(crate) enum Stop {
    Status(Status),
    Trap(wasmtime::Error),
}

impl From<Status> for Stop {
    fn from(status: Status) -> Stop {
        Stop::Status(status)
    }
}

impl From<wasmtime::Error> for Stop {
    fn from(error: wasmtime::Error) -> Stop {
        Stop::Trap(error)
    }
}
