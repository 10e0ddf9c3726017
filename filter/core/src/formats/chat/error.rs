//! Errors of a chat stream, and those of providers that speak chat.

use crate::formats::error_text::{ErrorText, retry_after};
use crate::formats::openai;
use crate::hub::{Failure, Rejection};
use crate::json::Out;

/// The event that ends a stream. No `[DONE]` follows: the SDKs raise what they read here.
pub(super) fn event(error: &Rejection, out: &mut Vec<u8>) {
    let mut body = Out::default();
    openai::encode(error, &mut body);
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(body.as_bytes());
    out.extend_from_slice(b"\n\n");
}

/// Reads a provider's error answer.
pub(super) fn failure(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Failure {
    ErrorText::read(body).into_failure(Some(status), retry_after(headers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::ErrorKind;

    #[test]
    fn an_error_is_an_event_of_its_own() {
        let error = Rejection::new(ErrorKind::UpstreamCredential, "Incorrect API key provided: abc");
        let mut event_bytes = Vec::new();
        event(&error, &mut event_bytes);
        assert!(event_bytes.starts_with(b"data: {\"error\":{") && event_bytes.ends_with(b"}}\n\n"));
    }
}
