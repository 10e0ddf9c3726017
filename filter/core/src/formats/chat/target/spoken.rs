//! What one `message` or `delta` says: the same members in whole answers and chunks, in every dialect.

use crate::formats::chat::citations;
use crate::formats::shape::type_of;
use crate::formats::sources;
use crate::hub::{CallKind, Citation, Field};
use crate::json::{Cursor, Json, JsonError, Kind, Raw, Str};

/// The members that mean something.
#[derive(Debug, Default)]
pub(super) struct Spoken<'b> {
    /// Thoughts, then text, then a refusal: in pieces that are never empty.
    pub said: Vec<(Voice, Str<'b>)>,
    /// Calls of tools, or pieces of them.
    pub calls: Vec<WireCall<'b>>,
    /// The sources of the text.
    pub sources: Vec<Citation<'b>>,
    /// What no part of the hub stands for.
    pub met: Vec<Field>,
}

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    Thought,
    /// The vendor's proof of the thoughts before it.
    Signature,
    /// Thoughts that only the vendor can read.
    Redacted,
    Text,
    Refusal,
}

/// A call, or a piece of one.
#[derive(Debug)]
pub(super) struct WireCall<'b> {
    pub index: Option<u64>,
    pub id: Str<'b>,
    pub name: Str<'b>,
    pub arguments: Option<Json<'b>>,
    pub kind: CallKind,
}

/// Where a server puts thoughts. Several say the same at once: the one whose name stands first here counts.
#[derive(Debug, Default)]
struct Thoughts<'b> {
    content: Option<Str<'b>>,
    reasoning: Option<Str<'b>>,
    details: Vec<(Voice, Str<'b>)>,
}

impl<'b> Spoken<'b> {
    /// Reads the object that comes next.
    pub(super) fn read(cursor: &mut Cursor<'b>) -> Result<Self, JsonError> {
        let (mut spoken, mut thoughts) = (Self::default(), Thoughts::default());
        let (mut text, mut refusal) = (Vec::new(), None);
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            if cursor.null()? {
                continue;
            }
            match name.as_escaped() {
                "content" => text = content(cursor, &mut spoken.met)?,
                "refusal" => refusal = string(cursor)?,
                "reasoning_content" => thoughts.content = string(cursor)?,
                "reasoning" => thoughts.reasoning = string(cursor)?,
                "reasoning_details" | "thinking_blocks" => thoughts.details = details(cursor)?,
                "tool_calls" if cursor.peek()? == Kind::Array => {
                    cursor.enter_array()?;
                    while cursor.element()? {
                        spoken.calls.extend(WireCall::read(cursor)?);
                    }
                }
                "function_call" if cursor.peek()? == Kind::Object => {
                    let mut call = WireCall::new(CallKind::Function);
                    call.function(cursor)?;
                    spoken.calls.push(call);
                }
                "annotations" => {
                    let foreign = sources::read_all(cursor.raw()?, citations::read, &mut spoken.sources)?;
                    spoken.met.extend(foreign.then_some(Field::AnswerCitations));
                }
                "audio" | "images" => spoken.met.extend(cursor.filled()?.then_some(Field::AnswerMedia)),
                // Groq's record of the tools that it ran.
                "executed_tools" => spoken.met.extend(cursor.filled()?.then_some(Field::AnswerHosted)),
                _ => cursor.skip()?,
            }
        }
        spoken.said.extend(thoughts.settle());
        spoken.said.append(&mut text);
        spoken.said.extend(refusal.map(|text| (Voice::Refusal, text)));
        spoken.said.retain(|(_, text)| !text.is_empty());
        Ok(spoken)
    }
}

impl<'b> Thoughts<'b> {
    fn settle(self) -> Vec<(Voice, Str<'b>)> {
        let plain = [self.content, self.reasoning].into_iter().flatten().find(|text| !text.is_empty());
        let mut said: Vec<_> = plain.map(|text| (Voice::Thought, text)).into_iter().collect();
        // Where the text was said already, the details add what proves it.
        let repeated = !said.is_empty();
        said.extend(self.details.into_iter().filter(|(voice, _)| !(repeated && *voice == Voice::Thought)));
        said
    }
}

