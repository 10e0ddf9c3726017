//! What a passing answer says about itself: usage, content, finish, failure. Nothing is changed, nothing is kept but counts.

use super::speech::Speech;
use super::usage;
use crate::formats::error_text::ErrorText;
use crate::formats::{Asked, Keep, Meter, Seen};
use crate::framing::Frame;
use crate::hub::{ErrorKind, Failure, Finish};
use crate::json::{Cursor, JsonError, Kind, Raw, utf8};

/// Reads a passing stream.
#[derive(Debug)]
pub(super) struct ChunkMeter {
    seen: Seen,
    /// Whether the client asked for the chunk that has usage and no choice.
    wants_usage: bool,
    started: u128,
    finished: u128,
    calls: bool,
    head: Head,
}

impl ChunkMeter {
    pub(super) fn new(asked: &Asked) -> Self {
        Self { seen: Seen::default(), wants_usage: asked.include_usage, started: 0, finished: 0, calls: false, head: Head::default() }
    }

    fn chunk(&mut self, text: &str, named_error: bool) -> Result<Keep, JsonError> {
        let chunk = Chunk::read(text, &mut self.head, &mut self.seen)?;
        self.started |= chunk.speech.started;
        self.finished |= chunk.speech.finished;
        self.calls |= chunk.speech.calls;
        settle(&mut self.seen, self.calls);
        if (chunk.is_error() || named_error) && self.seen.failure.is_none() {
            self.seen.failure = Some(failure_in(text));
        }
        let usage_alone = chunk.speech.empty && chunk.usage && !chunk.is_error();
        Ok(if usage_alone && !self.wants_usage { Keep::Drop } else { Keep::Whole })
    }
}

impl Meter for ChunkMeter {
    fn frame(&mut self, frame: &Frame<'_>) -> Keep {
        let Some(data) = frame.data.map(<[u8]>::trim_ascii) else { return Keep::Whole };
        if data == b"[DONE]" {
            // The provider's own word that it is done counts even where it forgot to give a reason (Snowflake does).
            self.seen.complete = self.started != 0 && self.seen.failure.is_none();
            return Keep::Whole;
        }
        if self.seen.complete {
            return Keep::Whole;
        }
        let named_error = frame.event == Some(b"error");
        match utf8(data).map(|text| self.chunk(text, named_error)) {
            Ok(Ok(keep)) => keep,
            Ok(Err(_)) | Err(_) => Keep::Whole,
        }
    }

    fn seen(&self) -> &Seen {
        &self.seen
    }

    fn end(&mut self) {
        let all_finished = self.started != 0 && self.started & !self.finished == 0;
        self.seen.complete |= all_finished && self.seen.failure.is_none();
    }
}

/// Reads a whole answer.
pub(super) fn measure(body: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let read = utf8(body).ok().and_then(|text| Chunk::read(text, &mut Head::default(), &mut seen).ok().map(|chunk| (text, chunk)));
    match read {
        Some((text, chunk)) if chunk.is_error() => seen.failure = Some(failure_in(text)),
        Some((_, chunk)) if chunk.speech.started != 0 => {
            seen.complete = true;
            settle(&mut seen, chunk.speech.calls);
        }
        Some((text, _)) => {
            let words = ErrorText::read(text.as_bytes());
            let failure = Failure::new(ErrorKind::BadGateway, "the provider's answer has no choices");
            seen.failure = Some(if words.message.is_empty() { failure } else { words.into_failure(None, None) });
        }
        None => seen.failure = Some(Failure::new(ErrorKind::BadGateway, "the provider's answer is not JSON")),
    }
    seen
}

/// Everything in a chunk before its choices, which most providers repeat in every chunk: what was read once is compared, not read again.
#[derive(Debug, Default)]
struct Head(String);

impl Head {
    /// Longest head that is kept, in bytes; what providers send is a few hundred.
    const MAX: usize = 1 << 10;

