//! Whether one thing that can fail, a provider or one of its models, is left alone.
//!
//! ```text
//! Closed{failures} ── as many failures in a row as the document says, or a pause that the provider asks for ──► Open{until}
//!    ▲                                                                                                            │ until
//!    └── a success ── behind `until` one request at a time tries it ── a failure ──► Open, twice as long ◄────────┘
//! ```

/// When something is left alone, and for how long. Times are in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cooldown {
    /// Failures in a row behind which it is; 0 for never, whatever a provider asks for.
    pub failures: u32,
    /// For how long, at first.
    pub pause: u64,
    /// For how long at most, however often it fails again. A pause that the provider asks for may be longer.
    pub longest: u64,
}

impl Default for Cooldown {
    fn default() -> Self {
        Self { failures: 5, pause: 10 * super::SECOND, longest: 300 * super::SECOND }
    }
}

/// Whether a request may go there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is known against it.
    Ready,
    /// One request may try it.
    Trial,
    /// It is left alone until then.
    Cooling(u64),
}

/// How long one request that tries it keeps others away at most; it ends earlier with the request. A provider that fails mostly does so at once.
const TRIAL: u64 = 5 * super::SECOND;

/// The longest pause that a provider is believed to mean.
const BELIEVED: u64 = 86_400 * super::SECOND;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Requests go there; failures in a row.
    Closed { failures: u32 },
    /// It is left alone; how often in a row, and until when a trial keeps others away.
    Open { until: u64, pauses: u32, trial: u64 },
}

/// One breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Breaker {
    pub state: State,
    /// When it last opened or closed.
    pub changed: u64,
}

impl Breaker {
    pub const fn new() -> Self {
        Self { state: State::Closed { failures: 0 }, changed: 0 }
    }

    /// `tried`: a request that tries it is still under way.
    pub const fn standing(&self, now: u64, tried: bool) -> Standing {
        match self.state {
            State::Closed { .. } => Standing::Ready,
            State::Open { until, .. } if now < until => Standing::Cooling(until),
            State::Open { trial, .. } if tried && now < trial => Standing::Cooling(trial),
            State::Open { .. } => Standing::Trial,
        }
    }

    /// A change that is yet to come was made before the clock was set back. It moves to now with its pause, which so gets no longer.
    pub const fn set_back(&mut self, now: u64) {
        let ahead = self.changed.saturating_sub(now);
        if ahead == 0 {
            return;
        }
        self.changed = now;
        if let State::Open { until, trial, .. } = &mut self.state {
            *until = until.saturating_sub(ahead);
            *trial = 0;
        }
    }

    /// A request goes there to try it.
    pub fn try_it(&mut self, now: u64) {
        if let State::Open { until, trial, .. } = &mut self.state
            && now >= *until
        {
            *trial = now.saturating_add(TRIAL);
        }
    }

    /// It answered. Whether it closes now. An answer to what was asked before it opened says nothing about what follows.
    pub fn succeed(&mut self, now: u64) -> bool {
        let closes = matches!(self.state, State::Open { until, .. } if now >= until);
        if closes || matches!(self.state, State::Closed { .. }) {
            self.state = State::Closed { failures: 0 };
        }
        if closes {
            self.changed = now;
        }
        closes
    }

