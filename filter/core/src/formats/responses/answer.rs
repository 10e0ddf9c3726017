//! A whole Responses answer as the hub's: the response object and the items of its output.

use super::{citations, error, usage};
use crate::formats::sources;
use crate::hub::{Answer, CallKind, Choice, Citation, ErrorKind, Failure, Field, Finish, Likelihood, Part, PartKind};
use crate::json::{Cursor, Json, JsonError, Kind, Raw, Str};
use crate::usage::Usage;

/// Reads a whole answer.
///
/// # Errors
/// The body is no response, or one that failed.
pub(super) fn decode(body: &[u8]) -> Result<Answer<'_>, Failure> {
    let unreadable = |error: JsonError| Failure::new(ErrorKind::BadGateway, format!("the provider's answer can't be read: {error}"));
    let mut cursor = Cursor::new(body).map_err(unreadable)?;
    let raw = cursor.raw().map_err(unreadable)?;
    cursor.end().map_err(unreadable)?;
    let response = Response::read(raw).map_err(unreadable)?;
    if let Some(failure) = response.failure() {
        return Err(failure);
    }
    let Some(output) = response.output else {
        return Err(Failure::new(ErrorKind::BadGateway, "the provider's answer has no output"));
    };
    let mut met = Vec::new();
    let (parts, citations, likelihood) = output_parts(output, &mut met).map_err(unreadable)?;
    let said = Said::of(parts.iter().map(|part| &part.kind));
    let finish = response.finish(said);
    Ok(Answer {
        id: response.id,
        model: response.model,
        created: response.created,
        choices: vec![Choice { index: 0, parts, citations, likelihood, finish }],
        usage: response.usage,
        service_tier: response.service_tier,
        met,
    })
}

/// What an answer holds that decides why it ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said {
    /// The model called a tool.
    pub calls: bool,
    /// The model refused in words.
    pub refusal: bool,
}

impl Said {
    pub(super) fn of<'a, 'b: 'a>(parts: impl Iterator<Item = &'a PartKind<'b>>) -> Self {
        parts.fold(Self::default(), |said, part| Self {
            calls: said.calls || matches!(part, PartKind::ToolCall { .. }),
            refusal: said.refusal || matches!(part, PartKind::Refusal(_)),
        })
    }
}

/// The members of a response object that mean something here.
#[derive(Debug, Default)]
pub(super) struct Response<'b> {
    pub id: Option<Str<'b>>,
    pub model: Option<Str<'b>>,
    pub created: Option<u64>,
    pub output: Option<Raw<'b>>,
    pub usage: Option<Usage>,
    pub service_tier: Option<Str<'b>>,
    status: Option<Str<'b>>,
    /// `incomplete_details.reason`.
    reason: Option<Str<'b>>,
    error: Option<Raw<'b>>,
}

impl<'b> Response<'b> {
    pub(super) fn read(raw: Raw<'b>) -> Result<Self, JsonError> {
        let mut cursor = raw.cursor();
        let mut response = Self::default();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match &*name.plain() {
                "id" => response.id = text(&mut cursor)?,
                "model" => response.model = text(&mut cursor)?,
                "status" => response.status = text(&mut cursor)?,
                "service_tier" => response.service_tier = text(&mut cursor)?,
                // Some servers write a float.
                "created_at" if cursor.peek()? == Kind::Number => {
                    response.created = cursor.number()?.as_str().split('.').next().and_then(|seconds| seconds.parse().ok());
                }
                "output" if cursor.peek()? == Kind::Array => response.output = Some(cursor.raw()?),
                "usage" => response.usage = usage::read(cursor.raw()?),
                "error" => response.error = Some(cursor.raw()?).filter(|raw| raw.kind() != Kind::Null),
                "incomplete_details" if cursor.peek()? == Kind::Object => {
                    cursor.enter_object()?;
                    while let Some(name) = cursor.member()? {
                        if name.is("reason") {
                            response.reason = text(&mut cursor)?;
                        } else {
                            cursor.skip()?;
                        }
                    }
                }
                _ => cursor.skip()?,
            }
        }
        Ok(response)
    }

    /// The failure that the response tells of, if it is one that failed.
    pub(super) fn failure(&self) -> Option<Failure> {
        let failed = self.status.as_ref().is_some_and(|status| status.is("failed") || status.is("cancelled"));
        match self.error {
            Some(raw) if failed || self.output.is_none() => Some(error::in_answer(raw)),
            None if failed => Some(error::nameless()),
            Some(_) | None => None,
        }
    }

    /// Why the answer ended, by its status and by what it holds.
    pub(super) fn finish(&self, said: Said) -> Finish<'b> {
        match self.status.as_ref().map(Str::plain).as_deref() {
            Some("incomplete") => match &self.reason {
                Some(reason) if reason.is("max_output_tokens") => Finish::Length,
                Some(reason) if reason.is("content_filter") => Finish::ContentFilter,
                Some(reason) if reason.is("max_messages") || reason.is("steered") => Finish::Pause,
                Some(reason) => Finish::Unknown(reason.clone()),
                None => Finish::Length,
            },
            _ if said.calls => Finish::ToolCall,
            _ if said.refusal => Finish::Refusal,
            Some(_) | None => Finish::Stop,
        }
    }
}

