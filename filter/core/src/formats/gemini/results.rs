//! What the client's tools gave: each result names its function, and says text alone.

use super::parts::{Calls, Pen, said};
use crate::hub::{Field, Part, PartKind, Rejection};
use crate::json::{Out, Str};

/// What stands in a result whose media come behind.
const SHOWN: &str = "(what the tool shows follows)";

/// Writes the result `part`; the media that it holds are put to those that are `shown` behind all results of the turn.
pub(super) fn encode<'p, 'b>(
    part: &'p Part<'b>,
    calls: &Calls,
    shown: &mut Vec<(&'p Str<'b>, &'p Part<'b>)>,
    pen: &mut Pen<'_, '_>,
) -> Result<(), Rejection> {
    let PartKind::ToolCallResponse { id, content, is_error } = &part.kind else { return Ok(()) };
    if part.cache.is_some() {
        pen.crossing.meet_at(Field::CacheHint, part.at)?;
    }
    let Some(name) = calls.name(id) else {
        return Err(pen.crossing.invalid("the result of a tool answers no call of the conversation", part.at));
    };
    let text = text(id, content, shown, pen)?;
    pen.out.open_object();
    pen.out.key("functionResponse");
    pen.out.open_object();
    if !id.is_empty() {
        pen.out.key("id");
        pen.out.string(id);
    }
    pen.out.key("name");
    pen.out.string(name);
    pen.out.key("response");
    pen.out.open_object();
    pen.out.key(if *is_error == Some(true) { "error" } else { "output" });
    pen.out.string(&text);
    pen.out.close_object();
    pen.out.close_object();
    pen.out.close_object();
    Ok(())
}

/// Says whose media follow.
pub(super) fn label(id: &Str<'_>, out: &mut Out) {
    said(&[&Str::from_plain("Shown by the tool call "), id, &Str::from_plain(":")], out);
    out.close_object();
}

/// The texts of a result, a line each.
fn text<'p, 'b>(
    id: &'p Str<'b>,
    content: &'p [Part<'b>],
    shown: &mut Vec<(&'p Str<'b>, &'p Part<'b>)>,
    pen: &mut Pen<'_, '_>,
) -> Result<Str<'static>, Rejection> {
    let mut whole: Option<Str<'static>> = None;
    let mut add = |text: &Str<'_>| match &mut whole {
        None => whole = Some(text.clone().into_owned()),
        Some(whole) => {
            whole.push(&Str::from_plain("\n"));
            whole.push(text);
        }
    };
    let mut media = false;
    for part in content {
        match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) => add(text),
            PartKind::Media { .. } => {
                pen.crossing.meet_at(Field::ResultMedia, part.at)?;
                shown.push((id, part));
                media = true;
            }
            PartKind::Reasoning { .. } | PartKind::RedactedReasoning(_) => {
                pen.crossing.meet_at(Field::ForeignReasoning, part.at)?;
            }
            PartKind::ToolCall { .. } | PartKind::ToolCallResponse { .. } => {
                return Err(pen.crossing.invalid("a tool result can't hold this", part.at));
            }
            PartKind::Opaque(_) => {
                pen.crossing.meet_at(Field::OpaquePart, part.at)?;
            }
        }
    }
    if media {
        add(&Str::from_plain(SHOWN));
    }
    Ok(whole.unwrap_or_default())
}
