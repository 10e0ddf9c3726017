//! The scan's part that walks the messages: how much text they hold, and which elements some provider refuses.

use super::outline::{DEVELOPER, Scan};
use super::thinking;
use crate::formats::Span;
use crate::formats::media::{is_of_the_web, store};
use crate::formats::members::length;
use crate::formats::openai::scan;
use crate::formats::shape::{Fault, place, type_of};
use crate::hub::{Capability, Field, envelope};
use crate::json::{Kind, Str};

impl<'b> Scan<'b> {
    pub(super) fn messages(&mut self) -> Result<(), Fault> {
        self.message_bytes = 0;
        self.cursor.enter_array()?;
        while self.cursor.element()? {
            self.cursor.enter_object()?;
            loop {
                let before = self.cursor.offset();
                let Some(name) = self.cursor.member()? else { break };
                match &*name.into_plain() {
                    "content" => self.content()?,
                    "role" if self.cursor.peek()? == Kind::String => {
                        if self.cursor.string()?.is(DEVELOPER) {
                            self.note_developer();
                        }
                    }
                    "tool_calls" => self.calls()?,
                    "function_call" => self.count_value()?,
                    thinking::BLOCKS | thinking::DETAILS => self.foreign(before)?,
                    "refusal" | "reasoning_content" | "reasoning" => self.count_text()?,
                    "audio" => {
                        let present = self.cursor.peek()? != Kind::Null;
                        self.outline.note(Field::Audio, present);
                        self.cursor.skip()?;
                    }
                    _ => self.cursor.skip()?,
                }
            }
        }
        Ok(())
    }

    /// Notes a member that no provider may see: another vendor's thinking, which a client of this format keeps in an envelope.
    fn foreign(&mut self, before: usize) -> Result<(), Fault> {
        let value = self.cursor.raw()?.as_str();
        if memchr::memmem::find(value.as_bytes(), envelope::MARK.as_bytes()).is_some() {
            let start = self.name_span(before).start;
            self.outline.foreign.push(Span { start, end: place(self.cursor.passed()) });
        }
        Ok(())
    }

    fn calls(&mut self) -> Result<(), Fault> {
        let start = self.cursor.clone();
        self.count_value()?;
        let value = self.cursor.since(start.passed()).as_str();
        if memchr::memmem::find(value.as_bytes(), envelope::MARK.as_bytes()).is_none() {
            return Ok(());
        }
        // Few histories have a call that another vendor signed, so most are passed only once.
        let behind = core::mem::replace(&mut self.cursor, start);
        self.cursor.enter_array()?;
        while self.cursor.element()? {
            if self.cursor.peek()? != Kind::Object {
                self.cursor.skip()?;
                continue;
            }
            self.cursor.enter_object()?;
            loop {
                let before = self.cursor.offset();
                let Some(name) = self.cursor.member()? else { break };
                if name.is(thinking::OF_CALL) { self.foreign(before)? } else { self.cursor.skip()? }
            }
        }
        self.cursor = behind;
        Ok(())
    }

    fn content(&mut self) -> Result<(), Fault> {
        if self.cursor.peek()? != Kind::Array {
            return self.count_text();
        }
        self.cursor.enter_array()?;
        while self.cursor.element()? {
            if self.cursor.peek()? != Kind::Object {
                self.count_text()?;
                continue;
            }
            let part = self.cursor.clone();
            self.cursor.enter_object()?;
            while let Some(name) = self.cursor.member()? {
                match &*name.into_plain() {
                    "text" | "refusal" => self.count_text()?,
                    "type" => self.part_type()?,
                    // What the part is its type says, whatever else it has.
                    kind @ ("image_url" | "input_audio" | "file") if !type_of(&part)?.is_some_and(|own| own.is(kind)) => {
                        self.cursor.skip()?
                    }
                    "image_url" => self.image()?,
                    "input_audio" => {
                        self.outline.note(Field::Audio, true);
                        self.cursor.skip()?;
                    }
                    "file" => self.file()?,
                    _ => self.cursor.skip()?,
                }
            }
        }
        Ok(())
    }

    fn part_type(&mut self) -> Result<(), Fault> {
        if self.cursor.peek()? != Kind::String {
            return Ok(self.cursor.skip()?);
        }
        let kind = self.cursor.string()?;
        let known = matches!(&*kind.plain(), "text" | "image_url" | "input_audio" | "file" | "refusal");
        self.outline.note(Field::OpaquePart, !known);
        Ok(())
    }

    fn image(&mut self) -> Result<(), Fault> {
        self.outline.uses.note(Capability::Images, true);
        match self.cursor.peek()? {
            Kind::String => self.address(),
            Kind::Object => {
                self.cursor.enter_object()?;
                while let Some(name) = self.cursor.member()? {
                    if name.is("url") && self.cursor.peek()? == Kind::String {
                        self.address()?;
                    } else {
                        self.cursor.skip()?;
                    }
                }
                Ok(())
            }
            _ => Ok(self.cursor.skip()?),
        }
    }

    fn address(&mut self) -> Result<(), Fault> {
        let url = self.cursor.string()?;
        if !scan::is_data(&url, &mut self.outline) {
            self.outline.note(if is_of_the_web(&url) { Field::ImageUri } else { store(&url) }, true);
            self.message_bytes = self.message_bytes.saturating_add(length(url.as_escaped()));
        }
        Ok(())
    }

    fn file(&mut self) -> Result<(), Fault> {
        if self.cursor.peek()? != Kind::Object {
            return Ok(self.cursor.skip()?);
        }
        self.cursor.enter_object()?;
        while let Some(name) = self.cursor.member()? {
            let is_text = self.cursor.peek()? == Kind::String;
            if is_text && name.is("file_data") {
                scan::is_data(&self.cursor.string()?, &mut self.outline);
                continue;
            }
            self.outline.note(Field::FileId, is_text && name.is("file_id"));
            self.cursor.skip()?;
        }
        Ok(())
    }

    fn count_text(&mut self) -> Result<(), Fault> {
        if self.cursor.peek()? != Kind::String {
            return Ok(self.cursor.skip()?);
        }
        let text: Str<'b> = self.cursor.string()?;
        self.message_bytes = self.message_bytes.saturating_add(length(text.as_escaped()));
        Ok(())
    }

    fn count_value(&mut self) -> Result<(), Fault> {
        self.message_bytes = self.message_bytes.saturating_add(length(self.cursor.raw()?.as_str()));
        Ok(())
    }
}
