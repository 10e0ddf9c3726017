//! What stands beside the conversation: limits, sampling, the shape of the answer, thinking, tier and labels.

use super::models::Family;
use crate::formats::Beside;
use crate::formats::claude::{Plan, Sampling, Takes, betas};
use crate::formats::crossing::Crossing;
use crate::hub::{Field, OutputFormat, Rejection, Request, Wish};
use crate::json::{Kind, Out, Str};

/// Most labels of a request.
const MAX_LABELS: usize = 16;

/// Longest name and value of a label, in characters.
const MAX_LABEL: usize = 256;

/// Writes all of it.
pub(super) fn encode(
    request: &Request<'_>,
    beside: &Beside<'_>,
    (family, plan): (Family, Option<&Plan>),
    out: &mut Out,
    crossing: &mut Crossing<'_>,
) -> Result<(), Rejection> {
    let takes = match family {
        Family::Claude(model) if !model.sampling || plan.is_some_and(Plan::thinks) => Takes::Nothing,
        Family::Claude(_) => Takes::One,
        Family::Nova | Family::Other => Takes::Both,
    };
    let sampling = Sampling::of(request, takes, crossing)?;
    // What the limit of a model is that is given none nobody says; a budget has to be below it.
    let limit = request.limits.max_tokens.or_else(|| plan.filter(|plan| plan.has_budget()).map(|plan| plan.max_tokens));
    inference(limit, &sampling, out, crossing)?;
    output(request, effort(request, plan, crossing)?, out, crossing)?;
    let mut fields = Out::default();
    match family {
        Family::Claude(_) => betas::translate(request, beside, &mut fields, crossing)?,
        Family::Nova | Family::Other if !(beside.betas.is_empty() && request.betas.is_empty()) => {
            crossing.meet(Field::BetaFlag)?;
        }
        Family::Nova | Family::Other => {}
    }
    additional(fields, (family, plan), &sampling, out, crossing)?;
    tier(request, out, crossing)?;
    labels(request, out, crossing)
}

fn inference(limit: Option<u64>, sampling: &Sampling<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    if limit == Some(0) {
        crossing.meet(Field::NoOutput)?;
    }
    if limit.is_none() && sampling.temperature.is_none() && sampling.top_p.is_none() && sampling.stops.is_empty() {
        return Ok(());
    }
    out.key("inferenceConfig");
    out.open_object();
    if let Some(limit) = limit {
        out.key("maxTokens");
        out.number(limit);
    }
    for (name, value) in [("temperature", sampling.temperature), ("topP", sampling.top_p)] {
        if let Some(value) = value {
            out.key(name);
            out.raw(value);
        }
    }
    if !sampling.stops.is_empty() {
        out.key("stopSequences");
        out.open_array();
        sampling.stops.iter().for_each(|stop| out.string(stop));
        out.close_array();
    }
    out.close_object();
    Ok(())
}

/// The degree of thinking that is asked for: of Claude models what their plan says, of others the client's own.
fn effort(request: &Request<'_>, plan: Option<&Plan>, crossing: &mut Crossing<'_>) -> Result<Option<&'static str>, Rejection> {
    if let Some(plan) = plan {
        return Ok(plan.effort());
    }
    let Some(reasoning) = &request.reasoning else { return Ok(None) };
    match reasoning.wish() {
        Some(Wish::On { effort, .. }) => {
            crossing.meet(Field::ReasoningEffort)?;
            if effort == "minimal" {
                crossing.meet(Field::ReasoningRange)?;
                return Ok(Some("low"));
            }
            Ok(Some(effort))
        }
        Some(Wish::Free) => Ok(None),
        None if reasoning.effort.is_none() => Ok(None),
        // How models of other vendors are told not to think is not the same for any two.
        Some(Wish::Off) | None => {
            crossing.meet(Field::ReasoningModel)?;
            Ok(None)
        }
    }
}

