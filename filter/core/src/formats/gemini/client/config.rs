//! `generationConfig`: limits, sampling, the shape of the answer and how much the model thinks.

use super::decode::Decoded;
use super::tools::note_schema;
use super::wire::{count, list, member, number, whole, word};
use crate::formats::shape::{Fault, place};
use crate::hub::{Extension, Field, OutputFormat, Reasoning, ReasoningMode, Request};
use crate::json::{Cursor, Json, Kind, Raw, Str};

/// Reads the member.
pub(super) fn decode<'b>(cursor: &mut Cursor<'b>, decoded: &mut Decoded<'b>) -> Result<(), Fault> {
    let (mut mime, mut schema) = (None, None);
    cursor.enter_object()?;
    while let Some((name, at)) = member(cursor)? {
        match &*name {
            "responseMimeType" => mime = Some((cursor.string()?, at)),
            "responseSchema" | "responseJsonSchema" => schema = Some(note_schema(cursor, decoded)?),
            "thinkingConfig" => thinking(cursor, decoded.request.reasoning.get_or_insert_default())?,
            name => {
                if !(limits(name, cursor, &mut decoded.request)? || sampling(name, cursor, &mut decoded.request)?) {
                    other(name, at, cursor, &mut decoded.request)?;
                }
            }
        }
    }
    decoded.request.output = match (mime, schema) {
        (None, None) => None,
        (None, Some(schema)) => Some(shape(schema)),
        (Some((mime, at)), schema) => match (&*mime.plain(), schema) {
            ("application/json", Some(schema)) => Some(shape(schema)),
            ("application/json", None) => Some(OutputFormat::Json),
            ("text/plain" | "", _) => None,
            ("text/x.enum", _) => {
                decoded.request.extensions.push(Extension { at: place(at), field: Field::UntakenPromise });
                None
            }
            _ => return Err(Fault::wrong(at, "it must be text/plain, application/json or text/x.enum")),
        },
    };
    Ok(())
}

const fn shape(schema: Raw<'_>) -> OutputFormat<'_> {
    OutputFormat::JsonSchema { name: None, description: None, schema: Json::Value(schema), strict: None }
}

fn limits<'b>(name: &str, cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<bool, Fault> {
    match name {
        "maxOutputTokens" => request.limits.max_tokens = Some(count(cursor)?),
        "candidateCount" => request.limits.choice_count = Some(count(cursor)?),
        "stopSequences" => {
            let stops = &mut request.sampling.stop_sequences;
            stops.clear();
            list(cursor, |cursor| {
                stops.push(cursor.string()?);
                Ok(())
            })?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn sampling<'b>(name: &str, cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<bool, Fault> {
    let sampling = &mut request.sampling;
    match name {
        "temperature" => sampling.temperature = Some(number(cursor)?),
        "topP" => sampling.top_p = Some(number(cursor)?),
        "topK" => sampling.top_k = Some(whole(cursor)?),
        "seed" => sampling.seed = Some(whole(cursor)?),
        "presencePenalty" => sampling.presence_penalty = Some(number(cursor)?),
        "frequencyPenalty" => sampling.frequency_penalty = Some(number(cursor)?),
        "responseLogprobs" => sampling.logprobs = cursor.boolean()?,
        "logprobs" => sampling.top_logprobs = Some(whole(cursor)?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// What only this format has, and what others have in another form that no answer brings back.
fn other<'b>(name: &str, at: usize, cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<(), Fault> {
    let field = match name {
        "responseModalities" => {
            const MODALITIES: [(&str, bool); 4] = [("TEXT", false), ("IMAGE", true), ("AUDIO", true), ("VIDEO", true)];
            let mut others = false;
            list(cursor, |cursor| {
                others |= word(cursor, &MODALITIES)?.unwrap_or(false);
                Ok(())
            })?;
            if !others {
                return Ok(());
            }
            Field::Modalities
        }
        "responseFormat" => {
            cursor.skip()?;
            Field::UntakenPromise
        }
        "mediaResolution" => {
            cursor.string()?;
            Field::ImageDetail
        }
        _ if cursor.peek()? == Kind::Boolean && !cursor.clone().boolean()? => return Ok(cursor.skip()?),
        _ => {
            cursor.skip()?;
            Field::Extension
        }
    };
    request.extensions.push(Extension { at: place(at), field });
    Ok(())
}

fn thinking<'b>(cursor: &mut Cursor<'b>, reasoning: &mut Reasoning<'b>) -> Result<(), Fault> {
    const LEVELS: [(&str, &str); 5] = [("MINIMAL", "minimal"), ("LOW", "low"), ("MEDIUM", "medium"), ("HIGH", "high"), ("XHIGH", "xhigh")];
    cursor.enter_object()?;
    while let Some((name, at)) = member(cursor)? {
        match &*name {
            "includeThoughts" => reasoning.show = Some(cursor.boolean()?),
            "thinkingLevel" => reasoning.effort = word(cursor, &LEVELS)?.map(Str::from_plain),
            "thinkingBudget" => match whole(cursor)?.as_str() {
                "-1" => reasoning.mode = ReasoningMode::Adaptive,
                "0" => reasoning.mode = ReasoningMode::Off,
                budget => reasoning.budget = Some(budget.parse().map_err(|_negative| Fault::wrong(at, "it must be -1 or more"))?),
            },
            _ => cursor.skip()?,
        }
    }
    Ok(())
}
