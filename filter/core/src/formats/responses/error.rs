//! Errors of providers that speak Responses, and those told in the middle of a client's stream.

use crate::formats::error_text::{self, ErrorText, retry_after};
use crate::formats::openai;
use crate::framing::sse::write_event;
use crate::hub::{ErrorKind, Failure, Rejection};
use crate::json::{Out, Raw};

/// Reads a provider's error answer.
pub(super) fn failure(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Failure {
    ErrorText::read(body).into_failure(Some(status), retry_after(headers))
}

/// The failure that the `error` of a response, or an `error` event, tells of. There is no status to go by.
pub(super) fn in_answer(error: Raw<'_>) -> Failure {
    let words = match error.cursor().string() {
        Ok(sentence) => ErrorText { message: error_text::sentence(&sentence.plain()), ..ErrorText::default() },
        Err(_) => ErrorText::read_json(error.as_str()).unwrap_or_default(),
    };
    words.into_failure(None, None)
}

/// The failure that an `error` event tells of: in a member of its own, or flat, where the `type` is the event's.
pub(super) fn in_event(error: Option<Raw<'_>>, data: &[u8]) -> Failure {
    match error {
        Some(error) => in_answer(error),
        None => ErrorText { kind: None, ..ErrorText::read(data) }.into_failure(None, None),
    }
}

/// The failure of an answer that ended without its reason.
pub(super) fn nameless() -> Failure {
    Failure::new(ErrorKind::Internal, "the provider gave up on the answer")
}

/// The event that tells of an error where there is no response to fail: at the start of a stream, or in one that passes. The SDKs raise
/// the nested form; the flat one is what is documented.
pub(super) fn event(error: &Rejection, sequence: u64, out: &mut Vec<u8>) {
    let (_, kind, code) = openai::words(error.kind);
    let code = error.code.as_deref().or(code).unwrap_or(kind);
    let mut body = Out::default();
    body.open_object();
    body.key("type");
    body.plain("error");
    body.key("sequence_number");
    body.number(sequence);
    body.key("code");
    body.plain(code);
    body.key("message");
    body.plain(openai::message(error));
    body.key("param");
    param(error, &mut body);
    body.key("error");
    body.open_object();
    body.key("type");
    body.plain(kind);
    body.key("code");
    body.plain(code);
    body.key("message");
    body.plain(openai::message(error));
    body.key("param");
    param(error, &mut body);
    body.close_object();
    body.close_object();
    write_event(Some("error"), &body.into_string(), out);
}

fn param(error: &Rejection, out: &mut Out) {
    match &error.param {
        Some(param) => out.plain(param),
        None => out.null(),
    }
}

/// Writes the value of `error` in a response that failed. The words of its `code` are a closed list.
pub(super) fn encode(error: &Rejection, out: &mut Out) {
    out.open_object();
    out.key("code");
    out.plain(code(error.kind));
    out.key("message");
    out.plain(openai::message(error));
    out.close_object();
}

const fn code(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::RateLimited | ErrorKind::QuotaExhausted => "rate_limit_exceeded",
        ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::ContextLength | ErrorKind::ContentFiltered => "invalid_prompt",
        ErrorKind::Unauthenticated
        | ErrorKind::PermissionDenied
        | ErrorKind::NotFound
        | ErrorKind::MethodNotAllowed
        | ErrorKind::Conflict
        | ErrorKind::TooLarge
        | ErrorKind::UnsupportedMediaType
        | ErrorKind::NotReady
        | ErrorKind::Timeout
        | ErrorKind::RequestTimeout
        | ErrorKind::Internal
        | ErrorKind::BadGateway
        | ErrorKind::Unavailable
        | ErrorKind::Overloaded
        | ErrorKind::UpstreamCredential => "server_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_responses_are_known() {
        for (code, kind) in [
            ("server_error", ErrorKind::Internal),
            ("rate_limit_exceeded", ErrorKind::RateLimited),
            ("invalid_prompt", ErrorKind::InvalidRequest),
            ("invalid_image_format", ErrorKind::InvalidRequest),
            ("context_length_exceeded", ErrorKind::ContextLength),
            ("insufficient_quota", ErrorKind::QuotaExhausted),
        ] {
            let text = format!(r#"{{"code":"{code}","message":"m"}}"#);
            let failure = in_answer(Raw::parse(&text).unwrap());
            assert_eq!((failure.kind, &*failure.message), (kind, "m"), "{code}");
        }
    }

    #[test]
    fn both_forms_stand_in_one_event() {
        let mut out = Vec::new();
        event(&Rejection::new(ErrorKind::Overloaded, "too \"busy\""), 7, &mut out);
        let text = String::from_utf8(out).unwrap();
        let data = text.strip_prefix("event: error\ndata: ").and_then(|data| data.strip_suffix("\n\n")).unwrap();
        let value: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!((value["message"].as_str(), value["sequence_number"].as_u64()), (Some("too \"busy\""), Some(7)));
        assert_eq!((value["error"]["code"].as_str(), value["error"]["type"].as_str()), (Some("overloaded"), Some("server_error")));
    }
}
