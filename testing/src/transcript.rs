//! What happened between host and filter, line by line, for the reader of a failed test.

use std::fmt;

/// How many bytes of a value a line shows.
const SHOWN: usize = 160;

/// How many lines are kept; a loop of host calls must not fill the memory of the test process.
const LINES: usize = 20_000;

/// Callbacks, host calls with their answers, logs and what the host did, in order.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    lines: Vec<String>,
    lost: usize,
}

impl Transcript {
    pub(crate) fn push(&mut self, line: String) {
        if self.lines.len() >= LINES {
            self.lines.truncate(LINES / 2);
            self.lost += LINES / 2;
        }
        self.lines.push(line);
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Whether a line contains `text`.
    pub fn contains(&self, text: &str) -> bool {
        self.lines.iter().any(|line| line.contains(text))
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lost > 0 {
            writeln!(f, "(and {} lines that are not kept)", self.lost)?;
        }
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Bytes as a reader wants them in a line: text if they are text, cut to a length.
pub(crate) fn show(bytes: &[u8]) -> String {
    let cut = bytes.get(..SHOWN).unwrap_or(bytes);
    let more = if bytes.len() > SHOWN { format!("… ({} bytes)", bytes.len()) } else { String::new() };
    format!("\"{}\"{more}", String::from_utf8_lossy(cut).escape_debug())
}
