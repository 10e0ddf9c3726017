//! A story from random numbers: mostly harmless, so that what goes wrong has a chance to be seen.

use crate::abi::Status;
use crate::client::Request;
use crate::cuts::Random;
use crate::story::{Client, Delivery, End, Move, Story, Weather};

/// What may go wrong in random stories, and how much may happen.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// At most so many clients at once; at least one comes.
    pub clients: usize,
    /// Whether clients may go away.
    pub leaving: bool,
    /// Whether providers may break off, refuse, or fall silent.
    pub providers: bool,
    /// Whether services that are called may be late, silent or gone.
    pub services: bool,
    /// At most so many host calls fail.
    pub faults: usize,
    /// The statuses that they answer.
    pub statuses: Vec<Status>,
    /// Host calls among which those that fail are chosen: somewhat more than a story makes.
    pub calls: usize,
    /// How many milliseconds may pass between two moves.
    pub waits: Vec<u64>,
}

impl Trouble {
    /// Nothing goes wrong; bodies are cut and exchanges interleaved.
    pub fn none(clients: usize) -> Trouble {
        let waits = vec![1, 90, 110, 1_100];
        Trouble { clients, leaving: false, providers: false, services: false, faults: 0, statuses: Vec::new(), calls: 0, waits }
    }

    /// Everybody may do anything, and up to two host calls answer any status.
    pub fn all(clients: usize) -> Trouble {
        let statuses = Status::ALL.into_iter().skip(1).collect();
        let waits = vec![1, 90, 110, 1_100, 31_000];
        Trouble { clients, leaving: true, providers: true, services: true, faults: 2, statuses, calls: 80 * clients.max(1), waits }
    }

    pub(super) fn story(&self, random: &mut Random, requests: &[Request]) -> Story {
        let mut story = Story::default();
        for _ in 0..=random.below(self.clients) {
            let request = random.below(requests.len());
            let length = requests.get(request).map_or(0, |request| request.pieces.iter().map(Vec::len).sum());
            let end = [End::Last, End::Last, End::Alone, End::Trailers].get(random.below(4)).copied().unwrap_or_default();
            story.clients.push(Client { request, delivery: Delivery { cuts: cuts(random, length), end, silence: None } });
        }
        for _ in 0..random.below(2 * story.clients.len() + 1) {
            story.answers.push(self.answer(random));
        }
        if self.services {
            for _ in 0..random.below(2 * story.clients.len() + 1) {
                story.callouts.push(self.weather(random));
            }
        }
        self.moves(random, &mut story);
        for _ in 0..random.below(self.faults + 1) {
            let after = random.below(self.calls) as u64;
            if let Some(status) = random.pick(&self.statuses) {
                story.faults.push((after, *status));
            }
        }
        story.faults.sort_unstable_by_key(|(after, _)| *after);
        story
    }

    fn answer(&self, random: &mut Random) -> Delivery {
        // Most answers of a test are shorter than this; a place behind the end does nothing.
        let length = 1 << (4 + random.below(8));
        let end = match random.below(if self.providers { 12 } else { 6 }) {
            0 | 1 => End::Alone,
            2 => End::Trailers,
            6 | 7 => End::Reset(random.below(length)),
            8 => End::Refused,
            _ => End::Last,
        };
        let silent = self.providers && random.below(4) == 0;
        let silence = silent.then(|| (random.below(3), [10, 400, 5_000, 35_000, 400_000].get(random.below(5)).copied().unwrap_or(10)));
        Delivery { cuts: cuts(random, length), end, silence }
    }

    fn weather(&self, random: &mut Random) -> Weather {
        match random.below(10) {
            0 => Weather::Late(random.below(240) as u64),
            1 => Weather::Late(random.below(8_000) as u64),
            2 => Weather::Silence,
            3 => Weather::Reset,
            4 => Weather::Refused,
            5 => random.pick(&self.statuses).map_or(Weather::Fair, |status| Weather::Fails(*status)),
            _ => Weather::Fair,
        }
    }

    /// Every client's steps, shuffled into each other, with pauses of time and goings in between.
    fn moves(&self, random: &mut Random, story: &mut Story) {
        let clients = story.clients.len();
        let most = story.clients.iter().map(|client| client.delivery.cuts.len() + 3).sum::<usize>() + 2;
        for _ in 0..random.below(most + 1) {
            let client = random.below(clients);
            story.moves.push(match random.below(12) {
                0 | 1 => Move::Wait(random.pick(&self.waits).copied().unwrap_or(1)),
                2 if self.leaving => Move::Leave(client),
                _ => Move::Next(client),
            });
        }
    }
}

/// Offsets inside of `length` bytes: none, a few, or many.
fn cuts(random: &mut Random, length: usize) -> Vec<usize> {
    let most = [0, 1, 3, 12].get(random.below(4)).copied().unwrap_or(0);
    let mut cuts: Vec<usize> = (0..most).map(|_| 1 + random.below(length.max(1))).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}
