//! The order in which one request tries the targets of its route.

use super::{Route, Target, affinity, mixed};

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

    /// Puts cheaper targets before dearer ones of the same priority; what costs the same keeps its order.
    pub fn by_cost(&mut self, route: &Route, cost: impl Fn(usize) -> u64) {
        let rank = |place: &u8| {
            let place = usize::from(*place);
            (route.targets.get(place).map_or(0, |target| target.priority), cost(place))
        };
        self.order.sort_by_key(rank);
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

/// What decides among the targets of one priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// This random number: all draws follow from it.
    Random(u64),
    /// The conversation with this hash, which always draws alike.
    Conversation(u64),
}

/// Orders the targets that `can` serve the request, asked by their places: priorities in ascending order; inside one, drawn by weight without
/// putting back, so that the second choice is as fair as the first. The same draw gives the same plan.
#[must_use]
pub fn plan(route: &Route, draw: Draw, can: impl Fn(usize) -> bool) -> Plan {
    let mut left: Vec<(u8, &Target)> = (0u8..).zip(&route.targets).filter(|(place, _)| can(usize::from(*place))).collect();
    match draw {
        Draw::Random(random) => Plan { order: drawn(left, random) },
        Draw::Conversation(conversation) => {
            let bid = |target: &Target| affinity::bid(conversation, target.identity, target.weight);
            left.sort_by(|(_, one), (_, other)| one.priority.cmp(&other.priority).then_with(|| bid(one).total_cmp(&bid(other))));
            Plan { order: left.into_iter().map(|(place, _)| place).collect() }
        }
    }
}

fn drawn(mut left: Vec<(u8, &Target)>, random: u64) -> Vec<u8> {
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
    order
}

/// A number below `bound` (zero if that is zero). The state moves on by SplitMix64, whose every output is a bijection of its state; the bias of
/// the remainder is below `bound` / 2^64.
fn below(bound: u64, state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed(*state).checked_rem(bound).unwrap_or(0)
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
            context_length: None,
            concurrency: None,
            lacks: crate::hub::Capabilities::default(),
            when: Vec::new(),
            labels: crate::routing::Labels::default(),
            identity: u64::from(*weight),
        };
        Route {
            name: Pattern::new("m"),
            targets: targets.iter().map(target).collect(),
            affinity: None,
            cheapest: false,
            demands: Vec::new(),
        }
    }

    #[test]
    fn priorities_are_kept_whatever_the_number() {
        let route = route(&[(1, 1), (1, 0), (1, 7), (1, 0)]);
        for random in 0..200 {
            let order = plan(&route, Draw::Random(random), |_| true).order;
            assert_eq!(order.len(), 4);
            assert_eq!((order[2], order[3]), (0, 2));
        }
    }

    #[test]
    fn the_first_choice_follows_the_weights() {
        let route = route(&[(80, 0), (20, 0), (0, 0)]);
        let mut first = [0u32; 3];
        for random in 0..10_000 {
            let order = plan(&route, Draw::Random(random), |_| true).order;
            assert_eq!(order[2], 2, "a zero weight comes last");
            first[usize::from(order[0])] += 1;
        }
        assert!((7_800..8_200).contains(&first[0]), "{first:?}");
        assert_eq!(first[2], 0);
    }

    #[test]
    fn what_cannot_serve_is_left_out() {
        let route = route(&[(1, 0), (2, 0)]);
        assert_eq!(plan(&route, Draw::Random(7), |place| place == 1).order, [1]);
        assert!(plan(&route, Draw::Random(7), |_| false).is_empty());
    }

    #[test]
    fn zero_weights_alone_keep_the_documents_order() {
        assert_eq!(plan(&route(&[(0, 0), (0, 0)]), Draw::Random(3), |_| true).order, [0, 1]);
    }

    #[test]
    fn conversations_keep_their_target_and_follow_the_weights() {
        let route = route(&[(80, 0), (20, 0), (5, 1), (0, 0)]);
        let order = |conversation: u64, can: fn(usize) -> bool| {
            plan(&route, Draw::Conversation(super::super::hash(&conversation.to_le_bytes())), can).order
        };
        let mut first = [0u32; 4];
        for conversation in 0..10_000 {
            let whole = order(conversation, |_| true);
            assert_eq!(whole, order(conversation, |_| true));
            assert_eq!(whole[2..], [3, 2], "zero weights behind all others of a priority");
            first[usize::from(whole[0])] += 1;
            // While the first is gone its conversations move, and no others do.
            let without = order(conversation, |place| place != 0);
            assert_eq!(without[0], 1);
            if whole[0] == 1 {
                assert_eq!(without[0], whole[0]);
            }
        }
        assert!((7_800..8_200).contains(&first[0]), "{first:?}");
    }

    #[test]
    fn the_cheapest_comes_first_inside_its_priority() {
        let route = route(&[(1, 0), (1, 0), (1, 1), (1, 0)]);
        let mut plan = plan(&route, Draw::Random(1), |_| true);
        plan.by_cost(&route, |place| [30, 20, 1, 10][place]);
        assert_eq!(plan.order, [3, 1, 0, 2]);
    }
}
