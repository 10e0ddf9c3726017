//! A whole Messages answer as the hub's.

use super::citations;
use super::usage::Counts;
use crate::formats::sources::read_all;
use crate::hub::{Answer, CallKind, Choice, Citation, ErrorKind, Failure, Field, Finish, Likelihood, Part, PartKind};
use crate::json::{Cursor, Json, JsonError, Kind, Raw, Str};

/// Reads a whole answer.
///
/// # Errors
/// The body is no Messages answer, or an error in a 200.
pub(super) fn decode(body: &[u8]) -> Result<Answer<'_>, Failure> {
    let wire = read(body).map_err(|error| Failure::new(ErrorKind::BadGateway, format!("the provider's answer can't be read: {error}")))?;
    if wire.error {
        return Err(super::error::in_stream(body));
    }
    let Some(content) = wire.content else {
        return Err(Failure::new(ErrorKind::BadGateway, "the provider's answer has no content"));
    };
    let (content, citations) = content;
    let calls = content.iter().any(|part| matches!(part.kind, PartKind::ToolCall { .. }));
    let finish = finish(wire.stop_reason, wire.stop_sequence).settled(calls);
    Ok(Answer {
        id: wire.id,
        model: wire.model,
        created: None,
        choices: vec![Choice { index: 0, parts: content, citations, likelihood: Likelihood::default(), finish }],
        usage: wire.usage.and_then(|usage| Counts::read(usage).usage()),
        service_tier: None,
        met: wire.met,
    })
}

/// The hub's word for a `stop_reason`; an absent one is what a model that is done says.
pub(super) fn finish<'b>(reason: Option<Str<'b>>, sequence: Option<Str<'b>>) -> Finish<'b> {
    let Some(reason) = reason else { return Finish::Stop };
    let known = match &*reason.plain() {
        "end_turn" => Some(Finish::Stop),
        "max_tokens" => Some(Finish::Length),
        "stop_sequence" => Some(Finish::StopSequence(sequence)),
        "tool_use" => Some(Finish::ToolCall),
        "refusal" => Some(Finish::Refusal),
        "model_context_window_exceeded" => Some(Finish::ContextWindow),
        "pause_turn" | "compaction" => Some(Finish::Pause),
        _ => None,
    };
    known.unwrap_or(Finish::Unknown(reason))
}

/// Sources, each with the place of its text among the parts.
type Citations<'b> = Vec<(usize, Citation<'b>)>;

#[derive(Default)]
struct Wire<'b> {
    id: Option<Str<'b>>,
    model: Option<Str<'b>>,
    content: Option<(Vec<Part<'b>>, Citations<'b>)>,
    stop_reason: Option<Str<'b>>,
    stop_sequence: Option<Str<'b>>,
    usage: Option<Raw<'b>>,
    met: Vec<Field>,
    error: bool,
}

fn read(body: &[u8]) -> Result<Wire<'_>, JsonError> {
    let mut cursor = Cursor::new(body)?;
    let mut wire = Wire::default();
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match &*name.plain() {
            "id" => wire.id = text(&mut cursor)?,
            "model" => wire.model = text(&mut cursor)?,
            "stop_reason" => wire.stop_reason = text(&mut cursor)?,
            "stop_sequence" => wire.stop_sequence = text(&mut cursor)?,
            "usage" => wire.usage = Some(cursor.raw()?),
            "content" if cursor.peek()? == Kind::Array => wire.content = Some(blocks(&mut cursor, &mut wire.met)?),
            "error" => {
                wire.error = cursor.raw()?.kind() != Kind::Null;
            }
            _ => cursor.skip()?,
        }
    }
    cursor.end()?;
    Ok(wire)
}

fn blocks<'b>(cursor: &mut Cursor<'b>, met: &mut Vec<Field>) -> Result<(Vec<Part<'b>>, Citations<'b>), JsonError> {
    let (mut parts, mut sources) = (Vec::new(), Vec::new());
    cursor.enter_array()?;
    while cursor.element()? {
        let block = Block::read(cursor.raw()?)?;
        if let Some(list) = block.citations.filter(|_| block.kind.is("text")) {
            let mut found = Vec::new();
            met.extend(read_all(list, citations::read, &mut found)?.then_some(Field::AnswerCitations));
            sources.extend(found.into_iter().map(|citation| (parts.len(), citation)));
        }
        match block.part() {
            Some(kind) => parts.push(Part { at: 0, cache: None, kind }),
            None => met.push(Field::AnswerHosted),
        }
    }
    Ok((parts, sources))
}

/// A content block of an answer, whole or as it begins.
#[derive(Default)]
pub(super) struct Block<'b> {
    pub kind: Str<'b>,
    pub id: Str<'b>,
    pub name: Str<'b>,
    pub text: Str<'b>,
    pub thinking: Str<'b>,
    pub signature: Str<'b>,
    pub data: Str<'b>,
    pub input: Option<Raw<'b>>,
    /// The sources that it names, where there are any.
    pub citations: Option<Raw<'b>>,
}

impl<'b> Block<'b> {
    pub(super) fn read(raw: Raw<'b>) -> Result<Self, JsonError> {
        let mut cursor = raw.cursor();
        let mut block = Self::default();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match &*name.plain() {
                "type" => block.kind = text(&mut cursor)?.unwrap_or_default(),
                "id" => block.id = text(&mut cursor)?.unwrap_or_default(),
                "name" => block.name = text(&mut cursor)?.unwrap_or_default(),
                "text" => block.text = text(&mut cursor)?.unwrap_or_default(),
                "citations" => block.citations = Some(cursor.raw()?).filter(|list| !list.is_vacant()),
                "thinking" => block.thinking = text(&mut cursor)?.unwrap_or_default(),
                "signature" => block.signature = text(&mut cursor)?.unwrap_or_default(),
                "data" => block.data = text(&mut cursor)?.unwrap_or_default(),
                "input" => block.input = Some(cursor.raw()?),
                _ => cursor.skip()?,
            }
        }
        Ok(block)
    }

    /// The part that a whole block is; blocks of tools that the provider ran by itself say nothing to another format.
    fn part(self) -> Option<PartKind<'b>> {
        match &*self.kind.plain() {
            "text" => Some(PartKind::Text(self.text)),
            "thinking" => {
                Some(PartKind::Reasoning { text: self.thinking, signature: (!self.signature.is_empty()).then_some(self.signature) })
            }
            "redacted_thinking" => Some(PartKind::RedactedReasoning(self.data)),
            "tool_use" => {
                let arguments = Json::Value(self.input.unwrap_or(Raw::EMPTY_OBJECT));
                Some(PartKind::ToolCall { id: self.id, name: self.name, arguments, kind: CallKind::Function })
            }
            _ => None,
        }
    }
}

/// A string that comes next; any other value is none.
pub(super) fn text<'b>(cursor: &mut Cursor<'b>) -> Result<Option<Str<'b>>, JsonError> {
    if cursor.peek()? == Kind::String {
        return cursor.string().map(Some);
    }
    cursor.skip()?;
    Ok(None)
}
