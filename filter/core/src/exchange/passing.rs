//! Paths that name no model: the request leaves at once, its body unread, once limits allow it.

use super::crowding::Reserved;
use super::machine::{Exchange, Verdict};
use super::planned::{PlannedTarget, Speak};
use super::refusals::without_credential;
use crate::config::Gateway;
use crate::formats::head::decoded;
use crate::health::Health;
use crate::hub::{ErrorKind, Rejection};
use crate::names::FormatId;
use crate::operations::Operation;
use std::rc::Rc;

impl Exchange {
    /// A path of the document's `endpoints`. It has one provider, so that is asked also while others leave it alone.
    pub(super) fn pass_through(&mut self, health: &mut Health, now: u64) -> Verdict {
        let Operation::PassThrough(endpoint) = self.operation.clone() else { return Verdict::Continue };
        let configured = Rc::clone(self.configured());
        let Some(provider) = configured.gateway.provider(endpoint.provider) else { return Verdict::Continue };
        if !self.way.reaches(endpoint.provider) {
            return self.refuse(Rejection::new(ErrorKind::InvalidRequest, "this path belongs to another provider than the request's"));
        }
        if climbs(self.path()) {
            return self.refuse(Rejection::new(ErrorKind::InvalidRequest, "this path would lead out of the paths that pass"));
        }
        self.demand_of_named_models(&configured.gateway);
        if !self.may_be_answered_by(&provider.labels) {
            let refusal = self.nobody_is_labelled("no provider of this path");
            return self.refuse(refusal);
        }
        if configured.credential(endpoint.provider).is_err() {
            return self.refuse(without_credential());
        }
        health.see(now);
        let seats = configured.endpoint_seats(&endpoint);
        let gate = health.gate(seats, provider.concurrency, None);
        if gate.is_full() {
            return self.refuse(super::crowding::crowded("for this path's provider"));
        }
        self.reserved = Some(Reserved { place: 0, flight: gate.enter() });
        let speak = Speak::Same(provider.speaks.first().copied().unwrap_or(FormatId::Chat));
        let target = PlannedTarget::without_model(endpoint.provider, provider.name.clone(), speak);
        self.plan.push(Rc::new(PlannedTarget { has_names: provider.has_names(), seats, gate, ..target }));
        match self.join_crowds(health, |_| true).and_then(|()| self.claim_budgets(now)) {
            Ok(()) => Verdict::Wait,
            Err(rejection) => self.refuse(rejection),
        }
    }
}

impl Exchange {
    /// What the document's models demand of whoever answers, where the path names one: it may be the provider's name for it as well.
    fn demand_of_named_models(&mut self, gateway: &Gateway) {
        if gateway.routes.iter().all(|route| route.demands.is_empty()) {
            return;
        }
        let path = decoded(self.path().split(['?', '#']).next().unwrap_or_default());
        let mut demanded = core::mem::take(&mut self.demanded);
        named_models(&path, &mut |name| {
            for wanted in gateway.route(name).map(|(_, route)| &*route.demands).unwrap_or_default() {
                if !demanded.contains(wanted) {
                    demanded.push(wanted.clone());
                }
            }
        });
        self.demanded = demanded;
    }
}

/// Longest name of a model that is looked for, in bytes: no vendor's is near it, and each word of a path may announce one.
const LONGEST_NAME: usize = 1024;

/// What may be the name of a model in a path without escapes: what stands behind a word by which vendors' paths announce one, with and without
/// the action behind it. A name may hold slashes and colons. Servers take several slashes for one.
fn named_models(path: &str, each: &mut dyn FnMut(&str)) {
    let ends = [Some(path.len()), path.rfind(':'), path.rfind('/')];
    let (mut at, mut announced) = (0_usize, false);
    for segment in path.split('/') {
        let end = at.saturating_add(segment.len());
        if announced && !segment.is_empty() {
            let colon = segment.rfind(':').map(|colon| at.saturating_add(colon));
            for end in ends.into_iter().chain([Some(end), colon]).flatten() {
                path.get(at..end).filter(|name| !name.is_empty() && name.len() <= LONGEST_NAME).into_iter().for_each(&mut *each);
            }
        }
        announced = matches!(segment, "models" | "model" | "deployments") || announced && segment.is_empty();
        at = end.saturating_add(1);
    }
}

/// Whether a path has segments that lead elsewhere, for a server that undoes escapes before it looks: the host has undone only those that
/// stand there plainly.
fn climbs(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    decoded(path).split(['/', '\\']).any(|segment| matches!(segment, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_models() {
        for (path, name) in [
            ("/v1beta/models/m:embedContent?x=1", "m"),
            ("/v1/models/m", "m"),
            ("/v1/models/org/m", "org/m"),
            ("/v1/projects/p/locations/l/publishers/google/models/m:predict", "m"),
            ("/model/anthropic.m%3A0/async-invoke", "anthropic.m:0"),
            ("/openai/deployments/m/embeddings", "m"),
            ("/v1beta/models/models/m", "m"),
            ("/v1/models//m", "m"),
            ("/v1/models/m/", "m"),
            ("/v1/models/%2Forg/m:predict", "org/m"),
        ] {
            let mut found = false;
            named_models(&decoded(path.split('?').next().unwrap()), &mut |one| found |= one == name);
            assert!(found, "{path}");
        }
        for path in ["/v1/files/model-card", "/v1/models"] {
            named_models(path, &mut |one| panic!("{path}: {one}"));
        }
    }

    #[test]
    fn looking_for_names_takes_no_longer_than_the_path() {
        let path = "/models".repeat(9000);
        let mut looked_at = 0;
        named_models(&path, &mut |name| looked_at += name.len());
        assert!(looked_at < 20 * path.len(), "{looked_at}");
    }

    #[test]
    fn paths_that_lead_elsewhere() {
        for path in ["/v1/files/..%2fchat/completions", "/v1/files/%2e%2E/x", "/v1/files/../x", "/v1/files/x%5C..", "/v1/files/./x"] {
            assert!(climbs(path), "{path}");
        }
        for path in ["/v1/files", "/v1/files/a..b", "/v1/files/...", "/v1/files/a%2Fb", "/v1/files?path=../x"] {
            assert!(!climbs(path), "{path}");
        }
    }
}
