//! The rate-limit service of a test: it counts as envoyproxy/ratelimit does, each descriptor by its addend, whatever its verdict.

use super::rig::{DOCUMENT, envoy, provider, unused, wiring};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use weir_testing::{Answer, Callout, Cluster, Proxy};

/// [`DOCUMENT`] with a budget of tokens and one of requests for each team, which do `on_failure` when the service can't say.
pub fn document(on_failure: &str) -> String {
    let limits = format!(
        r#""identity": {{"team": {{"header": "x-team", "trusted": true}}}},
    "limits": {{
        "service": {{"endpoint": "http://limits.internal/json", "timeout": "250ms"}},
        "budgets": [
            {{"name": "team-hour", "key": ["team"], "tokens": 1000, "per": "hour", "on_failure": "{on_failure}"}},
            {{"name": "team-rpm", "key": ["team"], "requests": 1000, "per": "minute", "on_failure": "{on_failure}"}}
        ]
    }},
    "models": ["#
    );
    DOCUMENT.replacen("\"models\": [", &limits, 1)
}

/// The counters. A clone is the same service.
#[derive(Clone)]
pub struct Limiter {
    counters: Rc<RefCell<BTreeMap<String, u64>>>,
    limit: u64,
}

impl Limiter {
    /// A service whose rules all have this limit.
    pub fn new(limit: u64) -> Limiter {
        Limiter { counters: Rc::default(), limit }
    }

    /// Counts a call, and says what is left.
    pub fn answer(&self, call: &Callout) -> Answer {
        let statuses: Vec<String> = descriptors(&call.body).into_iter().map(|(entries, addend)| self.count(entries, addend)).collect();
        Answer::reply(200, format!("{{\"statuses\":[{}]}}", statuses.join(",")))
    }

    fn count(&self, entries: String, addend: u64) -> String {
        let mut counters = self.counters.borrow_mut();
        let counter = counters.entry(entries).or_default();
        *counter += addend;
        // Proto3 leaves zeros out.
        let remaining = match self.limit.saturating_sub(*counter) {
            0 => String::new(),
            left => format!("\"limitRemaining\":{left},"),
        };
        format!("{{\"currentLimit\":{{\"requestsPerUnit\":{},\"unit\":\"HOUR\"}},{remaining}\"durationUntilReset\":\"600s\"}}", self.limit)
    }

    /// What the counters of a rule say together.
    pub fn counted(&self, rule: &str) -> u64 {
        let counters = self.counters.borrow();
        counters.iter().filter(|(entries, _)| entries.contains(rule)).map(|(_, counter)| counter).sum()
    }
}

/// Entries and addend of each descriptor of a call.
fn descriptors(body: &[u8]) -> Vec<(String, u64)> {
    let body = String::from_utf8_lossy(body);
    let parts = body.split("{\"entries\":[").skip(1);
    parts
        .map(|part| {
            let (entries, rest) = part.split_once("],\"hitsAddend\":\"").unwrap();
            (entries.to_owned(), rest.split('"').next().unwrap().parse().unwrap())
        })
        .collect()
}

/// Envoy with [`document`] in front of this limiter and these providers.
pub fn limited(on_failure: &str, limiter: &Limiter, alpha: Cluster, beta: Cluster) -> Proxy {
    let limiter = limiter.clone();
    let mut proxy = envoy(&document(on_failure), wiring().cluster("alpha", alpha).cluster("beta", beta));
    proxy.host_mut().cluster("weir-limits", move |call| limiter.answer(call));
    proxy
}

/// A cluster that must not be reached.
pub fn untouched(name: &str) -> Cluster {
    provider(name, unused)
}
