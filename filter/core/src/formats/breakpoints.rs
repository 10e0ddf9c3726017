//! Prompt-cache breakpoints, as Claude models take them: at most four, counted in the order in which the API reads a request.

use crate::formats::crossing::Crossing;
use crate::formats::turns::Conversation;
use crate::hub::{Field, Part, PartKind, Rejection, Tool};
use crate::json::{Cursor, JsonError, Kind, Raw, Str};

/// How many the API takes; it answers more with 400.
const MOST: usize = 4;

/// How long the API keeps a prefix, in its own words. Other vendors' times have other prices.
const TIMES: [&str; 2] = ["5m", "1h"];

/// What is left to do about the breakpoints of one request.
#[derive(Debug)]
pub struct Breakpoints {
    /// How many of those that come next are too many. A later one covers what stands before it, so the first ones go.
    spare: usize,
}

impl Breakpoints {
    /// Counts those of what is written.
    #[must_use]
    pub fn of(tools: &[&Tool<'_>], conversation: &Conversation<'_, '_>) -> Self {
        let said = conversation.turns.iter().flat_map(|turn| &turn.parts);
        let parts: usize = conversation.system.iter().chain(said).map(|part| count(part)).sum();
        let count = parts + tools.iter().filter(|tool| tool.cache.is_some()).count();
        Self { spare: count.saturating_sub(MOST) }
    }

    /// The breakpoint that is written behind an element at byte `at`, if it has one and it is not one too many.
    ///
    /// # Errors
    /// The table of fates refuses breakpoints for this format.
    pub fn next<'b>(&mut self, cache: Option<Raw<'b>>, at: u32, crossing: &mut Crossing<'_>) -> Result<Option<Breakpoint<'b>>, Rejection> {
        let Some(cache) = cache else { return Ok(None) };
        if let Some(fewer) = self.spare.checked_sub(1) {
            self.spare = fewer;
            crossing.meet_at(Field::CacheCount, at)?;
            return Ok(None);
        }
        crossing.meet_at(Field::CacheHint, at)?;
        let time = time(cache);
        if time.as_ref().is_none_or(|time| TIMES.iter().any(|one| time.is(one))) {
            return Ok(Some(Breakpoint { time }));
        }
        crossing.meet_at(Field::CacheTime, at)?;
        Ok(Some(Breakpoint { time: None }))
    }
}

/// A breakpoint that is written.
#[derive(Clone, Debug)]
pub struct Breakpoint<'b> {
    /// How long the prefix is kept, where the client said a time that the API has.
    pub time: Option<Str<'b>>,
}

/// Those of a part and of what a tool's result holds. Blank text, which is not written, and thinking have none.
fn count(part: &Part<'_>) -> usize {
    let own = usize::from(part.cache.is_some());
    match &part.kind {
        PartKind::Text(text) | PartKind::Refusal(text) if text.is_blank() => 0,
        PartKind::Reasoning { .. } | PartKind::RedactedReasoning(_) => 0,
        PartKind::ToolCallResponse { content, .. } => own + content.iter().map(count).sum::<usize>(),
        PartKind::Text(_) | PartKind::Refusal(_) | PartKind::Media { .. } | PartKind::ToolCall { .. } | PartKind::Opaque(_) => own,
    }
}

/// How long the client wants the prefix kept, if it says so.
fn time(cache: Raw<'_>) -> Option<Str<'_>> {
    fn read<'b>(mut cursor: Cursor<'b>) -> Result<Option<Str<'b>>, JsonError> {
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            if name.is("ttl") && cursor.peek()? == Kind::String {
                return cursor.string().map(Some);
            }
            cursor.skip()?;
        }
        Ok(None)
    }
    read(cache.cursor()).ok().flatten()
}
