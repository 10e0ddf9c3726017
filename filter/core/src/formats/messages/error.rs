//! Errors of a provider that speaks Messages: whole answers and events.

use crate::formats::error_text::{ErrorText, retry_after};
use crate::hub::Failure;

/// Reads an error answer.
pub(super) fn failure(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Failure {
    ErrorText::read(body).into_failure(Some(status), retry_after(headers))
}

/// Reads an error that came without a status of its own: an event of a stream, or the body of a 200.
pub(super) fn in_stream(data: &[u8]) -> Failure {
    ErrorText::read(data).into_failure(None, None)
}
