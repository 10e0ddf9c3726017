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

/// `None` where both are the same, else all lines: `-` before those that are missing, `+` before those that are too many.
pub fn difference(expected: &str, found: &str) -> Option<String> {
    if expected == found {
        return None;
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    // Lengths of the longest common part behind each pair of places.
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, String::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            out.push_str(&format!("    {}\n", old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && common[i + 1][j] >= common[i][j + 1] {
            out.push_str(&format!("  - {}\n", old[i]));
            i += 1;
        } else {
            out.push_str(&format!("  + {}\n", new[j]));
            j += 1;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_what_is_missing_and_what_is_too_many() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb\nc\n", "a\nx\nc\n").unwrap(), "    a\n  - b\n  + x\n    c\n");
    }
}
