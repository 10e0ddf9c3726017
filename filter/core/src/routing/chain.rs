//! How a request gets from one target to the next, and the fixed order where Envoy goes on by itself.

use super::Route;
use crate::config::Gateway;
use crate::names::{CLUSTER_CHAIN, ROOT_GATEWAY, ROOT_GATEWAY_PRIORITIES};

/// Who chooses the target behind one that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Failover {
    /// Weir: it names the cluster of each attempt, which Envoy 1.39 and later read anew for a retry.
    #[default]
    Clusters,
    /// Envoy: one cluster has the providers as priorities, and Envoy goes through them. Weir chooses the first alone.
    Priorities,
}

impl Failover {
    /// What the gateway position's `root_id` says; `None` where it is none of that position's.
    #[must_use]
    pub fn of_gateway(root_id: &[u8]) -> Option<Self> {
        let roots = [(ROOT_GATEWAY, Self::Clusters), (ROOT_GATEWAY_PRIORITIES, Self::Priorities)];
        roots.into_iter().find_map(|(id, failover)| (id.as_bytes() == root_id).then_some(failover))
    }
}

impl Route {
    /// The most targets of a route any of which Envoy can pass over where it goes on by itself. With four there are up to 16 clusters.
    const MOST_PASSED_OVER: usize = 4;

    /// The places of all targets when the one at `first` is tried first: behind it the others by priority, and inside one in the document's
    /// order. Filter and renderer agree by it.
    #[must_use]
    pub fn chain(&self, first: usize) -> Vec<usize> {
        let mut others: Vec<(u32, usize)> = self.targets.iter().enumerate().map(|(place, target)| (target.priority, place)).collect();
        others.retain(|(_, place)| *place != first);
        others.sort_unstable();
        core::iter::once(first).chain(others.into_iter().map(|(_, place)| place)).collect()
    }

    /// Those of the chain that begins with `first` whom Envoy asks, where it must not ask those who are `out`. It can pass them over where there
    /// is a cluster without them; else it stops before the first of them.
    #[must_use]
    pub fn followed(&self, first: usize, out: impl Fn(usize) -> bool) -> Vec<usize> {
        let chain = self.chain(first);
        let can_pass = self.has_all_chains();
        let mut stopped = false;
        let asked = |at: &usize| {
            let leaves = *at != first && out(*at);
            stopped |= leaves && !can_pass;
            !leaves && !stopped
        };
        chain.into_iter().filter(asked).collect()
    }

    /// The chain with a cluster in which these come first, one behind the other.
    #[must_use]
    pub fn chain_of(&self, asked: &[usize]) -> Vec<usize> {
        let Some(whole) = asked.first().map(|first| self.chain(*first)) else { return Vec::new() };
        if !self.has_all_chains() {
            return whole;
        }
        // Whoever stands last may be in every cluster: Envoy is told how often it may go on.
        let last = whole.last().filter(|last| !asked.contains(last));
        asked.iter().chain(last).copied().collect()
    }

    /// Every chain that has a cluster.
    #[must_use]
    pub fn chains(&self) -> Vec<Vec<usize>> {
        let mut chains: Vec<Vec<usize>> = Vec::new();
        for first in 0..self.targets.len() {
            let between = self.targets.len().saturating_sub(2);
            let all = 1_usize.checked_shl(u32::try_from(between).unwrap_or(u32::MAX)).unwrap_or(1);
            for passed in 0..if self.has_all_chains() { all } else { 1 } {
                let chain = self.chain(first);
                let asked = chain.iter().enumerate().filter(|(place, _)| !is_passed(passed, *place)).map(|(_, at)| *at);
                let asked = self.chain_of(&asked.collect::<Vec<_>>());
                if !chains.contains(&asked) {
                    chains.push(asked);
                }
            }
        }
        chains
    }

    /// Whether every order has a cluster: their number doubles with each target.
    fn has_all_chains(&self) -> bool {
        self.targets.len() <= Self::MOST_PASSED_OVER
    }

    /// The cluster whose priorities are the providers of such a chain. It is named after them, so that a request in flight never finds other
    /// providers under a name that it knows; routes with the same providers share it.
    #[must_use]
    pub fn chain_cluster(&self, gateway: &Gateway, chain: &[usize]) -> String {
        let provider = |place: &usize| gateway.provider(self.targets.get(*place)?.provider);
        let names: Vec<&str> = chain.iter().filter_map(provider).map(|provider| &*provider.name).collect();
        // No provider's name has this sign, so that no two chains have one name.
        format!("{CLUSTER_CHAIN}{}", names.join("+"))
    }
}

/// Whether the target at this place of a chain is among those that are passed over, a bit each from the second on; never the first.
fn is_passed(passed: usize, place: usize) -> bool {
    place.checked_sub(1).and_then(|bit| passed.checked_shr(u32::try_from(bit).ok()?)).is_some_and(|bits| bits & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::compile;

    fn route(targets: usize) -> Gateway {
        let providers: Vec<String> =
            (0..targets).map(|at| format!(r#""p{at}": {{"kind": "openai-compatible", "endpoint": "http://p{at}/v1"}}"#)).collect();
        let places: Vec<String> = (0..targets).map(|at| format!(r#"{{"provider": "p{at}", "priority": {at}}}"#)).collect();
        let document = format!(
            r#"{{"version": 1, "providers": {{{}}}, "models": [{{"name": "m", "targets": [{}]}}]}}"#,
            providers.join(", "),
            places.join(", ")
        );
        compile(&document).unwrap()
    }

    #[test]
    fn whoever_is_left_out_there_is_a_cluster_in_which_the_others_come_first() {
        for (targets, clusters) in [(1, 1), (2, 2), (3, 6), (4, 16), (5, 5), (6, 6)] {
            let gateway = route(targets);
            let route = &gateway.routes[0];
            let chains = route.chains();
            assert_eq!(chains.len(), clusters, "{targets}");
            for first in 0..targets {
                for out in 0..1_usize << targets {
                    let asked = route.followed(first, |at| out >> at & 1 == 1);
                    assert_eq!(asked[0], first);
                    assert!(asked[1..].iter().all(|at| out >> at & 1 == 0), "{asked:?}");
                    let whole = route.chain_of(&asked);
                    assert!(whole.starts_with(&asked) && chains.contains(&whole), "{asked:?} {whole:?}");
                    let left = (0..targets).filter(|at| *at == first || out >> at & 1 == 0).count();
                    let before = route.chain(first).iter().skip(1).take_while(|at| out >> **at & 1 == 0).count() + 1;
                    assert_eq!(asked.len(), if targets <= 4 { left } else { before });
                }
            }
        }
    }
}
