//! What a passing answer says about itself: usage, content, finish, failure. Nothing is changed, nothing is kept but counts.

use crate::formats::messages::answer::{self, finish, text};
use crate::formats::messages::error::in_stream;
use crate::formats::messages::event::Wire;
use crate::formats::messages::usage::Counts;
use crate::formats::{Keep, Meter, Seen, aws_error};
use crate::framing::Frame;
use crate::hub::{Finish, PartKind};
use crate::json::{Json, JsonError, Str};

/// Reads a passing stream.
#[derive(Debug, Default)]
pub(in super::super) struct EventMeter {
    seen: Seen,
    counts: Counts,
    calls: bool,
    finish: Option<Finish<'static>>,
}

impl EventMeter {
    fn event(&mut self, wire: &Wire<'_>, data: &[u8]) -> Result<(), JsonError> {
        match &*wire.kind.plain() {
            "message_start" => self.start(wire),
            "content_block_start" => self.block(wire),
            "content_block_delta" => self.delta(wire),
            "message_delta" => self.message_delta(wire),
            "message_stop" => {
                self.seen.complete = self.seen.failure.is_none();
                Ok(())
            }
            kind => {
                if (kind == "error" || wire.error) && self.seen.failure.is_none() {
                    self.seen.failure = Some(in_stream(data));
                }
                Ok(())
            }
        }
    }

    fn start(&mut self, wire: &Wire<'_>) -> Result<(), JsonError> {
        let Some(message) = wire.message else { return Ok(()) };
        let mut cursor = message.cursor();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "id" => self.seen.id = word(text(&mut cursor)?),
                "model" => self.seen.model = word(text(&mut cursor)?),
                "usage" => self.count(Counts::read(cursor.raw()?)),
                _ => cursor.skip()?,
            }
        }
        Ok(())
    }

    fn block(&mut self, wire: &Wire<'_>) -> Result<(), JsonError> {
        self.seen.content = true;
        let Some(block) = wire.content_block else { return Ok(()) };
        let mut cursor = block.cursor();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "type" => self.calls |= text(&mut cursor)?.is_some_and(|kind| kind.is("tool_use")),
                "text" | "thinking" => self.add(text(&mut cursor)?),
                _ => cursor.skip()?,
            }
        }
        Ok(())
    }

    fn delta(&mut self, wire: &Wire<'_>) -> Result<(), JsonError> {
        self.seen.content = true;
        let Some(delta) = wire.delta else { return Ok(()) };
        let mut cursor = delta.cursor();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "text" | "thinking" | "partial_json" => self.add(text(&mut cursor)?),
                _ => cursor.skip()?,
            }
        }
        Ok(())
    }

    fn message_delta(&mut self, wire: &Wire<'_>) -> Result<(), JsonError> {
        if let Some(usage) = wire.usage {
            self.count(Counts::read(usage));
        }
        let Some(delta) = wire.delta else { return Ok(()) };
        let mut cursor = delta.cursor();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "stop_reason" => {
                    if let Some(reason) = text(&mut cursor)? {
                        let said = finish(Some(reason.into_owned()), None).settled(self.calls);
                        self.seen.finish = Some(said.as_str());
                        self.seen.content = true;
                        self.finish = Some(said);
                    }
                }
                _ => cursor.skip()?,
            }
        }
        Ok(())
    }

    fn add(&mut self, text: Option<Str<'_>>) {
        let length = text.map_or(0, |text| text.plain_len());
        self.seen.output_bytes = self.seen.output_bytes.saturating_add(u64::try_from(length).unwrap_or(0));
    }

    fn count(&mut self, later: Counts) {
        self.counts.merge(later);
        self.seen.usage = self.counts.usage();
    }
}

impl Meter for EventMeter {
    fn frame(&mut self, frame: &Frame<'_>) -> Keep {
        if let Some(failure) = aws_error::in_stream(frame) {
            self.seen.failure.get_or_insert(failure);
        } else if let Some(data) = frame.data.filter(|_| !self.seen.complete)
            && let Ok(wire) = Wire::read(data)
        {
            // What can't be read is passed on all the same: the client has its own opinion.
            let _unreadable = self.event(&wire, data);
        }
        Keep::Whole
    }

    fn seen(&self) -> &Seen {
        &self.seen
    }

    fn end(&mut self) {
        self.seen.complete |= self.finish.is_some() && self.seen.failure.is_none();
    }
}

/// Reads a whole answer.
pub(in super::super) fn measure(body: &[u8]) -> Seen {
    let answer = match answer::decode(body) {
        Ok(answer) => answer,
        Err(failure) => return Seen { failure: Some(failure), ..Seen::default() },
    };
    let parts = answer.choices.iter().flat_map(|choice| &choice.parts);
    let bytes: usize = parts
        .map(|part| match &part.kind {
            PartKind::Text(text) | PartKind::Reasoning { text, .. } => text.plain_len(),
            PartKind::ToolCall { arguments: Json::Value(raw), .. } => raw.as_str().len(),
            PartKind::ToolCall { arguments: Json::Text(text), .. } => text.plain_len(),
            PartKind::Refusal(_)
            | PartKind::RedactedReasoning(_)
            | PartKind::Media { .. }
            | PartKind::ToolCallResponse { .. }
            | PartKind::Opaque(_) => 0,
        })
        .sum();
    Seen {
        usage: answer.usage,
        content: true,
        finish: answer.choices.first().map(|choice| choice.finish.as_str()),
        failure: None,
        complete: true,
        output_bytes: u64::try_from(bytes).unwrap_or(0),
        model: word(answer.model),
        id: word(answer.id),
    }
}

fn word(text: Option<Str<'_>>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(|text| text.into_plain().into_owned())
}
