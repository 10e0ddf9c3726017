//! From an outline to a release: who is asking, which targets can answer, and whether the budgets allow it.

use super::configured::Configured;
use super::crowding::Reserved;
use super::headers::Headers;
use super::machine::{BudgetNote, Exchange, PlannedTarget, Speak, State};
use crate::config::{Gateway, Identity, IdentitySource};
use crate::formats::messages::Carrier;
use crate::formats::{self, Traits};
use crate::health::{Gate, Health, Seats, Standing};
use crate::hub::{Capability, ErrorKind, Field, Rejection};
use crate::limits::{Admission, Amounts, Claim, IdentityValue, keys_for};
use crate::names::FormatId;
use crate::operations::Operation;
use crate::providers::{Provider, ProviderId};
use crate::routing::{Affinity, Draw, Failover, LeftOut, Patience, Plan, Route, Target, hash, plan};
use crate::usage::{Usage, tokens_of_text};
use std::rc::Rc;

impl Configured {
    /// The values of the document's identities for a request, in the document's order.
    pub(super) fn identify(&self, head: &Headers) -> Vec<Option<String>> {
        let value = |source: &IdentitySource| match source {
            IdentitySource::TrustedHeader(name) => head.first(name).map(str::to_owned),
            IdentitySource::Constant(value) => Some(value.to_string()),
        };
        self.gateway.identities.iter().map(|identity| value(&identity.source)).collect()
    }
}

