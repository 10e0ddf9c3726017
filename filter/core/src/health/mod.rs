//! What this worker knows of the health of providers and their models, learnt from the attempts and from the other workers.
//!
//! A request looks at numbers alone: each provider and each model at a provider has a seat, found once when the document is read.

mod breaker;
mod crowd;
mod flight;
mod gossip;
mod seat;

pub use breaker::{Cooldown, Standing};
pub use flight::{Flight, Gate, Trial};
pub use seat::{Seating, Seats};

use crate::hub::{ErrorKind, Failure};
use crowd::Crowds;
use gossip::Word;
use seat::Seat;

/// A second in the unit of all times here: nanoseconds since the epoch.
const SECOND: u64 = 1_000_000_000;

/// How long an account without quota is left alone where the provider does not say: someone has to pay first.
const QUOTA: u64 = 60 * SECOND;

/// How an attempt went, as far as it says something about those that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lesson {
    /// The provider answered; that it may have refused this client's request is not its fault.
    Answered,
    /// No connection came about, or it broke before an answer.
    Unreachable,
    /// The provider's error, and after how many seconds it wants to be asked again.
    Failed(ErrorKind, Option<u64>),
}

impl Lesson {
    /// What a failure teaches: one that another provider would answer alike is not this one's fault.
    #[must_use]
    pub fn of(failure: &Failure) -> Self {
        if failure.moves_on() { Self::Failed(failure.kind, failure.retry_after) } else { Self::Answered }
    }
}

/// Something that changed: what is to be counted and shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is left alone from now on, for this reason.
    Cooled(&'static str),
    /// It is left alone; also where another worker found out.
    Cooling,
    /// It is not any more.
    Over,
}

/// Everything that is known. One for each VM.
#[derive(Clone, Debug, Default)]
pub struct Health {
    seats: Vec<Seat>,
    crowds: Crowds,
    now: u64,
    heard: Vec<Word>,
}

