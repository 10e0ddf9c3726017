//! One response of the wire: a whole answer, or a piece of a streamed one, which has the same members.

use super::grounding::{self, Found};
use super::likelihood;
use crate::hub::{Field, Finish, Likelihood};
use crate::json::{Cursor, JsonError, Kind, Raw, Str};

/// The members that mean something to others.
#[derive(Debug, Default)]
pub(super) struct Chunk<'b> {
    pub id: Option<Str<'b>>,
    pub model: Option<Str<'b>>,
    pub candidates: Vec<Candidate<'b>>,
    pub usage: Option<Raw<'b>>,
    /// The prompt was refused by a filter.
    pub blocked: bool,
    pub error: bool,
    /// Whether it is all the chunks of a stream; then a candidate stands in several pieces.
    pub array: bool,
}

/// One candidate, or what is new of it.
#[derive(Debug, Default)]
pub(super) struct Candidate<'b> {
    pub index: u32,
    pub said: Vec<Said<'b>>,
    pub finish: Option<Finish<'b>>,
    /// What a search found for all that it has said.
    pub sources: Vec<Found<'b>>,
    /// What it repeats that the model has learned from.
    pub recited: Vec<Found<'b>>,
    /// What no part of the hub stands for.
    pub met: Vec<Field>,
    /// How probable its tokens were.
    pub likelihood: Likelihood<'static>,
}

/// What a part says. One part may say two things: a signature belongs to the thinking before its part.
#[derive(Debug)]
pub(super) enum Said<'b> {
    Text(Str<'b>),
    Thought(Str<'b>),
    Signature(Str<'b>),
    Call {
        /// The provider's id; older models have none.
        id: Option<Str<'b>>,
        name: Str<'b>,
        arguments: Raw<'b>,
    },
    /// A call whose arguments come in pieces, by paths into their tree: a form that only those get who ask for it.
    Pieces,
}

impl<'b> Chunk<'b> {
    pub(super) fn read(body: &'b [u8]) -> Result<Self, JsonError> {
        let mut cursor = Cursor::new(body)?;
        let mut chunk = Self::default();
        // A stream whose events nobody asked for is one array of all its chunks, and an error may stand in one, too.
        if cursor.peek()? == Kind::Array {
            chunk.array = true;
            cursor.enter_array()?;
            while cursor.element()? {
                chunk.members(&mut cursor)?;
            }
        } else {
            chunk.members(&mut cursor)?;
        }
        cursor.end()?;
        Ok(chunk)
    }

    fn members(&mut self, cursor: &mut Cursor<'b>) -> Result<(), JsonError> {
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "responseId" => self.id = text(cursor)?.filter(|id| !id.is_empty()).or(self.id.take()),
                "modelVersion" => self.model = text(cursor)?.filter(|model| !model.is_empty()).or(self.model.take()),
                "usageMetadata" => self.usage = Some(cursor.raw()?),
                "candidates" if cursor.peek()? == Kind::Array => {
                    cursor.enter_array()?;
                    while cursor.element()? {
                        self.candidates.push(Candidate::read(cursor)?);
                    }
                }
                "promptFeedback" if cursor.peek()? == Kind::Object => {
                    cursor.enter_object()?;
                    while let Some(name) = cursor.member()? {
                        if name.is("blockReason") {
                            self.blocked |= cursor.raw()?.kind() != Kind::Null;
                        } else {
                            cursor.skip()?;
                        }
                    }
                }
                "error" => self.error |= cursor.raw()?.kind() != Kind::Null,
                _ => cursor.skip()?,
            }
        }
        Ok(())
    }
}

impl<'b> Candidate<'b> {
    fn read(cursor: &mut Cursor<'b>) -> Result<Self, JsonError> {
        let mut candidate = Self::default();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "index" if cursor.peek()? == Kind::Number => candidate.index = cursor.number()?.as_str().parse().unwrap_or(0),
                "finishReason" if cursor.peek()? == Kind::Number => candidate.finish = numbered(cursor.number()?),
                "groundingMetadata" => {
                    candidate.sources.clear();
                    let more = grounding::read_grounding(cursor.raw()?, &mut candidate.sources)?;
                    candidate.met.extend(more.then_some(Field::AnswerCitations));
                }
                "citationMetadata" => {
                    candidate.recited.clear();
                    let more = grounding::read_recited(cursor.raw()?, &mut candidate.recited)?;
                    candidate.met.extend(more.then_some(Field::AnswerCitations));
                }
                "urlContextMetadata" => candidate.met.extend(cursor.filled()?.then_some(Field::AnswerHosted)),
                "logprobsResult" => candidate.likelihood = likelihood::read(cursor.raw()?)?,
                "finishReason" => candidate.finish = text(cursor)?.and_then(finish),
                "content" if cursor.peek()? == Kind::Object => {
                    cursor.enter_object()?;
                    while let Some(name) = cursor.member()? {
                        if name.is("parts") && cursor.peek()? == Kind::Array {
                            cursor.enter_array()?;
                            while cursor.element()? {
                                part(cursor, &mut candidate)?;
                            }
                        } else {
                            cursor.skip()?;
                        }
                    }
                }
                _ => cursor.skip()?,
            }
        }
        Ok(candidate)
    }
}