    /// It failed, and `asked` to be left alone for so long. Whether it opens now, or stays open for longer.
    pub fn fail(&mut self, policy: &Cooldown, asked: Option<u64>, now: u64) -> bool {
        if policy.failures == 0 {
            return false;
        }
        let asked = asked.map(|pause| now.saturating_add(pause.min(BELIEVED)));
        let (until, pauses) = match (self.state, asked) {
            (State::Closed { .. }, Some(until)) => (until, 1),
            (State::Closed { failures }, None) if failures.saturating_add(1) < policy.failures => {
                self.state = State::Closed { failures: failures.saturating_add(1) };
                return false;
            }
            (State::Closed { .. }, None) => (now.saturating_add(policy.pause), 1),
            (State::Open { until, pauses, .. }, asked) if now < until => match asked {
                Some(later) if later > until => (later, pauses),
                Some(_) | None => return false,
            },
            (State::Open { pauses, .. }, Some(until)) => (until, pauses.saturating_add(1)),
            (State::Open { pauses, .. }, None) => {
                let doubled = policy.pause.saturating_mul(1_u64.checked_shl(pauses).unwrap_or(u64::MAX));
                (now.saturating_add(doubled.min(policy.longest)), pauses.saturating_add(1))
            }
        };
        self.state = State::Open { until, pauses, trial: 0 };
        self.changed = now;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    const SECOND: u64 = super::super::SECOND;

    fn policy() -> Cooldown {
        Cooldown { failures: 3, pause: 10 * SECOND, longest: 30 * SECOND }
    }

    #[test]
    fn it_opens_behind_failures_in_a_row_and_comes_back_by_itself() {
        let mut breaker = Breaker::new();
        for now in [1, 2] {
            assert!(!breaker.fail(&policy(), None, now));
        }
        assert!(!breaker.succeed(3));
        for now in [4, 5] {
            assert!(!breaker.fail(&policy(), None, now));
            assert_eq!(breaker.standing(now, true), Standing::Ready);
        }
        assert!(breaker.fail(&policy(), None, 6));
        let until = 6 + 10 * SECOND;
        assert_eq!(breaker.standing(7, true), Standing::Cooling(until));
        assert!(!breaker.fail(&policy(), None, 8), "what was asked before changes nothing");
        assert!(!breaker.succeed(9));
        assert_eq!(breaker.standing(until, true), Standing::Trial);
        breaker.try_it(until);
        assert_eq!(breaker.standing(until, true), Standing::Cooling(until + TRIAL), "one at a time");
        assert_eq!(breaker.standing(until, false), Standing::Trial, "a trial that ended without a word is over");
        assert_eq!(breaker.standing(until + TRIAL, true), Standing::Trial, "a trial that never ends is given up");
        assert!(breaker.succeed(until + 1));
        assert_eq!(breaker.standing(until + 1, true), Standing::Ready);
    }

    #[test]
    fn each_failed_trial_doubles_the_pause_up_to_the_longest() {
        let mut breaker = Breaker::new();
        let mut now = 0;
        for expected in [10, 20, 30, 30] {
            while !breaker.fail(&policy(), None, now) {}
            assert_eq!(breaker.standing(now, true), Standing::Cooling(now + expected * SECOND));
            now += expected * SECOND;
        }
    }

    #[test]
    fn a_pause_that_is_asked_for_is_kept_at_once_and_never_shortened() {
        let mut breaker = Breaker::new();
        assert!(breaker.fail(&policy(), Some(60 * SECOND), 0));
        assert_eq!(breaker.standing(59 * SECOND, true), Standing::Cooling(60 * SECOND));
        assert!(!breaker.fail(&policy(), Some(SECOND), 5));
        assert!(breaker.fail(&policy(), Some(70 * SECOND), 5));
        assert_eq!(breaker.standing(0, true), Standing::Cooling(70 * SECOND + 5));
        assert!(!Breaker::new().fail(&Cooldown { failures: 0, ..policy() }, Some(SECOND), 0), "switched off");
        let mut forever = Breaker::new();
        assert!(forever.fail(&policy(), Some(u64::MAX), 0));
        assert_eq!(forever.standing(0, true), Standing::Cooling(BELIEVED));
    }

    #[test]
    fn time_alone_never_closes_the_door_again() {
        let mut breaker = Breaker::new();
        breaker.fail(&policy(), Some(SECOND), 0);
        let cooling = |now: u64| matches!(breaker.standing(now, true), Standing::Cooling(_));
        assert!((0..40).map(|step| cooling(step * SECOND / 10)).is_sorted_by(|before, after| before >= after));
    }
}
