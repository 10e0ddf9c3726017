//! A streamed Gemini answer as events.
//!
//! ```text
//! ( chunk )* ─► end of body      complete: each candidate that began has said its reason, or the prompt was blocked
//! ```
//! A chunk is a response of its own whose parts are deltas. No marker ends the stream, and models say `STOP` in the middle, too, so the
//! last reason is held until the body ends.

use super::answer::in_pieces;
use super::chunk::{Candidate, Chunk, Said};
use super::grounding::Found;
use super::usage;
use crate::formats::StreamReader;
use crate::formats::ids::made_up_id;
use crate::framing::Frame;
use crate::hub::{CallKind, ErrorKind, Event, Failure, Field, Finish, Piece, PieceKind, Start};
use crate::json::{Ruler, Str};
use crate::usage::Usage;

/// Most candidates of an answer; the API takes a `candidateCount` of at most 8.
pub(super) const MAX_CHOICES: usize = 128;

/// Reads one stream.
#[derive(Default)]
pub(super) struct Reader {
    phase: Phase,
    /// The provider's id of the answer; empty where it says none.
    id: String,
    usage: Usage,
    blocked: bool,
    choices: Vec<Choice>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Before,
    Running,
    Over,
}

/// One candidate so far.
#[derive(Debug, Default)]
struct Choice {
    index: u32,
    /// The hub's number of the next part.
    next: u32,
    open: Open,
    /// How many calls there were.
    calls: usize,
    /// The text of its one part of text.
    text: Ruler,
    /// How many parts of text there were.
    texts: u32,
    /// The sources that were named last, of each kind, until the text is complete that they are named for.
    sources: Vec<Found<'static>>,
    recited: Vec<Found<'static>>,
    /// Whether they were told: servers repeat them.
    told: bool,
    finish: Option<Finish<'static>>,
}

/// The part that more may be added to, by its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Text(u32),
    Thought(u32),
}

