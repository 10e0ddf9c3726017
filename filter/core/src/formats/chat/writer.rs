//! Streamed answers as chat clients read them: events in, chunks out.
//!
//! ```text
//! Before ─Start► Running ─End► Over          Running ─Error► Over
//! ```

use super::choice_state::{ChoiceState, Slot};
use super::citations;
use super::outline::{FUNCTIONS, noted};
use super::thinking::{self, Block};
use super::{encode_finish, encode_id, error, usage};
use crate::formats::{Asked, StreamWriter};
use crate::hub::{CallKind, Citation, Cited, ErrorKind, Event, Field, Finish, Piece, PieceKind, Rejection, Start};
use crate::json::{Out, Str, characters};
use crate::usage::Usage;

/// Writes one stream.
#[derive(Debug)]
pub(super) struct Writer {
    model: String,
    include_usage: bool,
    /// The client reads calls in their older form, of which there is one.
    older: bool,
    now: u64,
    /// Everything from `data: ` to the list of choices, the same in every chunk; empty until the answer starts.
    head: Vec<u8>,
    choices: Vec<ChoiceState>,
    usage: Option<Usage>,
    /// What could not be written.
    left: Vec<Field>,
    over: bool,
}

/// Most sources that wait for the end of their part: that of a later one is where the text is when it comes.
const MAX_SOURCES: usize = 1024;

/// Longest text of thinking that is kept for its signature, in bytes: what is longer can't go back to its vendor.
const MAX_THOUGHT: usize = 1 << 20;

/// Most bytes of tokens that wait for their text: what is more is told without it.
const MAX_WAITING: usize = 64 << 10;

impl StreamWriter for Writer {
    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Start(start) => {
                self.start(start);
                self.role(0, out);
            }
            Event::PartStart { choice, kind, .. } => self.part_start(*choice, kind, out),
            Event::PartDelta { choice, index, piece } => self.part_delta(*choice, *index, piece, out),
            Event::PartEnd { choice, index } => self.part_end(*choice, *index, out),
            Event::Met(_) => {}
            Event::Likelihood { choice, tokens } => {
                self.role(*choice, out);
                let Some(state) = self.state(*choice) else { return };
                state.likelihood.push(tokens);
                if state.likelihood.as_str().len() > MAX_WAITING {
                    self.likely(*choice, &[], None, out);
                }
            }
            Event::Usage(later) => self.usage.get_or_insert_default().merge_snapshot(later),
            Event::Finish { choice, reason } => self.finish(*choice, reason, out),
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Error(failure) => self.fail(&Rejection::from(failure), out),
            Event::End => self.end(out),
        }
    }

    fn left(&self) -> &[Field] {
        &self.left
    }
}

impl Writer {
    pub(super) fn new(asked: &Asked) -> Self {
        Self {
            model: asked.model.clone(),
            include_usage: asked.include_usage,
            older: noted(asked.memo.as_deref(), FUNCTIONS),
            now: asked.now,
            head: Vec::new(),
            choices: Vec::new(),
            usage: None,
            left: Vec::new(),
            over: false,
        }
    }

    fn start(&mut self, start: &Start<'_>) {
        let mut head = Out::default();
        head.verbatim("data: ");
        head.open_object();
        head.key("id");
        head.string(&encode_id(start.id.as_ref(), self.now));
        head.key("object");
        head.plain("chat.completion.chunk");
        head.key("created");
        head.number(start.created.unwrap_or(self.now));
        head.key("model");
        head.plain(&self.model);
        head.key("choices");
        head.open_array();
        self.head = head.into_bytes();
    }

    /// Writes the role of a choice, once, before everything else of it.
    fn role(&mut self, choice: u32, out: &mut Vec<u8>) {
        if self.head.is_empty() {
            self.start(&Start::default());
        }
        if !self.choices.iter().any(|state| state.choice == choice) {
            self.choices.push(ChoiceState::new(choice));
            self.chunk(choice, &["\"role\":\"assistant\",\"content\":\"\",\"refusal\":null"], None, out);
        }
    }

    fn leave(&mut self, field: Field) {
        if !self.left.contains(&field) {
            self.left.push(field);
        }
    }

    fn state(&mut self, choice: u32) -> Option<&mut ChoiceState> {
        self.choices.iter_mut().find(|state| state.choice == choice)
    }

