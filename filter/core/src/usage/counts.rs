//! The token counts of an answer, as OpenTelemetry's GenAI conventions name them.

use core::fmt;

/// Token counts of one answer, from whichever format reported them.
///
/// `None` means that the provider did not say; it is never the same as zero. `input_tokens` and `output_tokens` are
/// *inclusive*: the other counts are parts of them, and [`Usage::buckets`] takes the parts out again for pricing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All input: uncached, read from the cache and written to it, tool-use prompts too.
    pub input_tokens: Option<u64>,
    /// The part of `input_tokens` that was read from the provider's cache.
    pub cache_read_input_tokens: Option<u64>,
    /// The part of `input_tokens` that was written to the provider's cache, for whatever time.
    pub cache_creation_input_tokens: Option<u64>,
    /// The part of `cache_creation_input_tokens` that is kept for an hour; vendors charge more for it.
    pub cache_creation_1h_input_tokens: Option<u64>,
    /// The part of `input_tokens` that was sound.
    pub input_audio_tokens: Option<u64>,
    /// All output, reasoning included.
    pub output_tokens: Option<u64>,
    /// The part of `output_tokens` that was reasoning.
    pub reasoning_output_tokens: Option<u64>,
    /// The part of `output_tokens` that was sound.
    pub output_audio_tokens: Option<u64>,
    /// The total as the provider reported it; [`Usage::total`] falls back to the sum.
    pub total_tokens: Option<u64>,
}

impl Usage {
    /// Whether no count is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes a later cumulative snapshot of the same answer: each count that it has replaces the older one.
    ///
    /// A count never falls, so a snapshot that repeats an early, smaller number changes nothing.
    pub fn merge_snapshot(&mut self, later: &Self) {
        for (mine, theirs) in self.members_mut().into_iter().zip(later.members()) {
            if theirs > *mine {
                *mine = theirs;
            }
        }
    }

    /// Adds the counts of another attempt of the same exchange; they saturate. Where only one of them reported a total, the other's is its sum.
    pub fn add(&mut self, other: &Self) {
        let reported = self.total_tokens.is_some() || other.total_tokens.is_some();
        let total = self.total().unwrap_or(0).saturating_add(other.total().unwrap_or(0));
        for (mine, theirs) in self.members_mut().into_iter().zip(other.members()) {
            if let Some(theirs) = theirs {
                *mine = Some(mine.unwrap_or(0).saturating_add(theirs));
            }
        }
        self.total_tokens = reported.then_some(total);
    }

    /// The total: as reported, or input and output together. `None` if nothing is known.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        let sum = match (self.input_tokens, self.output_tokens) {
            (None, None) => None,
            (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
        };
        self.total_tokens.or(sum)
    }

    /// The counts as disjoint parts, so that no token is priced twice.
    #[must_use]
    pub fn buckets(&self) -> Buckets {
        let mut clamped = false;
        let mut rest = |whole: u64, part: u64| {
            clamped |= part > whole;
            whole.saturating_sub(part)
        };
        let read = self.cache_read_input_tokens.unwrap_or(0);
        let written = self.cache_creation_input_tokens.unwrap_or(0);
        let written_1h = self.cache_creation_1h_input_tokens.unwrap_or(0);
        let input_audio = self.input_audio_tokens.unwrap_or(0);
        let output_audio = self.output_audio_tokens.unwrap_or(0);
        let cached = read.saturating_add(written);
        let uncached = rest(self.input_tokens.unwrap_or(0), cached);
        Buckets {
            cache_read: read,
            cache_write: rest(written, written_1h),
            cache_write_1h: written_1h,
            // Sound may have been read from the cache, which no vendor breaks down: it is taken from what is uncached.
            input: uncached.saturating_sub(input_audio),
            input_audio: input_audio.min(uncached),
            output: rest(self.output_tokens.unwrap_or(0), output_audio),
            output_audio,
            clamped,
        }
    }

    fn members(&self) -> [Option<u64>; 9] {
        [
            self.input_tokens,
            self.cache_read_input_tokens,
            self.cache_creation_input_tokens,
            self.cache_creation_1h_input_tokens,
            self.input_audio_tokens,
            self.output_tokens,
            self.reasoning_output_tokens,
            self.output_audio_tokens,
            self.total_tokens,
        ]
    }

    fn members_mut(&mut self) -> [&mut Option<u64>; 9] {
        [
            &mut self.input_tokens,
            &mut self.cache_read_input_tokens,
            &mut self.cache_creation_input_tokens,
            &mut self.cache_creation_1h_input_tokens,
            &mut self.input_audio_tokens,
            &mut self.output_tokens,
            &mut self.reasoning_output_tokens,
            &mut self.output_audio_tokens,
            &mut self.total_tokens,
        ]
    }
}

