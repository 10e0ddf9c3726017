//! What a request and a chunk cost in Envoy's process beside Envoy alone.
//!
//! All candidates run at the same time and are counted in turns (A B C A B C …), each slice in a warm process; a figure is the
//! median of its slices. The load generator and the upstream are this process, which is not counted.
mod bytes;
mod candidates;
pub mod host;
mod load;
mod report;
mod source;
pub mod window;

use std::path::Path;

use crate::{fetch, paths, progress, trouble::Trouble, wasm};
use candidates::{Candidate, Running};
use load::Upstream;
use report::Row;
use source::{KERNEL, Source};

/// What to measure and what to do with it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// One slice a figure instead of three: right to about 3 %.
    pub quick: bool,
    /// Write the table into `docs/PERFORMANCE.md`.
    pub write: bool,
}

/// The rows of the table: what runs, and the model that is asked for.
const ROWS: [(&str, Candidate, &str); 7] = [
    ("Envoy alone", Candidate::Alone, "gpt-5"),
    ("an empty Wasm filter, one position", Candidate::Empty, "gpt-5"),
    ("an empty Wasm filter, both positions", Candidate::EmptyTwice, "gpt-5"),
    ("Weir, bytes pass (chat to chat)", Candidate::Weir, "passed"),
    ("Weir, translating (chat to messages)", Candidate::Weir, "translated"),
    ("Weir, bytes pass, one target (direct twin)", Candidate::Weir, "passed-alone"),
    ("Weir, translating, one target (direct twin)", Candidate::Weir, "translated-alone"),
];
const COLUMNS: [&str; 3] = ["1 KB", "16 KB", "a chunk of a paced stream"];
const SIZES: [usize; 2] = [1 << 10, 16 << 10];

/// Requests of each size before the first slice, not counted: connections, caches, and V8's optimising compiler. Ten times as many change
/// no figure by more than its slices differ.
const WARM_UP: usize = 600;
/// Requests of a slice.
const REQUESTS: usize = 200;
/// Chunks of a short and of a long stream, and how many of each make a slice: a chunk's cost is the difference.
const CHUNKS: [usize; 2] = [20, 120];
const STREAMS: usize = 4;

/// A row while it is measured: which process, and its slices by column.
struct Measured {
    process: usize,
    model: &'static str,
    slices: Result<[Vec<f64>; 3], String>,
}

/// Builds what is needed, measures, and gives the text to print.
///
/// # Errors
/// The module, Envoy or the source of figures cannot be had, or a proxy answers wrongly.
pub fn run(options: Options) -> Result<String, Trouble> {
    fetch::envoy::binary()?;
    wasm::build()?;
    let weir = wasm::weir()?;
    let source = Source::detect();
    progress::say(&format!("source of the figures: {}", source.describe()));
    let upstream = Upstream::start().map_err(|e| Trouble::new(format!("the simulated providers cannot start: {e}"), ""))?;
    let (mut processes, mut rows) = start(source, &upstream, &weir)?;
    warm_up(source, &upstream, &mut processes, &mut rows)?;
    let rounds = if options.quick { 1 } else { 3 };
    for round in 1..=rounds {
        progress::say(&format!("round {round} of {rounds}"));
        for column in 0..COLUMNS.len() {
            for row in &mut rows {
                let Ok(slices) = &mut row.slices else { continue };
                slices[column].push(slice(source, &upstream, &mut processes[row.process], row.model, column)?);
            }
        }
    }
    let spread = rows.iter().flat_map(|row| row.slices.iter().flatten()).map(|slices| spread(slices)).fold(0.0, f64::max);
    let rows = ROWS.iter().zip(rows).map(|((name, ..), row)| Row { name, cells: row.slices.map(|slices| cells(source, slices)) });
    let table = report::table(&COLUMNS, &rows.collect::<Vec<_>>(), source);
    let figures = format!("{}\n\n{table}", report::circumstances(source, (rounds > 1).then_some(spread)));
    if options.write {
        report::write(&paths::workspace().join("docs/PERFORMANCE.md"), report::ENVOY, &figures)?;
    }
    Ok(figures)
}

