//! What routing, limits and edits must know of a Gemini request. The request is read whole for it: so a fault is told whoever would answer.

use super::decode::decode_all;
use crate::formats::google_paths::{Method, called};
use crate::formats::head::Head;
use crate::formats::shape::place;
use crate::formats::{Asked, Outline};
use crate::hub::{ErrorKind, Rejection};

/// The word in the memo for a stream that is one JSON array.
const LIST: &str = "list";

/// The word in the memo for a client that does not see what the model thinks: the default of the format.
const QUIET: &str = "quiet";

/// Reads a request.
pub(in super::super) fn outline(head: &Head<'_>, body: &[u8]) -> Result<Outline, Rejection> {
    let Some(called) = called(head) else {
        return Err(Rejection::new(ErrorKind::NotFound, "the path names no model"));
    };
    let decoded = decode_all(head, body)?;
    let request = &decoded.request;
    let mut outline = Outline::of(request);
    outline.model = called.model;
    outline.model_span = decoded.model;
    outline.body_bytes = u64::from(place(body.len()));
    outline.foreign = decoded.foreign;
    outline.schemas = decoded.schemas;
    let list = called.method == Method::Stream && head.parameter("alt") != Some("sse");
    let quiet = request.reasoning.as_ref().and_then(|reasoning| reasoning.show) != Some(true);
    outline.memo = match (list, quiet) {
        (false, false) => None,
        (true, false) => Some(LIST.into()),
        (false, true) => Some(QUIET.into()),
        (true, true) => Some(format!("{LIST} {QUIET}").into()),
    };
    Ok(outline)
}

/// Whether the client reads its stream as one JSON array.
pub(in super::super) fn is_list(asked: &Asked) -> bool {
    noted(asked, LIST)
}

/// Whether the client does not see what the model thinks.
pub(super) fn is_quiet(asked: &Asked) -> bool {
    noted(asked, QUIET)
}

fn noted(asked: &Asked, word: &str) -> bool {
    asked.memo.as_deref().is_some_and(|memo| memo.split(' ').any(|one| one == word))
}
