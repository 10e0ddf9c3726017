//! One scan over a Messages request: what routing, limits and edits need, and nothing else; what is passed over is validated.

use super::blocks::NESTED_RESULT;
use super::decode::field;
use crate::formats::media::{decode_mime, is_of_the_web, store};
use crate::formats::members::repeated;
use crate::formats::messages::carrier::Called;
use crate::formats::shape::{self, Fault, count, place, type_of};
use crate::formats::{Outline, Span};
use crate::hub::{Capability, Fate, Field, Rejection, envelope};
use crate::json::{Cursor, Kind};
use crate::names::FormatId;

/// The members that are read here or whose second value would be a way round what the first one was checked for.
const MEMBERS: [&str; 14] = [
    "model",
    "max_tokens",
    "messages",
    "system",
    "stream",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "metadata",
    "temperature",
    "stop_sequences",
    "service_tier",
    "container",
];

/// The bits of `model` and `max_tokens`.
const MODEL: u32 = 1;
const LIMIT: u32 = 2;

/// Scans a request. Where its tokens shall only be counted it has no limit; what its path says stands above what the body says.
pub(in super::super) fn outline(body: &[u8], counts: bool, called: Option<Called>) -> Result<Outline, Rejection> {
    let text = shape::text(body)?;
    let named = called.as_ref().is_some_and(|called| !called.model.is_empty());
    let seen = if counts { LIMIT } else { 0 } | if named { MODEL } else { 0 };
    let mut scan = Scan { cursor: Cursor::of_text(text), outline: Outline::default(), seen, twice: false };
    scan.run().map_err(|fault| fault.rejection(text))?;
    let mut outline = scan.outline;
    if let Some(called) = called {
        outline.carrier = called.carrier;
        outline.stream = called.streams(outline.stream);
        if named {
            outline.model = called.model;
            outline.model_span = None;
        }
    }
    outline.include_usage = true;
    outline.body_bytes = u64::from(place(body.len()));
    if scan.twice {
        outline.repeated = repeated(text, |name| MEMBERS.contains(&name)).map_err(|error| Fault::from(error).rejection(text))?;
    }
    Ok(outline)
}

struct Scan<'b> {
    cursor: Cursor<'b>,
    outline: Outline,
    /// One bit for each of [`MEMBERS`] that was seen.
    seen: u32,
    twice: bool,
}

