//! Requests as chat has them. What a prompt cache looks at stands in its order: tools, then messages.

use super::pen::Pen;
use super::{sampling, tools, turns};
use crate::formats::Onward;
use crate::formats::crossing::Crossing;
use crate::formats::openai_models::Model;
use crate::formats::schema;
use crate::hub::{Field, OutputFormat, Rejection, Request};
use crate::json::{Out, Raw, Str};
use crate::providers::OutputLimit;

/// Writes a request body.
///
/// # Errors
/// An element that the format can't express and that may not be left out; `param` is the client's own path of it.
pub(in super::super) fn encode(
    request: &Request<'_>,
    onward: &Onward<'_>,
    out: &mut Out,
    crossing: &mut Crossing<'_>,
) -> Result<(), Rejection> {
    let name = onward.model.unwrap_or_default();
    let model = Model::of(name, &onward.dialect);
    crossing.meet_settings(request)?;
    out.open_object();
    out.key("model");
    out.plain(name);
    tools::encode(request, out, crossing)?;
    turns::encode(request, onward, out, crossing)?;
    if let Some(limit) = request.limits.max_tokens {
        if limit == 0 {
            crossing.meet(Field::NoOutput)?;
        }
        out.key(match onward.dialect.output_limit {
            OutputLimit::MaxCompletionTokens => "max_completion_tokens",
            OutputLimit::MaxTokens => "max_tokens",
        });
        out.number(limit);
    }
    output(request, out, crossing)?;
    let mut pen = Pen { out, crossing, dialect: &onward.dialect };
    sampling::encode(request, model, &mut pen)?;
    settings(request, &mut pen)?;
    if request.stream {
        out.key("stream");
        out.boolean(true);
        if onward.dialect.include_usage {
            out.key("stream_options");
            out.open_object();
            out.key("include_usage");
            out.boolean(true);
            out.close_object();
        }
    }
    out.close_object();
    Ok(())
}

/// `response_format`: the shape of the answer.
fn output(request: &Request<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    match &request.output {
        None | Some(OutputFormat::Text) => {}
        Some(OutputFormat::Json) => {
            out.key("response_format");
            out.open_object();
            out.key("type");
            out.plain("json_object");
            out.close_object();
        }
        Some(OutputFormat::JsonSchema { name, description, schema, strict }) => {
            out.key("response_format");
            out.open_object();
            out.key("type");
            out.plain("json_schema");
            out.key("json_schema");
            out.open_object();
            out.key("name");
            match name.as_ref().filter(|name| !name.is_empty()) {
                Some(name) => out.string(name),
                // The format demands one.
                None => out.plain("response"),
            }
            if let Some(description) = description {
                out.key("description");
                out.string(description);
            }
            out.key("schema");
            let schema = schema::text(schema);
            out.verbatim(&schema);
            if let Some(strict) = schema::strictness(*strict, &schema, None, crossing)? {
                out.key("strict");
                out.boolean(strict);
            }
            out.close_object();
            out.close_object();
        }
    }
    Ok(())
}

/// What the table of fates carries as it is.
fn settings(request: &Request<'_>, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    let standard = Str::from_plain("default");
    let tier = request.service_tier.as_ref().map(|tier| if tier.is("standard") { &standard } else { tier });
    pen.string("service_tier", tier)?;
    pen.string("user", request.end_user.as_ref())?;
    pen.string("prompt_cache_key", request.cache_key.as_ref())?;
    pen.string("verbosity", request.verbosity.as_ref())?;
    pen.raw("metadata", request.metadata)?;
    pen.raw("store", request.state.store.map(|store| if store { Raw::TRUE } else { Raw::FALSE }))?;
    if let Some(count) = request.limits.choice_count.filter(|count| *count != 1 || pen.dialect.spelled("n").is_some())
        && pen.key("n")?
    {
        pen.out.number(count);
    }
    Ok(())
}
