//! What went wrong on this machine and what its owner can do about it.
use std::fmt;

/// A failure of the environment (a tool, a port, the network), told with advice.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// What happened, in one line.
    pub what: String,
    /// What to do now; empty where the facts speak for themselves.
    pub advice: String,
}

impl Trouble {
    pub fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), advice: advice.into() }
    }

    /// An input or output operation on `path` that failed.
    pub fn io(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(format!("{doing} {}: {error}", path.display()), "check permissions and free space")
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.advice.is_empty() { f.write_str(&self.what) } else { write!(f, "{}\n  what to do: {}", self.what, self.advice) }
    }
}

impl std::error::Error for Trouble {}
