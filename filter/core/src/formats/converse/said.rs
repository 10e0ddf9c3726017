//! What the wire says of an answer: the content blocks of a whole one, and the events of a streamed one.

use super::citations;
use crate::hub::{CallKind, Citation, Field, Finish, Part, PartKind};
use crate::json::{Cursor, Json, JsonError, Kind, Raw, Str};

/// What one event says.
#[derive(Debug)]
pub(super) enum Said<'f> {
    /// The answer begins.
    Start,
    /// A block begins; only calls say so.
    Block { index: u64, kind: Block<'f> },
    /// More of a block; the first of text or thinking is its beginning, too.
    Delta { index: u64, piece: Delta<'f> },
    /// A block is complete.
    Stop { index: u64 },
    /// The model is done.
    Finish(Finish<'f>),
    /// What stands behind the answer; its usage.
    Metadata(Option<Raw<'f>>),
    /// Nothing that another format could say.
    Nothing,
}

/// What kind of block begins.
#[derive(Debug)]
pub(super) enum Block<'f> {
    /// A call of a tool of the client's.
    Call { id: Str<'f>, name: Str<'f> },
    /// What the provider's own tools are asked and give: it is not the client's to answer.
    Hosted,
    /// Anything else.
    Other,
}

/// What is added to a block.
#[derive(Debug)]
pub(super) enum Delta<'f> {
    Text(Str<'f>),
    Thought(Str<'f>),
    Signature(Str<'f>),
    Redacted(Str<'f>),
    Arguments(Str<'f>),
    Citation(Box<Citation<'f>>),
    /// Nothing that another format could say.
    Other,
}

impl<'f> Said<'f> {
    /// Reads one event by its name; one of a later version says nothing.
    pub(super) fn read(event: &[u8], data: &'f [u8]) -> Result<Self, JsonError> {
        let mut cursor = Cursor::new(data)?;
        let (mut index, mut kind, mut piece, mut finish, mut usage) = (0, Block::Other, Delta::Other, None, None);
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "contentBlockIndex" if cursor.peek()? == Kind::Number => index = cursor.number()?.as_str().parse().unwrap_or(0),
                "start" if cursor.peek()? == Kind::Object => kind = Block::read(&mut cursor)?,
                "delta" if cursor.peek()? == Kind::Object => piece = Delta::read(&mut cursor)?,
                "stopReason" if cursor.peek()? == Kind::String => finish = Some(self::finish(cursor.string()?)),
                "usage" => usage = Some(cursor.raw()?),
                _ => cursor.skip()?,
            }
        }
        cursor.end()?;
        Ok(match event {
            b"messageStart" => Self::Start,
            b"contentBlockStart" => Self::Block { index, kind },
            b"contentBlockDelta" => Self::Delta { index, piece },
            b"contentBlockStop" => Self::Stop { index },
            b"messageStop" => Self::Finish(finish.unwrap_or(Finish::Stop)),
            b"metadata" => Self::Metadata(usage),
            _ => Self::Nothing,
        })
    }
}

impl<'f> Block<'f> {
    fn read(cursor: &mut Cursor<'f>) -> Result<Self, JsonError> {
        let mut block = Self::Other;
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "toolUse" if cursor.peek()? == Kind::Object => {
                    let call = Call::read(cursor)?;
                    block = if call.hosted { Self::Hosted } else { Self::Call { id: call.id, name: call.name } };
                }
                "toolResult" => {
                    cursor.skip()?;
                    block = Self::Hosted;
                }
                _ => cursor.skip()?,
            }
        }
        Ok(block)
    }
}

impl<'f> Delta<'f> {
    fn read(cursor: &mut Cursor<'f>) -> Result<Self, JsonError> {
        let mut piece = Self::Other;
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "text" if cursor.peek()? == Kind::String => piece = Self::Text(cursor.string()?),
                "citation" => piece = citations::read(cursor.raw()?)?.map_or(Self::Other, |citation| Self::Citation(Box::new(citation))),
                "toolUse" if cursor.peek()? == Kind::Object => {
                    piece = member(cursor, "input")?.map_or(Self::Other, Self::Arguments);
                }
                "reasoningContent" if cursor.peek()? == Kind::Object => {
                    cursor.enter_object()?;
                    while let Some(name) = cursor.member()? {
                        match name.as_escaped() {
                            "text" if cursor.peek()? == Kind::String => piece = Self::Thought(cursor.string()?),
                            "signature" if cursor.peek()? == Kind::String => piece = Self::Signature(cursor.string()?),
                            "redactedContent" if cursor.peek()? == Kind::String => piece = Self::Redacted(cursor.string()?),
                            _ => cursor.skip()?,
                        }
                    }
                }
                _ => cursor.skip()?,
            }
        }
        Ok(piece)
    }
}

/// A call, in whole answers and at its beginning in a stream.
struct Call<'f> {
    id: Str<'f>,
    name: Str<'f>,
    input: Raw<'f>,
    hosted: bool,
}