/// The counts of a [`Usage`] as parts that don't overlap: each token is in exactly one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buckets {
    /// Input that was neither read from a cache nor written to one, nor sound.
    pub input: u64,
    /// Input read from the cache.
    pub cache_read: u64,
    /// Input written to the cache for the vendor's usual time.
    pub cache_write: u64,
    /// Input written to the cache for an hour.
    pub cache_write_1h: u64,
    /// Uncached input that was sound.
    pub input_audio: u64,
    /// Output but sound, reasoning included: vendors price both alike.
    pub output: u64,
    /// Output that was sound.
    pub output_audio: u64,
    /// The provider's counts contradict each other (a part larger than the whole); the difference is taken as zero.
    pub clamped: bool,
}

/// Where the counts of an exchange come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsageSource {
    /// Nothing was sent to a provider, so nothing was used.
    #[default]
    None,
    /// From the provider's own usage numbers.
    Reported,
    /// The output was counted from the pieces that came before the answer broke off.
    Counted,
    /// From sizes alone.
    Estimated,
}

impl UsageSource {
    /// The word for it in records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Reported => "reported",
            Self::Counted => "counted",
            Self::Estimated => "estimated",
        }
    }
}

impl fmt::Display for UsageSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_replaces_and_never_falls() {
        let mut usage = Usage { input_tokens: Some(25), output_tokens: Some(1), ..Usage::default() };
        usage.merge_snapshot(&Usage { output_tokens: Some(15), cache_read_input_tokens: Some(0), ..Usage::default() });
        usage.merge_snapshot(&Usage { output_tokens: Some(3), ..Usage::default() });
        let expected = Usage { input_tokens: Some(25), output_tokens: Some(15), cache_read_input_tokens: Some(0), ..Usage::default() };
        assert_eq!(usage, expected);
        assert_eq!(usage.total(), Some(40));
    }

    #[test]
    fn attempts_add_up() {
        let mut usage = Usage { input_tokens: Some(5), ..Usage::default() };
        usage.add(&Usage { input_tokens: Some(7), output_tokens: Some(u64::MAX), ..Usage::default() });
        usage.add(&Usage { output_tokens: Some(1), ..Usage::default() });
        assert_eq!(usage, Usage { input_tokens: Some(12), output_tokens: Some(u64::MAX), ..Usage::default() });
    }

    #[test]
    fn buckets_never_overlap() {
        let usage = Usage {
            input_tokens: Some(100),
            cache_read_input_tokens: Some(40),
            cache_creation_input_tokens: Some(30),
            cache_creation_1h_input_tokens: Some(10),
            input_audio_tokens: Some(5),
            output_tokens: Some(50),
            reasoning_output_tokens: Some(20),
            output_audio_tokens: Some(8),
            total_tokens: None,
        };
        let buckets = usage.buckets();
        let expected = Buckets {
            input: 25,
            cache_read: 40,
            cache_write: 20,
            cache_write_1h: 10,
            input_audio: 5,
            output: 42,
            output_audio: 8,
            clamped: false,
        };
        assert_eq!(buckets, expected);
    }

    #[test]
    fn a_part_above_the_whole_is_zero_and_said() {
        let usage = Usage { input_tokens: Some(10), cache_read_input_tokens: Some(40), ..Usage::default() };
        let buckets = usage.buckets();
        assert_eq!((buckets.input, buckets.cache_read, buckets.clamped), (0, 40, true));
    }
}
