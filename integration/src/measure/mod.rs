//! What a request and a chunk cost in Envoy's process, in instructions, beside Envoy alone.
//!
//! Each candidate runs under `valgrind --tool=cachegrind` twice, with N and with 4 N requests; the difference divided by 3 N is the
//! cost of one, user mode, JIT code included. It repeats to about a percent, whatever else the machine does.

mod candidates;
mod upstream;
mod valgrind;

use crate::trouble::Trouble;
use candidates::Candidate;
use std::fmt::Write as _;
use std::path::Path;

/// Requests of the smaller run.
const REQUESTS: u64 = 300;
/// Chunks of a stream's answer in the smaller and in the larger run of one request each.
const CHUNKS: (u64, u64) = (500, 2000);
/// The kernel's part of one request, measured with hardware counters and near enough constant, in instructions by body size.
const KERNEL: [(usize, f64); 2] = [(1 << 10, 36_000.0), (16 << 10, 38_000.0)];

/// One table row: a candidate and its figures, thousand instructions.
struct Row {
    name: &'static str,
    cells: Vec<f64>,
}

/// Runs every candidate and gives the table as Markdown. `quick`: requests of 1 KB only.
///
/// # Errors
/// valgrind, Envoy or the module can't be had, or a run does not come up.
pub fn run(module: &Path, weir: &Path, quick: bool) -> Result<String, Trouble> {
    valgrind::present()?;
    let sizes: &[(usize, f64)] = if quick { &KERNEL[..1] } else { &KERNEL };
    let mut rows = Vec::new();
    for candidate in Candidate::ALL {
        let mut cells = Vec::new();
        for &(size, kernel) in sizes {
            let [few, many] = [REQUESTS, 4 * REQUESTS].map(|requests| valgrind::requests(candidate, module, weir, size, requests));
            cells.push((per_one(few?, many?, 3 * REQUESTS) + kernel) / 1000.0);
        }
        if !quick && candidate != Candidate::Empty {
            let [few, many] = [CHUNKS.0, CHUNKS.1].map(|chunks| valgrind::stream(candidate, module, weir, chunks));
            cells.push(per_one(few?, many?, CHUNKS.1 - CHUNKS.0) / 1000.0);
        }
        eprintln!("  {}: {}", candidate.name(), cells.iter().map(|cell| format!("{cell:.1} k")).collect::<Vec<_>>().join(", "));
        rows.push(Row { name: candidate.name(), cells });
    }
    Ok(table(&rows, quick))
}

fn per_one(few: u64, many: u64, more: u64) -> f64 {
    many.saturating_sub(few) as f64 / more as f64
}

fn table(rows: &[Row], quick: bool) -> String {
    let mut text =
        String::from(if quick { "| | 1 KB |\n|---|---|\n" } else { "| | 1 KB | 16 KB | per chunk of a stream |\n|---|---|---|---|\n" });
    for row in rows {
        let _ = write!(text, "| {} |", row.name);
        for column in 0..if quick { 1 } else { 3 } {
            match (row.cells.get(column), rows[0].cells.get(column)) {
                (Some(cell), Some(alone)) => {
                    let _ = write!(text, " {cell:.1} k ({:.2}) |", cell / alone);
                }
                _ => text.push_str(" – |"),
            }
        }
        text.push('\n');
    }
    text
}
