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
        // Ticks that find nothing to do come by the hundred; of those that do the same one is shown.
        let (mut ticks, mut same): (Vec<&[String]>, usize) = (Vec::new(), 0);
        for block in self.lines.chunk_by(|_, next| next.starts_with(' ')) {
            if !block.first().is_some_and(|line| line.starts_with("proxy_on_tick")) {
                same_ticks(f, std::mem::take(&mut same))?;
                ticks.clear();
            } else if ticks.contains(&block) {
                same += 1;
                continue;
            } else {
                ticks.push(block);
            }
            block.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        }
        same_ticks(f, same)
    }
}

fn same_ticks(f: &mut fmt::Formatter<'_>, ticks: usize) -> fmt::Result {
    if ticks > 0 { writeln!(f, "(and {ticks} ticks that do the same)") } else { Ok(()) }
}

/// Bytes as a reader wants them in a line: text if they are text, cut to a length.
pub(crate) fn show(bytes: &[u8]) -> String {
    let cut = bytes.get(..SHOWN).unwrap_or(bytes);
    let more = if bytes.len() > SHOWN { format!("… ({} bytes)", bytes.len()) } else { String::new() };
    format!("\"{}\"{more}", String::from_utf8_lossy(cut).escape_debug())
}
