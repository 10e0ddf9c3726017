//! One choice of a stream: which parts are open, and to which call a piece belongs.

use super::answer::{no_arguments, settled};
use super::spoken::{Spoken, Voice, WireCall};
use crate::formats::ids::made_up_id;
use crate::formats::sources::Named;
use crate::hub::{CallKind, Citation, Event, Field, Finish, Piece, PieceKind};
use crate::json::Str;

/// Most parts that may be open at a time; real streams open a handful of calls.
const MAX_OPEN: usize = 128;

/// Most calls of one choice. What belongs to which is found by looking through them.
const MAX_CALLS: usize = 1024;

type Sink<'s> = &'s mut dyn FnMut(Event<'_>);

/// What has come of one choice.
#[derive(Debug, Default)]
pub(super) struct ChoiceState {
    pub number: u32,
    /// The number of the next part.
    next: u32,
    /// The open part that is not a call, and what it is.
    voice: Option<(u32, Voice)>,
    calls: Vec<Call>,
    /// The last reason that was given; it counts at the end, because some servers give one in the middle.
    pub finish: Option<Finish<'static>>,
    pub spoke: bool,
    /// How many parts of text there were.
    texts: u32,
    /// The pages that were named for it.
    named: Named,
    refused: bool,
}

#[derive(Debug)]
struct Call {
    key: Option<u64>,
    id: Str<'static>,
    name: Str<'static>,
    /// The number of its part, while it is open.
    part: Option<u32>,
    kind: CallKind,
    /// Whether anything of its arguments came.
    said: bool,
    depth: Depth,
}

/// How far the arguments of a call are: a server that goes on to the next call has ended the one whose JSON is whole.
#[derive(Debug, Default)]
struct Depth {
    containers: u32,
    text: bool,
    escaped: bool,
    whole: bool,
}

impl Depth {
    fn take(&mut self, arguments: &str) {
        for byte in arguments.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.text => self.escaped = true,
                b'"' => self.text = !self.text,
                b'{' | b'[' if !self.text => self.containers = self.containers.saturating_add(1),
                b'}' | b']' if !self.text => {
                    self.containers = self.containers.saturating_sub(1);
                    self.whole = self.containers == 0;
                }
                _ => {}
            }
        }
    }
}

/// There are more parts than any real stream has.
#[derive(Debug)]
pub(super) struct TooMany;

impl ChoiceState {
    pub(super) fn new(number: u32) -> Self {
        Self { number, ..Self::default() }
    }

    /// Tells what a delta of the answer that has this id says.
    pub(super) fn take(&mut self, spoken: Spoken<'_>, answer: &str, sink: Sink<'_>) -> Result<(), TooMany> {
        for (voice, text) in spoken.said {
            self.spoke = true;
            self.refused |= voice == Voice::Refusal;
            self.say(voice, text, sink);
        }
        if !self.cite(spoken.sources, sink) {
            sink(Event::Met(Field::AnswerCitations));
        }
        for call in spoken.calls {
            self.spoke = true;
            self.call(&call, answer, sink)?;
        }
        Ok(())
    }

    /// Names sources for the text that is being said, and whether that was possible: their places are those of a text in one part.
    pub(super) fn cite(&mut self, sources: Vec<Citation<'_>>, sink: Sink<'_>) -> bool {
        let Some((index, Voice::Text)) = self.voice.filter(|_| self.texts == 1) else { return sources.is_empty() };
        for citation in sources {
            self.named.note(&citation);
            sink(Event::PartDelta { choice: self.number, index, piece: Piece::Citation(Box::new(citation)) });
        }
        true
    }

    /// The same of pages that are listed beside the choices, but for those that are named already.
    pub(super) fn list(&mut self, mut pages: Vec<Citation<'_>>, sink: Sink<'_>) -> bool {
        pages.retain(|page| !self.named.has(page));
        self.cite(pages, sink)
    }

