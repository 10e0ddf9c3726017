//! Edits of a body that must otherwise stay as it came: ranges and what stands in their place.

use crate::formats::Span;
use std::collections::BTreeMap;

/// Replacements of ranges of one body, in any order. Where two overlap, the one added first stands; insertions at one place stand in
/// the order in which they were added, and before a replacement that begins there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Splices(BTreeMap<(u32, u32), String>);

impl Splices {
    /// Puts `text` in the place of a range; an empty range inserts.
    pub fn replace(&mut self, span: Span, text: impl Into<String>) {
        // No two ranges overlap, so that of all that begin before this one's end the last one reaches furthest.
        let overlaps = self.0.range(..(span.end, 0)).next_back().is_some_and(|(&(_, end), _)| span.start < end);
        if span.start <= span.end && !overlaps {
            // Only insertions are found here already: other ranges would overlap.
            self.0.entry((span.start, span.end)).or_default().push_str(&text.into());
        }
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The body with all replacements done. A range that is not in the body changes nothing.
    #[must_use]
    pub fn apply(self, body: &[u8]) -> Vec<u8> {
        let grown: usize = self.0.values().map(String::len).sum();
        let mut edited = Vec::with_capacity(body.len().saturating_add(grown));
        let mut at = 0;
        for (&(start, end), text) in &self.0 {
            let Some(range) = (Span { start, end }).range().filter(|range| range.end <= body.len()) else { continue };
            edited.extend_from_slice(body.get(at..range.start).unwrap_or_default());
            edited.extend_from_slice(text.as_bytes());
            at = range.end;
        }
        edited.extend_from_slice(body.get(at..).unwrap_or_default());
        edited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(edits: &[(u32, u32, &str)]) -> String {
        let mut splices = Splices::default();
        for &(start, end, text) in edits {
            splices.replace(Span { start, end }, text);
        }
        String::from_utf8(splices.apply(b"0123456789")).unwrap()
    }

    #[test]
    fn replaces_ranges() {
        for (edits, expected) in [
            (&[][..], "0123456789"),
            (&[(3, 3, "")], "0123456789"),
            (&[(0, 10, "x")], "x"),
            (&[(0, 0, "<"), (10, 10, ">")], "<0123456789>"),
            (&[(5, 7, "b"), (1, 3, "a")], "0a34b789"),
            (&[(1, 3, "a"), (3, 5, "b")], "0ab56789"),
            (&[(2, 5, "first"), (4, 6, "second")], "01first56789"),
            (&[(4, 6, "first"), (2, 5, "second")], "0123first6789"),
            (&[(2, 6, "first"), (3, 3, "second"), (2, 6, "third")], "01first6789"),
            (&[(2, 4, "r"), (2, 2, "i"), (4, 4, "j"), (2, 2, "k")], "01ikrj456789"),
            (&[(9, 11, "out"), (11, 11, "out"), (1, 2, "a")], "0a23456789"),
            (&[(5, 4, "inverted")], "0123456789"),
        ] {
            assert_eq!(edited(edits), expected, "{edits:?}");
        }
    }
}
