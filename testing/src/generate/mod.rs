//! Random stories, many of them: each from a seed, and one that fails made small before it is shown.
//!
//! ```text
//! seed ─► story ─► play ─► check ─► next seed
//!                    └───────┴─ failed ─► shrink (drop a client, a move, a fault, a cut … while it still fails) ─► panic with seed, line, transcript
//! ```

mod orders;
mod shrink;
mod stories;

use crate::cuts::Random;
use crate::error::Error;
use crate::proxy::Proxy;
use crate::story::{Story, Told};
use crate::wiring::Request;
pub use orders::{Order, Part, Turn};
use std::time::{Duration, Instant};
pub use stories::Trouble;

/// How many times a failing story may be played again to make it smaller.
const RETELLINGS: usize = 400;

/// Where stories play.
pub struct Stage<'s> {
    /// A proxy as it is before a story, with providers and services that answer without accident: each story begins with a fresh one.
    pub proxy: &'s dyn Fn() -> Proxy,
    /// What clients may send.
    pub requests: &'s [Request],
    /// What may go wrong.
    pub trouble: Trouble,
    /// Looks at a story that was played to its end, and says what is wrong.
    pub check: &'s dyn Fn(&Story, &mut Told) -> Result<(), String>,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Explored {
    /// Stories that were played.
    pub stories: u64,
    /// Exchanges in them.
    pub exchanges: u64,
    /// How long that took.
    pub took: Duration,
}

/// A story that fails, and why.
struct Failing {
    why: String,
    transcript: String,
}

impl Stage<'_> {
    /// Plays one story for each seed of this range, and prints how many a second.
    ///
    /// `TESTING_SEED=n` in the environment plays that seed alone, `TESTING_STORY=…` that story alone, `TESTING_RUNS=n` so many times as many seeds.
    ///
    /// # Panics
    /// When a story fails: with its seed, the smallest story found that fails too, and that one's transcript.
    pub fn explore(&self, seeds: std::ops::Range<u64>) -> Explored {
        let begun = Instant::now();
        let told = |name: &str| std::env::var(name).ok();
        if let Some(line) = told("TESTING_STORY") {
            self.retell(&line);
            return Explored { stories: 1, exchanges: 0, took: begun.elapsed() };
        }
        let only = told("TESTING_SEED").and_then(|seed| seed.parse::<u64>().ok());
        let times = told("TESTING_RUNS").and_then(|runs| runs.parse::<u64>().ok()).unwrap_or(1);
        let end = seeds.start.saturating_add(seeds.end.saturating_sub(seeds.start).saturating_mul(times));
        let seeds = only.map_or(seeds.start..end, |seed| seed..seed.saturating_add(1));
        let mut explored = Explored { stories: 0, exchanges: 0, took: Duration::ZERO };
        for seed in seeds {
            let story = self.story(seed);
            if let Some(failing) = self.fails(&story) {
                self.tell_failure(&format!("seed {seed}"), story, failing);
            }
            explored.stories += 1;
            explored.exchanges += story.clients.len() as u64;
        }
        explored.took = begun.elapsed();
        let rate = explored.stories as f64 / explored.took.as_secs_f64().max(0.001);
        eprintln!("{} stories of {} exchanges in {:.1?}: {rate:.0} a second", explored.stories, explored.exchanges, explored.took);
        explored
    }

    /// The story of a seed.
    pub fn story(&self, seed: u64) -> Story {
        self.trouble.story(&mut Random::new(seed), self.requests)
    }

    /// Plays stories that once failed: one in each line, behind `#` a remark.
    ///
    /// # Panics
    /// When one fails, or is none.
    pub fn retell(&self, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.parse::<Story>() {
                Ok(story) => {
                    if let Some(failing) = self.fails(&story) {
                        self.tell_failure("a kept story", story, failing);
                    }
                }
                Err(bad) => fail(&format!("{bad}: {line}")),
            }
        }
    }

    fn fails(&self, story: &Story) -> Option<Failing> {
        let transcript = |error: &Error| error.transcript().map(ToString::to_string).unwrap_or_default();
        match story.play((self.proxy)(), self.requests) {
            Err(error) => Some(Failing { why: error.to_string(), transcript: transcript(&error) }),
            Ok(mut told) => {
                let why = (self.check)(story, &mut told).err()?;
                Some(Failing { why, transcript: told.proxy.host().transcript().to_string() })
            }
        }
    }

    fn tell_failure(&self, whose: &str, story: Story, mut failing: Failing) -> ! {
        let first = failing.why.clone();
        let mut tries = 0;
        let small = shrink::shrink(story, &mut |smaller| {
            tries += 1;
            let fails = if tries > RETELLINGS { None } else { self.fails(smaller) };
            fails.map(|found| failing = found).is_some()
        });
        let Failing { why, transcript } = failing;
        fail(&format!("{whose}: {first}\nas a small story: {why}\nagain: TESTING_STORY='{small}'\n--- transcript ---\n{transcript}"))
    }
}

#[allow(clippy::panic, reason = "a test fails by panicking")]
fn fail(words: &str) -> ! {
    panic!("{words}")
}
