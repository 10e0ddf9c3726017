//! A whole chat answer as the hub's.

use super::spoken::{Spoken, Voice, WireCall, string};
use crate::formats::chat::meter::{BROKEN_OFF, failure_in, is_error};
use crate::formats::chat::{citations, decode_finish, usage};
use crate::formats::error_text::ErrorText;
use crate::formats::ids::made_up_id;
use crate::formats::sources::Named;
use crate::hub::{Answer, CallKind, Choice, Citation, ErrorKind, Failure, Field, Finish, Likelihood, Part, PartKind};
use crate::json::{Cursor, Json, JsonError, Kind, Raw, Str, utf8};

/// Most choices of an answer, which is the most that the API's own `n` takes.
pub(super) const MAX_CHOICES: usize = 128;

/// What is wrong with an answer of more choices.
pub(super) const TOO_MANY_CHOICES: &str = "the provider's answer has too many choices";

/// Reads a whole answer.
///
/// # Errors
/// The body is no chat answer, or an error in a 200.
pub(in super::super) fn decode(body: &[u8]) -> Result<Answer<'_>, Failure> {
    let text = utf8(body).map_err(|_| Failure::new(ErrorKind::BadGateway, "the provider's answer is not UTF-8"))?;
    let (answer, error) =
        read(text).map_err(|error| Failure::new(ErrorKind::BadGateway, format!("the provider's answer can't be read: {error}")))?;
    if error {
        return Err(failure_in(text));
    }
    if answer.choices.iter().any(|choice| choice.finish == Finish::Error) {
        return Err(Failure::new(ErrorKind::BadGateway, BROKEN_OFF));
    }
    if answer.choices.len() > MAX_CHOICES {
        return Err(Failure::new(ErrorKind::BadGateway, TOO_MANY_CHOICES));
    }
    let twice = |(n, choice): (usize, &Choice<'_>)| answer.choices.iter().take(n).any(|before| before.index == choice.index);
    if answer.choices.iter().enumerate().any(twice) {
        return Err(Failure::new(ErrorKind::BadGateway, "the provider's answer has two choices of one index"));
    }
    if answer.choices.is_empty() {
        let words = ErrorText::read(body);
        let failure = Failure::new(ErrorKind::BadGateway, "the provider's answer has no choices");
        return Err(if words.message.is_empty() { failure } else { words.into_failure(None, None) });
    }
    Ok(answer)
}

fn read(text: &str) -> Result<(Answer<'_>, bool), JsonError> {
    let (mut answer, mut listed, mut error) = (Answer::default(), Listed::default(), false);
    let mut cursor = Cursor::of_text(text);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match name.as_escaped() {
            "id" => answer.id = string(&mut cursor)?.filter(|id| !id.is_empty()),
            "model" => answer.model = string(&mut cursor)?.filter(|model| !model.is_empty()),
            // Servers without a clock say 0.
            "created" if cursor.peek()? == Kind::Number => answer.created = cursor.number()?.as_str().parse().ok().filter(|time| *time > 0),
            "service_tier" => answer.service_tier = string(&mut cursor)?,
            "usage" => answer.usage = usage::read(cursor.raw()?),
            "choices" if cursor.peek()? == Kind::Array => {
                cursor.enter_array()?;
                while cursor.element()? {
                    let choice = choice(&mut cursor, &mut answer.met)?;
                    answer.choices.push(choice);
                }
            }
            name if SOURCES.contains(&name) => listed.add(name, cursor.raw()?),
            "error" => error |= is_error(cursor.raw()?),
            "object" => error |= string(&mut cursor)?.is_some_and(|object| object.is("error")),
            _ => cursor.skip()?,
        }
    }
    cursor.end()?;
    let mut sources = listed.read()?;
    if let Some(first) = answer.choices.first() {
        let mut named = Named::default();
        first.citations.iter().for_each(|(_, citation)| named.note(citation));
        sources.retain(|page| !named.has(page));
    }
    let placed = answer.choices.first_mut().is_some_and(|choice| cite(choice, sources));
    answer.met.extend((!placed && listed.is_some()).then_some(Field::AnswerCitations));
    settle(&mut answer);
    Ok((answer, error))
}

