//! What a usage costs: integers only, in nano-dollars.

use super::Usage;
use crate::config::Price;

/// Prices are for a million tokens.
const PER: u128 = 1_000_000;

impl Price {
    /// What `usage` costs, in nano-dollars: the sum over its disjoint parts, rounded up once at the end. It saturates.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> u64 {
        let parts = usage.buckets();
        let priced = [
            (parts.input, self.input),
            (parts.cache_read, self.cache_read),
            (parts.cache_write, self.cache_write),
            (parts.cache_write_1h, self.cache_write_1h),
            (parts.input_audio, self.input_audio),
            (parts.output, self.output),
            (parts.output_audio, self.output_audio),
        ];
        // Seven products of two 64-bit numbers may pass 128 bits by a little.
        let sum =
            priced.iter().fold(0_u128, |sum, (tokens, price)| sum.saturating_add(u128::from(*tokens).saturating_mul(u128::from(*price))));
        u64::try_from(sum.div_ceil(PER)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::Pattern;

    /// $3, $0.30, $3.75, $6, $40, $15 and $80 for a million.
    fn price() -> Price {
        Price {
            model: Pattern::new("m"),
            provider: None,
            input: 3_000_000_000,
            cache_read: 300_000_000,
            cache_write: 3_750_000_000,
            cache_write_1h: 6_000_000_000,
            input_audio: 40_000_000_000,
            output: 15_000_000_000,
            output_audio: 80_000_000_000,
        }
    }

    #[test]
    fn each_token_is_priced_once() {
        let usage = Usage {
            input_tokens: Some(1_000),
            cache_read_input_tokens: Some(600),
            cache_creation_input_tokens: Some(300),
            cache_creation_1h_input_tokens: Some(100),
            input_audio_tokens: Some(10),
            output_tokens: Some(50),
            reasoning_output_tokens: Some(30),
            output_audio_tokens: Some(5),
            total_tokens: Some(1_050),
        };
        let expected = 90 * 3_000 + 600 * 300 + 200 * 3_750 + 100 * 6_000 + 10 * 40_000 + 45 * 15_000 + 5 * 80_000;
        assert_eq!(price().cost(&usage), expected);
    }

    #[test]
    fn a_cost_is_rounded_up_once() {
        let cheap = Price { input: 1, output: 1, ..price() };
        let usage = |input, output| Usage { input_tokens: Some(input), output_tokens: Some(output), ..Usage::default() };
        assert_eq!(cheap.cost(&usage(0, 0)), 0);
        assert_eq!(cheap.cost(&usage(1, 1)), 1);
        assert_eq!(cheap.cost(&usage(500_000, 500_001)), 2);
    }

    #[test]
    fn what_no_one_can_pay_saturates() {
        let usage = Usage { input_tokens: Some(u64::MAX), output_tokens: Some(u64::MAX), ..Usage::default() };
        assert_eq!(Price { input: u64::MAX, output: u64::MAX, ..price() }.cost(&usage), u64::MAX);
    }
}
