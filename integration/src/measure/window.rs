//! What it costs that a stream is held until its first content: how long that content takes to the client, beside content that is
//! relayed, with Weir and with Envoy alone.
//!
//! Each stream says its role and then content, and rests before each event until the one before has come wherever it goes.
//! Envoys run as they are, without valgrind; their streams take turns, so that what disturbs one disturbs all.
use std::fmt::Write as _;
use std::time::Duration;

use super::candidates::Candidate;
use super::load::Upstream;
use super::source::Source;
use super::{bytes, report};
use crate::{fetch, paths, progress, trouble::Trouble, wasm};

/// Streams of each row; the first tenth warms up.
const STREAMS: usize = 500;
/// Content events of a stream: the first, and those that it is compared with.
const EVENTS: usize = 5;
/// Long for a proxy, short for a measurement.
const REST: Duration = Duration::from_millis(2);
/// Who relays, which model is asked for, and whether the provider itself holds the head back until its first content: then each proxy has
/// the head's work to do in that moment, as Weir has it with every provider.
const ROWS: [(&str, Candidate, &str, bool); 7] = [
    ("Envoy alone", Candidate::Alone, "gpt-5", false),
    ("a filter that only holds the head, in both positions", Candidate::Holding, "gpt-5", false),
    ("Weir, bytes pass", Candidate::Weir, "passed", false),
    ("Weir, translating", Candidate::Weir, "translated", false),
    ("Envoy alone, of a provider that holds its head back", Candidate::Alone, "gpt-5", true),
    ("Weir, bytes pass, the same", Candidate::Weir, "passed", true),
    ("Weir, translating, the same", Candidate::Weir, "translated", true),
];

/// Measures, and gives the text to print.
///
/// # Errors
/// The module or Envoy cannot be had, or a proxy answers wrongly.
pub fn run(write: bool) -> Result<String, Trouble> {
    fetch::envoy::binary()?;
    wasm::build()?;
    let weir = wasm::weir()?;
    let failed = |error: std::io::Error| Trouble::new(format!("a measured stream failed: {error}"), "");
    let upstream = Upstream::start().map_err(failed)?;
    let mut running = Vec::new();
    for candidate in [Candidate::Alone, Candidate::Holding, Candidate::Weir] {
        running.push((candidate, candidate.start(Source::Time, &upstream, &weir)?.ready()?));
    }
    progress::say("the Envoys are ready");
    let mut laps = ROWS.map(|_| [Vec::new(), Vec::new()]);
    for turn in 0..STREAMS {
        for ((_, candidate, model, late), [first, later]) in ROWS.iter().zip(&mut laps) {
            upstream.rest(REST, *late);
            let Some((_, running)) = running.iter_mut().find(|(one, _)| one == candidate) else { continue };
            running.load.streams(&upstream, &bytes::request(model, 1 << 10, true), 1, EVENTS).map_err(failed)?;
            let mut seen = upstream.laps().into_iter();
            if turn >= STREAMS / 10 {
                first.extend(seen.next());
                later.extend(seen);
            }
        }
    }
    let mut text = format!("{}, Envoy {}, one worker, {STREAMS} streams each.\n\n", report::machine(), fetch::envoy::version());
    text.push_str("| median time of a content event from provider to client | the first | later ones | the first takes longer by |\n|---|---|---|---|\n");
    for ((name, ..), [first, later]) in ROWS.iter().zip(laps) {
        let [first, later] = [first, later].map(|laps| median(laps).as_secs_f64() * 1e6);
        let _ = writeln!(text, "| {name} | {first:.0} µs | {later:.0} µs | {:.0} µs |", first - later);
    }
    if write {
        report::write(&paths::workspace().join("docs/PERFORMANCE.md"), report::WINDOW, &text)?;
    }
    Ok(text)
}

fn median(mut laps: Vec<Duration>) -> Duration {
    laps.sort_unstable();
    laps.get(laps.len() / 2).copied().unwrap_or_default()
}