    fn part_start(&mut self, choice: u32, kind: &PieceKind<'_>, out: &mut Vec<u8>) {
        self.role(choice, out);
        let older = self.older;
        let Some(state) = self.state(choice) else { return };
        state.thought = Str::default();
        let of_call = state.signature.take();
        if let Some(signature) = of_call.as_ref().filter(|_| !matches!(kind, PieceKind::ToolCall { .. })) {
            let block = state.block(Block::Signed(&Str::default(), signature));
            self.chunk(choice, &[&block], None, out);
        }
        let Some(state) = self.state(choice) else { return };
        let slot = match kind {
            PieceKind::Text => Slot::Content { before: state.characters },
            PieceKind::Reasoning => Slot::Reasoning,
            PieceKind::Refusal => Slot::Refusal,
            PieceKind::RedactedReasoning(_) => Slot::Silent,
            PieceKind::ToolCall { .. } if older && state.calls > 0 => Slot::Silent,
            PieceKind::ToolCall { .. } if older => Slot::Function,
            PieceKind::ToolCall { kind: CallKind::Custom, .. } => Slot::Custom(state.calls),
            PieceKind::ToolCall { kind: CallKind::Function, .. } => Slot::Call(state.calls),
        };
        state.parts.push(slot);
        if let PieceKind::RedactedReasoning(data) = kind {
            let block = state.block(Block::Sealed(data));
            self.chunk(choice, &[&block], None, out);
        }
        let Some(state) = self.state(choice) else { return };
        if let PieceKind::ToolCall { id, name, kind } = kind {
            let number = state.calls.to_string();
            state.calls = state.calls.saturating_add(1);
            state.spoke = true;
            let (id, name) = (id.as_escaped(), name.as_escaped());
            let (kind, input) = match kind {
                CallKind::Function => ("function", "arguments"),
                CallKind::Custom => ("custom", "input"),
            };
            let beside = of_call.map_or_else(String::new, |signature| {
                let mut beside = Out::onto(",".to_owned());
                thinking::encode_of_call(&signature, &mut beside);
                beside.into_string()
            });
            let called = ["\"", kind, "\":{\"name\":\"", name, "\",\"", input, "\":\"\"}", &beside, "}]"];
            let listed = ["\"tool_calls\":[{\"index\":", &number, ",\"id\":\"", id, "\",\"type\":\"", kind, "\","];
            match slot {
                Slot::Function => self.chunk(choice, &["\"function_call\":{\"name\":\"", name, "\",\"arguments\":\"\"}"], None, out),
                Slot::Silent => self.leave(Field::AnswerCalls),
                Slot::Call(_) | Slot::Custom(_) | Slot::Content { .. } | Slot::Refusal | Slot::Reasoning => {
                    self.chunk(choice, &[&listed[..], &called[..]].concat(), None, out);
                }
            }
        }
    }

    fn part_delta(&mut self, choice: u32, index: u32, piece: &Piece<'_>, out: &mut Vec<u8>) {
        let text = match piece {
            Piece::Text(text) | Piece::Arguments(text) => text.as_escaped(),
            Piece::Signature(signature) => return self.sign(choice, signature, out),
            Piece::Citation(citation) => return self.cite(choice, index, citation, out),
        };
        let Some(state) = self.state(choice) else { return };
        let slot = usize::try_from(index).ok().and_then(|index| state.parts.get(index)).copied();
        let Some(slot) = slot.filter(|_| !text.is_empty()) else { return };
        state.spoke |= !matches!(slot, Slot::Reasoning);
        if let (Slot::Reasoning, Piece::Text(text)) = (slot, piece)
            && state.thought.as_escaped().len() <= MAX_THOUGHT
        {
            state.thought.push(text);
        }
        if let (Slot::Content { .. }, Piece::Text(text)) = (slot, piece) {
            state.characters = state.characters.saturating_add(characters(text));
        }
        match slot {
            Slot::Content { .. } => self.likely(choice, &["\"content\":\"", text, "\""], None, out),
            Slot::Refusal => self.chunk(choice, &["\"refusal\":\"", text, "\""], None, out),
            Slot::Reasoning => self.chunk(choice, &["\"reasoning_content\":\"", text, "\""], None, out),
            Slot::Call(number) => {
                let delta = ["\"tool_calls\":[{\"index\":", &number.to_string(), ",\"function\":{\"arguments\":\"", text, "\"}}]"];
                self.chunk(choice, &delta, None, out);
            }
            Slot::Custom(number) => {
                let delta = ["\"tool_calls\":[{\"index\":", &number.to_string(), ",\"custom\":{\"input\":\"", text, "\"}}]"];
                self.chunk(choice, &delta, None, out);
            }
            Slot::Function => self.chunk(choice, &["\"function_call\":{\"arguments\":\"", text, "\"}"], None, out),
            Slot::Silent => {}
        }
    }