    fn say(&mut self, voice: Voice, text: Str<'_>, sink: Sink<'_>) {
        let choice = self.number;
        let goes_on = match (self.voice, voice) {
            (Some((part, Voice::Thought)), Voice::Thought | Voice::Signature) => Some(part),
            (Some((part, open)), voice) if open == voice => Some(part),
            _ => None,
        };
        let index = goes_on.unwrap_or_else(|| {
            self.hush(sink);
            self.settle_calls(sink);
            let index = self.number_of_next();
            self.texts = self.texts.saturating_add(u32::from(voice == Voice::Text));
            let kind = match voice {
                Voice::Thought | Voice::Signature => PieceKind::Reasoning,
                Voice::Redacted => PieceKind::RedactedReasoning(text.reborrow()),
                Voice::Text => PieceKind::Text,
                Voice::Refusal => PieceKind::Refusal,
            };
            sink(Event::PartStart { choice, index, kind });
            self.voice = Some((index, if voice == Voice::Signature { Voice::Thought } else { voice }));
            index
        });
        match voice {
            Voice::Redacted => self.hush(sink),
            Voice::Signature => {
                sink(Event::PartDelta { choice, index, piece: Piece::Signature(text) });
                self.hush(sink);
            }
            Voice::Thought | Voice::Text | Voice::Refusal => sink(Event::PartDelta { choice, index, piece: Piece::Text(text) }),
        }
    }

    /// Ends the open part that is not a call.
    fn hush(&mut self, sink: Sink<'_>) {
        if let Some((index, _)) = self.voice.take() {
            sink(Event::PartEnd { choice: self.number, index });
        }
    }

    fn number_of_next(&mut self) -> u32 {
        let index = self.next;
        self.next = self.next.saturating_add(1);
        index
    }

    fn call(&mut self, piece: &WireCall<'_>, answer: &str, sink: Sink<'_>) -> Result<(), TooMany> {
        let choice = self.number;
        let at = match self.place(piece) {
            Some(at) => at,
            None => {
                self.hush(sink);
                self.settle_calls(sink);
                let open = self.calls.iter().filter(|call| call.part.is_some()).count();
                if open >= MAX_OPEN || self.calls.len() >= MAX_CALLS {
                    return Err(TooMany);
                }
                let ordinal = self.calls.len();
                let (name, index) = (piece.name.clone().into_owned(), self.number_of_next());
                let id = if piece.id.is_empty() {
                    made_up_id(answer, choice, ordinal, &name, piece.text().as_escaped())
                } else {
                    piece.id.clone().into_owned()
                };
                sink(Event::PartStart {
                    choice,
                    index,
                    kind: PieceKind::ToolCall { id: id.reborrow(), name: name.reborrow(), kind: piece.kind },
                });
                self.calls.push(Call {
                    key: piece.index,
                    id,
                    name,
                    part: Some(index),
                    kind: piece.kind,
                    said: false,
                    depth: Depth::default(),
                });
                ordinal
            }
        };
        let text = piece.text();
        if let Some((call, index)) =
            self.calls.get_mut(at).filter(|_| !text.is_empty()).and_then(|call| Some(call.part).flatten().map(|part| (call, part)))
        {
            call.said = true;
            call.depth.take(&text.plain());
            sink(Event::PartDelta { choice, index, piece: Piece::Arguments(text) });
        }
        Ok(())
    }

    /// The call to which a piece belongs; `None` where it begins another one.
    fn place(&self, piece: &WireCall<'_>) -> Option<usize> {
        let same = |call: &Call| {
            let other_id = !piece.id.is_empty() && call.id != piece.id;
            // Without ids, a name where the arguments were whole begins the next call.
            let other_name = piece.id.is_empty() && !piece.name.is_empty() && (call.name != piece.name || call.depth.whole);
            !(other_id || other_name)
        };
        let at = match piece.index {
            // Servers that number all calls 0 tell them apart by their ids.
            Some(_) => self.calls.iter().rposition(|call| call.key == piece.index && same(call))?,
            None if !piece.id.is_empty() => self.calls.iter().rposition(|call| call.id == piece.id)?,
            None => self.calls.len().checked_sub(1).filter(|at| self.calls.get(*at).is_some_and(same))?,
        };
        Some(at)
    }

    /// Ends the calls whose arguments are whole.
    fn settle_calls(&mut self, sink: Sink<'_>) {
        for call in self.calls.iter_mut().filter(|call| call.depth.whole) {
            if let Some(index) = call.part.take() {
                sink(Event::PartEnd { choice: self.number, index });
            }
        }
    }

    /// Ends everything, and tells why the choice ended.
    pub(super) fn end(&mut self, sink: Sink<'_>) {
        self.hush(sink);
        let choice = self.number;
        let reason = settled(self.finish.take().unwrap_or(Finish::Stop), !self.calls.is_empty(), self.refused);
        for call in &mut self.calls {
            let Some(index) = call.part.take() else { continue };
            if !call.said && no_arguments(call.kind, &reason) {
                sink(Event::PartDelta { choice, index, piece: Piece::Arguments(Str::from_plain("{}")) });
            }
            sink(Event::PartEnd { choice, index });
        }
        sink(Event::Finish { choice, reason });
    }
}
