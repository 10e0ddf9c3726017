//! What a passing Responses answer says about itself: usage, content, finish, failure. Nothing is changed, nothing is kept but counts.

use super::answer::{Item, ItemKind, Response, Said, output_parts};
use super::error;
use super::event::Wire;
use crate::formats::{Keep, Meter, Seen};
use crate::framing::Frame;
use crate::hub::{ErrorKind, Failure, PartKind};
use crate::json::{Cursor, Json, JsonError, Raw, Str};

/// Reads a passing stream. It is complete as soon as its last event has passed: clients hang up there.
#[derive(Debug, Default)]
pub(super) struct EventMeter {
    seen: Seen,
    said: Said,
}

impl Meter for EventMeter {
    fn frame(&mut self, frame: &Frame<'_>) -> Keep {
        let data = frame.data.map(<[u8]>::trim_ascii).filter(|data| !data.is_empty() && *data != b"[DONE]" && !self.seen.complete);
        if let Some(data) = data
            && let Ok(wire) = Wire::read(frame, data)
        {
            // What can't be read passes all the same.
            let _unreadable = self.event(&wire, data);
        }
        Keep::Whole
    }

    fn seen(&self) -> &Seen {
        &self.seen
    }

    fn end(&mut self) {}
}

impl EventMeter {
    fn event(&mut self, wire: &Wire<'_>, data: &[u8]) -> Result<(), JsonError> {
        match &*wire.kind.plain() {
            "response.created" | "response.in_progress" | "response.queued" => {
                let response = wire.response.map(Response::read).transpose()?.unwrap_or_default();
                self.name(&response);
            }
            "response.output_item.added" | "response.output_item.done" => self.item(wire)?,
            "response.completed" | "response.incomplete" => {
                let response = wire.response.map(Response::read).transpose()?.unwrap_or_default();
                self.name(&response);
                self.seen.usage = response.usage.or(self.seen.usage);
                self.seen.finish = Some(response.finish(self.said).as_str());
                self.seen.content = true;
                self.seen.complete = self.seen.failure.is_none();
            }
            "response.failed" | "response.cancelled" => {
                let response = wire.response.map(Response::read).transpose()?.unwrap_or_default();
                self.seen.usage = response.usage.or(self.seen.usage);
                self.fail(response.failure().unwrap_or_else(error::nameless));
            }
            "error" => self.fail(error::in_event(wire.error, data)),
            _ if wire.error.is_some() => self.fail(error::in_event(wire.error, data)),
            _ => {
                if let Some(delta) = &wire.delta {
                    count(delta, &mut self.seen);
                }
            }
        }
        Ok(())
    }

    fn name(&mut self, response: &Response<'_>) {
        for (slot, said) in [(&mut self.seen.id, &response.id), (&mut self.seen.model, &response.model)] {
            if slot.is_none() {
                *slot = said.as_ref().filter(|text| !text.is_empty()).map(|text| text.plain().into_owned());
            }
        }
    }

    /// A message or a thought is content by what is said in it; everything else is by being there.
    fn item(&mut self, wire: &Wire<'_>) -> Result<(), JsonError> {
        let item = wire.item.map(Item::read).transpose()?.unwrap_or_default();
        match item.is() {
            ItemKind::Message => self.said.refusal |= item.content(&mut Vec::new())?.iter().any(super::answer::Content::is_refusal),
            ItemKind::Reasoning => {}
            ItemKind::Call(_) => {
                self.said.calls = true;
                self.seen.content = true;
            }
            ItemKind::Hosted => self.seen.content = true,
        }
        Ok(())
    }

    fn fail(&mut self, failure: Failure) {
        self.seen.failure.get_or_insert(failure);
    }
}

/// Reads a whole answer.
pub(super) fn measure(body: &[u8]) -> Seen {
    let mut seen = Seen::default();
    match read(body, &mut seen) {
        Ok(()) => {}
        Err(_) => seen.failure = Some(Failure::new(ErrorKind::BadGateway, "the provider's answer is not JSON")),
    }
    seen
}

fn read(body: &[u8], seen: &mut Seen) -> Result<(), JsonError> {
    let mut cursor = Cursor::new(body)?;
    let raw: Raw<'_> = cursor.raw()?;
    cursor.end()?;
    let response = Response::read(raw)?;
    seen.usage = response.usage;
    seen.id = response.id.as_ref().map(|id| id.plain().into_owned());
    seen.model = response.model.as_ref().map(|model| model.plain().into_owned());
    seen.failure = response.failure();
    let Some(output) = response.output.filter(|_| seen.failure.is_none()) else {
        seen.failure.get_or_insert_with(|| Failure::new(ErrorKind::BadGateway, "the provider's answer has no output"));
        return Ok(());
    };
    let (parts, ..) = output_parts(output, &mut Vec::new())?;
    for part in &parts {
        match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) | PartKind::Reasoning { text, .. } => count(text, seen),
            PartKind::ToolCall { arguments: Json::Text(text), .. } => count(text, seen),
            PartKind::ToolCall { arguments: Json::Value(raw), .. } => {
                seen.output_bytes = seen.output_bytes.saturating_add(u64::try_from(raw.as_str().len()).unwrap_or(u64::MAX));
            }
            PartKind::Media { .. } | PartKind::RedactedReasoning(_) | PartKind::ToolCallResponse { .. } | PartKind::Opaque(_) => {}
        }
    }
    seen.content = true;
    seen.complete = true;
    seen.finish = Some(response.finish(Said::of(parts.iter().map(|part| &part.kind))).as_str());
    Ok(())
}

fn count(text: &Str<'_>, seen: &mut Seen) {
    seen.content |= !text.is_empty();
    seen.output_bytes = seen.output_bytes.saturating_add(u64::try_from(text.plain_len()).unwrap_or(u64::MAX));
}
