//! How a Converse request is handled: limits, sampling, thinking, the shape of the answer.

use super::scan::Scan;
use crate::formats::claude::betas;
use crate::formats::shape::{Fault, count, place};
use crate::formats::thinking::thinking;
use crate::hub::{Extension, Field, OutputFormat, ReasoningMode, Request};
use crate::json::{Cursor, Json, Kind, Raw, Str};

/// Reads `inferenceConfig`.
pub(super) fn inference<'b>(scan: &mut Scan<'b>, request: &mut Request<'b>) -> Result<(), Fault> {
    scan.structure(&["maxTokens", "temperature", "topP", "stopSequences"], &mut |scan, name, at| {
        match name {
            "maxTokens" => {
                let limit = count(&mut scan.cursor)?;
                if limit == 0 {
                    return Err(Fault::wrong(at, "it must be at least 1"));
                }
                request.limits.max_tokens = Some(limit);
            }
            "temperature" => request.sampling.temperature = Some(scan.fraction()?),
            "topP" => request.sampling.top_p = Some(scan.fraction()?),
            _ => scan.list(&mut |scan, _| {
                request.sampling.stop_sequences.push(scan.filled()?);
                Ok(())
            })?,
        }
        Ok(())
    })
}

/// Reads `additionalModelRequestFields`: what vendors have that the service has no member for. Those of their words are read that
/// other formats can say, too; what is of another shape than theirs is noted, since the service hands on any JSON here.
pub(super) fn additional<'b>(scan: &mut Scan<'b>, request: &mut Request<'b>) -> Result<(), Fault> {
    if scan.cursor.peek()? != Kind::Object {
        let at = scan.cursor.offset();
        return scan.note(at, Field::Extension);
    }
    scan.cursor.enter_object()?;
    while let Some(name) = scan.cursor.member()? {
        let at = scan.cursor.offset();
        let value = scan.cursor.raw()?;
        if value != Raw::NULL && !vendors(&name.plain(), value.cursor(), request).unwrap_or(false) {
            scan.extensions.push(Extension { at: place(at), field: Field::Extension });
        }
    }
    Ok(())
}

/// Reads one member of a vendor's own; says whether it could.
fn vendors<'b>(name: &str, mut cursor: Cursor<'b>, request: &mut Request<'b>) -> Result<bool, Fault> {
    match name {
        // Claude.
        "thinking" | "reasoning_config" => thinking(&mut cursor, request.reasoning.get_or_insert_default())?,
        betas::MEMBER => return Ok(betas::read(cursor.raw()?, &mut request.betas)?),
        "top_k" => request.sampling.top_k = Some(cursor.number()?),
        // OpenAI's open models.
        "reasoning_effort" => request.reasoning.get_or_insert_default().effort = Some(cursor.string()?),
        // Nova.
        "inferenceConfig" => {
            cursor.enter_object()?;
            let mut all = true;
            while let Some(name) = cursor.member()? {
                if name.is("topK") {
                    request.sampling.top_k = Some(cursor.number()?);
                } else {
                    all = false;
                    cursor.skip()?;
                }
            }
            return Ok(all);
        }
        "reasoningConfig" => {
            cursor.enter_object()?;
            while let Some(name) = cursor.member()? {
                let reasoning = request.reasoning.get_or_insert_default();
                match &*name.into_plain() {
                    "type" => reasoning.mode = if cursor.string()?.is("disabled") { ReasoningMode::Off } else { ReasoningMode::On },
                    "maxReasoningEffort" => reasoning.effort = Some(cursor.string()?),
                    _ => cursor.skip()?,
                }
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Reads `outputConfig`.
pub(super) fn output<'b>(scan: &mut Scan<'b>, request: &mut Request<'b>) -> Result<(), Fault> {
    scan.structure(&["textFormat", "effort"], &mut |scan, name, at| {
        if name == "effort" {
            request.reasoning.get_or_insert_default().effort = Some(scan.cursor.string()?);
        } else {
            request.output = text_format(scan, at)?;
        }
        Ok(())
    })
}

fn text_format<'b>(scan: &mut Scan<'b>, at: usize) -> Result<Option<OutputFormat<'b>>, Fault> {
    let (mut kind, mut shape) = (None, None);
    scan.structure(&["type", "structure"], &mut |scan, name, _| {
        if name == "type" {
            kind = Some(scan.word(&["json_schema"])?);
        } else {
            shape = Some(scan.union(&["jsonSchema"], &mut |scan, _, at| schema(scan, at))?);
        }
        Ok(())
    })?;
    kind.ok_or(Fault::missing(at, "type"))?;
    shape.ok_or(Fault::missing(at, "structure"))
}

/// Reads a schema, which stands in a string here.
fn schema<'b>(scan: &mut Scan<'b>, at: usize) -> Result<OutputFormat<'b>, Fault> {
    let (mut schema, mut called, mut description) = (None, None, None);
    scan.structure(&["schema", "name", "description"], &mut |scan, name, at| {
        let text = scan.cursor.string()?;
        match name {
            "schema" if Raw::parse(&text.plain()).is_ok_and(|schema| schema.kind() == Kind::Object) => schema = Some(Json::Text(text)),
            "schema" => return Err(Fault::wrong(at, "it must hold a JSON schema, which is an object")),
            "name" => called = Some(text),
            _ => description = Some(text),
        }
        Ok(())
    })?;
    let schema = schema.ok_or(Fault::missing(at, "schema"))?;
    Ok(OutputFormat::JsonSchema { name: called, description, schema, strict: None })
}

/// Reads `requestMetadata`: texts by name.
pub(super) fn labels<'b>(scan: &mut Scan<'b>) -> Result<Raw<'b>, Fault> {
    let at = scan.cursor.offset();
    scan.cursor.enter_object()?;
    while scan.cursor.member()?.is_some() {
        scan.cursor.string()?;
    }
    Ok(scan.cursor.since(at))
}

/// Reads `serviceTier`.
pub(super) fn tier<'b>(scan: &mut Scan<'b>, at: usize) -> Result<Str<'b>, Fault> {
    let mut tier = None;
    scan.structure(&["type"], &mut |scan, _, _| {
        tier = Some(scan.word(&super::answer::TIERS)?);
        Ok(())
    })?;
    tier.map(Str::from_plain).ok_or(Fault::missing(at, "type"))
}

/// Reads `performanceConfig`.
pub(super) fn performance(scan: &mut Scan<'_>) -> Result<(), Fault> {
    scan.structure(&["latency"], &mut |scan, _, at| {
        if scan.word(&["standard", "optimized"])? == "optimized" {
            scan.extensions.push(Extension { at: place(at), field: Field::Extension });
        }
        Ok(())
    })
}
