//! The prompt-cache breakpoint of a request that stands in none of its blocks: Anthropic puts it behind the last one, and clouds that carry
//! the format want it there.

use super::carrier::Carrier;
use crate::formats::shape::{place, type_of};
use crate::formats::{Outline, Span};
use crate::json::{Cursor, JsonError, Kind, Splices, Str};

/// A block that may have a breakpoint.
enum Block<'b> {
    /// It has its own.
    Marked,
    /// A turn's content that is nothing but this text.
    Text(Span, &'b str),
    /// It denies having one, with this value.
    Denied(Span),
    /// A member can be added to it here.
    Open(u32),
}

/// Notes the splice that puts the breakpoint `value` into the last block of a request that may have it. One that has its own keeps it. Whether
/// there is such a block is what this gives back.
///
/// # Errors
/// The text is not JSON.
pub(super) fn settle(text: &str, value: &str, splices: &mut Splices) -> Result<bool, JsonError> {
    let (mut cursor, mut last) = (Cursor::of_text(text), None);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if !name.is("messages") || cursor.peek()? != Kind::Array {
            cursor.skip()?;
            continue;
        }
        // Of two lists the last one counts.
        last = None;
        cursor.enter_array()?;
        while cursor.element()? {
            last = turn(&mut cursor)?.or(last);
        }
    }
    match last {
        Some(Block::Text(span, text)) => {
            splices.replace(span, format!(r#"[{{"type":"text","text":{text},"cache_control":{value}}}]"#));
        }
        Some(Block::Open(at)) => splices.replace(Span { start: at, end: at }, format!(r#","cache_control":{value}"#)),
        Some(Block::Denied(span)) => splices.replace(span, value),
        Some(Block::Marked) => {}
        None => return Ok(false),
    }
    Ok(true)
}

/// The last block of a turn that may have a breakpoint.
fn turn<'b>(cursor: &mut Cursor<'b>) -> Result<Option<Block<'b>>, JsonError> {
    let mut last = None;
    if cursor.peek()? != Kind::Object {
        return cursor.skip().map(|()| None);
    }
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        let start = place(cursor.offset());
        match (name.is("content"), cursor.peek()?) {
            (true, Kind::String) => {
                let text = cursor.raw()?;
                let span = Span { start, end: place(cursor.passed()) };
                last = (!text.cursor().string()?.is_blank()).then_some(Block::Text(span, text.as_str()));
            }
            (true, Kind::Array) => {
                last = None;
                cursor.enter_array()?;
                while cursor.element()? {
                    last = block(cursor)?.or(last);
                }
            }
            _ => cursor.skip()?,
        }
    }
    Ok(last)
}

/// A block, if it may have a breakpoint: the API refuses one behind thinking, and behind text that says nothing.
fn block<'b>(cursor: &mut Cursor<'b>) -> Result<Option<Block<'b>>, JsonError> {
    if cursor.peek()? != Kind::Object {
        return cursor.skip().map(|()| None);
    }
    let kind = type_of(cursor).ok().flatten().map(Str::into_plain);
    let (mut blank, mut own, mut end) = (false, None, None);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        let start = place(cursor.offset());
        match (&*name.into_plain(), cursor.peek()?) {
            ("cache_control", kind) => {
                cursor.skip()?;
                let span = Span { start, end: place(cursor.passed()) };
                own = Some(if kind == Kind::Null { Block::Denied(span) } else { Block::Marked });
            }
            ("text", Kind::String) => blank = cursor.string()?.is_blank(),
            _ => cursor.skip()?,
        }
        end = Some(place(cursor.passed()));
    }
    Ok(match kind.as_deref() {
        Some("thinking" | "redacted_thinking") => None,
        Some("text") if blank => None,
        _ => own.or(end.map(Block::Open)),
    })
}

/// Whether the breakpoint of a request has to be put into a block on its way.
pub(super) fn moves(outline: &Outline, to: Carrier) -> bool {
    outline.carrier == Carrier::Own && to != Carrier::Own
}
