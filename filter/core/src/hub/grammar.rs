//! The order in which the events of a stream may come, as a machine that checks them.
//!
//! ```text
//! Start ─► ( PartStart · PartDelta* · PartEnd | Usage | Finish | Met | Ping )* ─► End | Error
//! ```
//! Indexes of parts are 0, 1, 2 … per choice; deltas and ends name an open part; counts never fall; nothing follows the end.

use super::Event;
use crate::usage::Usage;
use core::fmt;

/// A stream that broke the grammar, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrammarFault {
    /// Something came before `Start`, or a second `Start`.
    Start,
    /// A part began with another index than the next one.
    PartIndex,
    /// A delta or an end named a part that is not open.
    PartClosed,
    /// The output tokens fell.
    UsageFell,
    /// A part was open at the end, or a choice had parts and no finish.
    Unfinished,
    /// Something came behind `End` or `Error`.
    AfterEnd,
}

impl fmt::Display for GrammarFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "an event came before the start, or a second start",
            Self::PartIndex => "a part began with another index than the next one",
            Self::PartClosed => "a delta or an end named a part that is not open",
            Self::UsageFell => "the output tokens fell",
            Self::Unfinished => "a part was open, or a choice unfinished, at the end",
            Self::AfterEnd => "an event came behind the end",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Before,
    Running,
    Over,
}

#[derive(Clone, Debug, Default)]
struct ChoiceState {
    choice: u32,
    next: u32,
    open: Vec<u32>,
    finished: bool,
}

/// Checks one stream, event by event.
#[derive(Clone, Debug)]
pub struct Grammar {
    phase: Phase,
    choices: Vec<ChoiceState>,
    usage: Usage,
}

impl Default for Grammar {
    fn default() -> Self {
        Self { phase: Phase::Before, choices: Vec::new(), usage: Usage::default() }
    }
}

impl Grammar {
    /// Takes the next event.
    ///
    /// # Errors
    /// The law that it breaks.
    pub fn check(&mut self, event: &Event<'_>) -> Result<(), GrammarFault> {
        match (self.phase, event) {
            (Phase::Over, _) => return Err(GrammarFault::AfterEnd),
            (Phase::Before, Event::Start(_)) => self.phase = Phase::Running,
            (Phase::Before, Event::Error(_)) => self.phase = Phase::Over,
            (Phase::Before, Event::Ping | Event::Met(_)) => {}
            (Phase::Before, _) | (Phase::Running, Event::Start(_)) => return Err(GrammarFault::Start),
            (Phase::Running, _) => {}
        }
        match event {
            Event::PartStart { choice, index, .. } => {
                let state = self.choice(*choice);
                if state.next != *index {
                    return Err(GrammarFault::PartIndex);
                }
                state.next = state.next.saturating_add(1);
                state.open.push(*index);
            }
            Event::PartDelta { choice, index, .. } => {
                if !self.choice(*choice).open.contains(index) {
                    return Err(GrammarFault::PartClosed);
                }
            }
            Event::PartEnd { choice, index } => {
                let open = &mut self.choice(*choice).open;
                let before = open.len();
                open.retain(|one| one != index);
                if open.len() == before {
                    return Err(GrammarFault::PartClosed);
                }
            }
            Event::Usage(usage) => {
                if usage.output_tokens < self.usage.output_tokens {
                    return Err(GrammarFault::UsageFell);
                }
                self.usage = *usage;
            }
            Event::Finish { choice, .. } => self.choice(*choice).finished = true,
            Event::End => {
                self.phase = Phase::Over;
                if self.choices.iter().any(|state| !state.open.is_empty() || !state.finished) {
                    return Err(GrammarFault::Unfinished);
                }
            }
            Event::Error(_) => self.phase = Phase::Over,
            Event::Start(_) | Event::Likelihood { .. } | Event::Met(_) | Event::Ping => {}
        }
        Ok(())
    }

    fn choice(&mut self, choice: u32) -> &mut ChoiceState {
        let at = match self.choices.iter().position(|state| state.choice == choice) {
            Some(at) => at,
            None => {
                self.choices.push(ChoiceState { choice, ..ChoiceState::default() });
                self.choices.len() - 1
            }
        };
        #[expect(clippy::indexing_slicing, reason = "`at` was found or pushed just above")]
        &mut self.choices[at]
    }
}
