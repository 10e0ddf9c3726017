//! Requests as Messages has them. What the model's prompt cache looks at stands in its order: tools, system, messages.

use super::Carrier;
use super::parts::Pen;
use super::{parts, sampling, tools};
use crate::formats::Onward;
use crate::formats::breakpoints::Breakpoints;
use crate::formats::claude::{Model, Plan, Takes, betas};
use crate::formats::crossing::Crossing;
use crate::formats::offer::allowed;
use crate::formats::schema::{self, Dialect};
use crate::formats::turns::{Conversation, OPENING, Speaker};
use crate::hub::{Field, OutputFormat, PartKind, Rejection, Request};
use crate::json::Out;

/// Writes a request body.
///
/// # Errors
/// An element that the format can't express and that may not be left out; `param` is the client's own path of it.
pub(super) fn encode(request: &Request<'_>, onward: &Onward<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let name = onward.model.unwrap_or_default();
    let model = Model::of(name);
    let conversation = Conversation::of(request, parts::is_own, crossing)?;
    let plan = Plan::of(request, model, onward, &conversation, crossing)?;
    crossing.meet_settings(request)?;
    let offered = allowed(request, crossing)?;
    let breakpoints = Breakpoints::of(&offered, &conversation);
    out.open_object();
    onward.dialect.carrier.open(name, onward.beside.counts, out);
    match onward.dialect.carrier {
        Carrier::Own | Carrier::Vertex => crossing.flag(&request.betas),
        Carrier::Bedrock => betas::translate(request, &onward.beside, out, crossing)?,
    }
    out.key("max_tokens");
    out.number(plan.max_tokens);
    let mut pen = Pen { out, crossing, breakpoints, sources: &request.citations };
    tools::encode(request, &offered, &mut pen)?;
    system(&conversation, &mut pen)?;
    messages(&conversation, &mut pen)?;
    plan.write_thinking(out);
    output(request, &plan, out, crossing)?;
    let takes = if model.sampling && !plan.thinks() { Takes::One } else { Takes::Nothing };
    sampling::encode(request, takes, out, crossing)?;
    if let Some(user) = &request.end_user {
        out.key("metadata");
        out.open_object();
        out.key("user_id");
        out.string(user);
        out.close_object();
    }
    tier(request, onward.dialect.carrier, out, crossing)?;
    if request.stream && onward.dialect.carrier.streams_by_body() {
        out.key("stream");
        out.boolean(true);
    }
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
        pen.out.open_object();
        pen.out.key("role");
        pen.out.plain("user");
        pen.out.key("content");
        pen.out.plain(OPENING);
        pen.out.close_object();
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
        pen.out.close_array();
        pen.out.close_object();
    }
    pen.out.close_array();
    Ok(())
}

/// `output_config`: the shape of the answer and the effort.
fn output(request: &Request<'_>, plan: &Plan, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let schema = match &request.output {
        None | Some(OutputFormat::Text) => None,
        Some(OutputFormat::Json) => {
            crossing.meet(Field::JsonMode)?;
            None
        }
        Some(OutputFormat::JsonSchema { name, description, schema, strict }) => {
            if name.is_some() || description.is_some() || strict.is_some() {
                crossing.meet(Field::JsonSchemaName)?;
            }
            Some(schema)
        }
    };
    if schema.is_none() && plan.effort().is_none() {
        return Ok(());
    }
    out.key("output_config");
    out.open_object();
    if let Some(effort) = plan.effort() {
        out.key("effort");
        out.plain(effort);
    }
    if let Some(schema) = schema {
        out.key("format");
        out.open_object();
        out.key("type");
        out.plain("json_schema");
        out.key("schema");
        schema::encode(&schema::text(schema), Dialect::Closed, None, out, crossing)?;
        out.close_object();
    }
    out.close_object();
    Ok(())
}

/// Writes the one tier that both sides have; `auto` is the default on both.
/// The tier without priority, which the clouds that carry the format don't know: there it is the only one.
fn tier(request: &Request<'_>, carrier: Carrier, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    match request.service_tier.as_ref() {
        Some(tier) if carrier != Carrier::Own && (tier.is("default") || tier.is("standard")) => {}
        Some(tier) if tier.is("default") || tier.is("standard") => {
            out.key("service_tier");
            out.plain("standard_only");
        }
        Some(tier) if !tier.is("auto") => {
            crossing.meet(Field::ServiceTier)?;
        }
        Some(_) | None => {}
    }
    Ok(())
}
