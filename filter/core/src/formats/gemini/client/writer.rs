//! Streamed answers as Gemini clients read them: each event a response of its own whose parts are deltas.
//!
//! ```text
//! Running ─End► Over          any ─Error► Over
//! ```
//! The format knows no fragments of calls: their arguments are collected. The last event has the reasons and the usage.

use super::answer::{Pen, close, tail};
use super::outline::{is_list, is_quiet};
use super::{error, signature};
use crate::formats::gemini::{citations, likelihood};
use crate::formats::{Asked, StreamWriter};
use crate::hub::{Citation, ErrorKind, Event, Field, Finish, Likelihood, Piece, PieceKind, Rejection};
use crate::json::{Json, Out, Ruler, Str};
use crate::usage::Usage;
use std::collections::BTreeMap;

/// Most bytes of arguments that are collected in one answer.
const MAX_HELD: usize = 16 << 20;

/// Writes one stream.
#[derive(Debug)]
pub(in super::super) struct Writer {
    asked: Asked,
    quiet: bool,
    form: Form,
    over: bool,
    id: Option<Str<'static>>,
    usage: Usage,
    choices: BTreeMap<u32, Choice>,
    held: usize,
    /// What was not written as the model said it.
    left: Vec<Field>,
}

/// How events follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Events,
    /// One JSON array, that was not begun.
    NewList,
    /// The same, in the middle.
    List,
}

/// A candidate so far.
#[derive(Debug, Default)]
struct Choice {
    /// Parts whose pieces are thinking.
    thoughts: Vec<u32>,
    /// A signature whose part has not come yet.
    signature: Option<Str<'static>>,
    /// Open calls, by part.
    calls: BTreeMap<u32, Call>,
    /// Calls whose arguments are no object: what becomes of them the reason says.
    broken: Vec<Call>,
    /// The text so far.
    text: Ruler,
    /// How many characters there were before each open part of text.
    begins: Vec<(u32, u32)>,
    /// The sources so far, each with the characters that it is named for.
    sources: Vec<(Citation<'static>, (u32, u32))>,
    /// The sources of open parts, by part, that are named for all of these.
    waiting: Vec<(u32, Citation<'static>)>,
    /// The tokens of text that has not come yet.
    likelihood: Likelihood<'static>,
    spoke: bool,
    finish: Option<Finish<'static>>,
}

#[derive(Debug)]
struct Call {
    id: Str<'static>,
    name: Str<'static>,
    arguments: Str<'static>,
    signature: Option<Str<'static>>,
}

impl Choice {
    /// Takes a source of an open part.
    fn cite(&mut self, part: u32, citation: &Citation<'_>) {
        let before = self.begins.iter().find(|(open, _)| *open == part).map_or(0, |(_, before)| *before);
        let source = citation.clone().into_owned();
        match citation.span {
            Some(_) => self.sources.push((source, citation.place(before, 0))),
            None => self.waiting.push((part, source)),
        }
    }

    /// A part of text is complete.
    fn end_text(&mut self, part: u32) {
        let Some((_, before)) = self.begins.iter().find(|(open, _)| *open == part).copied() else { return };
        self.begins.retain(|(open, _)| *open != part);
        let end = self.text.characters();
        let complete = self.waiting.extract_if(.., |(waits, _)| *waits == part);
        self.sources.extend(complete.map(|(_, source)| (source, (before, end))));
    }
}

impl StreamWriter for Writer {
    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Start(start) => self.id = start.id.as_ref().map(|id| id.clone().into_owned()),
            Event::PartStart { choice, index, kind } => self.part_start(*choice, *index, kind, out),
            Event::PartDelta { choice, index, piece } => self.part_delta(*choice, *index, piece, out),
            Event::PartEnd { choice, index } => self.part_end(*choice, *index, out),
            Event::Usage(later) => self.usage.merge_snapshot(later),
            Event::Finish { choice, reason } => self.choice(*choice).finish = Some(reason.to_owned()),
            // Clients of this format fail on what is no response.
            Event::Likelihood { choice, tokens } => {
                self.choice(*choice).likelihood.push(tokens);
                self.hold(tokens.as_str().len(), out);
            }
            Event::Met(_) | Event::Ping => {}
            Event::Error(failure) => self.fail(&Rejection::from(failure), out),
            Event::End => self.end(out),
        }
    }