fn choice<'b>(cursor: &mut Cursor<'b>, met: &mut Vec<Field>) -> Result<Choice<'b>, JsonError> {
    let (mut index, mut finish, mut spoken, mut likelihood) = (0, None, Spoken::default(), Likelihood::default());
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match name.as_escaped() {
            "index" if cursor.peek()? == Kind::Number => index = cursor.number()?.as_str().parse().unwrap_or(0),
            "message" if cursor.peek()? == Kind::Object => spoken = Spoken::read(cursor)?,
            "finish_reason" => finish = string(cursor)?.and_then(|word| decode_finish(&word)).or(finish),
            "logprobs" => likelihood = likely(cursor.raw()?, met)?,
            // What OpenAI's older models say in place of the reason.
            "finish_details" if cursor.peek()? == Kind::Object => {
                cursor.enter_object()?;
                while let Some(name) = cursor.member()? {
                    if name.is("type") {
                        finish = finish.or(string(cursor)?.and_then(|word| decode_finish(&word)));
                    } else {
                        cursor.skip()?;
                    }
                }
            }
            _ => cursor.skip()?,
        }
    }
    met.append(&mut spoken.met);
    let calls = !spoken.calls.is_empty();
    let refused = spoken.said.iter().any(|(voice, _)| *voice == Voice::Refusal);
    let finish = settled(finish.unwrap_or(Finish::Stop), calls, refused);
    let sources = core::mem::take(&mut spoken.sources);
    let mut choice = Choice { index, parts: parts(spoken, &finish), citations: Vec::new(), likelihood, finish };
    met.extend((!cite(&mut choice, sources)).then_some(Field::AnswerCitations));
    Ok(choice)
}

/// Names sources for the text of a choice, and whether that was possible: their places are those of a text in one part.
fn cite<'b>(choice: &mut Choice<'b>, sources: Vec<Citation<'b>>) -> bool {
    let mut texts = choice.parts.iter().enumerate().filter(|(_, part)| matches!(part.kind, PartKind::Text(_)));
    match (texts.next(), texts.next()) {
        (Some((place, _)), None) => choice.citations.extend(sources.into_iter().map(|source| (place, source))),
        _ => return sources.is_empty(),
    }
    true
}

/// Where servers that search list their sources, beside the choices (Perplexity, xAI).
pub(super) const SOURCES: [&str; 2] = ["citations", "search_results"];

/// Such lists, of which the second one says more. They name pages for all that is said.
#[derive(Debug, Default)]
pub(super) struct Listed<'b> {
    addresses: Option<Raw<'b>>,
    results: Option<Raw<'b>>,
}

impl<'b> Listed<'b> {
    /// Takes one of the lists.
    pub(super) fn add(&mut self, name: &str, list: Raw<'b>) {
        let slot = if name == "citations" { &mut self.addresses } else { &mut self.results };
        *slot = Some(list).filter(|list| list.kind() == Kind::Array && !list.is_vacant());
    }

    /// Whether there is one that names anything.
    pub(super) const fn is_some(&self) -> bool {
        self.addresses.is_some() || self.results.is_some()
    }

    /// The pages.
    pub(super) fn read(&self) -> Result<Vec<Citation<'b>>, JsonError> {
        self.results.or(self.addresses).map(citations::listed).transpose().map(Option::unwrap_or_default)
    }
}