impl BudgetNote {
    pub(super) fn of(admission: &Admission) -> Self {
        match (&admission.shadow, &admission.unchecked) {
            (Some(rule), _) => Self::Shadow(rule.budget.name.to_string()),
            (None, Some(rule)) => Self::Unchecked(rule.budget.name.to_string()),
            (None, None) => Self::Allowed,
        }
    }
}

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
        let (client, traits) = (self.operation.format(), self.outline().traits);
        let mut uses = self.outline().uses;
        uses.note(Capability::Audio, traits.contains(Field::Audio));
        let counts = matches!(self.operation, Operation::CountTokens(_));
        let way = self.way;
        // Only a provider that counts is asked to.
        let spoken = |provider: &Provider, format| way.speaks(format) && (!counts || provider.counts(format));
        let speak = |target: &Target| {
            let provider = gateway.provider(target.provider)?;
            let taken = |format| spoken(provider, format) && provider.takes(format, target.asks_for(&model));
            speak(provider, client, traits, taken)
        };
        let place_of = |(at, target): (usize, &Target)| {
            let seats = health.of_model(configured.seats(place, at), &model);
            let cap = gateway.provider(target.provider).and_then(|provider| provider.concurrency);
            (seats, health.gate(seats, cap, target.concurrency))
        };
        let mut places: Vec<(Seats, Gate)> = route.targets.iter().enumerate().map(place_of).collect();
        let mut soonest: Option<(u64, usize)> = None;
        for ((at, target), (seats, gate)) in route.targets.iter().enumerate().zip(&places) {
            let reason = if !way.reaches(target.provider) {
                LeftOut::NotPicked
            } else if !self.may_be_answered_by(&target.labels) {
                LeftOut::Labels
            } else if configured.credential(target.provider).is_err() {
                LeftOut::Credential
            } else if speak(target).is_none() {
                refusing(gateway, target, &model, traits, spoken).map_or(LeftOut::Format, LeftOut::Unsupported)
            } else if let Some(lacked) = target.lacks.common(uses) {
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
        self.conversation = route.affinity.as_ref().and_then(|affinity| self.conversation(affinity, body));
        let draw = self.conversation.map_or(Draw::Random(random), Draw::Conversation);
        let mut order = plan(route, draw, |at| !self.left_out.iter().any(|(out, _)| *out == at));
        if route.cheapest {
            let usage = self.expected_usage();
            let price = |target: &Target| gateway.price(target.provider, target.asks_for(&model));
            order.by_cost(route, |at| route.targets.get(at).and_then(price).map_or(u64::MAX, |price| price.cost(&usage)));
        }
        let first = order.first().and_then(|at| places.get(at)).map(|(seats, _)| *seats);
        let trial = first.filter(|first| health.standing(*first) == Standing::Trial).map(|first| health.try_it(first));
        if configured.failover == Failover::Priorities {
            self.follow(gateway, route, &mut order);
        }
        let mut planned = |at: usize| {
            let target = route.targets.get(at)?;
            let provider = gateway.provider(target.provider)?;
            let (speak, (seats, gate)) = (speak(target)?, core::mem::take(places.get_mut(at)?));
            Some(Rc::new(PlannedTarget {
                provider: target.provider,
                name: provider.name.clone(),
                model: target.model.clone().or_else(|| Some(model.as_str().into())),
                speak,
                carrier: provider.carrier(speak.format()),
                default_max_tokens: u64::from(target.default_max_tokens),
                patience: target.patience,
                has_names: provider.has_names(),
                seats,
                gate,
            }))
        };
        let tries = |target: Rc<PlannedTarget>| core::iter::repeat_n(Rc::clone(&target), self.tries(&target));
        let targets = order.iter().filter_map(&mut planned);
        self.plan = targets.flat_map(tries).take(way.most_attempts()).collect();
        if let Some(first) = self.plan.first() {
            // It is under way from here on, so that what has room now has room when the budgets have been asked.
            self.reserved = Some(Reserved { place: 0, flight: first.gate.enter().trying(trial) });
            return Ok(());
        }
        let picked = route.targets.iter().any(|target| way.reaches(target.provider));
        let may: Vec<&Target> =
            route.targets.iter().filter(|target| way.reaches(target.provider) && self.may_be_answered_by(&target.labels)).collect();
        let refused = may.iter().find_map(|target| refusing(gateway, target, &model, traits, spoken));
        let lacked = may.iter().find_map(|target| target.lacks.common(uses));
        Err(match refused {
            None if !picked => not_its_model(Some(&model)),
            None if may.is_empty() => self.nobody_is_labelled(&format!("no provider of `{}`", shown(&model))),
            Some(field) => {
                let member = self.client().member(field);
                Rejection::new(ErrorKind::Unsupported, format!("no provider of `{}` can be asked for {member}", shown(&model)))
                    .code("unsupported_by_target")
                    .at(member)
            }
            None if counts => {
                Rejection::new(ErrorKind::Unsupported, format!("no provider of `{}` counts tokens without an answer", shown(&model)))
                    .code("unsupported_by_target")
                    .at("model")
            }
            None if self.is_left_out_for(LeftOut::Busy) => super::crowding::crowded(&format!("for `{}`", shown(&model))),
            None if let Some(lacked) = lacked => {
                let message = format!("no provider of `{}` can be asked for {}", shown(&model), lacked.as_str());
                Rejection::new(ErrorKind::Unsupported, message).code("unsupported_by_target").at("model")
            }
            None if self.is_left_out_for(LeftOut::ContextLength) => {
                Rejection::new(ErrorKind::ContextLength, format!("the request is longer than the context of `{}`", shown(&model)))
            }
            None if self.is_left_out_for(LeftOut::When) => {
                Rejection::new(ErrorKind::PermissionDenied, format!("no provider of `{}` may be used for this request", shown(&model)))
            }
            None => Rejection::new(ErrorKind::Unavailable, format!("no provider of `{model}` can be used: credentials are missing")),
        })
    }

    /// Behind the first target Envoy goes on by itself, and can pass nobody over: it goes on up to the first that must not be asked. One that
    /// is only left alone for a while is asked all the same.
    fn follow(&mut self, gateway: &Gateway, route: &Route, order: &mut Plan) {
        let Some(first) = order.first() else { return };
        let stops = |at: usize| self.left_out.iter().any(|(out, reason)| *out == at && *reason != LeftOut::Cooling);
        let chain = route.chain(first);
        let end = chain.iter().position(|at| stops(*at)).unwrap_or(chain.len());
        let (asked, behind) = chain.split_at_checked(end).unwrap_or((&chain, &[]));
        self.left_out.retain(|(out, _)| !asked.contains(out));
        for at in behind {
            if !self.left_out.iter().any(|(out, _)| out == at) {
                self.left_out.push((*at, LeftOut::Behind));
            }
        }
        order.order = asked.iter().filter_map(|at| u8::try_from(*at).ok()).collect();
        self.chain = (order.len() > 1).then(|| route.chain_cluster(gateway, first));
    }

    /// Makes the claim on the budgets, which are asked next.
    pub(super) fn claim_budgets(&mut self, now: u64) -> Result<(), Rejection> {
        let configured = Rc::clone(self.configured());
        let gateway = &configured.gateway;
        if !configured.rules.is_empty() {
            let values = self.identity_values(gateway)?;
            let names: Vec<&str> = gateway.identities.iter().map(|identity| &*identity.name).collect();
            let model = (!self.outline().model.is_empty()).then_some(self.outline().model.as_str());
            let keys = keys_for(&configured.rules, &values, &names, model, now);
            self.claim = Some(Claim::new(keys, self.expected_amounts(), now));
        }
        self.state = State::Deciding { since: now };
        Ok(())
    }

    /// What the request has for the document's identities, in its order.
    ///
    /// # Errors
    /// It lacks one without which the document refuses it.
    pub(super) fn identity_values(&self, gateway: &Gateway) -> Result<Vec<IdentityValue<'_>>, Rejection> {
        gateway.identities.iter().zip(&self.identities).map(|(identity, value)| known(identity, value.as_deref())).collect()
    }

    /// The conversation that a request belongs to, as the route tells conversations apart.
    fn conversation(&self, affinity: &Affinity, body: &[u8]) -> Option<u64> {
        let named = affinity.header.as_deref().and_then(|name| self.headers().first(name)).map(|value| hash(value.as_bytes()));
        named.or_else(|| affinity.by.iter().find_map(|mark| formats::conversation(body, *mark)))
    }

    fn is_left_out_for(&self, reason: LeftOut) -> bool {
        self.left_out.iter().any(|(_, one)| *one == reason)
    }

    /// The tokens that a model must have room for: the text, pictures apart, and one more.
    fn needs_at_least(&self) -> u64 {
        tokens_of_text(self.outline().text_bytes).saturating_add(1)
    }

    fn expected_usage(&self) -> Usage {
        Usage::expected(self.outline().text_bytes, self.outline().max_tokens)
    }

    /// What the exchange is expected to use: the ground of its claim.
    fn expected_amounts(&self) -> Amounts {
        let usage = self.expected_usage();
        let target = self.plan.first();
        Amounts::new(&usage, target.and_then(|target| self.cost(target, &usage)))
    }

    /// What a usage costs at a target, in nano-dollars; `None` where the document has no price.
    pub(super) fn cost(&self, target: &PlannedTarget, usage: &Usage) -> Option<u64> {
        let price = self.configured().gateway.price(target.provider, target.model.as_deref()?)?;
        Some(price.cost(usage))
    }
}

