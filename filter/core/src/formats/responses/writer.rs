//! Streamed answers as clients read them: events in, events out.
//!
//! ```text
//! Before ─Start► Running ─End► Over          Running ─Error► Over
//! item: added ─► parts and deltas ─► done
//! ```
//! Neighbouring texts are one message. An item is done when it has ended and another one begins, or the answer ends: only then it is
//! known whether the answer was cut in it. Clients keep items in the order of their ends.

use super::answer::Content;
use super::echo::Echo;
use super::output::{Body, Envelope, Item, Progress, Status, response_id};
use super::telling::{Teller, place};
use super::{citations, error, whole};
use crate::formats::{Asked, StreamWriter};
use crate::hub::{Citation, ErrorKind, Event, Finish, Likelihood, Piece, PieceKind, Rejection, Start};
use crate::json::Str;
use crate::usage::Usage;

/// Most bytes of text that are kept for the end of the stream, which says everything again: half of what readers take as one event.
const MAX_KEPT: usize = crate::framing::sse::MAX_EVENT / 2;

/// Writes one stream.
#[derive(Debug)]
pub(super) struct Writer {
    asked: Asked,
    /// What every response of the stream says alike; `None` until it starts.
    envelope: Option<Envelope>,
    teller: Teller,
    slots: Vec<Slot>,
    /// Where the hub's parts stand, by their number.
    places: Vec<Place>,
    usage: Option<Usage>,
    finish: Finish<'static>,
    refused: bool,
    /// The tokens of text that has not come yet.
    likelihood: Likelihood<'static>,
    kept: usize,
    over: bool,
}

/// An item of the output.
#[derive(Debug)]
struct Slot {
    item: Item<'static>,
    /// Whether nothing more is expected of it.
    ended: bool,
    /// Whether the client was told its end.
    done: bool,
    /// Which content parts of a message are open.
    open: Vec<usize>,
}

/// Where a part of the hub stands in the output.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// A content part of a message.
    Content { item: usize, content: usize, refusal: bool },
    /// A reasoning item.
    Thought(usize),
    /// A reasoning item that has said nothing yet, and perhaps never will.
    Unspoken,
    /// A call.
    Call(usize),
}

impl StreamWriter for Writer {
    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Start(start) => self.start(start, out),
            // The format has one choice.
            Event::PartStart { choice, .. }
            | Event::PartDelta { choice, .. }
            | Event::PartEnd { choice, .. }
            | Event::Likelihood { choice, .. }
            | Event::Finish { choice, .. }
                if *choice != 0 => {}
            Event::Likelihood { tokens, .. } => self.expect(tokens, out),
            Event::PartStart { kind, .. } => self.part_start(kind, out),
            Event::PartDelta { index, piece, .. } => self.part_delta(*index, piece, out),
            Event::PartEnd { index, .. } => self.part_end(*index, out),
            Event::Usage(later) => self.usage.get_or_insert_default().merge_snapshot(later),
            Event::Finish { reason, .. } => self.finish = reason.to_owned(),
            Event::Met(_) => {}
            Event::Ping => out.extend_from_slice(b": ping\n\n"),
            Event::Error(failure) => self.fail(Rejection::from(failure), out),
            Event::End => self.end(out),
        }
    }
}

impl Writer {
    pub(super) fn new(asked: &Asked) -> Self {
        Self {
            asked: asked.clone(),
            envelope: None,
            teller: Teller::default(),
            slots: Vec::new(),
            places: Vec::new(),
            usage: None,
            finish: Finish::Stop,
            refused: false,
            likelihood: Likelihood::default(),
            kept: 0,
            over: false,
        }
    }

    fn start(&mut self, start: &Start<'_>, out: &mut Vec<u8>) {
        self.envelope = Some(Envelope {
            id: response_id(start.id.as_ref(), self.asked.now),
            created: start.created.unwrap_or(self.asked.now),
            model: self.asked.model.clone(),
            echo: Echo::of(&self.asked),
        });
        self.lifecycle("response.created", &Status::InProgress, out);
        self.lifecycle("response.in_progress", &Status::InProgress, out);
    }

