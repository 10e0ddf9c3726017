//! `generationConfig`: limits, sampling, the shape of the answer and how much the model thinks.

use super::models::Model;
use super::thinking;
use crate::formats::crossing::Crossing;
use crate::formats::schema::{self, Dialect};
use crate::hub::{Field, OutputFormat, Rejection, Request};
use crate::json::{Out, Raw};

/// Writes the member, if there is something to say.
pub(super) fn encode(request: &Request<'_>, model: Model, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let mut config = Out::default();
    limits(request, &mut config, crossing)?;
    sampling(request, &mut config);
    output(request, &mut config, crossing)?;
    thinking::encode(request, model, &mut config, crossing)?;
    if !config.is_empty() {
        out.key("generationConfig");
        out.open_object();
        out.verbatim(&config.into_string());
        out.close_object();
    }
    Ok(())
}

fn limits(request: &Request<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    if let Some(limit) = request.limits.max_tokens {
        if limit == 0 {
            crossing.meet(Field::NoOutput)?;
        }
        out.key("maxOutputTokens");
        out.number(limit);
    }
    if let Some(count) = request.limits.choice_count.filter(|count| *count > 1) {
        out.key("candidateCount");
        out.number(count);
    }
    let stops = &request.sampling.stop_sequences;
    if !stops.is_empty() {
        out.key("stopSequences");
        out.open_array();
        stops.iter().for_each(|stop| out.string(stop));
        out.close_array();
    }
    Ok(())
}

fn sampling(request: &Request<'_>, out: &mut Out) {
    let sampling = &request.sampling;
    // Models without penalties refuse the members, even where they say nothing.
    let counts = |penalty: &Raw<'_>| penalty.as_str().parse() != Ok(0.0);
    for (name, value) in [
        ("temperature", sampling.temperature),
        ("topP", sampling.top_p),
        ("topK", sampling.top_k),
        ("seed", sampling.seed),
        ("presencePenalty", sampling.presence_penalty.filter(counts)),
        ("frequencyPenalty", sampling.frequency_penalty.filter(counts)),
    ] {
        if let Some(value) = value {
            out.key(name);
            out.raw(value);
        }
    }
    let top = sampling.top_logprobs.filter(|count| count.as_str() != "0");
    if sampling.logprobs || top.is_some() {
        out.key("responseLogprobs");
        out.boolean(true);
        if let Some(top) = top {
            out.key("logprobs");
            out.raw(top);
        }
    }
}

fn output(request: &Request<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let schema = match &request.output {
        None | Some(OutputFormat::Text) => return Ok(()),
        Some(OutputFormat::Json) => None,
        Some(OutputFormat::JsonSchema { name, description, schema, strict }) => {
            if name.is_some() || description.is_some() || strict.is_some() {
                crossing.meet(Field::JsonSchemaName)?;
            }
            Some(schema)
        }
    };
    out.key("responseMimeType");
    out.plain("application/json");
    if let Some(schema) = schema {
        out.key("responseJsonSchema");
        schema::encode(&schema::text(schema), Dialect::Unions, None, out, crossing)?;
    }
    Ok(())
}