/// One process for each candidate, all started before the first is waited for.
fn start(source: Source, upstream: &Upstream, weir: &Path) -> Result<(Vec<Running>, Vec<Measured>), Trouble> {
    let (mut known, mut starting, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for (_, candidate, model) in ROWS {
        if !known.contains(&candidate) {
            known.push(candidate);
            starting.push(candidate.start(source, upstream, weir)?);
        }
        rows.push(Measured { process: known.len() - 1, model, slices: Ok(Default::default()) });
    }
    let mut processes = Vec::new();
    for one in starting {
        processes.push(one.ready()?);
        progress::say(&format!("{} of {} Envoys are ready", processes.len(), known.len()));
    }
    Ok((processes, rows))
}

/// Brings every row to its steady state. A row of Weir's that is not answered well has no figures; its reason is kept.
fn warm_up(source: Source, upstream: &Upstream, processes: &mut [Running], rows: &mut [Measured]) -> Result<(), Trouble> {
    for ((name, candidate, _), row) in ROWS.iter().zip(rows.iter_mut()) {
        let load = &mut processes[row.process].load;
        let mut warm = || {
            for size in SIZES {
                load.requests(&bytes::request(row.model, size, false), WARM_UP)?;
            }
            load.streams(upstream, &bytes::request(row.model, SIZES[0], true), STREAMS, CHUNKS[1])
        };
        match warm() {
            Ok(()) => progress::say(&format!("{name}: warm")),
            Err(error) if *candidate == Candidate::Weir => row.slices = Err(error.to_string()),
            Err(error) => return Err(Trouble::new(format!("{name}: {error}"), "")),
        }
    }
    for process in processes {
        source.arm(process.process.pid())?;
        process.load.requests(&bytes::request("passed", SIZES[0], false), 20).map_err(failed)?;
    }
    Ok(())
}

/// The cost of one request or one chunk in one slice: instructions, or nanoseconds.
fn slice(source: Source, upstream: &Upstream, running: &mut Running, model: &str, column: usize) -> Result<f64, Trouble> {
    let (pid, load) = (running.process.pid(), &mut running.load);
    if let Some(size) = SIZES.get(column) {
        let body = bytes::request(model, *size, false);
        let cost = source.slice(pid, &running.folder, || load.requests(&body, REQUESTS).map_err(failed))?;
        return Ok(cost / REQUESTS as f64);
    }
    let body = bytes::request(model, SIZES[0], true);
    let mut costs = [0.0; 2];
    for (cost, chunks) in costs.iter_mut().zip(CHUNKS) {
        *cost = source.slice(pid, &running.folder, || load.streams(upstream, &body, STREAMS, chunks).map_err(failed))?;
    }
    Ok((costs[1] - costs[0]) / (STREAMS * (CHUNKS[1] - CHUNKS[0])) as f64)
}

fn failed(error: std::io::Error) -> Trouble {
    Trouble::new(format!("a measured request failed: {error}"), "")
}

/// The medians; valgrind's with the kernel's part.
fn cells(source: Source, slices: [Vec<f64>; 3]) -> Vec<f64> {
    let kernel = if source == Source::Valgrind { KERNEL } else { [0.0; 3] };
    slices.into_iter().zip(kernel).map(|(slices, kernel)| median(slices) + kernel).collect()
}

fn median(mut slices: Vec<f64>) -> f64 {
    slices.sort_by(f64::total_cmp);
    slices.get(slices.len() / 2).copied().unwrap_or(f64::NAN)
}

/// How far the slices of a figure lie apart, as a share of their median.
fn spread(slices: &[f64]) -> f64 {
    let (low, high) = slices.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), slice| (low.min(*slice), high.max(*slice)));
    if slices.is_empty() { 0.0 } else { (high - low) / median(slices.to_vec()) }
}
