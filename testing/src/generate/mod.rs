//! Random stories and random orders of callbacks, many of them: each from a seed, and one that fails made small before it is shown.
//!
//! ```text
//! seed ─► story ─► play ─► check ─► next seed
//!                    └───────┴─ failed ─► shrink (drop a client, a move, a fault, a cut … while it still fails) ─► panic with seed, line, transcript
//! ```

mod legal;
mod orders;
mod pit;
mod search;
mod shrink;
mod stories;
mod turns;

use crate::client::Request;
use crate::cuts::Random;
use crate::proxy::Proxy;
use crate::story::{Story, Told};
pub use orders::{Order, Part};
pub use pit::Pit;
use search::{Failing, alone, chosen, judge, retell};
use std::time::{Duration, Instant};
pub use stories::Trouble;
pub use turns::{BadTurn, Turn};

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

impl Stage<'_> {
    /// Plays one story for each seed of this range, and prints how many a second.
    ///
    /// `TESTING_SEED=n` in the environment plays that seed alone, `TESTING_STORY=…` that story alone, `TESTING_RUNS=n` so many times as many seeds.
    ///
    /// # Panics
    /// When a story fails: with its seed, the smallest story found that fails too, and that one's transcript.
    pub fn explore(&self, seeds: std::ops::Range<u64>) -> Explored {
        let begun = Instant::now();
        if let Some(line) = alone::<Story>() {
            self.retell(&line);
            return Explored { stories: 1, exchanges: 0, took: begun.elapsed() };
        }
        let mut explored = Explored { stories: 0, exchanges: 0, took: Duration::ZERO };
        for seed in chosen(seeds) {
            let story = self.story(seed);
            explored.stories += 1;
            explored.exchanges += story.clients.len() as u64;
            judge(&format!("seed {seed}"), story, &|story| self.fails(story));
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
        retell::<Story>(lines, &|story| self.fails(story));
    }

    fn fails(&self, story: &Story) -> Option<Failing> {
        match story.play((self.proxy)(), self.requests) {
            Err(error) => Some(error.into()),
            Ok(mut told) => {
                let why = (self.check)(story, &mut told).err()?;
                Some(Failing { why, transcript: told.proxy.host().transcript().to_string() })
            }
        }
    }
}
