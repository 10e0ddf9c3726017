//! What was written of one choice of a chat client's stream, and what waits for more of it.

use super::thinking::{self, Block};
use crate::hub::{Citation, Likelihood};
use crate::json::{Out, Str};

/// What was written of one choice.
#[derive(Debug)]
pub(super) struct ChoiceState {
    pub choice: u32,
    /// What the parts are, by index.
    pub parts: Vec<Slot>,
    /// How many of them are calls: a call's number counts calls alone.
    pub calls: u32,
    /// How many characters of its text were told.
    pub characters: u32,
    /// Sources of parts that go on, each with the part's number: they are named for all of it.
    pub sources: Vec<(u32, Citation<'static>)>,
    /// How many blocks of thinking were told whole.
    pub blocks: u32,
    /// The text of the open part of thinking, as far as it is kept until its signature comes.
    pub thought: Str<'static>,
    /// A signature that belongs to the call behind it, if one follows.
    pub signature: Option<Str<'static>>,
    /// The tokens of text that has not come yet.
    pub likelihood: Likelihood<'static>,
    pub spoke: bool,
    pub finished: bool,
}

/// Where the deltas of a part are written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    Content {
        /// How many characters of text the choice had before it.
        before: u32,
    },
    Refusal,
    Reasoning,
    Call(u32),
    /// A call whose input is free text.
    Custom(u32),
    /// The one call of the older form.
    Function,
    /// Nowhere: chat has no place for it.
    Silent,
}

impl ChoiceState {
    pub(super) fn new(choice: u32) -> Self {
        let thought = Str::default();
        let (parts, sources) = (Vec::new(), Vec::new());
        Self {
            choice,
            parts,
            calls: 0,
            characters: 0,
            sources,
            blocks: 0,
            thought,
            signature: None,
            likelihood: Likelihood::default(),
            spoke: false,
            finished: false,
        }
    }

    /// One delta with a whole block of thinking, as a piece of a chunk.
    pub(super) fn block(&mut self, block: Block<'_>) -> String {
        let mut out = Out::default();
        out.key(thinking::BLOCKS);
        out.open_array();
        block.encode(Some(self.blocks), &mut out);
        out.close_array();
        self.blocks = self.blocks.saturating_add(1);
        out.into_string()
    }
}