/// `outputConfig`: the shape of the answer and the effort.
fn output(request: &Request<'_>, effort: Option<&str>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let schema = match &request.output {
        None | Some(OutputFormat::Text) => None,
        Some(OutputFormat::Json) => {
            crossing.meet(Field::JsonMode)?;
            None
        }
        Some(OutputFormat::JsonSchema { name, description, schema, .. }) => Some((name, description, schema)),
    };
    if schema.is_none() && effort.is_none() {
        return Ok(());
    }
    out.key("outputConfig");
    out.open_object();
    if let Some((name, description, schema)) = schema {
        out.constant(r#""textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"#);
        out.json_as_string(schema);
        for (member, text) in [("name", name), ("description", description)] {
            if let Some(text) = text {
                out.key(member);
                out.string(text);
            }
        }
        out.verbatim("}}}");
    }
    if let Some(effort) = effort {
        out.key("effort");
        out.plain(effort);
    }
    out.close_object();
    Ok(())
}

/// `additionalModelRequestFields`: what only some models take.
fn additional(
    mut fields: Out,
    (family, plan): (Family, Option<&Plan>),
    sampling: &Sampling<'_>,
    out: &mut Out,
    crossing: &mut Crossing<'_>,
) -> Result<(), Rejection> {
    if let Some(plan) = plan {
        plan.write_thinking(&mut fields);
    }
    if let Some(top_k) = sampling.top_k {
        match family {
            Family::Claude(_) => {
                fields.key("top_k");
                fields.raw(top_k);
            }
            Family::Nova => {
                fields.constant(r#""inferenceConfig":{"topK":"#);
                fields.raw(top_k);
                fields.close_object();
            }
            Family::Other => {
                crossing.meet(Field::TopKModel)?;
            }
        }
    }
    if !fields.is_empty() {
        out.key("additionalModelRequestFields");
        out.open_object();
        out.verbatim(&fields.into_string());
        out.close_object();
    }
    Ok(())
}

/// Writes the tiers that both sides have; `auto` is the default.
fn tier(request: &Request<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let Some(tier) = request.service_tier.as_ref().filter(|tier| !tier.is("auto")) else { return Ok(()) };
    let known = [
        ("default", "default"),
        ("standard", "default"),
        ("standard_only", "default"),
        ("flex", "flex"),
        ("priority", "priority"),
        ("reserved", "reserved"),
    ];
    match known.into_iter().find(|(name, _)| tier.is(name)) {
        Some((_, own)) => {
            out.constant(r#""serviceTier":{"type":"#);
            out.plain(own);
            out.close_object();
        }
        None => {
            crossing.meet(Field::ServiceTier)?;
        }
    }
    Ok(())
}

/// `requestMetadata`: the client's labels, and its user among them.
fn labels(request: &Request<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let mut labels: Vec<(Str<'_>, Str<'_>)> = Vec::new();
    let mut fits = true;
    if let Some(metadata) = request.metadata {
        let mut cursor = metadata.cursor();
        let read = cursor.enter_object().is_ok();
        while let (true, Ok(Some(name))) = (read, cursor.member()) {
            match cursor.peek() {
                Ok(Kind::String) => labels.extend(cursor.string().ok().map(|value| (name, value))),
                Ok(_) | Err(_) => {
                    fits = false;
                    if cursor.skip().is_err() {
                        break;
                    }
                }
            }
        }
    }
    if let Some(user) = &request.end_user
        && !labels.iter().any(|(name, _)| name.is("user_id"))
    {
        labels.push((Str::from_plain("user_id"), user.reborrow()));
    }
    let whole = labels.len();
    labels.retain(|(name, value)| !name.is_empty() && is_label(name) && is_label(value));
    labels.truncate(MAX_LABELS);
    if !fits || labels.len() < whole {
        crossing.meet(Field::LabelForm)?;
    }
    if labels.is_empty() {
        return Ok(());
    }
    out.key("requestMetadata");
    out.open_object();
    for (name, value) in &labels {
        out.key_escaped(name);
        out.string(value);
    }
    out.close_object();
    Ok(())
}

/// Whether a text is of the alphabet and length that the service takes.
fn is_label(text: &Str<'_>) -> bool {
    let plain = text.plain();
    let taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | ':' | '_' | '@' | '$' | '#' | '=' | '/' | '+' | ',' | '-' | '.');
    plain.len() <= MAX_LABEL && plain.chars().all(taken)
}
