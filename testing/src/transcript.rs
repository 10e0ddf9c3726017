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
}

impl Transcript {
    pub(crate) fn push(&mut self, line: String) {
        if self.lines.len() >= LINES {
            self.make_room();
        }
        self.lines.push(line);
    }

    /// Ticks that find nothing to do are told once. Where that is not enough the middle goes: a failure is told by the newest lines, and
    /// what it is about began with the oldest.
    fn make_room(&mut self) {
        self.lines = folded(&self.lines);
        if self.lines.len() > LINES / 2 {
            let gone = self.lines.len() - LINES / 2;
            let note = format!("(and {gone} lines that are not kept)");
            self.lines.splice(LINES / 4..LINES / 4 + gone, [note]);
        }
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
        folded(&self.lines).iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// How many different ticks in a row are known again.
const TICKS: usize = 64;

/// Ticks that find nothing to do come by the hundred; of those that do the same one is told.
fn folded(lines: &[String]) -> Vec<String> {
    let (mut ticks, mut same, mut out): (Vec<&[String]>, usize, Vec<String>) = (Vec::new(), 0, Vec::new());
    let counted = |same: &mut usize, out: &mut Vec<String>| match std::mem::take(same) {
        0 => {}
        ticks => out.push(format!("(and {ticks} ticks that do the same)")),
    };
    for block in lines.chunk_by(|_, next| next.starts_with(' ')) {
        if !block.first().is_some_and(|line| line.starts_with("proxy_on_tick")) {
            counted(&mut same, &mut out);
            ticks.clear();
        } else if ticks.contains(&block) {
            same += 1;
            continue;
        } else if ticks.len() < TICKS {
            ticks.push(block);
        }
        out.extend_from_slice(block);
    }
    counted(&mut same, &mut out);
    out
}

/// Bytes as a reader wants them in a line: text if they are text, cut to a length.
pub(crate) fn show(bytes: &[u8]) -> String {
    let cut = bytes.get(..SHOWN).unwrap_or(bytes);
    let more = if bytes.len() > SHOWN { format!("… ({} bytes)", bytes.len()) } else { String::new() };
    format!("\"{}\"{more}", String::from_utf8_lossy(cut).escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_transcript_keeps_its_beginning_and_its_end() {
        let mut transcript = Transcript::default();
        transcript.push("first".to_owned());
        for _ in 0..3 * LINES {
            transcript.push("proxy_on_tick[1]".to_owned());
            transcript.push("  proxy_on_tick = 0".to_owned());
        }
        assert!(transcript.lines().len() < LINES && transcript.to_string().starts_with("first\nproxy_on_tick[1]\n"));
        (0..3 * LINES).for_each(|n| transcript.push(format!("call {n}")));
        let shown = transcript.to_string();
        assert!(shown.starts_with("first\n") && shown.contains("lines that are not kept") && shown.ends_with("call 59999\n"));
        assert!(transcript.lines().len() < LINES);
    }
}
