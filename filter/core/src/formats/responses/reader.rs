//! A streamed Responses answer as events.
//!
//! ```text
//! created ─► ( output_item.added · parts and deltas · output_item.done | progress of hosted tools )* ─► completed | incomplete | failed
//! ```
//! Items are told apart by `output_index`: ids change between events at some servers and are empty at others, and llama.cpp sends no
//! index at all, so an id, and then the last item, must do. What a `done` event says again only repairs what no delta said.

use super::answer::{BETWEEN_THOUGHTS, Content, Item, ItemKind, Response, Said};
use super::citations;
use super::error;
use super::event::Wire;
use super::open::{Items, Slot};
use crate::formats::StreamReader;
use crate::framing::Frame;
use crate::hub::{CallKind, ErrorKind, Event, Failure, Field, Likelihood, Piece, PieceKind, Start};
use crate::json::{Json, JsonError, Kind, Raw, Str};

/// Most parts that may be open at a time; real streams open a few.
const MAX_OPEN: usize = 128;

/// Reads one stream.
#[derive(Debug, Default)]
pub(super) struct Reader {
    started: bool,
    over: bool,
    /// The hub's number of the next part.
    next: u32,
    said: Said,
    items: Items,
}

type Sink<'s> = &'s mut dyn FnMut(Event<'_>);

impl StreamReader for Reader {
    fn frame(&mut self, frame: &Frame<'_>, sink: Sink<'_>) {
        let Some(data) = frame.data.filter(|data| !self.over && !data.is_empty()) else { return };
        if data.trim_ascii() == b"[DONE]" {
            return;
        }
        let done = match Wire::read(frame, data) {
            Ok(wire) => self.event(&wire, data, sink),
            // What the end of the body cut counts as if it had never come; the end itself says whether something is missing.
            Err(_) if !frame.is_ended() => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            self.break_off(&format!("an event of the provider's stream can't be read: {error}"), sink);
        }
    }

    fn end(&mut self, sink: Sink<'_>) {
        if !self.over {
            self.break_off("the provider's stream ended early", sink);
        }
    }
}

impl Reader {
    fn event(&mut self, wire: &Wire<'_>, data: &[u8], sink: Sink<'_>) -> Result<(), JsonError> {
        match &*wire.kind.plain() {
            "response.created" | "response.in_progress" => self.start(wire, sink)?,
            "response.output_item.added" => self.item_added(wire, sink)?,
            "response.output_item.done" => self.item_done(wire, sink)?,
            "response.content_part.added" => self.part_added(wire, sink)?,
            "response.content_part.done" => self.part_done(wire, sink)?,
            "response.output_text.delta" => self.delta(wire, &PieceKind::Text, false, sink),
            "response.output_text.done" => self.delta(wire, &PieceKind::Text, true, sink),
            "response.refusal.delta" => self.delta(wire, &PieceKind::Refusal, false, sink),
            "response.refusal.done" => self.delta(wire, &PieceKind::Refusal, true, sink),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => self.thought(wire, false, sink),
            "response.reasoning_summary_text.done" | "response.reasoning_text.done" => self.thought(wire, true, sink),
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => self.arguments(wire, false, sink),
            "response.function_call_arguments.done" | "response.custom_tool_call_input.done" => self.arguments(wire, true, sink),
            "response.completed" | "response.incomplete" => self.complete(wire, sink)?,
            "response.failed" | "response.cancelled" => self.failed(wire, sink)?,
            "error" => self.fail(error::in_event(wire.error, data), sink),
            _ if wire.error.is_some() => self.fail(error::in_event(wire.error, data), sink),
            // These say where something begins and ends that the deltas and items say, too.
            kind if kind.ends_with("_part.added") || kind.ends_with("_part.done") => {}
            kind if kind.ends_with("annotation.added") => self.cite(wire, sink)?,
            // What a tool of the provider's own does takes time.
            _ => sink(Event::Ping),
        }
        Ok(())
    }

    fn start(&mut self, wire: &Wire<'_>, sink: Sink<'_>) -> Result<(), JsonError> {
        if !self.started {
            let response = wire.response.map(Response::read).transpose()?.unwrap_or_default();
            self.started = true;
            sink(Event::Start(Start { id: response.id, model: response.model, created: response.created }));
        }
        Ok(())
    }

    /// A stream whose start was left out begins all the same.
    fn begin(&mut self, sink: Sink<'_>) {
        if !self.started {
            self.started = true;
            sink(Event::Start(Start::default()));
        }
    }

    fn item_added(&mut self, wire: &Wire<'_>, sink: Sink<'_>) -> Result<(), JsonError> {
        self.begin(sink);
        let item = wire.item.map(Item::read).transpose()?.unwrap_or_default();
        let kind = item.is();
        if self.items.len() >= MAX_OPEN {
            self.break_off("the provider's stream has too many open items", sink);
            return Ok(());
        }
        let at = self.items.push(wire.output_index, &item.id, kind);
        match kind {
            ItemKind::Call(kind) => self.open_call(at, &item, kind, sink),
            ItemKind::Hosted => sink(Event::Met(Field::AnswerHosted)),
            ItemKind::Message | ItemKind::Reasoning => {}
        }
        Ok(())
    }

    fn open_call(&mut self, at: usize, item: &Item<'_>, kind: CallKind, sink: Sink<'_>) {
        self.said.calls = true;
        let piece = PieceKind::ToolCall { id: item.call_id().reborrow(), name: item.name.reborrow(), kind };
        self.open(at, 0, piece, sink);
    }

    /// Opens a part of the item in this place.
    fn open(&mut self, at: usize, number: u64, kind: PieceKind<'_>, sink: Sink<'_>) -> Option<Slot> {
        if self.items.open_parts() >= MAX_OPEN {
            self.break_off("the provider's stream has too many open parts", sink);
            return None;
        }
        let item = self.items.get_mut(at)?;
        let slot = Slot { number, index: self.next, said: false, cited: false };
        self.next = self.next.saturating_add(1);
        self.said.refusal |= matches!(kind, PieceKind::Refusal);
        item.parts.push(slot);
        item.began += 1;
        sink(Event::PartStart { choice: 0, index: slot.index, kind });
        Some(slot)
    }

    /// The place of the item that an event is about, which begins with it where its own beginning was left out.
    fn place_of(&mut self, wire: &Wire<'_>, kind: ItemKind, sink: Sink<'_>) -> usize {
        self.begin(sink);
        self.items.place_of(wire, kind).unwrap_or_else(|| self.items.push(wire.output_index, &wire.item_id, kind))
    }

    fn part_added(&mut self, wire: &Wire<'_>, sink: Sink<'_>) -> Result<(), JsonError> {
        let Some(content) = part(wire, sink)? else { return Ok(()) };
        let kind = match content {
            Content::Text(..) => PieceKind::Text,
            Content::Refusal(_) => PieceKind::Refusal,
        };
        let number = wire.part_index.unwrap_or(0);
        // A reasoning item has content parts, too; its one part of the hub begins with its text.
        let message = self.items.place(wire).and_then(|at| self.items.get(at)).is_none_or(|item| item.kind == ItemKind::Message);
        if message {
            let at = self.place_of(wire, ItemKind::Message, sink);
            if self.items.slot(at, number).is_none() {
                self.open(at, number, kind, sink);
            }
        }
        Ok(())
    }

    /// A part of a message is complete. It says again what its deltas said.
    fn part_done(&mut self, wire: &Wire<'_>, sink: Sink<'_>) -> Result<(), JsonError> {
        let Some(at) = self.items.place_of(wire, ItemKind::Message) else { return Ok(()) };
        let number = wire.part_index.unwrap_or(0);
        if let Some(content) = part(wire, sink)? {
            self.repeat(at, number, content, sink);
        }
        let Some(item) = self.items.get_mut(at) else { return Ok(()) };
        item.parts.retain(|slot| {
            if slot.number == number {
                sink(Event::PartEnd { choice: 0, index: slot.index });
            }
            slot.number != number
        });
        Ok(())
    }

    /// Text of a message, new or, in a `done` event, said again.
    fn delta(&mut self, wire: &Wire<'_>, kind: &PieceKind<'_>, again: bool, sink: Sink<'_>) {
        let Some(text) = (if again { &wire.whole } else { &wire.delta }).as_ref().filter(|text| !text.is_empty()) else { return };
        let at = self.place_of(wire, ItemKind::Message, sink);
        let number = wire.part_index.unwrap_or(0);
        if self.items.slot(at, number).is_none() && self.open(at, number, kind.clone(), sink).is_none() {
            return;
        }
        if let Some(tokens) = wire.logprobs.and_then(Likelihood::of).filter(|_| !again) {
            sink(Event::Likelihood { choice: 0, tokens });
        }
        self.say(at, number, again, Piece::Text(text.reborrow()), sink);
    }

    fn say(&mut self, at: usize, number: u64, again: bool, piece: Piece<'_>, sink: Sink<'_>) {
        let Some(slot) = self.items.slot(at, number).filter(|slot| !(again && slot.said)) else { return };
        slot.said = true;
        let index = slot.index;
        sink(Event::PartDelta { choice: 0, index, piece });
    }

    /// Text of a reasoning item: all its summaries are one part.
    fn thought(&mut self, wire: &Wire<'_>, again: bool, sink: Sink<'_>) {
        let Some(text) = (if again { &wire.whole } else { &wire.delta }).as_ref().filter(|text| !text.is_empty()) else { return };
        let at = self.place_of(wire, ItemKind::Reasoning, sink);
        let number = wire.part_index.unwrap_or(0);
        let open = self.items.get(at).and_then(|item| item.parts.first()).copied();
        let Some(slot) = open.or_else(|| self.open(at, number, PieceKind::Reasoning, sink)) else { return };
        if slot.number != number {
            let between = Piece::Text(Str::from_plain(BETWEEN_THOUGHTS));
            if slot.said {
                sink(Event::PartDelta { choice: 0, index: slot.index, piece: between });
            }
            if let Some(slot) = self.items.slot(at, slot.number) {
                slot.number = number;
                slot.said = false;
            }
        }
        self.say(at, number, again, Piece::Text(text.reborrow()), sink);
    }

    fn arguments(&mut self, wire: &Wire<'_>, again: bool, sink: Sink<'_>) {
        let Some(text) = (if again { &wire.whole } else { &wire.delta }).as_ref().filter(|text| !text.is_empty()) else { return };
        let call = self.items.place(wire).filter(|&at| self.items.get(at).is_some_and(|item| matches!(item.kind, ItemKind::Call(_))));
        match call {
            Some(at) => self.say(at, 0, again, Piece::Arguments(text.reborrow()), sink),
            None => self.break_off("the provider's stream adds to a call that is not open", sink),
        }
    }

    /// An item is complete. It says again what its events said, and, of thinking, what no event says: the signature.
    fn item_done(&mut self, wire: &Wire<'_>, sink: Sink<'_>) -> Result<(), JsonError> {
        self.begin(sink);
        let item = wire.item.map(Item::read).transpose()?.unwrap_or_default();
        let kind = item.is();
        let named = Wire { item_id: item.id.reborrow(), output_index: wire.output_index, ..Wire::default() };
        let at = match self.items.place_of(&named, kind) {
            Some(at) => at,
            None if kind == ItemKind::Hosted => {
                sink(Event::Met(Field::AnswerHosted));
                return Ok(());
            }
            None => self.items.push(wire.output_index, &item.id, kind),
        };
        match kind {
            ItemKind::Message => self.message_done(at, &item, sink)?,
            ItemKind::Reasoning => self.reasoning_done(at, item, sink)?,
            ItemKind::Call(kind) => self.call_done(at, &item, kind, sink),
            ItemKind::Hosted => {}
        }
        self.items.close(at, sink);
        Ok(())
    }

    fn message_done(&mut self, at: usize, item: &Item<'_>, sink: Sink<'_>) -> Result<(), JsonError> {
        let silent = self.items.get(at).is_none_or(|open| open.began == 0);
        let mut met = Vec::new();
        let contents = item.content(&mut met)?;
        tell(met, sink);
        for (content, number) in contents.into_iter().zip(0_u64..) {
            let kind = if content.is_refusal() { PieceKind::Refusal } else { PieceKind::Text };
            if silent {
                self.open(at, number, kind, sink);
            }
            self.repeat(at, number, content, sink);
        }
        Ok(())
    }

    /// What an open part says, and its sources, once more.
    fn repeat(&mut self, at: usize, number: u64, content: Content<'_>, sink: Sink<'_>) {
        let (text, sources) = match content {
            Content::Text(text, sources, _) => (text, sources),
            Content::Refusal(text) => (text, Vec::new()),
        };
        if !text.is_empty() {
            self.say(at, number, true, Piece::Text(text), sink);
        }
        let Some(slot) = self.items.slot(at, number).filter(|slot| !slot.cited) else { return };
        for citation in sources {
            sink(Event::PartDelta { choice: 0, index: slot.index, piece: Piece::Citation(Box::new(citation)) });
        }
    }

    /// A source of a text.
    fn cite(&mut self, wire: &Wire<'_>, sink: Sink<'_>) -> Result<(), JsonError> {
        let Some(citation) = wire.annotation.map(citations::read).transpose()?.flatten() else {
            sink(Event::Met(Field::AnswerCitations));
            return Ok(());
        };
        let at = self.place_of(wire, ItemKind::Message, sink);
        let number = wire.part_index.unwrap_or(0);
        if self.items.slot(at, number).is_none() && self.open(at, number, PieceKind::Text, sink).is_none() {
            return Ok(());
        }
        if let Some(slot) = self.items.slot(at, number) {
            slot.cited = true;
            sink(Event::PartDelta { choice: 0, index: slot.index, piece: Piece::Citation(Box::new(citation)) });
        }
        Ok(())
    }

    fn reasoning_done(&mut self, at: usize, item: Item<'_>, sink: Sink<'_>) -> Result<(), JsonError> {
        let began = self.items.get(at).and_then(|open| open.parts.first()).copied();
        let thought = if began.is_some() { Str::default() } else { item.thought()? };
        if thought.is_empty() && item.encrypted_content.is_none() {
            return Ok(());
        }
        let Some(slot) = began.or_else(|| self.open(at, 0, PieceKind::Reasoning, sink)) else { return Ok(()) };
        if !thought.is_empty() {
            self.say(at, slot.number, true, Piece::Text(thought), sink);
        }
        if let Some(signature) = item.encrypted_content {
            sink(Event::PartDelta { choice: 0, index: slot.index, piece: Piece::Signature(signature) });
        }
        Ok(())
    }

    fn call_done(&mut self, at: usize, item: &Item<'_>, kind: CallKind, sink: Sink<'_>) {
        if self.items.get(at).is_none_or(|open| open.began == 0) {
            self.open_call(at, item, kind, sink);
        }
        match &item.input {
            Some(Json::Text(text)) if !text.is_empty() => self.say(at, 0, true, Piece::Arguments(text.reborrow()), sink),
            Some(Json::Value(raw)) => self.say(at, 0, true, Piece::Arguments(Str::from_plain(raw.as_str())), sink),
            Some(Json::Text(_)) | None => {}
        }
    }

    fn complete(&mut self, wire: &Wire<'_>, sink: Sink<'_>) -> Result<(), JsonError> {
        self.start(wire, sink)?;
        let response = wire.response.map(Response::read).transpose()?.unwrap_or_default();
        if let Some(failure) = response.failure().filter(|_| wire.kind.is("response.completed") && response.output.is_none()) {
            self.fail(failure, sink);
            return Ok(());
        }
        if let Some(output) = response.output.filter(|_| self.next == 0) {
            self.replay(output, sink)?;
        }
        while self.items.len() > 0 {
            self.items.close(0, sink);
        }
        self.over = true;
        if let Some(usage) = response.usage {
            sink(Event::Usage(usage));
        }
        sink(Event::Finish { choice: 0, reason: response.finish(self.said) });
        sink(Event::End);
        Ok(())
    }

    /// The output of a stream that said all of it at its end.
    fn replay(&mut self, output: Raw<'_>, sink: Sink<'_>) -> Result<(), JsonError> {
        let mut cursor = output.cursor();
        cursor.enter_array()?;
        while cursor.element()? {
            if cursor.peek()? == Kind::Object {
                let wire = Wire { item: Some(cursor.raw()?), ..Wire::default() };
                self.items.clear();
                self.item_done(&wire, sink)?;
            } else {
                cursor.skip()?;
            }
        }
        Ok(())
    }

    fn failed(&mut self, wire: &Wire<'_>, sink: Sink<'_>) -> Result<(), JsonError> {
        let response = wire.response.map(Response::read).transpose()?.unwrap_or_default();
        if let Some(usage) = response.usage.filter(|_| self.started) {
            sink(Event::Usage(usage));
        }
        self.fail(response.failure().unwrap_or_else(error::nameless), sink);
        Ok(())
    }

    fn break_off(&mut self, sentence: &str, sink: Sink<'_>) {
        self.fail(Failure::new(ErrorKind::BadGateway, sentence), sink);
    }

    fn fail(&mut self, failure: Failure, sink: Sink<'_>) {
        if !self.over {
            self.over = true;
            sink(Event::Error(failure));
        }
    }
}

/// The content part that an event is about.
fn part<'f>(wire: &Wire<'f>, sink: Sink<'_>) -> Result<Option<Content<'f>>, JsonError> {
    let mut met = Vec::new();
    let content = wire.part.map(|part| Content::read(part, &mut met)).transpose()?.flatten();
    tell(met, sink);
    Ok(content)
}

fn tell(met: Vec<Field>, sink: Sink<'_>) {
    met.into_iter().for_each(|field| sink(Event::Met(field)));
}
