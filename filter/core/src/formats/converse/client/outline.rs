//! What routing, limits and edits must know of a Converse request: it is read as a whole, because its decoder borrows all it finds.

use super::decode::{decode, decode_counted};
use crate::formats::shape::{self, Fault, place};
use crate::formats::{Outline, Span};
use crate::hub::{PartKind, Rejection, Request, envelope};
use crate::json::Cursor;

/// Reads a request to this model.
pub(in super::super) fn outline(model: String, body: &[u8], stream: bool) -> Result<Outline, Rejection> {
    let request = decode(&model, body, stream)?;
    let mut outline = Outline::of(&request);
    outline.body_bytes = u64::from(place(body.len()));
    outline.foreign = foreign(&request, shape::text(body)?).map_err(|fault| fault.rejection(""))?;
    outline.model = model;
    Ok(outline)
}

/// Reads a request to count tokens, which holds one that this format's model or another one's would get. What can't be read the provider
/// of this format refuses itself, and no other one is asked.
pub(in super::super) fn outline_of_count(model: String, body: &[u8]) -> Result<Outline, Rejection> {
    let text = shape::text(body)?;
    holds_input(text).map_err(|fault| fault.rejection(text))?;
    let mut outline = Outline::default();
    if let Ok(request) = decode_counted(body) {
        outline = Outline::of(&request);
        outline.foreign = foreign(&request, text).map_err(|fault| fault.rejection(text))?;
    }
    outline.body_bytes = u64::from(place(body.len()));
    outline.model = model;
    Ok(outline)
}

/// Whether the body is JSON with what shall be counted.
fn holds_input(text: &str) -> Result<(), Fault> {
    let mut cursor = Cursor::of_text(text);
    let (top, mut found) = (cursor.offset(), false);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        found |= name.is("input");
        cursor.skip()?;
    }
    cursor.end()?;
    if found { Ok(()) } else { Err(Fault::missing(top, "input")) }
}

/// Thinking that another vendor made: it is in an envelope. What is not signed may be the model's own.
fn foreign(request: &Request<'_>, text: &str) -> Result<Vec<Span>, Fault> {
    let is_foreign = |kind: &PartKind<'_>| match kind {
        PartKind::Reasoning { signature, .. } => signature.as_ref().is_some_and(envelope::is_envelope),
        PartKind::RedactedReasoning(data) => envelope::is_envelope(data),
        PartKind::Text(_)
        | PartKind::Refusal(_)
        | PartKind::Media { .. }
        | PartKind::ToolCall { .. }
        | PartKind::ToolCallResponse { .. }
        | PartKind::Opaque(_) => false,
    };
    let parts = request.messages.iter().flat_map(|message| &message.parts).filter(|part| is_foreign(&part.kind));
    parts
        .map(|part| {
            let mut cursor = Cursor::at(text, usize::try_from(part.at).unwrap_or(usize::MAX));
            cursor.skip()?;
            Ok(Span { start: part.at, end: place(cursor.passed()) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_holds_no_foreign_thinking() {
        let thought = |signature: &str| format!(r#"{{"reasoningContent":{{"reasoningText":{{"text":"t","signature":"{signature}"}}}}}}"#);
        let (own, other) = (thought("own"), thought("weir1.messages.x"));
        let turn = format!(r#"{{"role":"assistant","content":[{own}, {other},{{"text":"a"}}]}}"#);
        let body = format!(r#"{{ "input": {{ "converse": {{"messages":[{turn}]}} }} }}"#);
        assert_eq!(outline_of_count("m".to_owned(), body.as_bytes()).unwrap().text_bytes, 3);
        let outline = outline_of_count("m".to_owned(), body.as_bytes()).unwrap();
        let found: Vec<&str> = outline.foreign.iter().map(|span| body.get(span.range().unwrap()).unwrap()).collect();
        assert_eq!(found, [other]);
        assert!(outline_of_count("m".to_owned(), br#"{"input":{"converse":{"messages":7}}}"#).unwrap().foreign.is_empty());
        assert!(outline_of_count("m".to_owned(), b"{}").is_err());
    }
}