    /// A cursor at the choices of a chunk with the same head.
    fn pass<'b>(&self, text: &'b str) -> Option<Cursor<'b>> {
        (!self.0.is_empty() && text.starts_with(&self.0)).then(|| Cursor::at(text, self.0.len()))
    }

    fn keep(&mut self, text: &str, choices: usize) {
        self.0.clear();
        self.0.push_str(text.get(..choices).filter(|head| head.len() <= Self::MAX).unwrap_or_default());
    }
}

/// What one object, a chunk or a whole answer, says beside what [`Seen`] keeps.
#[derive(Default)]
struct Chunk {
    speech: Speech,
    usage: bool,
    error: bool,
}

impl Chunk {
    /// Whether the provider says that it failed, of all or of one choice.
    const fn is_error(&self) -> bool {
        self.error || self.speech.failed
    }

    fn read(text: &str, head: &mut Head, seen: &mut Seen) -> Result<Self, JsonError> {
        let mut chunk = Self::default();
        let mut cursor = if let Some(mut cursor) = head.pass(text) {
            chunk.speech = Speech::read(&mut cursor, seen)?;
            cursor
        } else {
            let mut cursor = Cursor::of_text(text);
            cursor.enter_object()?;
            cursor
        };
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "choices" => {
                    if !chunk.usage && !chunk.error {
                        head.keep(text, cursor.offset());
                    }
                    chunk.speech = Speech::read(&mut cursor, seen)?;
                }
                "usage" => chunk.usage |= take_usage(&mut cursor, seen)?,
                "x_groq" if cursor.peek()? == Kind::Object => {
                    cursor.enter_object()?;
                    while let Some(name) = cursor.member()? {
                        if name.is("usage") {
                            take_usage(&mut cursor, seen)?;
                        } else {
                            cursor.skip()?;
                        }
                    }
                }
                "error" => chunk.error |= is_error(cursor.raw()?),
                "object" if cursor.peek()? == Kind::String => chunk.error |= cursor.string()?.is("error"),
                "id" if seen.id.is_none() && cursor.peek()? == Kind::String => seen.id = word(&mut cursor)?,
                "model" if seen.model.is_none() && cursor.peek()? == Kind::String => seen.model = word(&mut cursor)?,
                _ => cursor.skip()?,
            }
        }
        cursor.end()?;
        Ok(chunk)
    }
}

fn word(cursor: &mut Cursor<'_>) -> Result<Option<String>, JsonError> {
    let word = cursor.string()?;
    Ok((!word.is_empty()).then(|| word.into_plain().into_owned()))
}

/// Whether the value of `error` tells of one.
pub(super) fn is_error(value: Raw<'_>) -> bool {
    !matches!(value.as_str(), "null" | "false" | "\"\"" | "{}")
}

/// Takes the snapshot of usage that comes next; whether there was one, readable or not.
fn take_usage(cursor: &mut Cursor<'_>, seen: &mut Seen) -> Result<bool, JsonError> {
    let raw = cursor.raw()?;
    if raw.kind() == Kind::Null {
        return Ok(false);
    }
    if let Some(later) = usage::read(raw) {
        seen.usage.get_or_insert_default().merge_snapshot(&later);
    }
    Ok(true)
}

/// Puts right what providers say wrongly: no output tokens beside output, `stop` beside calls.
fn settle(seen: &mut Seen, calls: bool) {
    if let Some(usage) = &mut seen.usage
        && usage.output_tokens == Some(0)
        && seen.output_bytes > 0
    {
        usage.output_tokens = None;
    }
    if calls && seen.finish == Some(Finish::Stop.as_str()) {
        seen.finish = Some(Finish::ToolCall.as_str());
    }
}

/// What is said of an answer that a provider ends for an error of its own without telling which.
pub(super) const BROKEN_OFF: &str = "the provider broke off its answer";

/// The failure that an error inside an answer with status 200 tells of. Some servers put the status that it would have had into its code.
pub(super) fn failure_in(text: &str) -> Failure {
    let words = ErrorText::read(text.as_bytes());
    if words.message.is_empty() {
        return Failure::new(ErrorKind::BadGateway, BROKEN_OFF);
    }
    let status = words.code.as_deref().and_then(|code| code.parse().ok()).filter(|status| (400..600).contains(status));
    words.into_failure(status, None)
}