    /// Keeps the tokens of the text that comes next.
    fn expect(&mut self, tokens: &Likelihood<'_>, out: &mut Vec<u8>) {
        self.kept = self.kept.saturating_add(tokens.as_str().len());
        if self.kept > MAX_KEPT {
            return self.fail(too_large(), out);
        }
        self.likelihood.push(tokens);
    }

    fn part_start(&mut self, kind: &PieceKind<'_>, out: &mut Vec<u8>) {
        if self.envelope.is_none() {
            self.start(&Start::default(), out);
        }
        let place = match kind {
            PieceKind::Text => self.begin_content(false, out),
            PieceKind::Refusal => self.begin_content(true, out),
            PieceKind::Reasoning => Place::Unspoken,
            PieceKind::RedactedReasoning(data) if self.takes_cipher() => {
                Place::Thought(self.begin_item(Body::Reasoning(Str::default(), Some(data.clone().into_owned())), out))
            }
            PieceKind::RedactedReasoning(_) => Place::Unspoken,
            PieceKind::ToolCall { id, name, kind } => {
                let (namespace, name) =
                    self.envelope.as_ref().map_or_else(|| (None, name.clone().into_owned()), |one| one.echo.split(name));
                let call_id = id.clone().into_owned();
                Place::Call(self.begin_item(Body::Call { kind: *kind, call_id, namespace, name, input: Str::default() }, out))
            }
        };
        self.places.push(place);
    }

    fn part_delta(&mut self, index: u32, piece: &Piece<'_>, out: &mut Vec<u8>) {
        let Some(at) = usize::try_from(index).ok().filter(|at| *at < self.places.len()) else { return };
        let Some(place) = self.places.get(at).copied() else { return };
        let place = match (place, piece) {
            // What a message says after it was done begins another one.
            (Place::Content { item, refusal, .. }, Piece::Text(_) | Piece::Citation(_)) if self.is_done(item) => {
                self.begin_content(refusal, out)
            }
            (Place::Unspoken, Piece::Text(text)) if !text.is_empty() => self.begin_thought(out),
            (Place::Unspoken, Piece::Signature(_)) if self.takes_cipher() => self.begin_thought(out),
            (place, _) => place,
        };
        if let Some(slot) = self.places.get_mut(at) {
            *slot = place;
        }
        let text = match piece {
            Piece::Text(text) | Piece::Arguments(text) => text,
            Piece::Signature(signature) => return self.sign(place, signature),
            Piece::Citation(citation) => return self.cite(place, citation, out),
        };
        if text.is_empty() {
            return;
        }
        self.kept = self.kept.saturating_add(text.as_escaped().len());
        if self.kept > MAX_KEPT {
            return self.fail(too_large(), out);
        }
        self.add(place, text, out);
    }

    /// Takes the ciphertext of a reasoning item, which its end tells, where the client can bring it back.
    fn sign(&mut self, place: Place, signature: &Str<'_>) {
        let takes = self.takes_cipher();
        let Place::Thought(item) = place else { return };
        if let Some(Body::Reasoning(_, cipher)) = self.slots.get_mut(item).map(|slot| &mut slot.item.body).filter(|_| takes) {
            *cipher = Some(signature.clone().into_owned());
        }
    }

    /// Takes a source of a text, and tells it where it says for which words it is named; any other one waits for the end of its text.
    fn cite(&mut self, place: Place, citation: &Citation<'_>, out: &mut Vec<u8>) {
        let Place::Content { item: at, content, .. } = place else { return };
        if !citations::is_expressible(citation) {
            return;
        }
        self.kept = self.kept.saturating_add(citation.size());
        if self.kept > MAX_KEPT {
            return self.fail(too_large(), out);
        }
        let Some(item) = self.slots.get_mut(at).map(|slot| &mut slot.item) else { return };
        let Body::Message(contents) = &mut item.body else { return };
        let Some(Content::Text(_, sources, _)) = contents.get_mut(content) else { return };
        sources.push(citation.clone().into_owned());
        let last = sources.len().saturating_sub(1);
        if citation.span.is_some() {
            self.teller.source_added(at, item, content, last, out);
        }
    }

