//! A streamed chat answer as events.
//!
//! ```text
//! Before ─chunk► Running ─[DONE], or the end of the body once every choice has a reason► Over          any ─error► Over
//! ```
//! A chunk is read for what it holds, not for what it is called: usage may come anywhere and often, choices may be empty, reasons may
//! come twice or in the middle. So reasons count at the end, and a statement of usage replaces the one before.

use super::answer::{Listed, MAX_CHOICES, SOURCES, TOO_MANY_CHOICES, likely};
use super::choice::{ChoiceState, TooMany};
use super::spoken::{Spoken, string};
use crate::formats::StreamReader;
use crate::formats::chat::meter::{BROKEN_OFF, failure_in, is_error};
use crate::formats::chat::{decode_finish, usage};
use crate::framing::Frame;
use crate::hub::{Citation, ErrorKind, Event, Failure, Field, Finish, Likelihood, Start};
use crate::json::{Cursor, JsonError, Kind, Raw, Str, utf8};
use crate::usage::Usage;

type Sink<'s> = &'s mut dyn FnMut(Event<'_>);

/// Most listed pages that are kept.
const MAX_LISTED: usize = 1024;

/// Reads one stream.
#[derive(Debug, Default)]
pub(in super::super) struct Reader {
    started: bool,
    over: bool,
    /// The id of the answer, where it has one.
    id: String,
    choices: Vec<ChoiceState>,
    usage: Option<Usage>,
    /// The pages that servers which search list beside the choices, some of them in each chunk: the last list, until the text is complete.
    listed: Vec<Citation<'static>>,
}

impl StreamReader for Reader {
    fn frame(&mut self, frame: &Frame<'_>, sink: Sink<'_>) {
        if self.over {
            return;
        }
        let Some(data) = frame.data.map(<[u8]>::trim_ascii).filter(|data| !data.is_empty()) else {
            // A comment: the provider says that it is alive.
            return sink(Event::Ping);
        };
        if data == b"[DONE]" {
            // The provider's own word that it is done counts even where it forgot to give a reason (Snowflake does).
            return if self.choices.is_empty() { self.cut(sink) } else { self.complete(sink) };
        }
        let Ok(text) = utf8(data) else { return self.break_off("the provider's stream is not UTF-8", sink) };
        match Chunk::read(text) {
            Ok(chunk) if chunk.error || frame.event == Some(b"error") => self.fail(failure_in(text), sink),
            Ok(chunk) => self.chunk(chunk, sink),
            // What the end of the body cut counts as if it had never come; the end itself says whether something is missing.
            Err(_) if !frame.is_ended() => {}
            Err(error) => self.break_off(&format!("an event of the provider's stream can't be read: {error}"), sink),
        }
    }

    fn end(&mut self, sink: Sink<'_>) {
        if self.over {
            return;
        }
        let finished = !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finish.is_some());
        if finished { self.complete(sink) } else { self.cut(sink) }
    }
}

impl Reader {
    fn chunk(&mut self, chunk: Chunk<'_>, sink: Sink<'_>) {
        // What comes before the first choice (filters' verdicts) has an empty id.
        if !self.started && (!chunk.choices.is_empty() || chunk.usage.is_some()) {
            self.started = true;
            self.id = chunk.id.as_ref().map(|id| id.plain().into_owned()).unwrap_or_default();
            sink(Event::Start(Start { id: chunk.id, model: chunk.model, created: chunk.created }));
        }
        let mut failed = None;
        for delta in chunk.choices {
            failed = failed.or(delta.error);
            delta.spoken.met.iter().for_each(|field| sink(Event::Met(*field)));
            if !delta.likelihood.is_empty() {
                sink(Event::Likelihood { choice: delta.index, tokens: delta.likelihood });
            }
            let at = self.place(delta.index);
            let Some(choice) = self.choices.get_mut(at) else { return self.break_off(TOO_MANY_CHOICES, sink) };
            if let Err(TooMany) = choice.take(delta.spoken, &self.id, sink) {
                return self.break_off("the provider's stream has too many open parts", sink);
            }
            if delta.finish.is_some() {
                choice.finish = delta.finish;
            }
        }
        if chunk.listed.is_some()
            && let Ok(pages) = chunk.listed.read()
        {
            self.listed = pages.into_iter().take(MAX_LISTED).map(Citation::into_owned).collect();
        }
        if let Some(later) = chunk.usage.and_then(usage::read) {
            self.count(later, sink);
        }
        if let Some(error) = failed {
            self.fail(failure_in(error.as_str()), sink);
        }
    }

    /// The place of the choice of this number, which begins with its first delta; behind the end where it would be one too many.
    fn place(&mut self, number: u32) -> usize {
        let known = self.choices.iter().position(|choice| choice.number == number);
        known.unwrap_or_else(|| {
            let next = self.choices.len();
            if next < MAX_CHOICES {
                self.choices.push(ChoiceState::new(number));
            }
            next
        })
    }

