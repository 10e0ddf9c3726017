//! The scan's part that walks the input: how much text it holds, and which elements some provider refuses.

use super::outline::Scan;
use crate::formats::Span;
use crate::formats::media::{is_of_the_web, store};
use crate::formats::members::length;
use crate::formats::openai::scan;
use crate::formats::shape::{Fault, place};
use crate::hub::{Capability, Field, envelope};
use crate::json::{Kind, Str};

impl Scan<'_> {
    pub(super) fn input(&mut self) -> Result<(), Fault> {
        self.input_bytes = 0;
        if self.cursor.peek()? == Kind::String {
            return self.count_text();
        }
        self.cursor.enter_array()?;
        while self.cursor.element()? {
            self.item()?;
        }
        Ok(())
    }

    fn item(&mut self) -> Result<(), Fault> {
        let start = self.cursor.offset();
        let (mut named, mut kind, mut foreign) = (false, None, false);
        self.cursor.enter_object()?;
        while let Some(name) = self.cursor.member()? {
            let value = self.cursor.peek()?;
            match &*name.into_plain() {
                "type" if value == Kind::String => kind = Some(self.cursor.string()?),
                "role" if value == Kind::String => {
                    named = true;
                    self.cursor.skip()?;
                }
                "encrypted_content" if value == Kind::String => foreign = envelope::is_envelope(&self.cursor.string()?),
                "content" | "output" | "summary" => self.content()?,
                "arguments" | "input" => self.count_text()?,
                _ => self.cursor.skip()?,
            }
        }
        if foreign {
            // No provider of this format may see what another vendor signed.
            self.outline.foreign.push(Span { start: place(start), end: place(self.cursor.passed()) });
        }
        let field = match kind.as_ref().map(crate::json::Str::plain).as_deref() {
            Some("message" | "reasoning" | "function_call" | "function_call_output" | "custom_tool_call" | "custom_tool_call_output") => {
                return Ok(());
            }
            Some("item_reference") => Field::ItemReference,
            Some(_) => Field::HostedItem,
            None if named => return Ok(()),
            None => Field::ItemReference,
        };
        self.outline.note(field, true);
        Ok(())
    }

    fn content(&mut self) -> Result<(), Fault> {
        if self.cursor.peek()? != Kind::Array {
            return self.count_text();
        }
        self.cursor.enter_array()?;
        while self.cursor.element()? {
            if self.cursor.peek()? == Kind::Object {
                self.part()?;
            } else {
                self.cursor.skip()?;
            }
        }
        Ok(())
    }

    /// A part of a message. Only what its type has a place for is read of it.
    fn part(&mut self) -> Result<(), Fault> {
        let (mut kind, mut image, mut data) = (Str::default(), None, None);
        let (mut url, mut id, mut audio) = (false, false, false);
        self.cursor.enter_object()?;
        while let Some(name) = self.cursor.member()? {
            let value = self.cursor.peek()?;
            match &*name.into_plain() {
                "text" | "refusal" => self.count_text()?,
                "type" if value == Kind::String => kind = self.cursor.string()?,
                "image_url" if value == Kind::String => image = Some(self.cursor.string()?),
                "file_data" if value == Kind::String => data = Some(self.cursor.string()?),
                name => {
                    url |= name == "file_url" && value == Kind::String;
                    id |= name == "file_id" && value == Kind::String;
                    audio |= name == "input_audio" && value == Kind::Object;
                    self.cursor.skip()?;
                }
            }
        }
        match (kind.as_escaped(), image, data) {
            ("input_image", image, _) => {
                self.outline.uses.note(Capability::Images, true);
                self.outline.note(Field::FileId, id && image.is_none());
                image.iter().for_each(|url| self.address(url));
            }
            ("input_file", _, Some(data)) => self.address(&data),
            ("input_file", _, None) => self.outline.note(if url { Field::DocumentUri } else { Field::FileId }, url || id),
            ("input_audio", _, _) => self.outline.note(Field::Audio, audio),
            _ => {}
        }
        Ok(())
    }

    fn address(&mut self, url: &Str<'_>) {
        if !scan::is_data(url, &mut self.outline) {
            let field = if is_of_the_web(url) { Field::ImageUri } else { store(url) };
            self.outline.note(field, url.as_escaped().contains("://"));
        }
    }

    fn count_text(&mut self) -> Result<(), Fault> {
        if self.cursor.peek()? != Kind::String {
            return Ok(self.cursor.skip()?);
        }
        let text = self.cursor.string()?;
        self.input_bytes = self.input_bytes.saturating_add(length(text.as_escaped()));
        Ok(())
    }
}
