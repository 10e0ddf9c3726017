//! Content blocks: text, thinking, tool calls and their results. A prompt-cache breakpoint is a block of its own.

use super::citations;
use super::media::{self, Medium};
use super::models::Family;
use super::results;
use crate::formats::breakpoints::{Breakpoint, Breakpoints};
use crate::formats::crossing::Crossing;
use crate::formats::ids::named_id;
use crate::hub::{Citation, Field, Part, PartKind, Rejection, envelope};
use crate::json::{Json, Out, Raw, Str};
use crate::names::FormatId;
use std::collections::BTreeMap;

/// Longest name of a tool, in characters.
pub(super) const MAX_NAME: usize = 64;

/// Where blocks are written, and what must be accounted for on the way.
pub(super) struct Pen<'p, 'c> {
    /// The request.
    pub out: &'p mut Out,
    /// What is not carried over.
    pub crossing: &'p mut Crossing<'c>,
    /// The prompt-cache breakpoints.
    pub breakpoints: Breakpoints,
    /// The model's.
    pub family: Family,
    /// The sources that turns name.
    pub sources: &'p [(u32, Citation<'p>)],
    /// The names of documents so far, each of which must have its own, and the number behind the last one that was made of it.
    pub documents: BTreeMap<String, usize>,
}

impl Pen<'_, '_> {
    /// The breakpoint that is written behind an element at byte `at`.
    pub(super) fn breakpoint<'b>(&mut self, cache: Option<Raw<'b>>, at: u32) -> Result<Option<Breakpoint<'b>>, Rejection> {
        if cache.is_some() && !self.family.has_cache() {
            self.crossing.meet_at(Field::CacheModel, at)?;
            return Ok(None);
        }
        self.breakpoints.next(cache, at, self.crossing)
    }

    /// Writes a breakpoint as the block that it is.
    pub(super) fn write(&mut self, breakpoint: Option<Breakpoint<'_>>) -> Result<(), Rejection> {
        let Some(Breakpoint { time }) = breakpoint else { return Ok(()) };
        self.out.constant(r#"{"cachePoint":{"type":"default""#);
        match time {
            Some(time) if self.family.has_whole_cache() => {
                self.out.key("ttl");
                self.out.string(&time);
            }
            // The usual time is the one that the model has.
            Some(time) if !time.is("5m") => {
                self.crossing.meet(Field::CacheTime)?;
            }
            Some(_) | None => {}
        }
        self.out.close_object();
        self.out.close_object();
        Ok(())
    }
}

/// Whether thinking is signed by a model of this format, and so may go back to one.
pub(super) fn is_own(part: &PartKind<'_>) -> bool {
    envelope::proof(part, FormatId::Converse).is_some()
}

/// Writes one part as a block, and its breakpoint behind it.
pub(super) fn encode(part: &Part<'_>, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    match &part.kind {
        PartKind::Text(text) if pen.sources.is_empty() => said(text, pen.out),
        PartKind::Text(text) => {
            let family = pen.family;
            let sources = pen.crossing.sources(pen.sources, part.at, |source| family.names(source))?;
            match sources.as_slice() {
                [] => said(text, pen.out),
                sources => citations::encode_block(text, sources.iter().copied(), pen.out),
            }
        }
        PartKind::Refusal(text) => {
            pen.crossing.meet_at(Field::Refusal, part.at)?;
            said(text, pen.out);
        }
        PartKind::Media { modality, mime_type, source, detail, name, about } => {
            if detail.is_some() {
                pen.crossing.meet_at(Field::ImageDetail, part.at)?;
            }
            media::encode(
                &Medium { modality: *modality, mime_type, source, name: name.as_ref(), about: about.as_deref(), at: part.at },
                pen,
            )?;
        }
        PartKind::ToolCall { id, name, arguments, .. } => call(id, name, arguments, part.at, pen)?,
        PartKind::ToolCallResponse { id, content, is_error } => {
            let nested = results::encode(id, content, *is_error, part.at, pen)?;
            let own = pen.breakpoint(part.cache, part.at)?;
            return pen.write(own.or(nested));
        }
        PartKind::Reasoning { text, .. } => match envelope::proof(&part.kind, FormatId::Converse) {
            Some(signature) => thought(text, &signature, pen.out),
            None => leave(Field::ForeignReasoning, part.at, pen)?,
        },
        PartKind::RedactedReasoning(_) => match envelope::proof(&part.kind, FormatId::Converse) {
            Some(data) => {
                pen.out.constant(r#"{"reasoningContent":{"redactedContent":""#);
                pen.out.verbatim(data.as_escaped());
                pen.out.verbatim("\"}}");
            }
            None => leave(Field::ForeignReasoning, part.at, pen)?,
        },
        PartKind::Opaque(_) => leave(Field::OpaquePart, part.at, pen)?,
    }
    let breakpoint = pen.breakpoint(part.cache, part.at)?;
    pen.write(breakpoint)
}

/// Writes a block of text.
pub(super) fn said(text: &Str<'_>, out: &mut Out) {
    out.constant(r#"{"text":""#);
    out.verbatim(text.as_escaped());
    out.verbatim("\"}");
}

fn thought(text: &Str<'_>, signature: &Str<'_>, out: &mut Out) {
    out.constant(r#"{"reasoningContent":{"reasoningText":{"text":""#);
    out.verbatim(text.as_escaped());
    out.verbatim("\"");
    // Models of other vendors sign nothing; the envelope alone says that the thinking is theirs.
    if !signature.is_empty() {
        out.key("signature");
        out.string(signature);
    }
    out.verbatim("}}}");
}

fn leave(field: Field, at: u32, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    pen.crossing.meet_at(field, at).map(|_| ())
}

fn call(id: &Str<'_>, name: &Str<'_>, arguments: &Json<'_>, at: u32, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    let input = pen.crossing.arguments(arguments, at)?;
    let name = pen.crossing.tool_name(name, MAX_NAME, at)?;
    pen.out.constant(r#"{"toolUse":{"toolUseId":""#);
    pen.out.verbatim(named_id(id).as_escaped());
    pen.out.verbatim("\"");
    pen.out.key("name");
    pen.out.string(&name);
    pen.out.key("input");
    pen.out.verbatim(&input);
    pen.out.verbatim("}}");
    Ok(())
}
