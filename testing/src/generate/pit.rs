//! Where random orders of callbacks play: a host without a router around it.

use super::orders::{Order, Part};
use super::search::{Failing, alone, chosen, judge, retell};
use crate::cuts::Random;
use crate::host::Host;

/// Where orders play, as stories do on a [`crate::Stage`].
pub struct Pit<'s> {
    /// A host as it is before an order: each begins with a fresh one.
    pub host: &'s dyn Fn() -> Host,
    /// The `root_id`s of the positions in which streams may open.
    pub positions: &'s [&'s str],
    /// What requests may carry.
    pub requests: &'s [Part],
    /// What answers may carry.
    pub answers: &'s [Part],
    /// At most so many streams at once; at least one comes.
    pub streams: usize,
    /// Looks at the host behind an order, and says what is wrong.
    pub check: &'s dyn Fn(&Order, &mut Host) -> Result<(), String>,
}

impl Pit<'_> {
    /// Plays one order for each seed of this range.
    ///
    /// `TESTING_SEED=n` in the environment plays that seed alone, `TESTING_ORDER=…` that order alone, `TESTING_RUNS=n` so many times as many seeds.
    ///
    /// # Panics
    /// When an order fails: with its seed, the smallest order found that fails too, and that one's transcript.
    pub fn explore(&self, seeds: std::ops::Range<u64>) {
        if let Some(line) = alone::<Order>() {
            return self.retell(&line);
        }
        for seed in chosen(seeds) {
            judge(&format!("seed {seed}"), self.order(seed), &|order| self.fails(order));
        }
    }

    /// The order of a seed.
    pub fn order(&self, seed: u64) -> Order {
        Order::random(&mut Random::new(seed), self.streams, self.positions.len(), self.requests, self.answers)
    }

    /// Plays orders that once failed: one in each line, behind `#` a remark.
    ///
    /// # Panics
    /// When one fails, or is none.
    pub fn retell(&self, lines: &str) {
        retell::<Order>(lines, &|order| self.fails(order));
    }

    fn fails(&self, order: &Order) -> Option<Failing> {
        let mut host = (self.host)();
        if let Err(error) = order.play(&mut host, self.positions, self.requests, self.answers) {
            return Some(error.into());
        }
        let why = (self.check)(order, &mut host).err()?;
        Some(Failing { why, transcript: host.transcript().to_string() })
    }
}