impl Scan<'_> {
    fn run(&mut self) -> Result<(), Fault> {
        let top = self.cursor.offset();
        self.cursor.enter_object()?;
        while let Some(name) = self.cursor.member()? {
            let name = name.into_plain();
            if let Some((_, place)) = MEMBERS.iter().zip(0_u32..).find(|(one, _)| **one == name) {
                let bit = 1_u32.checked_shl(place).unwrap_or(0);
                self.twice |= self.seen & bit != 0;
                self.seen |= bit;
            }
            self.member(&name)?;
        }
        self.cursor.end()?;
        for (member, bit) in [("model", MODEL), ("max_tokens", LIMIT), ("messages", 4)] {
            if self.seen & bit == 0 {
                return Err(Fault::missing(top, member));
            }
        }
        Ok(())
    }

    fn member(&mut self, name: &str) -> Result<(), Fault> {
        match name {
            "model" => self.outline.read_model(&mut self.cursor),
            "max_tokens" => {
                let limit = count(&mut self.cursor)?;
                self.outline.note(Field::NoOutput, limit == 0);
                self.outline.max_tokens = Some(limit);
                Ok(())
            }
            "messages" => {
                self.cursor.enter_array()?;
                while self.cursor.element()? {
                    self.message()?;
                }
                Ok(())
            }
            "system" => self.content(false),
            "stream" => {
                self.outline.stream = if self.cursor.null()? { false } else { self.cursor.boolean()? };
                Ok(())
            }
            "tools" | "output_config" | "output_format" => {
                let tools = name == "tools" && self.cursor.clone().raw()?.as_str().contains('{');
                let schema = name != "tools" && (shape::has_schema(&self.cursor)? || shape::is_of_type(&self.cursor, "json_schema")?);
                self.outline.uses.note(Capability::Tools, tools);
                self.outline.uses.note(Capability::JsonSchema, schema);
                self.count_value()
            }
            "thinking" => {
                let thinks = shape::is_of_type(&self.cursor, "enabled")? || shape::is_of_type(&self.cursor, "adaptive")?;
                self.outline.uses.note(Capability::Reasoning, thinks);
                Ok(self.cursor.skip()?)
            }
            "stop_sequences" => self.stop_sequences(),
            name => {
                let present = self.cursor.peek()? != Kind::Null;
                let field = field(name);
                self.outline.note(field, present && FormatId::ALL.into_iter().any(|target| field.fate(target) == Fate::Refuse));
                Ok(self.cursor.skip()?)
            }
        }
    }

    fn stop_sequences(&mut self) -> Result<(), Fault> {
        if self.cursor.null()? {
            return Ok(());
        }
        let mut count = 0_u32;
        self.cursor.enter_array()?;
        while self.cursor.element()? {
            let blank = self.cursor.string()?.is_blank();
            self.outline.note(Field::StopSequences, true);
            self.outline.note(Field::BlankStop, blank);
            count = count.saturating_add(1);
        }
        self.outline.note(Field::StopCount, count > 4);
        Ok(())
    }

    fn message(&mut self) -> Result<(), Fault> {
        self.cursor.enter_object()?;
        while let Some(name) = self.cursor.member()? {
            if name.is("content") { self.content(false)? } else { self.cursor.skip()? }
        }
        Ok(())
    }

    /// Scans content, which may be what a tool gave back.
    fn content(&mut self, of_result: bool) -> Result<(), Fault> {
        if self.cursor.peek()? != Kind::Array {
            return self.count_text();
        }
        self.cursor.enter_array()?;
        while self.cursor.element()? {
            if self.cursor.peek()? == Kind::Object { self.block(of_result)? } else { self.cursor.skip()? }
        }
        Ok(())
    }

    fn block(&mut self, of_result: bool) -> Result<(), Fault> {
        let start = self.cursor.offset();
        let kind = type_of(&self.cursor)?.map(crate::json::Str::into_plain);
        let kind = kind.as_deref().unwrap_or_default();
        let known = matches!(kind, "text" | "thinking" | "redacted_thinking" | "tool_use" | "tool_result" | "image" | "document");
        if of_result && kind == "tool_result" {
            return Err(Fault::wrong(start, NESTED_RESULT));
        }
        self.outline.note(Field::OpaquePart, !known);
        self.outline.uses.note(Capability::Images, kind == "image");
        let mut foreign = kind == "thinking";
        let (texts, spans) = (self.outline.text_bytes, self.outline.foreign.len());
        self.cursor.enter_object()?;
        loop {
            let before = self.cursor.passed();
            let Some(name) = self.cursor.member()? else { break };
            match (kind, &*name.into_plain()) {
                ("text", "text") | ("thinking", "thinking") => self.count_text()?,
                ("thinking", "signature") | ("redacted_thinking", "data") if self.cursor.peek()? == Kind::String => {
                    let proof = self.cursor.string()?;
                    foreign = proof.is_empty() || envelope::is_envelope(&proof);
                }
                ("text", "citations") if self.cursor.peek()? == Kind::Array => foreign = self.citations(before)?,
                ("tool_use", "input") => self.count_value()?,
                ("tool_result", "content") => self.content(true)?,
                ("image" | "document", "source") if self.cursor.peek()? == Kind::Object => self.source(kind == "image")?,
                _ => self.cursor.skip()?,
            }
        }
        // A text goes with the pages that were found for it only where there is none: Anthropic refuses an empty one.
        if foreign && (kind != "text" || self.outline.text_bytes == texts) {
            self.outline.foreign.truncate(spans);
            self.outline.foreign.push(Span { start: place(start), end: place(self.cursor.passed()) });
        }
        Ok(())
    }

    /// Pages that another vendor's search found have come to the client without Anthropic's index, and Anthropic refuses them so. Whether
    /// all of them are such pages; `before` is the place behind the member before this one.
    fn citations(&mut self, before: usize) -> Result<bool, Fault> {
        let (mut spans, mut own) = (Vec::new(), false);
        self.cursor.enter_array()?;
        while self.cursor.element()? {
            let start = self.cursor.offset();
            let citation = self.cursor.raw()?;
            let mut foreign = false;
            if citation.kind() == Kind::Object {
                let mut members = citation.cursor();
                members.enter_object()?;
                while let Some(name) = members.member()? {
                    if name.is("encrypted_index") && members.peek()? == Kind::String {
                        foreign = members.string()?.is_empty();
                    } else {
                        members.skip()?;
                    }
                }
            }
            own |= !foreign;
            if foreign {
                spans.push(Span { start: place(start), end: place(self.cursor.passed()) });
            }
        }
        if own {
            self.outline.foreign.append(&mut spans);
        } else if !spans.is_empty() {
            // All of the member, for the list would be empty. Others stand before it or behind.
            let start = before.saturating_add(self.cursor.since(before).as_str().find('"').unwrap_or(0));
            self.outline.foreign.push(Span { start: place(start), end: place(self.cursor.passed()) });
            return Ok(true);
        }
        Ok(false)
    }

    fn source(&mut self, image: bool) -> Result<(), Fault> {
        let kind = type_of(&self.cursor)?.map(crate::json::Str::into_plain);
        let kind = kind.as_deref().unwrap_or_default();
        let mut opaque = matches!(kind, "content" | "file");
        self.cursor.enter_object()?;
        while let Some(name) = self.cursor.member()? {
            let text = self.cursor.peek()? == Kind::String;
            match &*name.into_plain() {
                "media_type" if text && kind == "base64" => {
                    let mime = decode_mime(self.cursor.string()?);
                    let usual = ["image/jpeg", "image/png", "image/gif", "image/webp"].iter().any(|one| mime.is(one));
                    self.outline.note(Field::ImageType, image && !usual);
                    self.outline.note(Field::DocumentType, !image && !mime.is("application/pdf"));
                }
                "url" if text => {
                    let url = self.cursor.string()?;
                    let by_address = if image { Field::ImageUri } else { Field::DocumentUri };
                    self.outline.note(if is_of_the_web(&url) { by_address } else { store(&url) }, kind == "url");
                }
                "data" | "content" if text && kind != "base64" => {
                    opaque = false;
                    self.count_text()?;
                }
                _ => self.cursor.skip()?,
            }
        }
        self.outline.note(Field::OpaquePart, opaque);
        Ok(())
    }

    fn count_text(&mut self) -> Result<(), Fault> {
        if self.cursor.peek()? != Kind::String {
            return Ok(self.cursor.skip()?);
        }
        let text = self.cursor.string()?;
        self.outline.add_text(text.as_escaped());
        Ok(())
    }

    fn count_value(&mut self) -> Result<(), Fault> {
        self.outline.add_text(self.cursor.raw()?.as_str());
        Ok(())
    }
}
