//! The order in which one request tries the targets of its route.

use super::{Route, Target};

/// Places in [`Route::targets`], the first choice first. Empty if no target can express the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Each place occurs at most once.
    pub order: Vec<u8>,
}

impl Plan {
    /// The target that is tried as number `attempt`, counted from zero.
    #[must_use]
    pub fn target<'r>(&self, route: &'r Route, attempt: usize) -> Option<&'r Target> {
        route.targets.get(usize::from(*self.order.get(attempt)?))
    }

    /// The place of the target that is tried first.
    #[must_use]
    pub fn first(&self) -> Option<usize> {
        self.iter().next()
    }

    /// The places in their order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.order.iter().map(|place| usize::from(*place))
    }

    /// How many attempts there can be.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether no target is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

/// Orders the targets that `can` serve the request, asked by their places: priorities in ascending order; inside one, drawn by weight without putting back, so that
/// the second choice is as fair as the first. `random` decides all draws; the same number gives the same plan.
#[must_use]
pub fn plan(route: &Route, random: u64, can: impl Fn(usize) -> bool) -> Plan {
    let mut left: Vec<(u8, &Target)> = (0u8..).zip(&route.targets).filter(|(place, _)| can(usize::from(*place))).collect();
    let mut order = Vec::with_capacity(left.len());
    let mut state = random;
    while let Some(priority) = left.iter().map(|(_, target)| target.priority).min() {
        let total: u64 = left.iter().filter(|(_, target)| target.priority == priority).map(|(_, target)| u64::from(target.weight)).sum();
        let mut draw = below(total, &mut state);
        let mut chosen = None;
        for (place, target) in left.iter().filter(|(_, target)| target.priority == priority) {
            // With nothing but zero weights left the document's order decides.
            if draw < u64::from(target.weight) || total == 0 {
                chosen = Some(*place);
                break;
            }
            draw = draw.saturating_sub(u64::from(target.weight));
        }
        let Some(chosen) = chosen else { break };
        order.push(chosen);
        left.retain(|(place, _)| *place != chosen);
    }
    Plan { order }
}

/// A number below `bound` (zero if that is zero). The state moves on by SplitMix64, whose every output is a bijection of its state; the bias of
/// the remainder is below `bound` / 2^64.
fn below(bound: u64, state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    mixed.checked_rem(bound).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::ProviderId;
    use crate::routing::{Patience, Pattern};

    /// A route from (weight, priority) pairs.
    fn route(targets: &[(u32, u32)]) -> Route {
        let target = |(weight, priority): &(u32, u32)| Target {
            provider: ProviderId(0),
            model: None,
            weight: *weight,
            priority: *priority,
            default_max_tokens: 1,
            patience: Patience::default(),
        };
        Route { name: Pattern::new("m"), targets: targets.iter().map(target).collect() }
    }

    #[test]
    fn priorities_are_kept_whatever_the_number() {
        let route = route(&[(1, 1), (1, 0), (1, 7), (1, 0)]);
        for random in 0..200 {
            let order = plan(&route, random, |_| true).order;
            assert_eq!(order.len(), 4);
            assert_eq!((order[2], order[3]), (0, 2));
        }
    }

    #[test]
    fn the_first_choice_follows_the_weights() {
        let route = route(&[(80, 0), (20, 0), (0, 0)]);
        let mut first = [0u32; 3];
        for random in 0..10_000 {
            let order = plan(&route, random, |_| true).order;
            assert_eq!(order[2], 2, "a zero weight comes last");
            first[usize::from(order[0])] += 1;
        }
        assert!((7_800..8_200).contains(&first[0]), "{first:?}");
        assert_eq!(first[2], 0);
    }

    #[test]
    fn what_cannot_serve_is_left_out() {
        let route = route(&[(1, 0), (2, 0)]);
        assert_eq!(plan(&route, 7, |place| place == 1).order, [1]);
        assert!(plan(&route, 7, |_| false).is_empty());
    }

    #[test]
    fn zero_weights_alone_keep_the_documents_order() {
        assert_eq!(plan(&route(&[(0, 0), (0, 0)]), 3, |_| true).order, [0, 1]);
    }
}