impl Health {
    fn at(&mut self, number: u32) -> Option<&mut Seat> {
        self.seats.get_mut(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    fn seen(&self, number: u32) -> Option<&Seat> {
        self.seats.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// Time has come so far. It is told by the tick and by whoever has a clock at hand, so that learning needs none.
    pub fn see(&mut self, now: u64) {
        self.now = self.now.max(now);
    }

    /// What the clock says, also where it was set back.
    fn set(&mut self, now: u64) {
        self.now = now;
        for seat in &mut self.seats {
            seat.breaker.set_back(now);
        }
    }

    /// Whether a request may go to a target.
    #[must_use]
    pub fn standing(&self, seats: Seats) -> Standing {
        let of = |number: u32| self.seen(number).map_or(Standing::Ready, |seat| seat.standing(self.now));
        match (of(seats.provider), of(seats.model)) {
            (Standing::Cooling(one), Standing::Cooling(other)) => Standing::Cooling(one.max(other)),
            (Standing::Cooling(until), _) | (_, Standing::Cooling(until)) => Standing::Cooling(until),
            (Standing::Trial, _) | (_, Standing::Trial) => Standing::Trial,
            (Standing::Ready, Standing::Ready) => Standing::Ready,
        }
    }

    /// Where the attempts at a target are counted, of which the document allows so many at its provider and at its model.
    #[must_use]
    pub fn gate(&self, seats: Seats, provider: Option<u32>, model: Option<u32>) -> Gate {
        let count = |(number, cap)| self.seen(number)?.count(cap);
        Gate([(seats.provider, provider), (seats.model, model)].into_iter().filter_map(count).collect())
    }

    /// The same for requests of which no more is known than the provider.
    #[must_use]
    pub fn provider_gate(&self, seats: Seats, provider: u32) -> Gate {
        self.gate(seats.of_provider(), Some(provider), None)
    }

    /// Where the requests are counted that have this in common, of which the document allows so many.
    #[must_use]
    pub fn crowd(&mut self, common: &str, cap: u32) -> Gate {
        self.crowds.gate(common, cap)
    }

    /// A request goes to a target that is on trial. It keeps others away as long as what this returns lives, and for 5 s at most.
    #[must_use]
    pub fn try_it(&mut self, seats: Seats) -> Trial {
        let (now, trial) = (self.now, Trial::new());
        for number in [seats.provider, seats.model] {
            if let Some(seat) = self.at(number) {
                seat.breaker.try_it(now);
                seat.tried = trial.watch();
            }
        }
        trial
    }

    /// Takes in how an attempt went.
    pub fn learn(&mut self, seats: Seats, lesson: Lesson) {
        let now = self.now;
        let (number, asked, reason) = match lesson {
            Lesson::Answered => {
                for number in [seats.provider, seats.model] {
                    if let Some(seat) = self.at(number) {
                        seat.breaker.succeed(now);
                    }
                }
                return;
            }
            Lesson::Unreachable => (seats.provider, None, "unreachable"),
            Lesson::Failed(kind, after) => {
                let after = after.map(|seconds| seconds.saturating_mul(SECOND));
                let whole = matches!(kind, ErrorKind::QuotaExhausted | ErrorKind::UpstreamCredential) || !seats.by_model;
                let after = if kind == ErrorKind::QuotaExhausted { Some(after.unwrap_or(QUOTA)) } else { after };
                (if whole { seats.provider } else { seats.model }, after, kind.as_str())
            }
        };
        if let Some(seat) = self.at(number)
            && seat.breaker.fail(&seat.policy, asked, now)
        {
            seat.opened = Some(reason);
        }
    }

    /// Time goes on: tells what has changed since the last tick, with the provider's name and the model's (empty: all of them).
    pub(super) fn tick(&mut self, now: u64, mut tell: impl FnMut(&str, &str, Change)) {
        self.set(now);
        self.crowds.tidy();
        let mut over = Vec::new();
        for seat in &mut self.seats {
            if let Some(reason) = seat.opened.take() {
                tell(&seat.provider, &seat.shown_as, Change::Cooled(reason));
            }
            let cooling = matches!(seat.standing(now), Standing::Cooling(_));
            if cooling == seat.shown {
                continue;
            }
            seat.shown = cooling;
            if cooling {
                tell(&seat.provider, &seat.shown_as, Change::Cooling);
            } else {
                over.push((seat.provider.clone(), seat.shown_as.clone()));
            }
        }
        // Several models of one pattern are shown as one.
        over.retain(|(provider, name)| !self.seats.iter().any(|seat| seat.shown && seat.provider == *provider && seat.shown_as == *name));
        over.iter().for_each(|(provider, name)| tell(provider, name, Change::Over));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"version": 1, "providers": {
        "vendor": {"kind": "openai", "auth": {"bearer": {"env": "A"}}, "cooldown": {"failures": 2, "pause": "10s"}},
        "own": {"kind": "openai-compatible", "endpoint": "http://own/v1"}},
        "models": [
            {"name": "a", "targets": [{"provider": "vendor", "model": "x"}, {"provider": "own", "model": "x"}]},
            {"name": "b", "targets": [{"provider": "vendor", "model": "y"}, {"provider": "own", "model": "y"}]}]}"#;

    fn health() -> (Health, [Seats; 4]) {
        let gateway = crate::config::compile(DOCUMENT).unwrap();
        let mut health = Health::default();
        let seats = health.seat(&gateway);
        assert_eq!(health.seat(&gateway), seats, "the same document finds the same seats");
        let of = |route: usize, target: usize| seats.routes[route][target];
        (health, [of(0, 0), of(1, 0), of(0, 1), of(1, 1)])
    }

    fn ready(health: &Health, seats: &[Seats; 4]) -> [bool; 4] {
        seats.map(|one| health.standing(one) == Standing::Ready)
    }

    #[test]
    fn a_rate_limit_is_of_a_model_or_of_a_server() {
        let (mut health, seats) = health();
        let limited = Lesson::Failed(ErrorKind::RateLimited, Some(7));
        health.learn(seats[0], limited);
        assert_eq!(ready(&health, &seats), [false, true, true, true]);
        health.learn(seats[2], limited);
        assert_eq!(ready(&health, &seats), [false, true, false, false]);
        health.see(7 * SECOND);
        assert_eq!(health.standing(seats[0]), Standing::Trial);
        let trial = health.try_it(seats[0]);
        assert!(matches!(health.standing(seats[0]), Standing::Cooling(_)));
        drop(trial);
        assert_eq!(health.standing(seats[0]), Standing::Trial, "who hung up kept nobody away for longer");
        health.learn(seats[0], Lesson::Answered);
        assert_eq!(health.standing(seats[0]), Standing::Ready);
    }

    #[test]
    fn quota_credentials_and_connections_are_the_accounts() {
        for (lesson, times) in [
            (Lesson::Failed(ErrorKind::QuotaExhausted, None), 1),
            (Lesson::Failed(ErrorKind::UpstreamCredential, None), 2),
            (Lesson::Unreachable, 2),
        ] {
            let (mut health, seats) = health();
            (0..times).for_each(|_| health.learn(seats[0], lesson));
            assert_eq!(ready(&health, &seats), [false, false, true, true], "{lesson:?}");
        }
    }

    #[test]
    fn changes_are_told_once() {
        let (mut health, seats) = health();
        health.learn(seats[0], Lesson::Failed(ErrorKind::Overloaded, Some(1)));
        let told = |health: &mut Health, now: u64| {
            let mut told = Vec::new();
            health.tick(now, |provider, model, change| told.push((provider.to_owned(), model.to_owned(), change)));
            told
        };
        let of = |change: Change| ("vendor".to_owned(), "x".to_owned(), change);
        assert_eq!(told(&mut health, 1), [of(Change::Cooled("overloaded")), of(Change::Cooling)]);
        assert_eq!(told(&mut health, 2), []);
        assert_eq!(told(&mut health, 2 * SECOND), [of(Change::Over)]);
    }

    #[test]
    fn never_holds_for_what_was_opened_before() {
        let (mut health, seats) = health();
        health.learn(seats[0], Lesson::Failed(ErrorKind::RateLimited, Some(7)));
        let never = DOCUMENT.replace(r#""failures": 2"#, r#""failures": 0"#);
        health.seat(&crate::config::compile(&never).unwrap());
        assert_eq!(ready(&health, &seats), [true; 4]);
    }

    #[test]
    fn a_clock_that_is_set_back_prolongs_no_pause() {
        let (mut one, seats) = health();
        let (mut other, _) = health();
        one.see(1000 * SECOND);
        one.learn(seats[0], Lesson::Failed(ErrorKind::RateLimited, Some(7)));
        let written = one.meet(&[], 1000 * SECOND, |_, _, _| ()).unwrap();
        for health in [&mut one, &mut other] {
            let written = health.meet(&written, 100 * SECOND, |_, _, _| ()).expect("what is ahead of time is written anew");
            assert_eq!(health.standing(seats[0]), Standing::Cooling(107 * SECOND));
            assert!(health.meet(&written, 107 * SECOND, |_, _, _| ()).is_none());
            assert_eq!(health.standing(seats[0]), Standing::Trial);
        }
    }

    #[test]
    fn workers_learn_from_each_other_whatever_the_order() {
        let (mut one, seats) = health();
        let (mut other, _) = health();
        for worker in [&mut one, &mut other] {
            worker.see(100 * SECOND);
        }
        one.learn(seats[0], Lesson::Failed(ErrorKind::RateLimited, Some(7)));
        assert!(one.hear(&[]), "it has something to tell");
        let written = one.tell();
        assert!(!one.hear(&written), "once");
        assert!(!other.hear(&written));
        assert_eq!(other.standing(seats[0]), Standing::Cooling(107 * SECOND));
        other.see(107 * SECOND);
        other.learn(seats[0], Lesson::Answered);
        assert!(other.hear(&written), "it knows better");
        let written = other.tell();
        one.see(107 * SECOND);
        assert!(!one.hear(&written));
        assert_eq!(one.standing(seats[0]), Standing::Ready);
        let mut third = Health::default();
        third.see(108 * SECOND);
        assert!(!third.hear(&written));
        assert_eq!(third.tell(), written, "what it does not know it keeps");
        let mut fourth = Health::default();
        assert!(!fourth.hear(&written[..20]) && fourth.tell().is_empty(), "a piece of an entry is none");
    }
}