/// A part with its sources, and how probable its tokens were.
type Cited<'b> = (PartKind<'b>, Vec<Citation<'b>>, Likelihood<'b>);

/// Parts, the sources of texts, each with its text's place among the parts, and how probable all tokens were.
type Parts<'b> = (Vec<Part<'b>>, Vec<(usize, Citation<'b>)>, Likelihood<'b>);

/// The parts of a whole `output`; `met` takes what no part stands for.
pub(super) fn output_parts<'b>(output: Raw<'b>, met: &mut Vec<Field>) -> Result<Parts<'b>, JsonError> {
    let (mut parts, mut sources, mut likelihood) = (Vec::new(), Vec::new(), Likelihood::default());
    let mut cursor = output.cursor();
    cursor.enter_array()?;
    while cursor.element()? {
        if cursor.peek()? != Kind::Object {
            cursor.skip()?;
            continue;
        }
        for (kind, cited, tokens) in Item::read(cursor.raw()?)?.parts(met)? {
            likelihood.push(&tokens);
            sources.extend(cited.into_iter().map(|citation| (parts.len(), citation)));
            parts.push(Part { at: 0, cache: None, kind });
        }
    }
    Ok((parts, sources, likelihood))
}

/// One item of an output, whole or as it begins.
#[derive(Debug, Default)]
pub(super) struct Item<'b> {
    pub kind: Str<'b>,
    pub id: Str<'b>,
    call_id: Str<'b>,
    pub name: Str<'b>,
    /// A function's arguments or a custom tool's input.
    pub input: Option<Json<'b>>,
    pub encrypted_content: Option<Str<'b>>,
    summary: Option<Raw<'b>>,
    content: Option<Raw<'b>>,
}

/// What an item is to the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemKind {
    /// Texts and refusals.
    Message,
    /// Thinking.
    Reasoning,
    /// A call for the client.
    Call(CallKind),
    /// What a tool of the provider's own did: it says nothing to another format.
    Hosted,
}

impl<'b> Item<'b> {
    pub(super) fn read(raw: Raw<'b>) -> Result<Self, JsonError> {
        let mut cursor = raw.cursor();
        let mut item = Self::default();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match &*name.plain() {
                "type" => item.kind = text(&mut cursor)?.unwrap_or_default(),
                "id" => item.id = text(&mut cursor)?.unwrap_or_default(),
                "call_id" => item.call_id = text(&mut cursor)?.unwrap_or_default(),
                "name" => item.name = text(&mut cursor)?.unwrap_or_default(),
                "arguments" | "input" => match cursor.peek()? {
                    Kind::String => item.input = Some(Json::Text(cursor.string()?)),
                    Kind::Object => item.input = Some(Json::Value(cursor.raw()?)),
                    Kind::Null | Kind::Array | Kind::Number | Kind::Boolean => cursor.skip()?,
                },
                "encrypted_content" => item.encrypted_content = text(&mut cursor)?.filter(|text| !text.is_empty()),
                "summary" => item.summary = Some(cursor.raw()?),
                "content" => item.content = Some(cursor.raw()?),
                _ => cursor.skip()?,
            }
        }
        Ok(item)
    }

    /// A reasoning item with nothing but its texts, as a request has it.
    pub(super) fn thinking(summary: Option<Raw<'b>>, content: Option<Raw<'b>>) -> Self {
        Self { summary, content, ..Self::default() }
    }

    /// What the item is.
    pub(super) fn is(&self) -> ItemKind {
        match &*self.kind.plain() {
            "message" => ItemKind::Message,
            "reasoning" => ItemKind::Reasoning,
            "function_call" => ItemKind::Call(CallKind::Function),
            "custom_tool_call" => ItemKind::Call(CallKind::Custom),
            _ => ItemKind::Hosted,
        }
    }

    /// The parts that a whole item is, each with its sources.
    fn parts(self, met: &mut Vec<Field>) -> Result<Vec<Cited<'b>>, JsonError> {
        Ok(match self.is() {
            ItemKind::Message => self.content(met)?.into_iter().map(Content::part).collect(),
            ItemKind::Reasoning => {
                let text = self.thought()?;
                let is_something = !text.is_empty() || self.encrypted_content.is_some();
                let part = PartKind::Reasoning { text, signature: self.encrypted_content };
                is_something.then_some((part, Vec::new(), Likelihood::default())).into_iter().collect()
            }
            ItemKind::Call(kind) => {
                let arguments = self.input.clone().unwrap_or(Json::Text(Str::default()));
                vec![(
                    PartKind::ToolCall { id: self.call_id().clone(), name: self.name, arguments, kind },
                    Vec::new(),
                    Likelihood::default(),
                )]
            }
            ItemKind::Hosted => {
                met.push(Field::AnswerHosted);
                Vec::new()
            }
        })
    }

    /// The id that the result of a call names. Some servers give the item's own alone.
    pub(super) fn call_id(&self) -> &Str<'b> {
        if self.call_id.is_empty() { &self.id } else { &self.call_id }
    }

    /// What a message says; `met` takes what stands beside its words.
    pub(super) fn content(&self, met: &mut Vec<Field>) -> Result<Vec<Content<'b>>, JsonError> {
        self.content.map(|content| Content::read_all(content, met)).transpose().map(Option::unwrap_or_default)
    }

    /// The text of a reasoning item: its summaries, or the reasoning itself where a server shows that instead.
    pub(super) fn thought(&self) -> Result<Str<'b>, JsonError> {
        let mut thought = Str::default();
        for list in [self.summary, self.content].into_iter().flatten() {
            if !thought.is_empty() {
                break;
            }
            for content in Content::read_all(list, &mut Vec::new())? {
                let (Content::Text(text, ..) | Content::Refusal(text)) = content;
                if text.is_empty() {
                    continue;
                }
                if !thought.is_empty() {
                    thought.push(&Str::from_plain(BETWEEN_THOUGHTS));
                }
                thought.push(&text);
            }
        }
        Ok(thought)
    }
}

