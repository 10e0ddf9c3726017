//! What one scan over a request finds: the little that routing, limits and edits need, as owned words and byte ranges.

use super::messages::Carrier;
use super::shape::{Fault, place};
use crate::hub::{Capabilities, Fate, Field};
use crate::json::Cursor;
use crate::names::FormatId;
use core::fmt;

/// A range of bytes in the client's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Byte behind the last one.
    pub end: u32,
}

impl Span {
    /// The range as indexes; `None` if it can't be one.
    #[must_use]
    pub fn range(self) -> Option<core::ops::Range<usize>> {
        Some(usize::try_from(self.start).ok()?..usize::try_from(self.end).ok()?)
    }
}

/// The elements in a request that some target refuses, one bit each, as far as one scan can see them.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Traits([u128; Self::WORDS]);

impl Traits {
    const BITS: usize = 128;
    const WORDS: usize = Field::ALL.len().div_ceil(Self::BITS);

    /// Notes that the request holds this element.
    pub fn insert(&mut self, field: Field) {
        let (word, bit) = Self::place(field);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    /// Whether the request holds this element.
    #[must_use]
    pub fn contains(self, field: Field) -> bool {
        let (word, bit) = Self::place(field);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// The first element that a target format refuses, so that the target is left out of the plan.
    #[must_use]
    pub fn refused_by(self, target: FormatId) -> Option<Field> {
        // Most requests hold nothing that anybody refuses.
        if self == Self::default() {
            return None;
        }
        self.fields().find(|field| field.fate(target) == Fate::Refuse)
    }

    fn fields(&self) -> impl Iterator<Item = Field> {
        let held = self.0.iter().zip(Field::ALL.chunks(Self::BITS)).flat_map(|(word, fields)| {
            fields.iter().zip(0_u32..).filter(move |(_, place)| word & 1_u128.checked_shl(*place).unwrap_or(0) != 0)
        });
        held.map(|(field, _)| *field)
    }

    /// The number of the word and the bit in it.
    fn place(field: Field) -> (usize, u128) {
        let place = Field::ALL.iter().position(|&one| one == field).unwrap_or(usize::MAX);
        (place / Self::BITS, u32::try_from(place % Self::BITS).ok().and_then(|place| 1_u128.checked_shl(place)).unwrap_or(0))
    }
}

impl fmt::Debug for Traits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.fields()).finish()
    }
}

/// What one scan over a request found. It outlives the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// The model that the client asks for, plain.
    pub model: String,
    /// Where that value stands, quotes included; where the member is repeated, the last one. `None` where the path says the model.
    pub model_span: Option<Span>,
    /// Whole members (name to value) that repeat an earlier one with another value: servers differ in which they take, so edits delete them.
    pub repeated: Vec<Span>,
    /// Whether the answer comes as a stream.
    pub stream: bool,
    /// Whether the client asked for usage at the end of its stream.
    pub include_usage: bool,
    /// Where the value of chat's `stream_options` stands.
    pub stream_options: Option<Span>,
    /// Where the member that limits the answer stands, name to value; and its name's own range.
    pub output_limit: Option<OutputLimitSpan>,
    /// Tokens that the client allows for the answer.
    pub max_tokens: Option<u64>,
    /// What some target refuses.
    pub traits: Traits,
    /// What it uses that not every model has; sound is among `traits`.
    pub uses: Capabilities,
    /// Bytes of text that the model will read, base64 apart: the ground of estimates.
    pub text_bytes: u64,
    /// Bytes of the whole body.
    pub body_bytes: u64,
    /// Parts of the history that no provider of the client's own format may see: thinking that another vendor made.
    pub foreign: Vec<Span>,
    /// Schemas in words that only the client's own format has.
    pub schemas: Vec<Span>,
    /// In which of the forms that carriers of `messages` have it came.
    pub carrier: Carrier,
    /// What the format's own writers must know of the request, in words that only the format reads.
    pub memo: Option<Box<str>>,
}

impl Outline {
    /// Reads `model`, the client's name for what it wants.
    ///
    /// # Errors
    /// It is no string, or a blank one.
    pub fn read_model(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let start = cursor.offset();
        let model = cursor.string()?;
        if model.is_blank() {
            return Err(Fault::wrong(start, "it must not be empty"));
        }
        self.model_span = Some(Span { start: place(start), end: place(cursor.passed()) });
        self.model = model.into_plain().into_owned();
        Ok(())
    }

    /// Notes an element where it is `present`.
    pub fn note(&mut self, field: Field, present: bool) {
        if present {
            self.traits.insert(field);
        }
    }

    /// Counts text that the model will read.
    pub fn add_text(&mut self, text: &str) {
        self.text_bytes = self.text_bytes.saturating_add(u64::from(place(text.len())));
    }
}

/// The member that limits the answer's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimitSpan {
    /// The member's name, quotes included.
    pub name: Span,
    /// Whether it is `max_completion_tokens` (else `max_tokens`).
    pub completion: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_has_a_bit() {
        let mut all = Traits::default();
        for &field in Field::ALL {
            assert!(!all.contains(field));
            all.insert(field);
            assert!(all.contains(field));
        }
    }
}
