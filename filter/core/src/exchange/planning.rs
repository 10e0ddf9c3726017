//! From an outline to a plan: which of the model's targets can answer this request, and in what order they are tried.

use super::crowding::Reserved;
use super::machine::Exchange;
use super::planned::{PlannedTarget, Speak, Way};
use super::refusals::unknown_model;
use crate::config::Gateway;
use crate::formats::messages::Carrier;
use crate::formats::{self, Traits};
use crate::health::{Gate, Health, Seats, Standing};
use crate::hub::{Capabilities, Capability, Field, Rejection};
use crate::names::FormatId;
use crate::operations::Operation;
use crate::providers::{Provider, ProviderId};
use crate::routing::{Affinity, Draw, Failover, LeftOut, Patience, Plan, Route, Target, hash, plan};
use crate::usage::tokens_of_text;
use std::rc::Rc;

impl PlannedTarget {
    /// A provider that is asked for no model, or for none that is known.
    pub(super) fn without_model(provider: ProviderId, name: Box<str>, speak: Speak) -> Self {
        Self {
            provider,
            name,
            model: None,
            speak,
            carrier: Carrier::Own,
            default_max_tokens: 0,
            patience: Patience::default(),
            has_names: false,
            seats: Seats::default(),
            gate: Gate::default(),
        }
    }
}

/// What a request needs of those who answer it, as far as the outline says.
struct Needs<'p> {
    gateway: &'p Gateway,
    model: &'p str,
    client: FormatId,
    traits: Traits,
    uses: Capabilities,
    counts: bool,
    way: Way,
}

impl Needs<'_> {
    /// Whether a target can be asked in a format at all. Only a provider that counts is asked to.
    fn takes(&self, provider: &Provider, target: &Target, format: FormatId) -> bool {
        self.way.speaks(format) && (!self.counts || provider.counts(format)) && provider.takes(format, target.asks_for(self.model))
    }

    /// How a target is spoken to; `None` where it can't express the request.
    fn speak(&self, target: &Target) -> Option<Speak> {
        let provider = self.gateway.provider(target.provider)?;
        speak(provider, self.client, self.traits, |format| self.takes(provider, target, format))
    }

    /// A target as it stands in a plan.
    fn planned(&self, target: &Target) -> Option<PlannedTarget> {
        let provider = self.gateway.provider(target.provider)?;
        let speak = self.speak(target)?;
        Some(PlannedTarget {
            model: target.model.clone().or_else(|| Some(self.model.into())),
            carrier: provider.carrier(speak.format()),
            default_max_tokens: u64::from(target.default_max_tokens),
            patience: target.patience,
            has_names: provider.has_names(),
            ..PlannedTarget::without_model(target.provider, provider.name.clone(), speak)
        })
    }

    /// What a target refuses of the request.
    fn refused(&self, target: &Target) -> Option<Field> {
        let provider = self.gateway.provider(target.provider)?;
        let mut asked = provider.speaks.iter().copied().filter(|format| self.takes(provider, target, *format));
        asked.find_map(|format| provider.carrier(format).refuses(self.traits).or_else(|| self.traits.refused_by(format)))
    }
}

/// Where the attempts at each target of a route are counted, in its order.
type Places = Vec<(Seats, Gate)>;

impl Exchange {
    /// Finds the model's route and orders those of its targets that can answer this request.
    pub(super) fn make_plan(&mut self, body: &[u8], random: u64, health: &mut Health) -> Result<(), Rejection> {
        let configured = Rc::clone(self.configured());
        let gateway = &configured.gateway;
        let model = self.outline().model.clone();
        let (place, route) = gateway.route(&model).ok_or_else(|| unknown_model(&model))?;
        // A seat that was kept for the head is taken anew, with one at the model.
        self.reserved = None;
        self.route = Some(place);
        self.demanded.extend_from_slice(&route.demands);
        let needs = self.needs(gateway, &model);
        let place_of = |(at, target): (usize, &Target)| {
            let seats = health.of_model(configured.seats(place, at), &model);
            let cap = gateway.provider(target.provider).and_then(|provider| provider.concurrency);
            (seats, health.gate(seats, cap, target.concurrency))
        };
        let mut places: Places = route.targets.iter().enumerate().map(place_of).collect();
        self.leave_out(route, &needs, &places, health);
        let mut order = self.order(gateway, route, body, random);
        let first = order.first().and_then(|at| places.get(at)).map(|(seats, _)| *seats);
        let trial = first.filter(|first| health.standing(*first) == Standing::Trial).map(|first| health.try_it(first));
        if configured.failover == Failover::Priorities {
            self.follow(gateway, route, &mut order);
        }
        let planned = |at: usize| {
            let (seats, gate) = core::mem::take(places.get_mut(at)?);
            let target = Rc::new(PlannedTarget { seats, gate, ..needs.planned(route.targets.get(at)?)? });
            Some(core::iter::repeat_n(Rc::clone(&target), self.tries(&target)))
        };
        self.plan = order.iter().filter_map(planned).flatten().take(self.way.most_attempts()).collect();
        let Some(first) = self.plan.first() else { return Err(self.nobody(&model)) };
        // It is under way from here on, so that what has room now has room when the budgets have been asked.
        self.reserved = Some(Reserved { place: 0, flight: first.gate.enter().trying(trial) });
        Ok(())
    }

