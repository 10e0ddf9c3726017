//! Requests as Converse has them. What the model's prompt cache looks at stands in its order: tools, system, messages.

use super::models::Family;
use super::parts::{self, Pen};
use super::{settings, tools};
use crate::formats::Onward;
use crate::formats::breakpoints::Breakpoints;
use crate::formats::claude::{Plan, forced};
use crate::formats::crossing::Crossing;
use crate::formats::offer::allowed;
use crate::formats::turns::{Conversation, OPENING, Speaker, Turn};
use crate::hub::{Field, Modality, PartKind, Rejection, Request};
use crate::json::Out;
use std::collections::BTreeMap;

/// What stands beside a document that nothing is said of: the API wants text in its turn.
const BESIDE_DOCUMENT: &str = "(a document)";

/// Writes a request body.
///
/// # Errors
/// An element that the format can't express and that may not be left out; `param` is the client's own path of it.
pub(super) fn encode(request: &Request<'_>, onward: &Onward<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let family = Family::of(onward.model.unwrap_or_default());
    let conversation = Conversation::of(request, parts::is_own, crossing)?;
    let plan = match family {
        Family::Claude(model) => {
            let plan = Plan::of(request, model, onward, &conversation, crossing)?;
            Some(if plan.thinks() && forced(request) {
                // The service refuses a model that thinks and must call a tool.
                crossing.meet(Field::ReasoningModel)?;
                plan.disabled()
            } else {
                plan
            })
        }
        Family::Nova | Family::Other => None,
    };
    crossing.meet_settings(request)?;
    let offered = allowed(request, crossing)?;
    let breakpoints = Breakpoints::of(&offered, &conversation);
    out.open_object();
    let mut pen = Pen { out, crossing, breakpoints, family, sources: &request.citations, documents: BTreeMap::new() };
    tools::encode(request, &offered, &conversation, &mut pen)?;
    system(&conversation, &mut pen)?;
    messages(&conversation, &mut pen)?;
    settings::encode(request, &onward.beside, (family, plan.as_ref()), out, crossing)?;
    out.close_object();
    Ok(())
}

fn system(conversation: &Conversation<'_, '_>, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    if conversation.system.is_empty() {
        return Ok(());
    }
    pen.out.key("system");
    pen.out.open_array();
    for part in &conversation.system {
        parts::encode(part, pen)?;
    }
    pen.out.close_array();
    Ok(())
}

fn messages(conversation: &Conversation<'_, '_>, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    pen.out.key("messages");
    pen.out.open_array();
    if conversation.needs_opening {
        pen.out.constant(r#"{"role":"user","content":[{"text":""#);
        pen.out.verbatim(OPENING);
        pen.out.verbatim(r#""}]}"#);
    }
    for turn in &conversation.turns {
        match turn.speaker {
            Speaker::User => pen.out.constant(r#"{"role":"user","content":["#),
            Speaker::Assistant => pen.out.constant(r#"{"role":"assistant","content":["#),
        }
        for part in &turn.parts {
            if turn.speaker == Speaker::Assistant && matches!(part.kind, PartKind::Media { .. }) {
                pen.crossing.meet_at(Field::AssistantMedia, part.at)?;
            }
            parts::encode(part, pen)?;
        }
        beside_document(turn, pen)?;
        pen.out.close_array();
        pen.out.close_object();
    }
    pen.out.close_array();
    Ok(())
}

fn beside_document(turn: &Turn<'_, '_>, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    let document = turn.parts.iter().find(|part| matches!(part.kind, PartKind::Media { modality: Modality::Document, .. }));
    let Some(document) = document else { return Ok(()) };
    if !turn.parts.iter().any(|part| matches!(part.kind, PartKind::Text(_) | PartKind::Refusal(_))) {
        pen.crossing.meet_at(Field::LoneDocument, document.at)?;
        pen.out.constant(r#"{"text":""#);
        pen.out.verbatim(BESIDE_DOCUMENT);
        pen.out.verbatim(r#""}"#);
    }
    Ok(())
}
