//! The unit of a rule on the wire: limits there are uint32, amounts inside Weir are tokens and nano-dollars.

use crate::config::Measure;

/// The largest limit that the rate-limit service accepts: its `requests_per_unit` is a uint32.
pub const MAX_SERVICE_LIMIT: u64 = 4_294_967_295;

/// A power of ten: how many of Weir's own units (requests, tokens, nano-dollars) are one unit of the service.
///
/// It is the finest one in which the rule's limit fits, and it is part of the rule's name on the wire, so that a changed
/// limit never misreads a counter of another unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    exponent: u32,
    factor: u64,
}

impl Scale {
    /// The finest scale in which `limit` fits.
    #[must_use]
    pub fn of(limit: u64) -> Self {
        let mut scale = Self { exponent: 0, factor: 1 };
        // Ends: a u64 has twenty digits and ten of them fit.
        while scale.whole(limit) > MAX_SERVICE_LIMIT {
            scale = Self { exponent: scale.exponent.saturating_add(1), factor: scale.factor.saturating_mul(10) };
        }
        scale
    }

    /// How many whole units of the service are in `amount`; the rest is less than one unit.
    #[must_use]
    pub fn whole(self, amount: u64) -> u64 {
        amount.checked_div(self.factor).unwrap_or(amount)
    }

    /// `units` of the service in Weir's own units; it saturates.
    #[must_use]
    pub fn expand(self, units: u64) -> u64 {
        units.saturating_mul(self.factor)
    }

    /// The word for the unit in the rule's name: `r`, `t`, `e-9` (dollars); a coarser one says how much (`te3`, `e-6`).
    #[must_use]
    pub fn word(self, measure: Measure) -> String {
        let counted = |letter: &str| if self.exponent == 0 { letter.into() } else { format!("{letter}e{}", self.exponent) };
        match measure {
            Measure::Requests => counted("r"),
            Measure::Tokens => counted("t"),
            Measure::Usd => match 9_u32.checked_sub(self.exponent) {
                Some(places) => format!("e-{places}"),
                None => format!("e{}", self.exponent.saturating_sub(9)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest budget of each unit, and one more: (limit, its unit in dollars, the limit on the wire).
    const MONEY: &[(u64, &str, u64)] = &[
        (20_000_000_000, "e-8", 2_000_000_000),
        (4_294_967_295, "e-9", 4_294_967_295),
        (4_294_967_296, "e-8", 429_496_729),
        (42_949_672_959, "e-8", 4_294_967_295),
        (42_949_672_960, "e-7", 429_496_729),
        (4_294_967_295_000, "e-6", 4_294_967_295),
        (u64::MAX, "e1", 1_844_674_407),
        (0, "e-9", 0),
    ];

    #[test]
    fn money_takes_the_finest_unit() {
        for (limit, word, wire) in MONEY {
            let scale = Scale::of(*limit);
            assert_eq!((scale.word(Measure::Usd).as_str(), scale.whole(*limit)), (*word, *wire), "limit {limit}");
            assert!(scale.expand(scale.whole(*limit)) <= *limit);
        }
    }

    #[test]
    fn tokens_and_requests_say_what_is_counted() {
        assert_eq!(Scale::of(2_000_000).word(Measure::Tokens), "t");
        assert_eq!(Scale::of(5_000_000_000_000).word(Measure::Tokens), "te4");
        assert_eq!(Scale::of(600).word(Measure::Requests), "r");
    }
}