/// Content: text, or a list of parts, among which thoughts are lists of their own (Mistral).
fn content<'b>(cursor: &mut Cursor<'b>, met: &mut Vec<Field>) -> Result<Vec<(Voice, Str<'b>)>, JsonError> {
    if cursor.peek()? != Kind::Array {
        return Ok(string(cursor)?.map(|text| (Voice::Text, text)).into_iter().collect());
    }
    let mut said = Vec::new();
    cursor.enter_array()?;
    while cursor.element()? {
        if cursor.peek()? != Kind::Object {
            said.extend(string(cursor)?.map(|text| (Voice::Text, text)));
            continue;
        }
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "text" => said.extend(string(cursor)?.map(|text| (Voice::Text, text))),
                "refusal" => said.extend(string(cursor)?.map(|text| (Voice::Refusal, text))),
                // Mistral's references, and pictures among the parts.
                "reference_ids" => met.extend(cursor.filled()?.then_some(Field::AnswerCitations)),
                "image_url" => met.extend(cursor.filled()?.then_some(Field::AnswerMedia)),
                "thinking" => said.extend(content(cursor, met)?.into_iter().map(|(_, text)| (Voice::Thought, text))),
                _ => cursor.skip()?,
            }
        }
    }
    Ok(said)
}

/// Thoughts in details: text, summaries, signatures, and data that only the vendor can read.
fn details<'b>(cursor: &mut Cursor<'b>) -> Result<Vec<(Voice, Str<'b>)>, JsonError> {
    let mut said = Vec::new();
    if cursor.peek()? != Kind::Array {
        cursor.skip()?;
        return Ok(said);
    }
    cursor.enter_array()?;
    while cursor.element()? {
        if cursor.peek()? != Kind::Object {
            cursor.skip()?;
            continue;
        }
        let (mut text, mut signature, mut data) = (None, None, None);
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "text" | "summary" | "thinking" => text = string(cursor)?,
                "signature" => signature = string(cursor)?,
                "data" => data = string(cursor)?,
                _ => cursor.skip()?,
            }
        }
        for (voice, piece) in [(Voice::Thought, text), (Voice::Signature, signature), (Voice::Redacted, data)] {
            said.extend(piece.map(|piece| (voice, piece)));
        }
    }
    Ok(said)
}

impl<'b> WireCall<'b> {
    fn new(kind: CallKind) -> Self {
        Self { index: None, id: Str::default(), name: Str::default(), arguments: None, kind }
    }

    fn read(cursor: &mut Cursor<'b>) -> Result<Option<Self>, JsonError> {
        if cursor.peek()? != Kind::Object {
            cursor.skip()?;
            return Ok(None);
        }
        // Some servers put an empty `custom` beside each function: the type decides. Later pieces have none, so what is there counts.
        let kind = type_of(cursor).ok().flatten().filter(|kind| !kind.is_empty());
        let (named, custom) = (kind.is_some(), kind.is_some_and(|kind| kind.is("custom")));
        let mut call = Self::new(if custom { CallKind::Custom } else { CallKind::Function });
        let (mut function, mut unnamed) = (false, None);
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "index" if cursor.peek()? == Kind::Number => call.index = cursor.number()?.as_str().parse().ok(),
                "id" => call.id = string(cursor)?.unwrap_or_default(),
                "function" if !custom && cursor.peek()? == Kind::Object => {
                    function = true;
                    call.function(cursor)?;
                }
                "custom" if custom && cursor.peek()? == Kind::Object => call.function(cursor)?,
                "custom" if !named && cursor.peek()? == Kind::Object => {
                    unnamed.get_or_insert(Self::new(CallKind::Custom)).function(cursor)?;
                }
                _ => cursor.skip()?,
            }
        }
        Ok(Some(match unnamed {
            Some(custom) if !function => Self { index: call.index, id: call.id, ..custom },
            _ => call,
        }))
    }

    fn function(&mut self, cursor: &mut Cursor<'b>) -> Result<(), JsonError> {
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "name" => self.name = string(cursor)?.unwrap_or_default(),
                "arguments" | "input" if cursor.peek()? == Kind::String => self.arguments = Some(Json::Text(cursor.string()?)),
                // Mistral's may be an object.
                "arguments" if cursor.peek()? == Kind::Object => self.arguments = Some(Json::Value(cursor.raw()?)),
                _ => cursor.skip()?,
            }
        }
        Ok(())
    }

    /// What the arguments are as the inside of a string.
    pub(super) fn text(&self) -> Str<'b> {
        match &self.arguments {
            Some(Json::Text(text)) => text.clone(),
            Some(Json::Value(raw)) => Str::from_plain(Raw::as_str(*raw)),
            None => Str::default(),
        }
    }
}

/// The string that comes next; any other value is none.
pub(super) fn string<'b>(cursor: &mut Cursor<'b>) -> Result<Option<Str<'b>>, JsonError> {
    if cursor.peek()? == Kind::String {
        return cursor.string().map(Some);
    }
    cursor.skip()?;
    Ok(None)
}
