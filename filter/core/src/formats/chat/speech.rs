//! What the model said in a choice, without keeping it: a `message` and a `delta` have the same members.

use super::decode_finish;
use super::meter::is_error;
use crate::formats::Seen;
use crate::hub::Finish;
use crate::json::{Cursor, JsonError, Kind};

/// What one `choices` value says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Speech {
    /// One bit for each choice that spoke or ended; numbers above 127 share the last bit.
    pub started: u128,
    /// One bit for each choice that ended.
    pub finished: u128,
    /// Whether there is a call among what was said.
    pub calls: bool,
    /// Whether the array has no element.
    pub empty: bool,
    /// Whether a choice ended for an error of the provider's.
    pub failed: bool,
}

impl Speech {
    /// Reads the array of choices that comes next.
    pub(super) fn read(cursor: &mut Cursor<'_>, seen: &mut Seen) -> Result<Self, JsonError> {
        let mut speech = Self { empty: true, ..Self::default() };
        if cursor.null()? {
            return Ok(Self::default());
        }
        cursor.enter_array()?;
        while cursor.element()? {
            speech.empty = false;
            speech.choice(cursor, seen)?;
        }
        Ok(speech)
    }

    fn choice(&mut self, cursor: &mut Cursor<'_>, seen: &mut Seen) -> Result<(), JsonError> {
        let (mut index, mut finish) = (0, None);
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "index" if cursor.peek()? == Kind::Number => index = cursor.number()?.as_str().parse().unwrap_or(0),
                "delta" | "message" if cursor.peek()? == Kind::Object => self.said(cursor, seen)?,
                "finish_reason" if cursor.peek()? == Kind::String => {
                    let word = decode_finish(&cursor.string()?);
                    self.failed |= word == Some(Finish::Error);
                    finish = word.map(|finish| finish.as_str());
                }
                "error" => self.failed |= is_error(cursor.raw()?),
                // What completions-like servers say in place of a message.
                "text" => text(cursor, seen)?,
                _ => cursor.skip()?,
            }
        }
        let bit = 1_u128.checked_shl(u32::min(index, 127)).unwrap_or(0);
        self.started |= bit;
        if let Some(word) = finish {
            self.finished |= bit;
            seen.content = true;
            seen.finish = Some(word);
        }
        Ok(())
    }

    fn said(&mut self, cursor: &mut Cursor<'_>, seen: &mut Seen) -> Result<(), JsonError> {
        // Several names may carry the same thoughts at once: the first counts.
        let mut thought = false;
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "content" | "refusal" => text(cursor, seen)?,
                "reasoning_content" | "reasoning" if !thought => {
                    let before = seen.output_bytes;
                    text(cursor, seen)?;
                    thought = seen.output_bytes > before;
                }
                "tool_calls" if cursor.peek()? == Kind::Array => {
                    cursor.enter_array()?;
                    while cursor.element()? {
                        self.call(cursor, seen)?;
                    }
                }
                "function_call" if cursor.peek()? == Kind::Object => self.call(cursor, seen)?,
                "audio" | "reasoning_details" if !matches!(cursor.peek()?, Kind::Null) => {
                    seen.content |= cursor.raw()?.as_str() != "[]";
                }
                _ => cursor.skip()?,
            }
        }
        Ok(())
    }

    fn call(&mut self, cursor: &mut Cursor<'_>, seen: &mut Seen) -> Result<(), JsonError> {
        self.calls = true;
        seen.content = true;
        if cursor.peek()? != Kind::Object {
            return cursor.skip();
        }
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match name.as_escaped() {
                "function" | "custom" if cursor.peek()? == Kind::Object => {
                    cursor.enter_object()?;
                    while let Some(name) = cursor.member()? {
                        call_member(name.as_escaped(), cursor, seen)?;
                    }
                }
                name => call_member(name, cursor, seen)?,
            }
        }
        Ok(())
    }
}

fn call_member(name: &str, cursor: &mut Cursor<'_>, seen: &mut Seen) -> Result<(), JsonError> {
    match name {
        "arguments" | "input" | "name" if cursor.peek()? == Kind::String => text(cursor, seen),
        // Mistral's arguments may be an object.
        "arguments" => {
            count(cursor.raw()?.as_str().len(), seen);
            Ok(())
        }
        _ => cursor.skip(),
    }
}

/// Counts the text that comes next: a string, or a list of parts that hold some.
fn text(cursor: &mut Cursor<'_>, seen: &mut Seen) -> Result<(), JsonError> {
    match cursor.peek()? {
        Kind::String => {
            count(cursor.string()?.plain_len(), seen);
            Ok(())
        }
        Kind::Array => {
            let parts = cursor.raw()?.as_str();
            if parts != "[]" {
                count(parts.len(), seen);
            }
            Ok(())
        }
        Kind::Null | Kind::Object | Kind::Number | Kind::Boolean => cursor.skip(),
    }
}

fn count(bytes: usize, seen: &mut Seen) {
    seen.content |= bytes > 0;
    seen.output_bytes = seen.output_bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
}
