//! Seats: what is known of one provider, of one model at a provider, or of one path that passes to it.

use super::Health;
use super::breaker::{Breaker, Cooldown, Standing, State};
use super::flight::{Count, Counter, Tried};
use super::gossip::Word;
use crate::config::Gateway;
use crate::providers::{Base, Kind, Provider};
use crate::routing::{Pattern, Target};

/// How many models are told apart that no document names: clients choose their names, under a pattern.
const MOST_GUESTS: usize = 256;
/// The longest name of such a model.
const LONGEST_NAME: usize = 256;

/// Where what concerns one target is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seats {
    /// The provider's seat, counted from one; 0: nothing is kept.
    pub(super) provider: u32,
    /// The seat of the model at the provider.
    pub(super) model: u32,
    /// The provider's limits are those of a model, not of the account.
    pub(super) by_model: bool,
    /// The model is the client's to choose, under a pattern: [`Health::of_model`] has its seat.
    by_name: bool,
}

impl Seats {
    /// Those of no model.
    pub(super) const fn of_provider(self) -> Self {
        Self { model: 0, ..self }
    }
}

/// The seats of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seating {
    /// For each of its routes those of its targets, in its order.
    pub routes: Vec<Vec<Seats>>,
    /// Those of the paths that pass, in the order of [`Gateway::endpoints`].
    pub endpoints: Vec<Seats>,
}

/// One provider, one model at a provider, or one path.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub provider: Box<str>,
    /// Empty for the provider as a whole.
    model: Box<str>,
    /// What metrics call it: the operator's word, also where a client chose the model.
    pub shown_as: Box<str>,
    pub hash: u64,
    pub policy: Cooldown,
    pub breaker: Breaker,
    /// Whether a request tries it.
    pub tried: Tried,
    /// Attempts under way here.
    flying: Counter,
    /// The document limits them, for some target at least.
    limited: bool,
    /// A model that no document names. Its seat is given to another one when nothing has to be remembered.
    guest: bool,
    /// Why it was opened here since the last tick.
    pub opened: Option<&'static str>,
    /// Whether it was shown as left alone.
    pub shown: bool,
}

impl Seat {
    fn new(provider: &str, model: &str, policy: Cooldown) -> Self {
        Self {
            provider: provider.into(),
            model: model.into(),
            shown_as: model.into(),
            hash: hash(provider, model),
            policy,
            breaker: Breaker::new(),
            tried: Tried::default(),
            flying: Counter::default(),
            limited: false,
            guest: false,
            opened: None,
            shown: false,
        }
    }

    fn is_of(&self, hash: u64, provider: &str, model: &str) -> bool {
        self.hash == hash && *self.provider == *provider && *self.model == *model
    }

    /// Ready where the document says never, also if it was opened under one that did not.
    pub fn standing(&self, now: u64) -> Standing {
        if self.policy.failures == 0 { Standing::Ready } else { self.breaker.standing(now, self.tried.goes_on()) }
    }

    /// Where attempts are counted, if anybody looks at the number; a guest's counter also says that the seat is taken.
    pub fn count(&self, cap: Option<u32>) -> Option<Count> {
        (cap.is_some() || self.limited || self.guest).then(|| Count { counter: self.flying.clone(), cap })
    }

    fn is_free(&self) -> bool {
        self.guest && self.breaker.state == State::Closed { failures: 0 } && !self.flying.is_used() && !self.shown
    }

    /// What another worker has found out, if it is news.
    pub fn hear(&mut self, word: &Word) {
        if word.changed > self.breaker.changed {
            self.breaker.changed = word.changed;
            self.breaker.state = match word.until {
                0 => State::Closed { failures: 0 },
                until => State::Open { until, pauses: word.pauses, trial: 0 },
            };
        }
    }
}

impl Health {
    /// The seats of a document. A name that is known keeps its seat, so a new document forgets nothing.
    pub fn seat(&mut self, gateway: &Gateway) -> Seating {
        let mut seating = Seating::default();
        for route in &gateway.routes {
            let by_name = matches!(route.name, Pattern::Glob(_));
            let of_target = |target: &Target| {
                let Some(provider) = gateway.provider(target.provider) else { return Seats::default() };
                let model = target.model.as_deref().unwrap_or(route.name.as_str());
                let seats = self.pair(provider, model, target.concurrency);
                Seats { by_name: by_name && target.model.is_none(), ..seats }
            };
            seating.routes.push(route.targets.iter().map(of_target).collect());
        }
        for endpoint in &gateway.endpoints {
            let pair = gateway.provider(endpoint.provider).map(|provider| self.pair(provider, &endpoint.prefix, None));
            seating.endpoints.push(pair.unwrap_or_default());
        }
        seating
    }

    fn pair(&mut self, provider: &Provider, model: &str, cap: Option<u32>) -> Seats {
        Seats {
            provider: self.of(provider, "", provider.concurrency),
            model: self.of(provider, model, cap),
            by_model: limits_by_model(provider.kind),
            by_name: false,
        }
    }

