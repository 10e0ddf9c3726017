//! How a transcript tells what upstreams and clients saw, and how two transcripts differ.

use std::fmt;

/// How many bytes of a body a line shows; of longer ones it says the length.
const SHOWN: usize = 60;

/// A body as the transcript shows it.
pub fn bytes(body: &[u8]) -> String {
    if body.len() > SHOWN {
        return format!("{} bytes", body.len());
    }
    let shown: String = body.iter().flat_map(|byte| std::ascii::escape_default(*byte)).map(char::from).collect();
    format!("\"{shown}\"")
}

/// A whole request that an upstream got.
#[derive(Clone, Debug, Default)]
pub struct Reached {
    /// Which cluster it is in.
    pub cluster: String,
    /// Method and path.
    pub line: String,
    /// The headers that are looked at, `name=value`.
    pub headers: Vec<String>,
    /// Body.
    pub body: Vec<u8>,
    /// Trailers, `name=value`.
    pub trailers: Vec<String>,
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "-- {} got {} {}", self.cluster, self.line, bytes(&self.body))?;
        self.headers.iter().try_for_each(|header| write!(f, " {header}"))?;
        self.trailers.iter().try_for_each(|trailer| write!(f, " trailer {trailer}"))
    }
}

/// What a client got.
#[derive(Clone, Debug, Default)]
pub struct Got {
    /// Which client, beginning with 1.
    pub client: usize,
    /// The status, or 0 where no answer came.
    pub status: u16,
    /// The headers that are looked at, `name=value`.
    pub headers: Vec<String>,
    /// Body.
    pub body: Vec<u8>,
    /// Trailers, `name=value`.
    pub trailers: Vec<String>,
    /// Whether the answer came to its end.
    pub whole: bool,
}

impl fmt::Display for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = if self.client == 1 { String::new() } else { format!(" {}", self.client) };
        if self.status == 0 {
            return write!(f, "-- client{number} got nothing");
        }
        write!(f, "-- client{number} got {} {}", self.status, bytes(&self.body))?;
        self.headers.iter().try_for_each(|header| write!(f, " {header}"))?;
        self.trailers.iter().try_for_each(|trailer| write!(f, " trailer {trailer}"))?;
        if self.whole { Ok(()) } else { f.write_str(" broken off") }
    }
}

/// `None` where both are the same, else both with their first difference marked.
pub fn difference(expected: &str, found: &str) -> Option<String> {
    if expected == found {
        return None;
    }
    let (mut old, mut new) = (expected.lines(), found.lines());
    let mut out = String::new();
    let mut differs = false;
    loop {
        let (a, b) = (old.next(), new.next());
        if a.is_none() && b.is_none() {
            return Some(out);
        }
        if !differs && a == b {
            out.push_str(&format!("    {}\n", a.unwrap_or_default()));
            continue;
        }
        differs = true;
        out.push_str(&format!("  - {}\n  + {}\n", a.unwrap_or("(nothing)"), b.unwrap_or("(nothing)")));
    }
}