    fn add(&mut self, place: Place, text: &Str<'_>, out: &mut Vec<u8>) {
        let (Place::Content { item: at, .. } | Place::Thought(at) | Place::Call(at)) = place else { return };
        let Some(item) = self.slots.get_mut(at).map(|slot| &mut slot.item) else { return };
        match (place, &mut item.body) {
            (Place::Content { content, refusal, .. }, Body::Message(contents)) => {
                let tokens = core::mem::take(&mut self.likelihood);
                match contents.get_mut(content) {
                    Some(Content::Text(kept, _, all)) => {
                        kept.push(text);
                        all.push(&tokens);
                    }
                    Some(Content::Refusal(kept)) => kept.push(text),
                    None => {}
                }
                self.teller.content_delta(at, item, (content, (!refusal).then_some(&tokens)), text, out);
            }
            (Place::Thought(_), Body::Reasoning(kept, _)) => {
                let begins = kept.is_empty();
                kept.push(text);
                if begins {
                    self.teller.summary_added(at, item, out);
                }
                self.teller.summary_delta(at, item, text, out);
            }
            (Place::Call(_), Body::Call { kind, input, .. }) => {
                let kind = *kind;
                input.push(text);
                self.teller.input_delta(at, item, kind, text, out);
            }
            (Place::Content { .. } | Place::Thought(_) | Place::Call(_) | Place::Unspoken, _) => {}
        }
    }

    fn part_end(&mut self, index: u32, out: &mut Vec<u8>) {
        let Some(place) = usize::try_from(index).ok().and_then(|at| self.places.get(at)).copied() else { return };
        match place {
            Place::Content { item, content, .. } => self.end_content(item, content, out),
            Place::Thought(item) | Place::Call(item) => {
                if let Some(slot) = self.slots.get_mut(item) {
                    slot.ended = true;
                }
                if item.saturating_add(1) < self.slots.len() {
                    self.end_item(item, Progress::Completed, out);
                }
            }
            Place::Unspoken => {}
        }
    }

    /// Begins an item; the one before it is done, if nothing more is expected of it.
    fn begin_item(&mut self, body: Body<'static>, out: &mut Vec<u8>) -> usize {
        if let Some(last) = self.slots.len().checked_sub(1) {
            let ends = self.slots.get(last).is_some_and(|slot| slot.ended || matches!(slot.item.body, Body::Message(_)));
            if ends {
                self.end_item(last, Progress::Completed, out);
            }
        }
        let at = self.slots.len();
        let item = Item::new(self.envelope.as_ref().map_or("", |envelope| &envelope.id), at, body);
        self.slots.push(Slot { item, ended: false, done: false, open: Vec::new() });
        self.item_event("response.output_item.added", at, Progress::Begun, out);
        at
    }

    fn begin_content(&mut self, refusal: bool, out: &mut Vec<u8>) -> Place {
        self.refused |= refusal;
        let last = self.slots.len().checked_sub(1);
        let message = last.filter(|&at| self.slots.get(at).is_some_and(|slot| !slot.done && matches!(slot.item.body, Body::Message(_))));
        let item = message.unwrap_or_else(|| self.begin_item(Body::Message(Vec::new()), out));
        let fresh =
            if refusal { Content::Refusal(Str::default()) } else { Content::Text(Str::default(), Vec::new(), Likelihood::default()) };
        let mut content = 0;
        if let Some(slot) = self.slots.get_mut(item) {
            if let Body::Message(contents) = &mut slot.item.body {
                content = contents.len();
                contents.push(fresh.clone());
            }
            slot.open.push(content);
            self.teller.content_added(item, &slot.item, content, &fresh, out);
        }
        Place::Content { item, content, refusal }
    }