/// What stands between two summaries in the one text that they become.
pub(super) const BETWEEN_THOUGHTS: &str = "\n\n";

/// What a message says, or one text of a reasoning item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content<'b> {
    /// Text, whatever a server calls it, its sources, and how probable its tokens were.
    Text(Str<'b>, Vec<Citation<'b>>, Likelihood<'b>),
    /// A refusal in words.
    Refusal(Str<'b>),
}

impl<'b> Content<'b> {
    /// Reads one content part; `None` where it says nothing. `met` takes what stands beside its words.
    pub(super) fn read(part: Raw<'b>, met: &mut Vec<Field>) -> Result<Option<Self>, JsonError> {
        let mut cursor = part.cursor();
        let (mut found, mut sources, mut likelihood) = (None, Vec::new(), Likelihood::default());
        if part.kind() != Kind::Object {
            return Ok(None);
        }
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match &*name.plain() {
                "text" => found = text(&mut cursor)?.map(|text| Self::Text(text, Vec::new(), Likelihood::default())).or(found),
                "refusal" => found = text(&mut cursor)?.map(Self::Refusal).or(found),
                "annotations" => {
                    met.extend(sources::read_all(cursor.raw()?, citations::read, &mut sources)?.then_some(Field::AnswerCitations))
                }
                "logprobs" => likelihood = Likelihood::of(cursor.raw()?).unwrap_or_default(),
                _ => cursor.skip()?,
            }
        }
        if let Some(Self::Text(_, cited, tokens)) = &mut found {
            (*cited, *tokens) = (sources, likelihood);
        }
        Ok(found)
    }

    /// Reads a message's `content`, or a reasoning item's `summary` or `content`.
    fn read_all(content: Raw<'b>, met: &mut Vec<Field>) -> Result<Vec<Self>, JsonError> {
        let mut cursor = content.cursor();
        let mut parts = Vec::new();
        match content.kind() {
            Kind::String => parts.push(Self::Text(cursor.string()?, Vec::new(), Likelihood::default())),
            Kind::Array => {
                cursor.enter_array()?;
                while cursor.element()? {
                    parts.extend(Self::read(cursor.raw()?, met)?);
                }
            }
            Kind::Object | Kind::Number | Kind::Boolean | Kind::Null => {}
        }
        Ok(parts)
    }

    /// Whether it is a refusal.
    pub(super) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refusal(_))
    }

    fn part(self) -> Cited<'b> {
        match self {
            Self::Text(text, sources, tokens) => (PartKind::Text(text), sources, tokens),
            Self::Refusal(text) => (PartKind::Refusal(text), Vec::new(), Likelihood::default()),
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
