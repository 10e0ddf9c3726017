//! The stream of `invoke-with-response-stream`: an AWS event stream whose events hold Anthropic's, each in base64.
//!
//! ```text
//! :event-type chunk   {"bytes":"eyJ0eXBlIjoi…","p":"…"}   ◄──►   event: content_block_delta
//!                                                              data: {"type":"content_block_delta",…}
//! ```
//! The JSON inside passes as it is. What is no event stays a frame of its own kind, which readers know for a failure.

use crate::base64;
use crate::framing::event_stream::write_event;
use crate::framing::{Frame, FrameKind};
use crate::json::{Cursor, JsonError, Kind, utf8};

/// The one kind of events in such a stream.
const CHUNK: &[u8] = b"chunk";

/// What an event says that holds none of Anthropic's.
const UNREADABLE: &[u8] = b"an event of the provider's stream can't be read";

/// Hands on what a frame carries, framed as Anthropic itself frames it. Events of other kinds say nothing, as to AWS's own SDKs.
pub(super) fn unwrap(frame: &Frame<'_>, each: &mut dyn FnMut(Frame<'_>)) {
    match frame.kind {
        // A service in front of Bedrock may frame the answer as Anthropic does.
        FrameKind::Sent => each(*frame),
        FrameKind::Message if frame.event != Some(CHUNK) => {}
        FrameKind::Message => match frame.data.and_then(inside) {
            Some(json) => sent(&json, each),
            None => each(Frame { event: None, data: Some(UNREADABLE), kind: FrameKind::Error, ..*frame }),
        },
        FrameKind::Exception | FrameKind::Error => each(*frame),
    }
}

/// Appends the chunk that holds an event; what says nothing is none.
pub(super) fn wrap(frame: &Frame<'_>, out: &mut Vec<u8>) {
    if let Some(data) = frame.data.filter(|data| !data.is_empty()) {
        write_event("chunk", format!(r#"{{"bytes":"{}"}}"#, base64::encode(data)).as_bytes(), out);
    }
}

/// The JSON that a chunk holds; `None` where it holds none.
fn inside(chunk: &[u8]) -> Option<Vec<u8>> {
    let text = read(chunk, "bytes").ok()??;
    base64::decode(&text).filter(|json| utf8(json).is_ok())
}

/// A text member of an object.
fn read(object: &[u8], member: &str) -> Result<Option<String>, JsonError> {
    let mut cursor = Cursor::new(object)?;
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if name.is(member) && cursor.peek()? == Kind::String {
            return Ok(Some(cursor.string()?.into_plain().into_owned()));
        }
        cursor.skip()?;
    }
    Ok(None)
}

/// Hands on an event with these data, which name its kind.
fn sent(json: &[u8], each: &mut dyn FnMut(Frame<'_>)) {
    let kind = read(json, "type").ok().flatten().unwrap_or_default();
    // A line feed would end the field, and one in a kind that nobody knows would begin another one.
    let kind = kind.split(['\n', '\r']).next().unwrap_or_default();
    let mut raw = Vec::with_capacity(json.len().saturating_add(kind.len()).saturating_add(24));
    raw.extend_from_slice(b"event: ");
    raw.extend_from_slice(kind.as_bytes());
    for line in json.split(|byte| matches!(byte, b'\n' | b'\r')) {
        raw.extend_from_slice(b"\ndata: ");
        raw.extend_from_slice(line);
    }
    raw.extend_from_slice(b"\n\n");
    each(Frame { raw: &raw, event: Some(kind.as_bytes()), data: Some(json), kind: FrameKind::Sent });
}