    fn begin_thought(&mut self, out: &mut Vec<u8>) -> Place {
        Place::Thought(self.begin_item(Body::Reasoning(Str::default(), None), out))
    }

    fn end_content(&mut self, item: usize, content: usize, out: &mut Vec<u8>) {
        let Some(slot) = self.slots.get_mut(item).filter(|slot| slot.open.contains(&content)) else { return };
        slot.open.retain(|one| *one != content);
        if let Body::Message(contents) = &slot.item.body
            && let Some(said) = contents.get(content)
        {
            if let Content::Text(_, sources, _) = said {
                for (place, _) in sources.iter().enumerate().filter(|(_, source)| source.span.is_none()) {
                    self.teller.source_added(item, &slot.item, content, place, out);
                }
            }
            self.teller.content_done(item, &slot.item, content, said, out);
        }
    }

    fn end_item(&mut self, item: usize, progress: Progress, out: &mut Vec<u8>) {
        let Some(slot) = self.slots.get_mut(item).filter(|slot| !slot.done) else { return };
        slot.done = true;
        for content in slot.open.clone() {
            self.end_content(item, content, out);
        }
        if let Some(slot) = self.slots.get(item) {
            self.teller.said(item, &slot.item, out);
        }
        self.item_event("response.output_item.done", item, progress, out);
    }

    fn item_event(&mut self, kind: &str, at: usize, progress: Progress, out: &mut Vec<u8>) {
        let Some(slot) = self.slots.get(at) else { return };
        self.teller.event(kind, out, |body| {
            place(body, "output_index", at);
            body.key("item");
            slot.item.encode(progress, body);
        });
    }

    /// Writes an event that holds the whole response so far.
    fn lifecycle(&mut self, kind: &str, status: &Status, out: &mut Vec<u8>) {
        let Some(envelope) = &self.envelope else { return };
        let (slots, counts) = (&self.slots, self.usage.as_ref());
        let last = slots.len().saturating_sub(1);
        self.teller.event(kind, out, |body| {
            body.key("response");
            let items = |body: &mut crate::json::Out| {
                for (at, slot) in slots.iter().enumerate() {
                    let progress = if at == last || !slot.done { status.last_item() } else { Progress::Completed };
                    slot.item.encode(progress, body);
                }
            };
            envelope.encode(status, None, counts, items, body);
        });
    }

    fn fail(&mut self, rejection: Rejection, out: &mut Vec<u8>) {
        self.over = true;
        if self.envelope.is_some() {
            self.lifecycle("response.failed", &Status::Failed(rejection), out);
        } else {
            error::event(&rejection, self.teller.sequence(), out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.envelope.is_none() {
            self.start(&Start::default(), out);
        }
        if self.finish == Finish::Refusal && !self.refused {
            self.begin_content(true, out);
        }
        let status = whole::status(&self.finish, self.slots.is_empty());
        let last = self.slots.len().saturating_sub(1);
        for item in 0..self.slots.len() {
            self.end_item(item, if item == last { status.last_item() } else { Progress::Completed }, out);
        }
        self.over = true;
        let kind = match &status {
            Status::InProgress | Status::Completed => "response.completed",
            Status::Incomplete(_) => "response.incomplete",
            Status::Failed(_) => "response.failed",
        };
        self.lifecycle(kind, &status, out);
    }

    fn takes_cipher(&self) -> bool {
        self.envelope.as_ref().is_some_and(|envelope| envelope.echo.cipher)
    }

    fn is_done(&self, item: usize) -> bool {
        self.slots.get(item).is_none_or(|slot| slot.done)
    }
}

fn too_large() -> Rejection {
    Rejection::new(ErrorKind::BadGateway, "the provider's answer is larger than the gateway holds")
}