type Sink<'s> = &'s mut dyn FnMut(Event<'_>);

impl StreamReader for Reader {
    fn frame(&mut self, frame: &Frame<'_>, sink: Sink<'_>) {
        let Some(data) = frame.data.filter(|data| self.phase != Phase::Over && !data.is_empty()) else { return };
        match Chunk::read(data) {
            Ok(chunk) if chunk.error => self.fail(super::error::in_stream(data), sink),
            Ok(chunk) => self.chunk(chunk, sink),
            // What the end of the body cut counts as if it had never come; the end itself says whether something is missing.
            Err(_) if !frame.is_ended() => {}
            Err(error) => {
                let sentence = format!("an event of the provider's stream can't be read: {error}");
                self.fail(Failure::new(ErrorKind::BadGateway, sentence), sink);
            }
        }
    }

    fn end(&mut self, sink: Sink<'_>) {
        if self.phase == Phase::Over {
            return;
        }
        if self.blocked && self.choices.is_empty() {
            self.choices.push(Choice::default());
        }
        let filtered = self.blocked.then_some(Finish::ContentFilter);
        let reasons: Option<Vec<_>> = self.choices.iter_mut().map(|choice| choice.finish.take().or(filtered.clone())).collect();
        let Some(reasons) = reasons.filter(|reasons| !reasons.is_empty()) else {
            return self.fail(Failure::new(ErrorKind::BadGateway, "the provider's stream ended early"), sink);
        };
        if self.choices.iter().all(|choice| choice.next == 0) && reasons.iter().all(Finish::is_broken) {
            return self.fail(Failure::wordless(), sink);
        }
        self.phase = Phase::Over;
        for (choice, reason) in self.choices.iter_mut().zip(reasons) {
            choice.close(sink);
            let untold = !choice.told && (!choice.sources.is_empty() || !choice.recited.is_empty());
            if untold {
                sink(Event::Met(Field::AnswerCitations));
            }
            sink(Event::Finish { choice: choice.index, reason: reason.settled(choice.calls > 0) });
        }
        sink(Event::End);
    }
}

impl Reader {
    fn chunk(&mut self, chunk: Chunk<'_>, sink: Sink<'_>) {
        if self.phase == Phase::Before {
            self.phase = Phase::Running;
            self.id = chunk.id.as_ref().map(|id| id.plain().into_owned()).unwrap_or_default();
            sink(Event::Start(Start { id: chunk.id, model: chunk.model, created: None }));
        }
        self.blocked |= chunk.blocked;
        for candidate in chunk.candidates {
            if let Err(failure) = self.candidate(candidate, sink) {
                return self.fail(failure, sink);
            }
        }
        if let Some(usage) = chunk.usage.and_then(usage::read) {
            self.usage.merge_snapshot(&usage);
            sink(Event::Usage(self.usage));
        }
    }

    fn candidate(&mut self, candidate: Candidate<'_>, sink: Sink<'_>) -> Result<(), Failure> {
        candidate.met.iter().for_each(|field| sink(Event::Met(*field)));
        if !self.choices.iter().any(|choice| choice.index == candidate.index) {
            if self.choices.len() >= MAX_CHOICES {
                return Err(Failure::new(ErrorKind::BadGateway, "the provider's stream has too many candidates"));
            }
            self.choices.push(Choice { index: candidate.index, ..Choice::default() });
        }
        let Some(choice) = self.choices.iter_mut().find(|choice| choice.index == candidate.index) else { return Ok(()) };
        if !candidate.sources.is_empty() {
            choice.sources = candidate.sources.into_iter().map(Found::into_owned).collect();
        }
        if !candidate.recited.is_empty() {
            choice.recited = candidate.recited.into_iter().map(Found::into_owned).collect();
        }
        if !candidate.likelihood.is_empty() {
            sink(Event::Likelihood { choice: candidate.index, tokens: candidate.likelihood });
        }
        for said in candidate.said {
            choice.say(said, &self.id, sink)?;
        }
        if let Some(finish) = candidate.finish {
            choice.finish = Some(finish.to_owned());
        }
        Ok(())
    }

    fn fail(&mut self, failure: Failure, sink: Sink<'_>) {
        self.phase = Phase::Over;
        sink(Event::Error(failure));
    }
}

impl Choice {
    fn say(&mut self, said: Said<'_>, answer: &str, sink: Sink<'_>) -> Result<(), Failure> {
        let choice = self.index;
        match said {
            Said::Text(text) => {
                let index = match self.open {
                    Open::Text(index) => index,
                    Open::Nothing | Open::Thought(_) => {
                        self.texts = self.texts.saturating_add(1);
                        self.start(PieceKind::Text, sink)
                    }
                };
                self.open = Open::Text(index);
                self.text.push(&text);
                sink(Event::PartDelta { choice, index, piece: Piece::Text(text) });
            }
            Said::Thought(text) => {
                let index = self.thought(sink);
                sink(Event::PartDelta { choice, index, piece: Piece::Text(text) });
            }
            Said::Signature(text) => {
                let index = self.thought(sink);
                sink(Event::PartDelta { choice, index, piece: Piece::Signature(text) });
                self.close(sink);
            }
            Said::Call { id, name, arguments } => {
                let id = id.unwrap_or_else(|| made_up_id(answer, choice, self.calls, &name, arguments.as_str()));
                self.calls = self.calls.saturating_add(1);
                let index = self.start(PieceKind::ToolCall { id, name, kind: CallKind::Function }, sink);
                sink(Event::PartDelta { choice, index, piece: Piece::Arguments(Str::from_plain(arguments.as_str())) });
                sink(Event::PartEnd { choice, index });
            }
            Said::Pieces => return Err(in_pieces()),
        }
        Ok(())
    }

    /// The part of thinking that more is added to.
    fn thought(&mut self, sink: Sink<'_>) -> u32 {
        let index = match self.open {
            Open::Thought(index) => index,
            Open::Nothing | Open::Text(_) => self.start(PieceKind::Reasoning, sink),
        };
        self.open = Open::Thought(index);
        index
    }

    /// Begins a part; the one before it is complete.
    fn start(&mut self, kind: PieceKind<'_>, sink: Sink<'_>) -> u32 {
        self.close(sink);
        let index = self.next;
        self.next = self.next.saturating_add(1);
        sink(Event::PartStart { choice: self.index, index, kind });
        index
    }

    fn close(&mut self, sink: Sink<'_>) {
        // Their places are those of a text in one part.
        if let Open::Text(index) = self.open
            && self.texts == 1
        {
            for source in core::mem::take(&mut self.sources).into_iter().chain(core::mem::take(&mut self.recited)) {
                self.told = true;
                let piece = Piece::Citation(Box::new(source.placed(&self.text)));
                sink(Event::PartDelta { choice: self.index, index, piece });
            }
        }
        match core::mem::take(&mut self.open) {
            Open::Text(index) | Open::Thought(index) => sink(Event::PartEnd { choice: self.index, index }),
            Open::Nothing => {}
        }
    }
}