/// The tokens of a text with their probabilities: servers write the object around them without any, too. Those of a refusal nobody else has.
pub(super) fn likely<'b>(logprobs: Raw<'b>, met: &mut Vec<Field>) -> Result<Likelihood<'b>, JsonError> {
    let mut found = Likelihood::default();
    if logprobs.kind() != Kind::Object {
        return Ok(found);
    }
    let mut cursor = logprobs.cursor();
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if name.is("content") && cursor.peek()? == Kind::Array {
            found = Likelihood::of(cursor.raw()?).unwrap_or_default();
        } else {
            let refused = name.is("refusal");
            met.extend((cursor.filled()? && refused).then_some(Field::RefusalLogprobs));
        }
    }
    Ok(found)
}

/// An answer that calls tools ended for that, and one that calls none did not, whatever the provider says; the format has no word for
/// an end that is a refusal.
pub(super) fn settled(finish: Finish<'_>, calls: bool, refused: bool) -> Finish<'_> {
    match (finish, calls) {
        (Finish::Stop, true) => Finish::ToolCall,
        (Finish::Stop | Finish::ToolCall, false) if refused => Finish::Refusal,
        (Finish::ToolCall, false) => Finish::Stop,
        (said, _) => said,
    }
}

fn parts<'b>(spoken: Spoken<'b>, finish: &Finish<'_>) -> Vec<Part<'b>> {
    let mut parts: Vec<Part<'b>> = Vec::new();
    for (voice, text) in spoken.said {
        let kind = match (voice, parts.last_mut().map(|part| &mut part.kind)) {
            (Voice::Thought, Some(PartKind::Reasoning { text: whole, signature: None })) | (Voice::Text, Some(PartKind::Text(whole))) => {
                whole.push(&text);
                continue;
            }
            (Voice::Signature, Some(PartKind::Reasoning { signature: signature @ None, .. })) => {
                *signature = Some(text);
                continue;
            }
            (Voice::Thought, _) => PartKind::Reasoning { text, signature: None },
            (Voice::Signature, _) => PartKind::Reasoning { text: Str::default(), signature: Some(text) },
            (Voice::Redacted, _) => PartKind::RedactedReasoning(text),
            (Voice::Text, _) => PartKind::Text(text),
            (Voice::Refusal, _) => PartKind::Refusal(text),
        };
        parts.push(Part { at: 0, cache: None, kind });
    }
    for call in spoken.calls {
        let WireCall { id, name, arguments, kind, .. } = call;
        let arguments = match arguments.unwrap_or(Json::Text(Str::default())) {
            Json::Text(text) if text.is_empty() && no_arguments(kind, finish) => Json::Value(Raw::EMPTY_OBJECT),
            arguments => arguments,
        };
        parts.push(Part { at: 0, cache: None, kind: PartKind::ToolCall { id, name, arguments, kind } });
    }
    parts
}

/// Whether a call that says nothing of its arguments has none, which is the empty object to every client that parses them; where the
/// answer was cut, they may be what is missing.
pub(super) const fn no_arguments(kind: CallKind, finish: &Finish<'_>) -> bool {
    matches!(kind, CallKind::Function) && !matches!(finish, Finish::Length)
}

/// Makes up the ids that calls lack. No output tokens beside output is no count.
fn settle(answer: &mut Answer<'_>) {
    let own = answer.id.as_ref().map(|id| id.plain().into_owned()).unwrap_or_default();
    for choice in &mut answer.choices {
        let mut ordinal = 0_usize;
        for part in &mut choice.parts {
            let PartKind::ToolCall { id, name, arguments, .. } = &mut part.kind else { continue };
            if id.is_empty() {
                let words = match arguments {
                    Json::Text(text) => text.as_escaped(),
                    Json::Value(raw) => raw.as_str(),
                };
                *id = made_up_id(&own, choice.index, ordinal, name, words);
            }
            ordinal = ordinal.saturating_add(1);
        }
    }
    let spoke = answer.choices.iter().any(|choice| !choice.parts.is_empty());
    if let Some(usage) = answer.usage.as_mut().filter(|usage| spoke && usage.output_tokens == Some(0)) {
        usage.output_tokens = None;
    }
}