impl<'f> Call<'f> {
    fn read(cursor: &mut Cursor<'f>) -> Result<Self, JsonError> {
        let mut call = Self { id: Str::default(), name: Str::default(), input: Raw::EMPTY_OBJECT, hosted: false };
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "toolUseId" if cursor.peek()? == Kind::String => call.id = cursor.string()?,
                "name" if cursor.peek()? == Kind::String => call.name = cursor.string()?,
                "input" => call.input = cursor.raw()?,
                "type" => call.hosted = cursor.raw()?.kind() == Kind::String,
                _ => cursor.skip()?,
            }
        }
        Ok(call)
    }
}

/// Reads the content of a whole answer, and its sources with the places of their texts.
pub(super) fn content<'b>(
    cursor: &mut Cursor<'b>,
    parts: &mut Vec<Part<'b>>,
    sources: &mut Vec<(usize, Citation<'b>)>,
    met: &mut Vec<Field>,
) -> Result<(), JsonError> {
    cursor.enter_array()?;
    while cursor.element()? {
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            let kind = if name.is("citationsContent") && cursor.peek()? == Kind::Object {
                let mut found = Vec::new();
                let text = cited(cursor, &mut found)?;
                // What the service's own search found stands behind its text, as a block without one.
                let kind = (!text.is_empty() || !found.is_empty()).then_some(PartKind::Text(text));
                sources.extend(found.into_iter().map(|citation| (parts.len(), citation)));
                kind
            } else {
                block(&name, cursor, met)?
            };
            parts.extend(kind.map(|kind| Part { at: 0, cache: None, kind }));
        }
    }
    Ok(())
}

/// The block that a member of the union holds; pictures and what the provider's own tools do say nothing to another format.
fn block<'b>(name: &Str<'b>, cursor: &mut Cursor<'b>, met: &mut Vec<Field>) -> Result<Option<PartKind<'b>>, JsonError> {
    Ok(match (name.as_escaped(), cursor.peek()?) {
        ("text", Kind::String) => Some(PartKind::Text(cursor.string()?)).filter(|part| !is_empty(part)),
        ("toolUse", Kind::Object) => {
            let Call { id, name, input, hosted } = Call::read(cursor)?;
            met.extend(hosted.then_some(Field::AnswerHosted));
            (!hosted).then_some(PartKind::ToolCall { id, name, arguments: Json::Value(input), kind: CallKind::Function })
        }
        ("reasoningContent", Kind::Object) => {
            let (mut text, mut signature, mut redacted) = (None, None, None);
            cursor.enter_object()?;
            while let Some(name) = cursor.member()? {
                match name.as_escaped() {
                    "reasoningText" if cursor.peek()? == Kind::Object => {
                        cursor.enter_object()?;
                        while let Some(name) = cursor.member()? {
                            match name.as_escaped() {
                                "text" if cursor.peek()? == Kind::String => text = Some(cursor.string()?),
                                "signature" if cursor.peek()? == Kind::String => signature = Some(cursor.string()?),
                                _ => cursor.skip()?,
                            }
                        }
                    }
                    "redactedContent" if cursor.peek()? == Kind::String => redacted = Some(cursor.string()?),
                    _ => cursor.skip()?,
                }
            }
            match (redacted, text, signature.filter(|signature| !signature.is_empty())) {
                (Some(data), _, _) => Some(PartKind::RedactedReasoning(data)),
                (None, None, None) => None,
                (None, text, signature) => Some(PartKind::Reasoning { text: text.unwrap_or_default(), signature }),
            }
        }
        ("toolResult", _) => {
            met.push(Field::AnswerHosted);
            cursor.skip()?;
            None
        }
        _ => {
            cursor.skip()?;
            None
        }
    })
}

fn is_empty(part: &PartKind<'_>) -> bool {
    matches!(part, PartKind::Text(text) if text.is_empty())
}

/// The text that sources are named for, and these.
fn cited<'b>(cursor: &mut Cursor<'b>, sources: &mut Vec<Citation<'b>>) -> Result<Str<'b>, JsonError> {
    let mut whole = Str::default();
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match (name.as_escaped(), cursor.peek()?) {
            ("content", Kind::Array) => citations::texts(cursor, &mut whole)?,
            ("citations", Kind::Array) => {
                cursor.enter_array()?;
                while cursor.element()? {
                    sources.extend(citations::read(cursor.raw()?)?);
                }
            }
            _ => cursor.skip()?,
        }
    }
    Ok(whole)
}

/// The text of one member of the object that comes next.
fn member<'b>(cursor: &mut Cursor<'b>, wanted: &str) -> Result<Option<Str<'b>>, JsonError> {
    let mut found = None;
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if name.is(wanted) && cursor.peek()? == Kind::String {
            found = Some(cursor.string()?);
        } else {
            cursor.skip()?;
        }
    }
    Ok(found)
}

/// The hub's word for a `stopReason`.
pub(super) fn finish(reason: Str<'_>) -> Finish<'_> {
    match &*reason.plain() {
        "end_turn" => Finish::Stop,
        "stop_sequence" => Finish::StopSequence(None),
        "max_tokens" => Finish::Length,
        "tool_use" => Finish::ToolCall,
        "guardrail_intervened" | "content_filtered" => Finish::ContentFilter,
        "model_context_window_exceeded" => Finish::ContextWindow,
        "malformed_model_output" | "malformed_tool_use" => Finish::Malformed,
        _ => Finish::Unknown(reason),
    }
}