fn known<'v>(identity: &Identity, value: Option<&'v str>) -> Result<IdentityValue<'v>, Rejection> {
    IdentityValue::of(value, identity.missing).map_err(|_| {
        let message = format!("the request does not say its {}, which a limit needs", identity.name);
        Rejection::new(ErrorKind::PermissionDenied, message)
    })
}

/// A word of the client's as a sentence or a record may repeat it: bounded, because a client may choose megabytes.
pub(super) fn shown(word: &str) -> &str {
    const LONGEST: usize = 256;
    if word.len() <= LONGEST {
        return word;
    }
    let end = (0..=LONGEST).rev().find(|&end| word.is_char_boundary(end)).unwrap_or(0);
    word.get(..end).unwrap_or_default()
}

/// No route has this model.
pub(super) fn unknown_model(model: &str) -> Rejection {
    let message = format!("the model `{}` does not exist or you do not have access to it", shown(model));
    Rejection::new(ErrorKind::NotFound, message).code("model_not_found").at("model")
}

/// The provider that a head picks does not have its model, or any.
pub(super) fn not_its_model(model: Option<&str>) -> Rejection {
    let message = match model {
        Some(model) => format!("the provider of this request does not have the model `{}`", shown(model)),
        None => "the provider of this request has no model".to_owned(),
    };
    Rejection::new(ErrorKind::NotFound, message).code("model_not_found").at("model")
}

/// A provider without the credential that the document names for it.
pub(super) fn without_credential() -> Rejection {
    Rejection::new(ErrorKind::Unavailable, "the provider of this path can't be used: its credential is missing")
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

/// What a target refuses of a request in the formats that are `allowed`.
fn refusing(
    gateway: &Gateway,
    target: &Target,
    model: &str,
    traits: Traits,
    allowed: impl Fn(&Provider, FormatId) -> bool,
) -> Option<Field> {
    let provider = gateway.provider(target.provider)?;
    let taken = |format| allowed(provider, format) && provider.takes(format, target.asks_for(model));
    provider
        .speaks
        .iter()
        .filter(|&&format| taken(format))
        .find_map(|&format| provider.carrier(format).refuses(traits).or_else(|| traits.refused_by(format)))
}
