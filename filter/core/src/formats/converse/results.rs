//! What the client's tools gave: text, pictures, documents; never nothing.

use super::parts::{Pen, encode as part, said};
use crate::formats::breakpoints::Breakpoint;
use crate::formats::ids::named_id;
use crate::hub::{Field, Part, PartKind, Rejection};
use crate::json::Str;

/// What stands in a result that says nothing.
const NOTHING: &str = "(no output)";

/// Writes a result; gives back the last breakpoint inside it, which the format has no place for but behind it.
pub(super) fn encode<'b>(
    id: &Str<'_>,
    content: &[Part<'b>],
    is_error: Option<bool>,
    at: u32,
    pen: &mut Pen<'_, '_>,
) -> Result<Option<Breakpoint<'b>>, Rejection> {
    pen.out.constant(r#"{"toolResult":{"toolUseId":""#);
    pen.out.verbatim(named_id(id).as_escaped());
    pen.out.verbatim("\"");
    pen.out.key("content");
    pen.out.open_array();
    let (mut last, before) = (None, pen.out.len());
    for one in content {
        match &one.kind {
            PartKind::Text(text) | PartKind::Refusal(text) if text.is_blank() => {
                pen.crossing.meet_at(Field::EmptyText, one.at)?;
                continue;
            }
            PartKind::Reasoning { .. } | PartKind::RedactedReasoning(_) => {
                pen.crossing.meet_at(Field::ForeignReasoning, one.at)?;
                continue;
            }
            PartKind::ToolCall { .. } | PartKind::ToolCallResponse { .. } => {
                return Err(pen.crossing.invalid("a tool result can't hold this", one.at));
            }
            PartKind::Text(_) | PartKind::Refusal(_) | PartKind::Media { .. } | PartKind::Opaque(_) => {}
        }
        part(&Part { cache: None, ..one.clone() }, pen)?;
        last = pen.breakpoint(one.cache, one.at)?.or(last);
    }
    if pen.out.len() == before {
        pen.crossing.meet_at(Field::EmptyResult, at)?;
        said(&Str::from_plain(NOTHING), pen.out);
    }
    pen.out.close_array();
    if let Some(is_error) = is_error {
        pen.out.key("status");
        pen.out.plain(if is_error { "error" } else { "success" });
    }
    pen.out.verbatim("}}");
    Ok(last)
}
