//! Requests as `generateContent` has them. What the model's prompt cache looks at stands in its order: instructions, tools, contents.

use super::models::Model;
use super::parts::{self, Pen};
use super::{settings, tools};
use crate::formats::Onward;
use crate::formats::crossing::Crossing;
use crate::formats::turns::{Conversation, OPENING, Speaker};
use crate::hub::{Field, Rejection, Request};
use crate::json::Out;

/// Writes a request body.
///
/// # Errors
/// An element that the format can't express and that may not be left out; `param` is the client's own path of it.
pub(super) fn encode(request: &Request<'_>, onward: &Onward<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let model = Model::of(onward.model.unwrap_or_default());
    let conversation = Conversation::of(request, parts::is_own, crossing)?;
    crossing.meet_settings(request)?;
    out.open_object();
    system(&conversation, out, crossing)?;
    tools::encode(request, out, crossing)?;
    contents(&conversation, model, &mut Pen { out, crossing })?;
    settings::encode(request, model, out, crossing)?;
    tier(request, out, crossing)?;
    out.close_object();
    Ok(())
}

fn system(conversation: &Conversation<'_, '_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    if conversation.system.is_empty() {
        return Ok(());
    }
    out.constant(r#""systemInstruction":{"parts":["#);
    let mut pen = Pen { out, crossing };
    for part in &conversation.system {
        parts::encode(part, &mut None, &mut pen)?;
    }
    out.close_array();
    out.close_object();
    Ok(())
}

fn contents(conversation: &Conversation<'_, '_>, model: Model, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    pen.out.key("contents");
    pen.out.open_array();
    if conversation.needs_opening {
        pen.out.constant(r#"{"role":"user","parts":[{"text":""#);
        pen.out.verbatim(OPENING);
        pen.out.verbatim(r#""}]}"#);
    }
    let mut calls = parts::Calls::default();
    for turn in &conversation.turns {
        match turn.speaker {
            Speaker::User => {
                pen.out.constant(r#"{"role":"user","parts":["#);
                parts::asked(&turn.parts, &calls, pen)?;
            }
            Speaker::Assistant => {
                pen.out.constant(r#"{"role":"model","parts":["#);
                parts::answered(&turn.parts, model, &mut calls, pen)?;
            }
        }
        pen.out.close_array();
        pen.out.close_object();
    }
    pen.out.close_array();
    Ok(())
}

/// Writes the tiers that both sides have; `auto` is the default.
fn tier(request: &Request<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let Some(tier) = request.service_tier.as_ref().filter(|tier| !tier.is("auto")) else { return Ok(()) };
    let known =
        [("default", "standard"), ("standard", "standard"), ("standard_only", "standard"), ("flex", "flex"), ("priority", "priority")];
    match known.into_iter().find(|(name, _)| tier.is(name)) {
        Some((_, own)) => {
            out.key("serviceTier");
            out.plain(own);
        }
        None => {
            crossing.meet(Field::ServiceTier)?;
        }
    }
    Ok(())
}