    fn left(&self) -> &[Field] {
        &self.left
    }
}

impl Writer {
    pub(in super::super) fn new(asked: &Asked) -> Self {
        Self {
            asked: asked.clone(),
            quiet: is_quiet(asked),
            form: if is_list(asked) { Form::NewList } else { Form::Events },
            over: false,
            id: None,
            usage: Usage::default(),
            choices: BTreeMap::new(),
            held: 0,
            left: Vec::new(),
        }
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        self.choices.entry(index).or_default()
    }

    fn part_start(&mut self, choice: u32, index: u32, kind: &PieceKind<'_>, out: &mut Vec<u8>) {
        let open = self.choice(choice);
        open.spoke |= !matches!(kind, PieceKind::Reasoning | PieceKind::RedactedReasoning(_));
        match kind {
            PieceKind::Text | PieceKind::Refusal => open.begins.push((index, open.text.characters())),
            PieceKind::Reasoning => open.thoughts.push(index),
            PieceKind::RedactedReasoning(data) => self.sign(choice, signature::written(data).into_owned(), out),
            PieceKind::ToolCall { id, name, .. } => {
                let [id, name] = [id, name].map(|text| text.clone().into_owned());
                let signature = open.signature.take();
                open.calls.insert(index, Call { id, name, arguments: Str::default(), signature });
            }
        }
    }

    fn part_delta(&mut self, choice: u32, index: u32, piece: &Piece<'_>, out: &mut Vec<u8>) {
        let (quiet, open) = (self.quiet, self.choice(choice));
        match piece {
            Piece::Signature(signature) => self.sign(choice, signature::written(signature).into_owned(), out),
            Piece::Text(_) if quiet && open.thoughts.contains(&index) => {}
            Piece::Text(text) if open.thoughts.contains(&index) => self.say(choice, out, |pen| pen.thought(text)),
            Piece::Text(text) => {
                open.text.push(text);
                self.say(choice, out, |pen| pen.text(text));
            }
            Piece::Citation(citation) => {
                open.cite(index, citation);
                self.hold(citation.size(), out);
            }
            Piece::Arguments(text) => {
                let Some(call) = open.calls.get_mut(&index) else { return };
                call.arguments.push(text);
                self.hold(text.as_escaped().len(), out);
            }
        }
    }

    /// So much more is held.
    fn hold(&mut self, bytes: usize, out: &mut Vec<u8>) {
        self.held = self.held.saturating_add(bytes);
        if self.held > MAX_HELD {
            self.fail(&Rejection::new(ErrorKind::BadGateway, "the arguments of the provider's calls are too long"), out);
        }
    }

    fn part_end(&mut self, choice: u32, index: u32, out: &mut Vec<u8>) {
        let open = self.choice(choice);
        open.thoughts.retain(|part| *part != index);
        open.end_text(index);
        if let Some(call) = open.calls.remove(&index) {
            self.call(choice, call, out);
        }
    }

    /// Writes a call that is complete, or keeps it until the reason says whether the answer was cut.
    fn call(&mut self, choice: u32, mut call: Call, out: &mut Vec<u8>) {
        let arguments = Json::Text(call.arguments.reborrow());
        if arguments.object().is_none() {
            self.choice(choice).broken.push(call);
            return;
        }
        let signature = call.signature.take();
        self.say(choice, out, |pen| {
            pen.signature = signature.or(pen.signature.take());
            pen.call((&call.id, &call.name), &arguments, None, &mut Vec::new());
        });
    }

