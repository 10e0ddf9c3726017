//! A conversation as formats want it that know two speakers: user and assistant in turn, results before words, no empty text,
//! instructions apart.

use crate::formats::crossing::Crossing;
use crate::hub::{ErrorKind, Field, Message, Part, PartKind, Rejection, Request, Role};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The turn that is put before a conversation which the assistant begins: such formats demand that the user does.
pub const OPENING: &str = "Continue.";

/// Whose turn it is, in the two roles that these formats have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The user, and the results of tools.
    User,
    /// The model.
    Assistant,
}

/// Neighbouring messages of one speaker.
#[derive(Clone, Debug)]
pub struct Turn<'r, 'b> {
    /// Whose turn it is.
    pub speaker: Speaker,
    /// What is said; never empty.
    pub parts: Vec<&'r Part<'b>>,
}

/// A normalised conversation. It borrows the request; the client's own list is not changed.
#[derive(Clone, Debug)]
pub struct Conversation<'r, 'b> {
    /// All instructions: the leading ones, then those from the middle.
    pub system: Vec<&'r Part<'b>>,
    /// The turns.
    pub turns: Vec<Turn<'r, 'b>>,
    /// No turn of the user's comes first, as the format demands: one of a single word must be put before.
    pub needs_opening: bool,
}

impl<'r, 'b> Conversation<'r, 'b> {
    /// Normalises the messages of a request. `own` tells which thinking the target's vendor may get back.
    ///
    /// # Errors
    /// There is nothing to answer, or the target's fate for something that is left out is to refuse it.
    pub fn of(request: &'r Request<'b>, own: fn(&PartKind<'_>) -> bool, crossing: &mut Crossing<'_>) -> Result<Self, Rejection> {
        let mut system = kept(&request.system_instructions, own, crossing)?;
        let mut turns: Vec<Turn<'r, 'b>> = Vec::new();
        for message in &request.messages {
            if message.name.is_some() {
                crossing.meet_at(Field::MessageName, message.at)?;
            }
            let parts = kept(&message.parts, own, crossing)?;
            let speaker = match message.role {
                Role::System | Role::Developer => {
                    crossing.meet_at(Field::MidSystem, message.at)?;
                    system.extend(parts);
                    continue;
                }
                Role::User | Role::Tool => Speaker::User,
                Role::Assistant => Speaker::Assistant,
            };
            match turns.last_mut() {
                _ if parts.is_empty() => {}
                Some(turn) if turn.speaker == speaker => turn.parts.extend(parts),
                Some(_) | None => turns.push(Turn { speaker, parts }),
            }
        }
        let last = request.messages.iter().rfind(|message| !matches!(message.role, Role::System | Role::Developer));
        refuse_empty_end(last, &turns, crossing)?;
        if turns.is_empty() && system.is_empty() {
            // What was said may stand in the state of a server that this target does not have.
            crossing.meet_settings(request)?;
            return Err(Rejection::new(ErrorKind::InvalidRequest, "the conversation is empty").at("messages"));
        }
        order_results(&mut turns);
        let needs_opening = turns.first().is_none_or(|turn| turn.speaker == Speaker::Assistant);
        if needs_opening {
            crossing.meet(Field::AssistantFirst)?;
        }
        Ok(Self { system, turns, needs_opening })
    }
}

/// The parts that are written: without blank text, which such APIs refuse, and without thinking, which only its own vendor may get back.
fn kept<'r, 'b>(
    parts: &'r [Part<'b>],
    own: fn(&PartKind<'_>) -> bool,
    crossing: &mut Crossing<'_>,
) -> Result<Vec<&'r Part<'b>>, Rejection> {
    let mut kept = Vec::with_capacity(parts.len());
    for part in parts {
        match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) if text.is_blank() => {
                crossing.meet_at(Field::EmptyText, part.at)?;
            }
            PartKind::Reasoning { .. } | PartKind::RedactedReasoning(_) if !own(&part.kind) => {
                crossing.meet_at(Field::ForeignReasoning, part.at)?;
            }
            PartKind::Text(_)
            | PartKind::Refusal(_)
            | PartKind::Reasoning { .. }
            | PartKind::RedactedReasoning(_)
            | PartKind::Media { .. }
            | PartKind::ToolCall { .. }
            | PartKind::ToolCallResponse { .. }
            | PartKind::Opaque(_) => kept.push(part),
        }
    }
    Ok(kept)
}

/// A client that ends with an empty message of its user's has lost the question; the model would answer something else.
fn refuse_empty_end(last: Option<&Message<'_>>, turns: &[Turn<'_, '_>], crossing: &Crossing<'_>) -> Result<(), Rejection> {
    match last {
        Some(message) if message.role == Role::User && turns.last().is_none_or(|turn| turn.speaker == Speaker::Assistant) => {
            Err(crossing.invalid("the last message of the user is empty", message.at))
        }
        Some(_) | None => Ok(()),
    }
}

/// Puts the results of a turn first, in the order of the calls that they answer; what answers no call comes behind them.
fn order_results(turns: &mut [Turn<'_, '_>]) {
    let mut calls: BTreeMap<Cow<'_, str>, usize> = BTreeMap::new();
    for turn in turns {
        match turn.speaker {
            Speaker::Assistant => {
                calls.clear();
                for part in &turn.parts {
                    if let PartKind::ToolCall { id, .. } = &part.kind {
                        let place = calls.len();
                        calls.entry(id.plain()).or_insert(place);
                    }
                }
            }
            Speaker::User => turn.parts.sort_by_cached_key(|part| match &part.kind {
                PartKind::ToolCallResponse { id, .. } => calls.get(&id.plain()).copied().unwrap_or(usize::MAX - 1),
                PartKind::Text(_)
                | PartKind::Refusal(_)
                | PartKind::Media { .. }
                | PartKind::Reasoning { .. }
                | PartKind::RedactedReasoning(_)
                | PartKind::ToolCall { .. }
                | PartKind::Opaque(_) => usize::MAX,
            }),
        }
    }
}
