//! Token counts where no provider has counted: from sizes, since there is no tokenizer.

use super::Usage;

/// Bytes of text for one token, roughly: four for English, fewer for most other languages and for code.
const BYTES_PER_TOKEN: u64 = 4;

/// What a request is taken to generate if its client sets no limit. It only decides how early a budget is looked at.
const EXPECTED_OUTPUT: u64 = 1_024;

/// The tokens of `bytes` of text, rounded up. Bytes of base64 must not be among them: pictures are no text.
#[must_use]
pub const fn tokens_of_text(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

impl Usage {
    /// What a request is expected to use, before it is sent: its text and the output that it allows.
    #[must_use]
    pub fn expected(text_bytes: u64, max_tokens: Option<u64>) -> Self {
        Self::estimated(text_bytes, 0).with_output(max_tokens.map_or(EXPECTED_OUTPUT, |most| most.min(EXPECTED_OUTPUT)))
    }

    /// What an exchange has used whose provider did not say: from the text of its request and of as much of the answer as came.
    #[must_use]
    pub fn estimated(text_bytes: u64, answer_bytes: u64) -> Self {
        Self { input_tokens: Some(tokens_of_text(text_bytes)), ..Self::default() }.with_output(tokens_of_text(answer_bytes))
    }

    /// Fills in what a broken-off stream had not reported yet: the output, at least what came of it, and the input.
    #[must_use]
    pub fn counted(&self, text_bytes: u64, answer_bytes: u64) -> Self {
        let estimated = Self::estimated(text_bytes, answer_bytes);
        let input = self.input_tokens.or(estimated.input_tokens);
        Self { input_tokens: input, output_tokens: self.output_tokens.max(estimated.output_tokens), ..*self }
    }

    const fn with_output(self, tokens: u64) -> Self {
        Self { output_tokens: Some(tokens), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_make_counts() {
        let expected = |input, output| Usage { input_tokens: Some(input), output_tokens: Some(output), ..Usage::default() };
        assert_eq!(Usage::estimated(9, 0), expected(3, 0));
        assert_eq!(Usage::expected(400, None), expected(100, 1_024));
        assert_eq!(Usage::expected(400, Some(16)), expected(100, 16));
        assert_eq!(Usage::expected(400, Some(1_000_000)), expected(100, 1_024));
    }

    #[test]
    fn a_broken_stream_keeps_what_was_reported() {
        let reported = Usage { input_tokens: Some(25), output_tokens: Some(1), ..Usage::default() };
        assert_eq!(reported.counted(4_000, 80), Usage { input_tokens: Some(25), output_tokens: Some(20), ..Usage::default() });
        assert_eq!(Usage::default().counted(4_000, 80), Usage::estimated(4_000, 80));
    }
}