/// What one part says. What the provider's own tools did, and pictures, which nobody can have asked for, say nothing to another format.
fn part<'b>(cursor: &mut Cursor<'b>, candidate: &mut Candidate<'b>) -> Result<(), JsonError> {
    let (mut thought, mut words, mut signature, mut call) = (false, None, None, None);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match name.as_escaped() {
            "thought" if cursor.peek()? == Kind::Boolean => thought = cursor.boolean()?,
            "text" => words = text(cursor)?.filter(|text| !text.is_empty()),
            "thoughtSignature" => signature = text(cursor)?.filter(|text| !text.is_empty()).map(Said::Signature),
            "executableCode" | "codeExecutionResult" | "toolCall" | "toolResponse" => {
                candidate.met.extend(cursor.filled()?.then_some(Field::AnswerHosted));
            }
            "inlineData" | "fileData" => candidate.met.extend(cursor.filled()?.then_some(Field::AnswerMedia)),
            "functionCall" if cursor.peek()? == Kind::Object => call = Some(self::call(cursor)?),
            _ => cursor.skip()?,
        }
    }
    let said = &mut candidate.said;
    if thought {
        said.extend(words.map(Said::Thought));
        said.extend(signature);
    } else {
        said.extend(signature);
        said.extend(words.map(Said::Text));
    }
    said.extend(call);
    Ok(())
}

fn call<'b>(cursor: &mut Cursor<'b>) -> Result<Said<'b>, JsonError> {
    let (mut id, mut called, mut arguments, mut pieces) = (None, None, Raw::EMPTY_OBJECT, false);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match name.as_escaped() {
            "id" => id = text(cursor)?.filter(|id| !id.is_empty()),
            "name" => called = text(cursor)?,
            "args" if cursor.peek()? == Kind::Object => arguments = cursor.raw()?,
            "partialArgs" => pieces |= cursor.raw()?.kind() == Kind::Array,
            "willContinue" => pieces |= cursor.raw()? == Raw::TRUE,
            _ => cursor.skip()?,
        }
    }
    Ok(match called {
        Some(name) if !pieces => Said::Call { id, name, arguments },
        Some(_) | None => Said::Pieces,
    })
}

/// The hub's word for a `finishReason`; an unspecified one is none.
fn finish(reason: Str<'_>) -> Option<Finish<'_>> {
    Some(match &*reason.plain() {
        "" | "FINISH_REASON_UNSPECIFIED" => return None,
        "STOP" => Finish::Stop,
        "MAX_TOKENS" | "CONTINUATION" => Finish::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "ESCALATION"
        | "PUP_LIMITED_DISABLED"
        | "MODEL_ARMOR" => Finish::ContentFilter,
        "TOO_MANY_TOOL_CALLS" => Finish::Pause,
        "MALFORMED_FUNCTION_CALL" | "MALFORMED_RESPONSE" | "UNEXPECTED_TOOL_CALL" => Finish::Malformed,
        "MISSING_THOUGHT_SIGNATURE" => Finish::Error,
        _ => return Some(Finish::Unknown(reason)),
    })
}

/// The same where enumerations are numbers, as the API writes them for those who ask.
fn numbered(reason: Raw<'_>) -> Option<Finish<'_>> {
    match reason.as_str() {
        "0" => None,
        "1" => Some(Finish::Stop),
        "2" => Some(Finish::Length),
        other => Some(Finish::Unknown(Str::from_plain(other))),
    }
}

/// A string that comes next; any other value is none.
fn text<'b>(cursor: &mut Cursor<'b>) -> Result<Option<Str<'b>>, JsonError> {
    if cursor.peek()? == Kind::String {
        return cursor.string().map(Some);
    }
    cursor.skip()?;
    Ok(None)
}
