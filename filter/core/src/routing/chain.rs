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
    /// The places of all targets when the one at `first` is tried first: behind it the others by priority, and inside one in the document's
    /// order. Filter and renderer agree by it.
    #[must_use]
    pub fn chain(&self, first: usize) -> Vec<usize> {
        let mut others: Vec<(u32, usize)> = self.targets.iter().enumerate().map(|(place, target)| (target.priority, place)).collect();
        others.retain(|(_, place)| *place != first);
        others.sort_unstable();
        core::iter::once(first).chain(others.into_iter().map(|(_, place)| place)).collect()
    }

    /// The cluster whose priorities are the providers of such a chain. It is named after them, so that a request in flight never finds other
    /// providers under a name that it knows; routes with the same providers share it.
    #[must_use]
    pub fn chain_cluster(&self, gateway: &Gateway, first: usize) -> String {
        let provider = |place: usize| gateway.provider(self.targets.get(place)?.provider);
        let names: Vec<&str> = self.chain(first).into_iter().filter_map(provider).map(|provider| &*provider.name).collect();
        // No provider's name has this sign, so that no two chains have one name.
        format!("{CLUSTER_CHAIN}{}", names.join("+"))
    }
}
