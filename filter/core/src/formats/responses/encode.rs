//! Requests as Responses has them. Nothing refers to state on the provider's side, and nothing is kept there unless the client asks.

use super::decode::{CIPHER, LOGPROBS};
use super::sent::Pen;
use super::{asked_tools, sent};
use crate::formats::Onward;
use crate::formats::crossing::Crossing;
use crate::formats::openai_models::{Efforts, Model};
use crate::formats::schema;
use crate::hub::{Fate, Field, OutputFormat, Part, PartKind, Rejection, Request, Wish};
use crate::json::{Out, Raw};

/// The name of a schema that the client gave none, which the format demands.
const SCHEMA_NAME: &str = "response";

/// Writes a request body.
///
/// # Errors
/// An element that the format can't express and that may not be left out; `param` is the client's own path of it.
pub(super) fn encode(request: &Request<'_>, onward: &Onward<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let name = onward.model.unwrap_or_default();
    let model = Model::of(name, &onward.dialect);
    crossing.meet_settings(request)?;
    if !request.sampling.stop_sequences.is_empty() {
        crossing.meet(Field::StopSequences)?;
    }
    if request.sampling.top_k.is_some() {
        crossing.meet(Field::TopK)?;
    }
    if request.limits.max_tokens == Some(0) {
        crossing.meet(Field::NoOutput)?;
    }
    out.open_object();
    out.key("model");
    out.plain(name);
    let mut pen = Pen::new(request, out, crossing);
    instructions(request, &mut pen)?;
    sent::input(request, &mut pen)?;
    asked_tools::encode(request, pen.out, pen.crossing)?;
    text(request, out, crossing)?;
    let ciphers = reasoning(request, model, out, crossing)?;
    sampling(request, model, out, crossing)?;
    let top = request.sampling.top_logprobs.filter(|count| count.as_str() != "0");
    let likely = request.sampling.logprobs || top.is_some();
    if let Some(top) = top {
        out.key("top_logprobs");
        out.raw(top);
    }
    if ciphers || likely {
        out.key("include");
        out.open_array();
        if ciphers {
            out.plain(CIPHER);
        }
        if likely {
            out.plain(LOGPROBS);
        }
        out.close_array();
    }
    settings(request, out);
    out.close_object();
    Ok(())
}

/// One instruction stands in a member of its own; several, which a prompt cache tells apart, begin the input instead.
fn instructions(request: &Request<'_>, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    if let [part] = request.system_instructions.as_slice()
        && let PartKind::Text(text) = &part.kind
    {
        pen.hint(part)?;
        pen.out.key("instructions");
        pen.out.string(text);
    }
    Ok(())
}

/// The instructions that begin the input.
pub(super) fn leading<'r, 'b>(request: &'r Request<'b>) -> &'r [Part<'b>] {
    match request.system_instructions.as_slice() {
        [Part { kind: PartKind::Text(_), .. }] => &[],
        parts => parts,
    }
}

/// `text`: the shape of the answer, and how wordy it shall be.
fn text(request: &Request<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let shaped = matches!(request.output, Some(OutputFormat::Json | OutputFormat::JsonSchema { .. }));
    if !shaped && request.verbosity.is_none() {
        return Ok(());
    }
    out.key("text");
    out.open_object();
    match &request.output {
        Some(OutputFormat::Json) => {
            out.key("format");
            out.open_object();
            out.key("type");
            out.plain("json_object");
            out.close_object();
        }
        Some(OutputFormat::JsonSchema { name, description, schema, strict }) => {
            out.key("format");
            out.open_object();
            out.key("type");
            out.plain("json_schema");
            out.key("name");
            match name {
                Some(name) => out.string(name),
                None => out.plain(SCHEMA_NAME),
            }
            if let Some(description) = description {
                out.key("description");
                out.string(description);
            }
            out.key("schema");
            let schema = schema::text(schema);
            out.verbatim(&schema);
            out.key("strict");
            out.boolean(schema::strictness(*strict, &schema, None, crossing)?.unwrap_or(false));
            out.close_object();
        }
        Some(OutputFormat::Text) | None => {}
    }
    if let Some(verbosity) = &request.verbosity {
        out.key("verbosity");
        out.string(verbosity);
    }
    out.close_object();
    Ok(())
}

/// Writes `reasoning`; whether the model's thinking comes with ciphertext that can be asked for.
fn reasoning(request: &Request<'_>, model: Model, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<bool, Rejection> {
    let Some(reasoning) = &request.reasoning else { return Ok(model.ciphers()) };
    let wished = match reasoning.wish() {
        Some(Wish::On { effort, .. }) => Some(effort),
        Some(Wish::Off) => Some("none"),
        // As it sees fit is what the model does without the member.
        Some(Wish::Free) => None,
        None => {
            if reasoning.effort.is_some() {
                crossing.meet(Field::ReasoningModel)?;
            }
            None
        }
    };
    let effort = wished.and_then(|wished| model.nearest(wished));
    match (wished, effort) {
        (Some(wished), Some(effort)) if wished != effort => {
            crossing.meet(Field::ReasoningRange)?;
        }
        // A model that never thinks does what was wished.
        (Some("none"), None) if model.sampling => {}
        (Some(_), None) => {
            crossing.meet(Field::ReasoningModel)?;
        }
        (Some(_), Some(_)) | (None, _) => {}
    }
    let show = reasoning.show == Some(true) && model.efforts != Efforts::None && wished != Some("none");
    if effort.is_some() || show {
        out.key("reasoning");
        out.open_object();
        if let Some(effort) = effort {
            crossing.meet(Field::ReasoningEffort)?;
            out.key("effort");
            out.plain(effort);
        }
        if show {
            out.key("summary");
            out.plain("auto");
        }
        out.close_object();
    }
    Ok(model.ciphers() && effort != Some("none") || wished.is_some_and(|wished| wished != "none") && effort.is_some())
}

fn sampling(request: &Request<'_>, model: Model, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let sampling = &request.sampling;
    let members = [
        ("temperature", sampling.temperature, Field::TemperatureDefault, Field::Temperature),
        ("top_p", sampling.top_p, Field::TopPDefault, Field::TopP),
    ];
    for (name, value, default, lost) in members {
        let Some(value) = value else { continue };
        // Models that refuse sampling refuse it even at its default.
        if value.as_str().parse() == Ok(1.0) && crossing.meet(default)? != Fate::Carry {
            continue;
        }
        if !model.sampling && crossing.meet(lost)? != Fate::Carry {
            continue;
        }
        out.key(name);
        out.raw(value);
    }
    if let Some(limit) = request.limits.max_tokens {
        out.key("max_output_tokens");
        out.number(limit);
    }
    Ok(())
}

fn settings(request: &Request<'_>, out: &mut Out) {
    if let Some(labels) = request.metadata.filter(|labels: &Raw<'_>| labels.as_str() != "{}") {
        out.key("metadata");
        out.raw(labels);
    }
    for (name, value) in [("prompt_cache_key", &request.cache_key), ("safety_identifier", &request.end_user)] {
        if let Some(value) = value {
            out.key(name);
            out.string(value);
        }
    }
    if let Some(tier) = &request.service_tier {
        out.key("service_tier");
        // Other vendors' words for the tier that this one calls the default.
        if tier.is("standard") || tier.is("standard_only") { out.plain("default") } else { out.string(tier) }
    }
    // The format's default is to keep answers; no other format's is.
    out.key("store");
    out.boolean(request.state.store == Some(true));
    if request.stream {
        out.key("stream");
        out.boolean(true);
    }
}
