//! Edits of a body that must otherwise stay as it came: ranges and what stands in their place.

use crate::formats::Span;

/// Replacements of ranges of one body. They may be added in any order; where two overlap, the one added first stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Splices(Vec<(Span, String)>);

impl Splices {
    /// Puts `text` in the place of a range; an empty range inserts.
    pub fn replace(&mut self, span: Span, text: impl Into<String>) {
        self.0.push((span, text.into()));
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The body with all replacements done.
    #[must_use]
    pub fn apply(mut self, body: &[u8]) -> Vec<u8> {
        self.0.sort_by_key(|(span, _)| span.start);
        let grown: usize = self.0.iter().map(|(_, text)| text.len()).sum();
        let mut edited = Vec::with_capacity(body.len().saturating_add(grown));
        let mut at = 0;
        for (span, text) in &self.0 {
            let Some(range) = span.range().filter(|range| range.start >= at) else { continue };
            edited.extend_from_slice(body.get(at..range.start).unwrap_or_default());
            edited.extend_from_slice(text.as_bytes());
            at = range.end.max(range.start);
        }
        edited.extend_from_slice(body.get(at..).unwrap_or_default());
        edited
    }
}
