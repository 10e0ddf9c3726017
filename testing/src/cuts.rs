//! Ways to cut a body, each reproducible from a seed that a failing test prints.

/// The next number of a small generator (SplitMix64): good enough to choose cuts and orders, the same everywhere.
pub(crate) fn step(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Random numbers from a seed.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The numbers of this seed.
    pub fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    /// A number below `end` (0 if `end` is 0).
    pub fn below(&mut self, end: usize) -> usize {
        (step(&mut self.state) as usize).checked_rem(end).unwrap_or(0)
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }

    /// `body` in random pieces: mostly short ones, some long, none empty.
    pub fn pieces(&mut self, body: &[u8]) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        let mut rest = body;
        while !rest.is_empty() {
            let most = if self.below(4) == 0 { rest.len() } else { 16 };
            let (piece, more) = rest.split_at_checked(1 + self.below(most.min(rest.len()))).unwrap_or((rest, &[]));
            pieces.push(piece.to_vec());
            rest = more;
        }
        pieces
    }
}

/// `body` in two pieces, cut at every offset inside it in turn (and once whole).
pub fn every_cut(body: &[u8]) -> impl Iterator<Item = Vec<Vec<u8>>> + '_ {
    (0..body.len().max(1)).map(|at| {
        let (head, tail) = body.split_at_checked(at).unwrap_or((body, &[]));
        [head, tail].iter().filter(|piece| !piece.is_empty()).map(|piece| piece.to_vec()).collect()
    })
}

/// `body` byte by byte.
pub fn bytewise(body: &[u8]) -> Vec<Vec<u8>> {
    body.iter().map(|byte| vec![*byte]).collect()
}

/// Runs `test` with `runs` generators of different seeds and says on a failure which seed it was.
/// `TESTING_SEED` in the environment runs that seed alone.
///
/// # Panics
/// When `test` panics, after the seed has been printed.
pub fn seeded(runs: u64, mut test: impl FnMut(&mut Random)) {
    let only = std::env::var("TESTING_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = only.map_or_else(|| (0..runs).collect(), |seed: u64| vec![seed]);
    for seed in seeds {
        let mut random = Random::new(seed);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(&mut random)));
        if let Err(panic) = outcome {
            eprintln!("failed with seed {seed}; again: TESTING_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_keep_the_bytes() {
        let body = b"data: hello\n\n";
        assert_eq!(every_cut(body).count(), body.len());
        for pieces in every_cut(body) {
            assert_eq!(pieces.concat(), body);
        }
        seeded(50, |random| assert_eq!(random.pieces(body).concat(), body));
        assert_eq!(bytewise(body).len(), body.len());
    }

    #[test]
    fn a_seed_gives_the_same_pieces_again() {
        let body = vec![7_u8; 1000];
        assert_eq!(Random::new(3).pieces(&body), Random::new(3).pieces(&body));
        assert_ne!(Random::new(3).pieces(&body), Random::new(4).pieces(&body));
    }
}
