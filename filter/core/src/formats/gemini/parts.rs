//! The parts of a turn: text, media, calls with the signatures of the thinking behind them.

use super::media::{self, Medium};
use super::models::Model;
use super::results;
use super::tools::name_of;
use crate::formats::crossing::Crossing;
use crate::hub::{Field, Part, PartKind, Rejection, envelope};
use crate::json::{Json, Out, Str};
use crate::names::FormatId;
use std::collections::BTreeMap;

/// What stands for the signature of a call whose own did not come back: models that demand one do without where they find this (Google's
/// documentation of thought signatures).
pub(super) const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// Where parts are written, and what must be accounted for on the way.
pub(super) struct Pen<'p, 'c> {
    /// The request.
    pub out: &'p mut Out,
    /// What is not carried over.
    pub crossing: &'p mut Crossing<'c>,
}

/// The names by which the calls so far were told, by their ids: a result has to repeat both.
#[derive(Debug, Default)]
pub(super) struct Calls(BTreeMap<String, Str<'static>>);

impl Calls {
    /// The name of the last call of this id.
    pub(super) fn name(&self, id: &Str<'_>) -> Option<&Str<'static>> {
        self.0.get(&*id.plain())
    }
}

/// Whether thinking is signed by a model of this format, and so may go back to one.
pub(super) fn is_own(part: &PartKind<'_>) -> bool {
    own_signature(part).is_some()
}

fn own_signature<'b>(part: &PartKind<'b>) -> Option<Str<'b>> {
    match part {
        PartKind::Reasoning { signature: Some(signature), .. } => envelope::unwrap(signature, FormatId::Gemini),
        PartKind::Reasoning { signature: None, .. }
        | PartKind::Text(_)
        | PartKind::Refusal(_)
        | PartKind::Media { .. }
        | PartKind::RedactedReasoning(_)
        | PartKind::ToolCall { .. }
        | PartKind::ToolCallResponse { .. }
        | PartKind::Opaque(_) => None,
    }
}

/// Writes a turn of the user's: first the results of tools, then what they show, then what is said.
pub(super) fn asked(parts: &[&Part<'_>], calls: &Calls, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    let mut shown = Vec::new();
    let results = parts.iter().take_while(|part| matches!(part.kind, PartKind::ToolCallResponse { .. })).count();
    let (results, said) = parts.split_at_checked(results).unwrap_or((parts, &[]));
    for part in results {
        results::encode(part, calls, &mut shown, pen)?;
    }
    for (id, part) in shown {
        results::label(id, pen.out);
        encode(part, &mut None, pen)?;
    }
    said.iter().try_for_each(|part| encode(part, &mut None, pen))
}

/// Writes a turn of the model's. A signature belongs to the part behind the thinking that it signs; where none follows it stands with an
/// empty text, as the API itself sends it.
pub(super) fn answered(parts: &[&Part<'_>], model: Model, calls: &mut Calls, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    let mut signature: Option<Str<'_>> = None;
    let mut unsigned = model.demands_signatures();
    for part in parts {
        if let (PartKind::Reasoning { text, .. }, Some(own)) = (&part.kind, own_signature(&part.kind)) {
            lone(&mut signature, pen.out);
            if !text.is_blank() {
                pen.out.constant(r#"{"thought":true,"text":""#);
                pen.out.verbatim(text.as_escaped());
                pen.out.verbatim("\"}");
            }
            signature = Some(own);
            continue;
        }
        if let PartKind::ToolCall { id, name, .. } = &part.kind {
            if unsigned && signature.is_none() {
                signature = Some(Str::from_plain(NO_SIGNATURE));
            }
            unsigned = false;
            let name = name_of(name, part.at, pen.crossing)?.into_owned();
            calls.0.insert(id.plain().into_owned(), name);
        }
        encode(part, &mut signature, pen)?;
    }
    lone(&mut signature, pen.out);
    Ok(())
}

/// Writes a signature without a part of its own.
fn lone(signature: &mut Option<Str<'_>>, out: &mut Out) {
    if signature.is_some() {
        out.open_object();
        out.key("text");
        out.plain("");
        sign(signature, out);
        out.close_object();
    }
}

fn sign(signature: &mut Option<Str<'_>>, out: &mut Out) {
    if let Some(signature) = signature.take() {
        out.key("thoughtSignature");
        out.string(&signature);
    }
}

/// Writes one part, and the signature that belongs to it.
pub(super) fn encode(part: &Part<'_>, signature: &mut Option<Str<'_>>, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    if part.cache.is_some() {
        pen.crossing.meet_at(Field::CacheHint, part.at)?;
    }
    match &part.kind {
        PartKind::Text(text) => said(&[text], pen.out),
        PartKind::Refusal(text) => {
            pen.crossing.meet_at(Field::Refusal, part.at)?;
            said(&[text], pen.out);
        }
        PartKind::Media { modality, mime_type, source, detail, name, about } => {
            if about.is_some() {
                pen.crossing.meet_at(Field::DocumentExtras, part.at)?;
            }
            if detail.is_some() {
                pen.crossing.meet_at(Field::ImageDetail, part.at)?;
            }
            let medium = Medium { modality: *modality, mime_type, source, name: name.as_ref(), at: part.at };
            if !media::encode(&medium, pen)? {
                return Ok(());
            }
        }
        PartKind::ToolCall { id, name, arguments, .. } => call(id, name, arguments, part.at, pen)?,
        PartKind::ToolCallResponse { .. } | PartKind::Opaque(_) => return leave(Field::OpaquePart, part.at, pen),
        PartKind::Reasoning { .. } | PartKind::RedactedReasoning(_) => return leave(Field::ForeignReasoning, part.at, pen),
    }
    sign(signature, pen.out);
    pen.out.close_object();
    Ok(())
}

/// Opens a part of text.
pub(super) fn said(pieces: &[&Str<'_>], out: &mut Out) {
    out.open_object();
    out.key("text");
    out.string_of(pieces);
}

fn leave(field: Field, at: u32, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    pen.crossing.meet_at(field, at).map(|_| ())
}

fn call(id: &Str<'_>, name: &Str<'_>, arguments: &Json<'_>, at: u32, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    let input = pen.crossing.arguments(arguments, at)?;
    let name = name_of(name, at, pen.crossing)?;
    pen.out.open_object();
    pen.out.key("functionCall");
    pen.out.open_object();
    if !id.is_empty() {
        pen.out.key("id");
        pen.out.string(id);
    }
    pen.out.key("name");
    pen.out.string(&name);
    pen.out.key("args");
    pen.out.verbatim(&input);
    pen.out.close_object();
    Ok(())
}