    fn needs<'p>(&self, gateway: &'p Gateway, model: &'p str) -> Needs<'p> {
        let (client, traits) = (self.operation.format(), self.outline().traits);
        let mut uses = self.outline().uses;
        uses.note(Capability::Audio, traits.contains(Field::Audio));
        let counts = matches!(self.operation, Operation::CountTokens(_));
        Needs { gateway, model, client, traits, uses, counts, way: self.way }
    }

    /// Notes the targets that can't answer, or are not to.
    fn leave_out(&mut self, route: &Route, needs: &Needs<'_>, places: &Places, health: &Health) {
        let mut soonest: Option<(u64, usize)> = None;
        for ((at, target), (seats, gate)) in route.targets.iter().enumerate().zip(places) {
            let reason = if !self.way.reaches(target.provider) {
                LeftOut::NotPicked
            } else if !self.may_be_answered_by(&target.labels) {
                LeftOut::Labels
            } else if self.configured().credential(target.provider).is_err() {
                LeftOut::Credential
            } else if needs.speak(target).is_none() {
                needs.refused(target).map_or(LeftOut::Format, LeftOut::Unsupported)
            } else if let Some(lacked) = target.lacks.common(needs.uses) {
                LeftOut::Lacks(lacked)
            } else if !target.when.iter().all(|condition| condition.is_met(&self.identities)) {
                LeftOut::When
            } else if target.context_length.is_some_and(|length| self.needs_at_least() > length) {
                LeftOut::ContextLength
            } else if gate.is_full() {
                LeftOut::Busy
            } else if let Standing::Cooling(until) = health.standing(*seats) {
                soonest = Some(soonest.map_or((until, at), |earlier| earlier.min((until, at))));
                LeftOut::Cooling
            } else {
                continue;
            };
            self.left_out.push((at, reason));
        }
        if let Some((_, at)) = soonest.filter(|_| self.left_out.len() == route.targets.len()) {
            // Nobody else can answer: better a target that may fail than none.
            self.left_out.retain(|(out, _)| *out != at);
        }
    }

    /// Who is left, in the order in which they are tried.
    fn order(&mut self, gateway: &Gateway, route: &Route, body: &[u8], random: u64) -> Plan {
        self.conversation = route.affinity.as_ref().and_then(|affinity| self.conversation(affinity, body));
        let draw = self.conversation.map_or(Draw::Random(random), Draw::Conversation);
        let mut order = plan(route, draw, |at| !self.left_out.iter().any(|(out, _)| *out == at));
        if route.cheapest {
            let usage = self.expected_usage();
            let price = |target: &Target| gateway.price(target.provider, target.asks_for(&self.outline().model));
            order.by_cost(route, |at| route.targets.get(at).and_then(price).map_or(u64::MAX, |price| price.cost(&usage)));
        }
        order
    }

    /// Behind the first target Envoy goes on by itself, in an order for which there is a cluster. Who is only left alone for a while is asked
    /// all the same.
    fn follow(&mut self, gateway: &Gateway, route: &Route, order: &mut Plan) {
        let Some(first) = order.first() else { return };
        let out = |at: usize| self.left_out.iter().any(|(out, reason)| *out == at && *reason != LeftOut::Cooling);
        let asked = route.followed(first, out);
        self.left_out.retain(|(out, _)| !asked.contains(out));
        for at in 0..route.targets.len() {
            if !asked.contains(&at) && !self.left_out.iter().any(|(out, _)| *out == at) {
                self.left_out.push((at, LeftOut::Behind));
            }
        }
        order.order = asked.iter().filter_map(|at| u8::try_from(*at).ok()).collect();
        self.chain = (asked.len() > 1).then(|| route.chain_cluster(gateway, &route.chain_of(&asked)));
    }

    /// The conversation that a request belongs to, as the route tells conversations apart.
    fn conversation(&self, affinity: &Affinity, body: &[u8]) -> Option<u64> {
        let named = affinity.header.as_deref().and_then(|name| self.headers().first(name)).map(|value| hash(value.as_bytes()));
        named.or_else(|| affinity.by.iter().find_map(|mark| formats::conversation(body, *mark)))
    }

    /// The tokens that a model must have room for: the text, pictures apart, and one more.
    fn needs_at_least(&self) -> u64 {
        tokens_of_text(self.outline().text_bytes).saturating_add(1)
    }
}

/// How a provider is spoken to for a request, in one of its formats that are `allowed`; `None` where it can't express it.
pub(super) fn speak(provider: &Provider, client: FormatId, traits: Traits, allowed: impl Fn(FormatId) -> bool) -> Option<Speak> {
    let allowed = |format| allowed(format) && provider.carrier(format).refuses(traits).is_none();
    if provider.speaks.contains(&client) && allowed(client) {
        return Some(Speak::Same(client));
    }
    let spoken = provider.speaks.iter().copied();
    spoken.filter(|&format| allowed(format)).find(|&format| traits.refused_by(format).is_none()).map(Speak::Translated)
}
