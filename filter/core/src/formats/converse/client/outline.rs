//! What routing, limits and edits must know of a Converse request: it is read as a whole, because its decoder borrows all it finds.

use super::decode::decode;
use crate::formats::shape::{self, Fault, place};
use crate::formats::{Outline, Span};
use crate::hub::{PartKind, Rejection, Request, envelope};
use crate::json::{Cursor, Kind};

/// Reads a request to this model.
pub(in super::super) fn outline(model: String, body: &[u8], stream: bool) -> Result<Outline, Rejection> {
    let request = decode(&model, body, stream)?;
    let mut outline = Outline::of(&request);
    outline.body_bytes = u64::from(place(body.len()));
    outline.foreign = foreign(&request, shape::text(body)?).map_err(|fault| fault.rejection(""))?;
    outline.model = model;
    Ok(outline)
}

/// Reads a request to count tokens, which holds one that this format's model or another one's would get.
pub(in super::super) fn outline_of_count(model: String, body: &[u8]) -> Result<Outline, Rejection> {
    let text = shape::text(body)?;
    let foreign = counted(text).map_err(|fault| fault.rejection(text))?;
    Ok(Outline { model, foreign, body_bytes: u64::from(place(body.len())), ..Outline::default() })
}

/// Thinking that another vendor made in a request whose tokens shall be counted.
fn counted(text: &str) -> Result<Vec<Span>, Fault> {
    let mut cursor = Cursor::of_text(text);
    let top = cursor.offset();
    let (mut found, mut spans) = (false, Vec::new());
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if !name.is("input") || cursor.peek()? != Kind::Object {
            cursor.skip()?;
            continue;
        }
        found = true;
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            let start = place(cursor.offset());
            let inner = cursor.raw()?;
            // What can't be read the provider refuses itself.
            if name.is("converse")
                && let Ok(request) = decode("", inner.as_str().as_bytes(), false)
            {
                let shifted = |span: Span| Span { start: span.start.saturating_add(start), end: span.end.saturating_add(start) };
                spans.extend(foreign(&request, inner.as_str())?.into_iter().map(shifted));
            }
        }
    }
    cursor.end()?;
    if found { Ok(spans) } else { Err(Fault::missing(top, "input")) }
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
        let outline = outline_of_count("m".to_owned(), body.as_bytes()).unwrap();
        let found: Vec<&str> = outline.foreign.iter().map(|span| body.get(span.range().unwrap()).unwrap()).collect();
        assert_eq!(found, [other]);
        assert!(outline_of_count("m".to_owned(), br#"{"input":{"converse":{"messages":7}}}"#).unwrap().foreign.is_empty());
        assert!(outline_of_count("m".to_owned(), b"{}").is_err());
    }
}
