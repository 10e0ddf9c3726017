//! A whole Gemini answer as the hub's.

use super::chunk::{Candidate, Chunk, Said};
use super::grounding::Found;
use super::reader::MAX_CHOICES;
use super::usage;
use crate::formats::ids::made_up_id;
use crate::hub::{Answer, CallKind, Choice, ErrorKind, Failure, Field, Finish, Likelihood, Part, PartKind};
use crate::json::{Json, Ruler, Str};

/// Reads a whole answer.
///
/// # Errors
/// The body is no Gemini answer, or an error in a 200.
pub(super) fn decode(body: &[u8]) -> Result<Answer<'_>, Failure> {
    let chunk =
        Chunk::read(body).map_err(|error| Failure::new(ErrorKind::BadGateway, format!("the provider's answer can't be read: {error}")))?;
    if chunk.error {
        return Err(super::error::in_stream(body));
    }
    if chunk.candidates.is_empty() && !chunk.blocked {
        return Err(Failure::new(ErrorKind::BadGateway, "the provider's answer has no candidates"));
    }
    let id = chunk.id.as_ref().map(|id| id.plain().into_owned()).unwrap_or_default();
    let usual = if chunk.blocked { Finish::ContentFilter } else { Finish::Stop };
    let mut drafts: Vec<Draft<'_>> = Vec::with_capacity(chunk.candidates.len().clamp(1, MAX_CHOICES));
    let mut met: Vec<Field> = Vec::new();
    for mut candidate in chunk.candidates {
        met.append(&mut candidate.met);
        let room = drafts.len() < MAX_CHOICES;
        match drafts.iter_mut().find(|draft| draft.index == candidate.index) {
            Some(draft) => draft.add(candidate, &id)?,
            None if !room => {
                return Err(Failure::new(ErrorKind::BadGateway, "the provider's answer has too many candidates"));
            }
            None => {
                let mut draft = Draft { index: candidate.index, ..Draft::default() };
                draft.add(candidate, &id)?;
                drafts.push(draft);
            }
        }
    }
    if chunk.array && !chunk.blocked && drafts.iter().any(|draft| draft.finish.is_none()) {
        return Err(Failure::new(ErrorKind::BadGateway, "the provider's stream ended early"));
    }
    let mut choices: Vec<Choice<'_>> = drafts.into_iter().map(|draft| draft.settled(&usual, &mut met)).collect();
    if !choices.is_empty() && choices.iter().all(|choice| choice.parts.is_empty() && choice.finish.is_broken()) {
        return Err(Failure::wordless());
    }
    // As in a stream: what was said before it broke off is no answer.
    if choices.iter().any(|choice| choice.finish == Finish::Error) {
        return Err(Failure::new(ErrorKind::BadGateway, "the provider broke off its answer"));
    }
    if choices.is_empty() {
        choices.push(Choice { index: 0, parts: Vec::new(), citations: Vec::new(), likelihood: Likelihood::default(), finish: usual });
    }
    let usage = chunk.usage.and_then(usage::read);
    Ok(Answer { id: chunk.id, model: chunk.model, created: None, choices, usage, service_tier: None, met })
}

/// A failure of a provider that streams the arguments of calls, which no request of Weir's asks for.
pub(super) fn in_pieces() -> Failure {
    Failure::new(ErrorKind::BadGateway, "the provider sent the arguments of a call in pieces, which it was not asked for")
}

/// A candidate as far as it was read.
#[derive(Default)]
struct Draft<'b> {
    index: u32,
    parts: Vec<Part<'b>>,
    /// How many calls there were.
    calls: usize,
    /// The sources that were named last, of each kind.
    sources: Vec<Found<'b>>,
    recited: Vec<Found<'b>>,
    /// How probable its tokens were.
    likelihood: Likelihood<'static>,
    finish: Option<Finish<'b>>,
}

impl<'b> Draft<'b> {
    fn add(&mut self, candidate: Candidate<'b>, answer: &str) -> Result<(), Failure> {
        for said in candidate.said {
            let kind = match (said, self.parts.last_mut().map(|part| &mut part.kind)) {
                (Said::Text(text), Some(PartKind::Text(whole)))
                | (Said::Thought(text), Some(PartKind::Reasoning { text: whole, signature: None })) => {
                    whole.push(&text);
                    continue;
                }
                (Said::Signature(text), Some(PartKind::Reasoning { signature: signature @ None, .. })) => {
                    *signature = Some(text);
                    continue;
                }
                (Said::Text(text), _) => PartKind::Text(text),
                (Said::Thought(text), _) => PartKind::Reasoning { text, signature: None },
                (Said::Signature(text), _) => PartKind::Reasoning { text: Str::default(), signature: Some(text) },
                (Said::Call { id, name, arguments }, _) => {
                    let id = id.unwrap_or_else(|| made_up_id(answer, candidate.index, self.calls, &name, arguments.as_str()));
                    self.calls = self.calls.saturating_add(1);
                    PartKind::ToolCall { id, name, arguments: Json::Value(arguments), kind: CallKind::Function }
                }
                (Said::Pieces, _) => return Err(in_pieces()),
            };
            self.parts.push(Part { at: 0, cache: None, kind });
        }
        self.finish = candidate.finish.or(self.finish.take());
        self.likelihood.push(&candidate.likelihood);
        if !candidate.sources.is_empty() {
            self.sources = candidate.sources;
        }
        if !candidate.recited.is_empty() {
            self.recited = candidate.recited;
        }
        Ok(())
    }

    fn settled(self, usual: &Finish<'b>, met: &mut Vec<Field>) -> Choice<'b> {
        let finish = self.finish.unwrap_or_else(|| usual.clone()).settled(self.calls > 0);
        let texts = self.parts.iter().enumerate().filter_map(|(place, part)| match &part.kind {
            PartKind::Text(text) => Some((place, text)),
            _ => None,
        });
        let mut texts = texts.fuse();
        let mut citations = Vec::new();
        match (texts.next(), texts.next()) {
            // Their places are those of a text in one part.
            (Some((place, text)), None) => {
                let mut ruler = Ruler::default();
                ruler.push(text);
                citations.extend(self.sources.into_iter().chain(self.recited).map(|source| (place, source.placed(&ruler))));
            }
            _ => met.extend((!(self.sources.is_empty() && self.recited.is_empty())).then_some(Field::AnswerCitations)),
        }
        Choice { index: self.index, parts: self.parts, citations, likelihood: self.likelihood, finish }
    }
}
