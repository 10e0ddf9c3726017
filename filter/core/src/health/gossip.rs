//! What the workers of a proxy tell each other: the breakers that are open or were closed, written once for each change.
//!
//! Each entry is 28 bytes, little-endian: the hash of a name, when it changed, until when it is left alone (0: it is not), how often.
//! Of two entries of a name the later change holds, so the order in which workers write does not matter.

use super::breaker::State;
use super::{Change, Health, SECOND};

const ENTRY: usize = 28;

/// How long an entry is of use to a worker that comes later.
const KEPT: u64 = 3600 * SECOND;

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub name: u64,
    pub changed: u64,
    pub until: u64,
    pub pauses: u32,
}

impl Word {
    fn read(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?));
        let pauses = u32::from_le_bytes(bytes.get(24..28)?.try_into().ok()?);
        Some(Self { name: number(0)?, changed: number(8)?, until: number(16)?, pauses })
    }

    /// Moves a change that is yet to come to now, with its pause: see [`super::breaker::Breaker::set_back`]. Whether it was one. What
    /// another worker writes while this one reads is ahead by less than a second, and stays.
    const fn set_back(&mut self, now: u64) -> bool {
        let ahead = self.changed.saturating_sub(now);
        if ahead < SECOND {
            return false;
        }
        self.changed = now;
        self.until = self.until.saturating_sub(ahead);
        true
    }

    fn write(&self, out: &mut Vec<u8>) {
        for number in [self.name, self.changed, self.until] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.pauses.to_le_bytes());
    }
}

impl Health {
    /// Meets the other workers: hears what they have written, tells what has changed here since the last time (the provider's name and
    /// the model's, empty: all of them), and says what is to be written, if anything.
    pub fn meet(&mut self, written: &[u8], now: u64, tell: impl FnMut(&str, &str, Change)) -> Option<Vec<u8>> {
        self.set(now);
        let news = self.hear(written).then(|| self.tell());
        self.tick(now, tell);
        news
    }

    /// Takes in what the workers have written. Whether this one still has something to add.
    pub(super) fn hear(&mut self, written: &[u8]) -> bool {
        self.heard = written.chunks_exact(ENTRY).filter_map(Word::read).collect();
        let mut news = false;
        for word in &mut self.heard {
            news |= word.set_back(self.now);
        }
        for seat in &mut self.seats {
            let word = self.heard.iter().find(|word| word.name == seat.hash);
            match word {
                Some(word) if word.changed > seat.breaker.changed => seat.hear(word),
                Some(word) => news |= word.changed < seat.breaker.changed,
                None => news |= seat.breaker.changed.saturating_add(KEPT) > self.now && seat.breaker.changed > 0,
            }
        }
        news
    }

    /// What is to be written: everything that was heard, with what this worker knows better.
    pub(super) fn tell(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let fresh = |changed: u64| changed > 0 && changed.saturating_add(KEPT) > self.now;
        for word in self.heard.iter().filter(|word| fresh(word.changed) && !self.seats.iter().any(|seat| seat.hash == word.name)) {
            word.write(&mut out);
        }
        for seat in self.seats.iter().filter(|seat| fresh(seat.breaker.changed)) {
            let (until, pauses) = match seat.breaker.state {
                State::Closed { .. } => (0, 0),
                State::Open { until, pauses, .. } => (until, pauses),
            };
            Word { name: seat.hash, changed: seat.breaker.changed, until, pauses }.write(&mut out);
        }
        out
    }
}
