//! What the head of a request alone rules out, where it can't wait for the body: it leaves for a provider that could answer, and for no other.
//!
//! A client whose format has the model in the path has said with the head what it asks for; of the others' requests it is known only which
//! provider they are for. What only the body rules out is refused behind the head, which has nothing of the body in it.

use super::crowding::{Reserved, crowded, tells_models};
use super::headers::Headers;
use super::machine::{Exchange, Verdict};
use super::onward;
use super::planned::{Pick, Way};
use super::planning::speak;
use super::refusals::{not_its_model, unknown_model, without_credential};
use super::standalone::Choice;
use crate::config::Gateway;
use crate::formats::Traits;
use crate::health::Health;
use crate::hub::{ErrorKind, Rejection};
use crate::limits::Ledger;
use crate::operations::Operation;
use crate::providers::ProviderId;
use std::rc::Rc;

impl Exchange {
    /// Writes the head for the provider that it picks; the body is read behind it.
    pub(super) fn send_head(&mut self, choice: Choice, ledger: &Ledger, health: &mut Health, now: u64) -> Verdict {
        match choice {
            Choice::Free => Verdict::Wait,
            Choice::Refused(rejection) => self.refuse(rejection),
            Choice::Provider { id, .. } => match self.head_for(id, ledger, health, now) {
                Ok(headers) => Verdict::Head(headers),
                Err(rejection) => self.refuse(rejection),
            },
        }
    }

    fn head_for(&mut self, id: ProviderId, ledger: &Ledger, health: &mut Health, now: u64) -> Result<Headers, Rejection> {
        let configured = Rc::clone(self.configured());
        let gateway = &configured.gateway;
        let (route, target) = self.answerable(gateway, id)?;
        if configured.credential(id).is_err() {
            return Err(without_credential());
        }
        let counts = matches!(self.operation, Operation::CountTokens(_));
        let provider = gateway.provider(id);
        let spoken = provider.and_then(|provider| {
            let allowed = |format| provider.has_fixed_path(format) && (!counts || provider.counts(format));
            speak(provider, self.operation.format(), Traits::default(), allowed)
        });
        let Some(spoken) = spoken else {
            let what = if counts { "does not count tokens without an answer" } else { "can't be asked before the request is read" };
            return Err(Rejection::new(ErrorKind::Unsupported, format!("the provider of this request {what}")));
        };
        self.way = Way::Standalone(Some(Pick { provider: id, speak: Some(spoken) }));
        self.glance_at_budgets(ledger, now)?;
        health.see(now);
        self.join_crowds(health, |rule| !tells_models(rule))?;
        if let Some(cap) = provider.and_then(|provider| provider.concurrency) {
            // Its head is a request under way there; the plan takes a seat at the model as well.
            let gate = health.provider_gate(configured.seats(route, target), cap);
            if gate.is_full() {
                return Err(crowded("at the provider of this request"));
            }
            self.reserved = Some(Reserved { place: 0, flight: gate.enter() });
        }
        onward::head(self, id, spoken.format(), "", None)
    }

    /// The places of a route and of its target at this provider that may answer, for all that the head says.
    fn answerable(&self, gateway: &Gateway, id: ProviderId) -> Result<(usize, usize), Rejection> {
        let model = self.client().model_in_path(&self.head());
        let asked = match &model {
            Some(model) => Some(gateway.route(model).ok_or_else(|| unknown_model(model))?),
            None => None,
        };
        let mut knows = false;
        for (place, route) in gateway.routes.iter().enumerate() {
            if asked.is_some_and(|(asked, _)| asked != place) {
                continue;
            }
            for (at, target) in route.targets.iter().enumerate().filter(|(_, target)| target.provider == id) {
                knows = true;
                // What a model demands itself all of its targets have, or the document is refused.
                if self.may_be_answered_by(&target.labels) {
                    return Ok((place, at));
                }
            }
        }
        Err(if knows { self.nobody_is_labelled("not even the provider that this request picks") } else { not_its_model(model.as_deref()) })
    }
}
