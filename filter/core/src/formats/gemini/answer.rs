//! A whole Gemini answer as the hub's.

use super::chunk::{Candidate, Chunk, Said};
use super::usage;
use crate::formats::ids::digest;
use crate::hub::{Answer, CallKind, Choice, ErrorKind, Failure, Finish, Part, PartKind};
use crate::json::{Json, Raw, Str};

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
    let mut choices = Vec::with_capacity(chunk.candidates.len().max(1));
    for candidate in chunk.candidates {
        choices.push(choice(candidate, &id, &usual)?);
    }
    if !choices.is_empty() && choices.iter().all(|choice| choice.parts.is_empty() && is_broken(&choice.finish)) {
        return Err(broken());
    }
    if choices.is_empty() {
        choices.push(Choice { index: 0, parts: Vec::new(), finish: usual });
    }
    Ok(Answer { id: chunk.id, model: chunk.model, created: None, choices, usage: chunk.usage.and_then(usage::read), service_tier: None })
}

/// Whether a model that said nothing for this reason failed: another one, or another try, may well answer.
pub(super) const fn is_broken(finish: &Finish<'_>) -> bool {
    matches!(finish, Finish::Malformed | Finish::Error)
}

/// The failure of such a model.
pub(super) fn broken() -> Failure {
    Failure::new(ErrorKind::BadGateway, "the model broke its own grammar before it said anything")
}

/// A failure of a provider that streams the arguments of calls, which no request of Weir's asks for.
pub(super) fn in_pieces() -> Failure {
    Failure::new(ErrorKind::BadGateway, "the provider sent the arguments of a call in pieces, which it was not asked for")
}

/// The id of a call that has none: it depends on the answer alone, so retries and replays agree. Where the answer has no id either, the
/// call's own words tell it from those of other answers.
pub(super) fn made_up(answer: &str, choice: u32, ordinal: usize, name: &Str<'_>, arguments: Raw<'_>) -> Str<'static> {
    let seed = if answer.is_empty() {
        format!("{choice}/{ordinal}/{}/{}", name.as_escaped(), arguments.as_str())
    } else {
        format!("{answer}/{choice}/{ordinal}")
    };
    Str::from_plain_owned(format!("call_{}", digest(&seed)))
}

fn choice<'b>(candidate: Candidate<'b>, answer: &str, usual: &Finish<'b>) -> Result<Choice<'b>, Failure> {
    let (mut parts, mut calls): (Vec<Part<'b>>, usize) = (Vec::new(), 0);
    for said in candidate.said {
        let kind = match (said, parts.last_mut().map(|part| &mut part.kind)) {
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
                let id = id.unwrap_or_else(|| made_up(answer, candidate.index, calls, &name, arguments));
                calls = calls.saturating_add(1);
                PartKind::ToolCall { id, name, arguments: Json::Value(arguments), kind: CallKind::Function }
            }
            (Said::Pieces, _) => return Err(in_pieces()),
        };
        parts.push(Part { at: 0, cache: None, kind });
    }
    let finish = candidate.finish.unwrap_or_else(|| usual.clone());
    Ok(Choice { index: candidate.index, parts, finish: finish.settled(calls > 0) })
}