    fn count(&mut self, mut later: Usage, sink: Sink<'_>) {
        // No output tokens beside output is no count.
        if later.output_tokens == Some(0) && self.choices.iter().any(|choice| choice.spoke) {
            later.output_tokens = None;
        }
        let usage = self.usage.get_or_insert_default();
        usage.merge_snapshot(&later);
        sink(Event::Usage(*usage));
    }

    fn complete(&mut self, sink: Sink<'_>) {
        if self.choices.iter().any(|choice| choice.finish == Some(Finish::Error)) {
            return self.break_off(BROKEN_OFF, sink);
        }
        self.over = true;
        let pages = core::mem::take(&mut self.listed);
        if !pages.is_empty() && !self.choices.first_mut().is_some_and(|choice| choice.list(pages, sink)) {
            sink(Event::Met(Field::AnswerCitations));
        }
        for choice in &mut self.choices {
            choice.end(sink);
        }
        sink(Event::End);
    }

    fn cut(&mut self, sink: Sink<'_>) {
        self.break_off("the provider's stream ended early", sink);
    }

    fn break_off(&mut self, sentence: &str, sink: Sink<'_>) {
        self.fail(Failure::new(ErrorKind::BadGateway, sentence), sink);
    }

    fn fail(&mut self, failure: Failure, sink: Sink<'_>) {
        self.over = true;
        sink(Event::Error(failure));
    }
}

/// The members of one chunk that mean something.
#[derive(Default)]
struct Chunk<'f> {
    id: Option<Str<'f>>,
    model: Option<Str<'f>>,
    created: Option<u64>,
    choices: Vec<Delta<'f>>,
    usage: Option<Raw<'f>>,
    /// The pages that the answer comes from.
    listed: Listed<'f>,
    error: bool,
}

struct Delta<'f> {
    index: u32,
    spoken: Spoken<'f>,
    likelihood: Likelihood<'f>,
    finish: Option<Finish<'static>>,
    /// The provider's error about this choice.
    error: Option<Raw<'f>>,
}

impl<'f> Chunk<'f> {
    fn read(text: &'f str) -> Result<Self, JsonError> {
        let mut chunk = Self::default();
        let mut cursor = Cursor::of_text(text);
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "id" => chunk.id = string(&mut cursor)?.filter(|id| !id.is_empty()),
                "model" => chunk.model = string(&mut cursor)?.filter(|model| !model.is_empty()),
                "created" if cursor.peek()? == Kind::Number => {
                    chunk.created = cursor.number()?.as_str().parse().ok().filter(|time| *time > 0);
                }
                "choices" if cursor.peek()? == Kind::Array => {
                    cursor.enter_array()?;
                    while cursor.element()? {
                        chunk.choices.push(Delta::read(&mut cursor)?);
                    }
                }
                "usage" if cursor.peek()? == Kind::Object => chunk.usage = Some(cursor.raw()?),
                "x_groq" if cursor.peek()? == Kind::Object => {
                    cursor.enter_object()?;
                    while let Some(name) = cursor.member()? {
                        let value = cursor.raw()?;
                        if name.is("usage") && chunk.usage.is_none() {
                            chunk.usage = Some(value);
                        }
                    }
                }
                name if SOURCES.contains(&name) => chunk.listed.add(name, cursor.raw()?),
                "error" => chunk.error |= is_error(cursor.raw()?),
                "object" => chunk.error |= string(&mut cursor)?.is_some_and(|object| object.is("error")),
                _ => cursor.skip()?,
            }
        }
        cursor.end()?;
        Ok(chunk)
    }
}

impl<'f> Delta<'f> {
    fn read(cursor: &mut Cursor<'f>) -> Result<Self, JsonError> {
        let (mut index, mut delta, mut message, mut finish, mut error) = (0, None, None, None, None);
        let (mut likelihood, mut met) = (Likelihood::default(), Vec::new());
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "index" if cursor.peek()? == Kind::Number => index = cursor.number()?.as_str().parse().unwrap_or(0),
                "delta" if cursor.peek()? == Kind::Object => delta = Some(Spoken::read(cursor)?),
                // The whole so far (Perplexity), which counts only where there is no delta.
                "message" if cursor.peek()? == Kind::Object => message = Some(cursor.raw()?),
                "logprobs" => likelihood = likely(cursor.raw()?, &mut met)?,
                "error" => error = Some(cursor.raw()?).filter(|value| is_error(*value)),
                "finish_reason" => finish = string(cursor)?.and_then(|word| decode_finish(&word).map(|finish| finish.to_owned())),
                _ => cursor.skip()?,
            }
        }
        let mut spoken = match (delta, message) {
            (Some(delta), _) => delta,
            (None, Some(message)) => Spoken::read(&mut message.cursor())?,
            (None, None) => Spoken::default(),
        };
        spoken.met.append(&mut met);
        Ok(Self { index, spoken, likelihood, finish, error })
    }
}