    /// A source is told at once where it says for which words it is named, else at the end of its part.
    fn cite(&mut self, choice: u32, index: u32, citation: &Citation<'_>, out: &mut Vec<u8>) {
        let Some(state) = self.state(choice) else { return };
        if !matches!(citation.source, Cited::Page(_) | Cited::SearchResult { .. }) {
            return;
        }
        if citation.span.is_none() && state.sources.len() < MAX_SOURCES {
            // What the source says has no place in the format.
            let kept = Citation { quote: None, ..citation.clone() };
            return state.sources.push((index, kept.into_owned()));
        }
        let slot = usize::try_from(index).ok().and_then(|index| state.parts.get(index));
        let Some(Slot::Content { before }) = slot.copied() else { return };
        let place = citation.place(before, state.characters);
        let mut list = Out::default();
        if citations::encode([(citation, place)].into_iter(), &mut list) {
            self.chunk(choice, &[&list.into_string()], None, out);
        }
    }

    fn part_end(&mut self, choice: u32, index: u32, out: &mut Vec<u8>) {
        let Some(state) = self.state(choice).filter(|state| !state.sources.is_empty()) else { return };
        let slot = usize::try_from(index).ok().and_then(|index| state.parts.get(index));
        let Some(Slot::Content { before }) = slot.copied() else { return };
        let end = state.characters;
        let mut list = Out::default();
        let sources = state.sources.extract_if(.., |(part, _)| *part == index).collect::<Vec<_>>();
        let placed = sources.iter().map(|(_, citation)| (citation, citation.place(before, end)));
        if citations::encode(placed, &mut list) {
            self.chunk(choice, &[&list.into_string()], None, out);
        }
    }

    /// A block of thinking is told whole once its signature is known.
    fn sign(&mut self, choice: u32, signature: &Str<'_>, out: &mut Vec<u8>) {
        let Some(state) = self.state(choice) else { return };
        let thought = core::mem::take(&mut state.thought);
        if thinking::is_of_call(&thought, signature) {
            state.signature = Some(signature.clone().into_owned());
        } else if thought.as_escaped().len() <= MAX_THOUGHT {
            let block = state.block(Block::Signed(&thought, signature));
            self.chunk(choice, &[&block], None, out);
        } else {
            self.leave(Field::AnswerSignature);
        }
    }

    fn finish(&mut self, choice: u32, reason: &Finish<'_>, out: &mut Vec<u8>) {
        self.role(choice, out);
        let older = self.older;
        let Some(state) = self.state(choice).filter(|state| !state.finished) else { return };
        if matches!(reason, Finish::Malformed | Finish::Error) && !state.spoke {
            let sentence = "the provider broke off before it said anything";
            return self.fail(&Rejection::new(ErrorKind::BadGateway, sentence), out);
        }
        state.finished = true;
        if let Some(signature) = state.signature.take() {
            let block = state.block(Block::Signed(&Str::default(), &signature));
            self.chunk(choice, &[&block], None, out);
        }
        let Some(state) = self.state(choice) else { return };
        let word = encode_finish(reason, state.calls > 0, older);
        self.likely(choice, &[], Some(word), out);
    }

    fn fail(&mut self, rejection: &Rejection, out: &mut Vec<u8>) {
        self.over = true;
        error::event(rejection, out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.over = true;
        if let Some(counts) = self.usage.filter(|_| self.include_usage) {
            if self.head.is_empty() {
                self.start(&Start::default());
            }
            let mut value = Out::default();
            usage::encode(&counts, &mut value);
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b"],\"usage\":");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    /// Writes one chunk with the tokens that wait for it.
    fn likely(&mut self, choice: u32, delta: &[&str], finish: Option<&str>, out: &mut Vec<u8>) {
        let waiting = self.state(choice).map(|state| core::mem::take(&mut state.likelihood)).filter(|tokens| !tokens.is_empty());
        match waiting {
            Some(tokens) => {
                let tokens = format!("{{\"content\":[{}],\"refusal\":null}}", tokens.as_str());
                self.chunk_of(choice, delta, &tokens, finish, out);
            }
            None => self.chunk(choice, delta, finish, out),
        }
    }

    /// Writes one chunk with one choice; its delta comes in pieces, escaped.
    fn chunk(&self, choice: u32, delta: &[&str], finish: Option<&str>, out: &mut Vec<u8>) {
        self.chunk_of(choice, delta, "null", finish, out);
    }

    fn chunk_of(&self, choice: u32, delta: &[&str], tokens: &str, finish: Option<&str>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b"{\"index\":");
        match choice {
            0 => out.push(b'0'),
            choice => out.extend_from_slice(choice.to_string().as_bytes()),
        }
        out.extend_from_slice(b",\"delta\":{");
        for piece in delta {
            out.extend_from_slice(piece.as_bytes());
        }
        out.extend_from_slice(b"},\"logprobs\":");
        out.extend_from_slice(tokens.as_bytes());
        out.extend_from_slice(b",\"finish_reason\":");
        match finish {
            Some(word) => {
                out.push(b'"');
                out.extend_from_slice(word.as_bytes());
                out.push(b'"');
            }
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(if self.include_usage { &b"}],\"usage\":null}\n\n"[..] } else { &b"}]}\n\n"[..] });
    }
}