    fn of(&mut self, provider: &Provider, model: &str, cap: Option<u32>) -> u32 {
        let policy = provider.cooldown;
        let hash = hash(&provider.name, model);
        let known = self.seats.iter().position(|seat| seat.is_of(hash, &provider.name, model));
        let place = known.unwrap_or(self.seats.len());
        if known.is_none() {
            self.seats.push(Seat::new(&provider.name, model, policy));
        }
        if let Some(seat) = self.seats.get_mut(place) {
            seat.policy = policy;
            seat.limited |= cap.is_some();
            seat.guest = false;
            seat.shown_as = model.into();
        }
        number(place)
    }

    /// The seats of a target where the request asks for this model: its own also under a pattern. While too many of a pattern are being
    /// talked to or left alone the rest share the pattern's.
    pub fn of_model(&mut self, seats: Seats, model: &str) -> Seats {
        let Some(pattern) = self.seen(seats.model).filter(|_| seats.by_name && model.len() <= LONGEST_NAME) else { return seats };
        let hash = hash(&pattern.provider, model);
        if let Some(place) = self.seats.iter().position(|seat| seat.is_of(hash, &pattern.provider, model)) {
            return Seats { model: number(place), ..seats };
        }
        let mut guest = Seat { guest: true, shown_as: pattern.shown_as.clone(), ..Seat::new(&pattern.provider, model, pattern.policy) };
        if let Some(word) = self.heard.iter().find(|word| word.name == hash) {
            guest.hear(word);
        }
        let place = if self.seats.iter().filter(|seat| seat.guest).count() < MOST_GUESTS {
            self.seats.len()
        } else {
            match self.seats.iter().position(Seat::is_free) {
                Some(place) => place,
                None => return seats,
            }
        };
        match self.seats.get_mut(place) {
            Some(seat) => *seat = guest,
            None => self.seats.push(guest),
        }
        Seats { model: number(place), ..seats }
    }
}

fn hash(provider: &str, model: &str) -> u64 {
    crate::routing::hash([provider, "\0", model].concat().as_bytes())
}

/// The number of the seat at a place, counted from one.
fn number(place: usize) -> u32 {
    u32::try_from(place.saturating_add(1)).unwrap_or(0)
}

/// Whether a kind's rate limits are those of a model: the vendors' are; a server of one's own is one machine for all of its models.
fn limits_by_model(kind: Kind) -> bool {
    let preset = kind.preset();
    preset.says_endpoint() || preset.base == Base::Azure
}

#[cfg(test)]
mod tests {
    use super::super::{Lesson, SECOND};
    use super::*;
    use crate::hub::ErrorKind;

    const DOCUMENT: &str = r#"{"version": 1, "providers": {"vendor": {"kind": "openai", "auth": {"bearer": {"env": "A"}}}},
        "models": [{"name": "gpt-*", "targets": [{"provider": "vendor", "concurrency": 1}]}],
        "endpoints": [{"prefix": "/v1/files", "provider": "vendor"}]}"#;

    fn seated() -> (Health, Seats) {
        let mut health = Health::default();
        let seats = health.seat(&crate::config::compile(DOCUMENT).unwrap()).routes[0][0];
        (health, seats)
    }

    #[test]
    fn each_model_of_a_pattern_stands_for_itself() {
        let (mut health, pattern) = seated();
        let [one, other] = ["gpt-1", "gpt-2"].map(|name| health.of_model(pattern, name));
        assert_eq!(health.of_model(pattern, "gpt-1"), one);
        health.learn(one, Lesson::Failed(ErrorKind::RateLimited, Some(7)));
        let _under_way = health.gate(other, None, Some(1)).enter();
        let state = |health: &Health, seats: Seats| (health.standing(seats), health.gate(seats, None, Some(1)).is_full());
        assert_eq!(state(&health, one), (Standing::Cooling(7 * SECOND), false));
        assert_eq!(state(&health, other), (Standing::Ready, true));
        let third = health.of_model(pattern, "gpt-3");
        assert_eq!(state(&health, third), (Standing::Ready, false));
        let mut told = Vec::new();
        health.tick(1, |provider, model, _| told.push([provider, model].concat()));
        assert_eq!(told, ["vendorgpt-*", "vendorgpt-*"], "metrics have the operator's word");
    }

    #[test]
    fn names_that_clients_make_up_take_bounded_room() {
        let (mut health, pattern) = seated();
        let before = health.seats.len();
        let cooling = health.of_model(pattern, "gpt-cooling");
        health.learn(cooling, Lesson::Failed(ErrorKind::RateLimited, Some(7)));
        for name in 0..3 * MOST_GUESTS {
            health.of_model(pattern, &format!("gpt-{name}"));
        }
        assert_eq!(health.seats.len(), before + MOST_GUESTS);
        assert_eq!(health.of_model(pattern, "gpt-cooling"), cooling, "what has to be remembered stays");
        for seat in &mut health.seats {
            seat.breaker.fail(&Cooldown::default(), Some(SECOND), 0);
        }
        assert_eq!(health.of_model(pattern, "gpt-new"), pattern);
        assert_eq!(health.of_model(pattern, &"x".repeat(LONGEST_NAME + 1)), pattern);
    }
}