    /// The thinking so far has this signature; one that had no part before it stands alone.
    fn sign(&mut self, choice: u32, signature: Str<'static>, out: &mut Vec<u8>) {
        if self.choice(choice).signature.is_some() {
            self.say(choice, out, |pen| pen.lone());
        }
        self.choice(choice).signature = Some(signature);
    }

    /// Writes an event with what is said in one candidate.
    fn say(&mut self, choice: u32, out: &mut Vec<u8>, say: impl FnOnce(&mut Pen<'_>)) {
        let mut body = self.open();
        body.constant(r#"{"content":{"parts":["#);
        let mut pen = Pen { out: &mut body, signature: self.choice(choice).signature.take() };
        say(&mut pen);
        self.choice(choice).signature = pen.signature;
        body.verbatim(r#"],"role":"model"}"#);
        body.key("index");
        body.number(u64::from(choice));
        let tokens = core::mem::take(&mut self.choice(choice).likelihood);
        self.held = self.held.saturating_sub(tokens.as_str().len());
        likelihood::encode(&tokens, &mut body);
        body.close_object();
        self.close(body, None, out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let mut choices = core::mem::take(&mut self.choices);
        if choices.is_empty() {
            choices.insert(0, Choice::default());
        }
        let failed = choices.values().all(|choice| match &choice.finish {
            Some(Finish::Error) => true,
            Some(Finish::Malformed) => !choice.spoke,
            _ => false,
        });
        if failed {
            return self.fail(&Rejection::new(ErrorKind::BadGateway, "the provider broke off its answer"), out);
        }
        let mut body = self.open();
        for (index, mut choice) in choices {
            while let Some((part, _)) = choice.begins.last().copied() {
                choice.end_text(part);
            }
            choice.broken.extend(core::mem::take(&mut choice.calls).into_values());
            let finish = choice.finish.unwrap_or(Finish::Stop);
            body.constant(r#"{"content":{"parts":["#);
            let mut pen = Pen { out: &mut body, signature: choice.signature };
            for call in choice.broken {
                pen.signature = call.signature.or(pen.signature.take());
                pen.call((&call.id, &call.name), &Json::Text(call.arguments), Some(&finish), &mut self.left);
            }
            // An empty text, as the API itself ends its streams; it carries the last signature.
            pen.text(&Str::default());
            close(&finish, index, &mut body);
            likelihood::encode(&choice.likelihood, &mut body);
            citations::encode(choice.sources.iter().map(|(source, place)| (source, *place)), &choice.text, &mut body);
            body.close_object();
        }
        let counts = self.usage;
        self.close(body, Some(&counts), out);
        if self.form != Form::Events {
            out.extend_from_slice(b"]");
        }
        self.over = true;
    }

    /// Begins an event; [`Self::close`] ends it.
    fn open(&mut self) -> Out {
        let mut body = Out::with_capacity(256);
        body.verbatim(self.lead());
        body.constant(r#"{"candidates":["#);
        body
    }

    /// What stands before the next event.
    fn lead(&mut self) -> &'static str {
        match self.form {
            Form::Events => "data: ",
            Form::NewList => {
                self.form = Form::List;
                "["
            }
            Form::List => ",\r\n",
        }
    }

    fn close(&self, mut body: Out, counts: Option<&Usage>, out: &mut Vec<u8>) {
        body.close_array();
        tail(counts, self.id.as_ref(), &self.asked, &mut body);
        body.close_object();
        if self.form == Form::Events {
            body.verbatim("\n\n");
        }
        out.extend_from_slice(body.as_bytes());
    }

    fn fail(&mut self, rejection: &Rejection, out: &mut Vec<u8>) {
        let mut body = Out::onto(self.lead().to_owned());
        error::encode(rejection, &mut body);
        body.verbatim(if self.form == Form::Events { "\n\n" } else { "]" });
        out.extend_from_slice(body.as_bytes());
        self.over = true;
    }
}
