//! The prompt-cache breakpoint of a request that stands in none of its blocks: Anthropic puts it behind the last one, and clouds that carry
//! the format want it there.

use super::carrier::Carrier;
use crate::formats::shape::{place, type_of};
use crate::formats::{Outline, Span};
use crate::json::{Cursor, JsonError, Kind, Splices, Str};

/// Notes the splices that put the breakpoint `value` into the last block of a request. One that has its own keeps it.
///
/// # Errors
/// The text is not JSON.
pub(super) fn settle(text: &str, value: &str, splices: &mut Splices) -> Result<(), JsonError> {
    let mut cursor = Cursor::of_text(text);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if !name.is("messages") || cursor.peek()? != Kind::Array {
            cursor.skip()?;
            continue;
        }
        let mut last = None;
        cursor.enter_array()?;
        while cursor.element()? {
            last = Some(cursor.clone());
            cursor.skip()?;
        }
        if let Some(mut message) = last.filter(|message| message.clone().peek() == Ok(Kind::Object)) {
            turn(&mut message, value, splices)?;
        }
    }
    Ok(())
}

fn turn(cursor: &mut Cursor<'_>, value: &str, splices: &mut Splices) -> Result<(), JsonError> {
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        let start = place(cursor.offset());
        match (name.is("content"), cursor.peek()?) {
            (true, Kind::String) => {
                let text = cursor.raw()?;
                let block = format!(r#"[{{"type":"text","text":{},"cache_control":{value}}}]"#, text.as_str());
                splices.replace(Span { start, end: place(cursor.passed()) }, block);
            }
            (true, Kind::Array) => {
                let mut end = None;
                cursor.enter_array()?;
                while cursor.element()? {
                    if let Some(place) = block(cursor)? {
                        end = place;
                    }
                }
                if let Some(at) = end {
                    splices.replace(Span { start: at, end: at }, format!(r#","cache_control":{value}"#));
                }
            }
            _ => cursor.skip()?,
        }
    }
    Ok(())
}

/// Where a member can be added to a block that may have a breakpoint, unless it has one.
fn block(cursor: &mut Cursor<'_>) -> Result<Option<Option<u32>>, JsonError> {
    if cursor.peek()? != Kind::Object {
        cursor.skip()?;
        return Ok(None);
    }
    let kind = type_of(cursor).ok().flatten().map(Str::into_plain);
    let thinks = matches!(kind.as_deref(), Some("thinking" | "redacted_thinking"));
    let (mut marked, mut end) = (false, None);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        marked |= name.is("cache_control");
        cursor.skip()?;
        end = Some(place(cursor.passed()));
    }
    Ok((!thinks).then(|| end.filter(|_| !marked)))
}

/// Whether the breakpoint of a request has to be put into a block on its way.
pub(super) fn moves(outline: &Outline, to: Carrier) -> bool {
    outline.carrier == Carrier::Own && to != Carrier::Own
}
