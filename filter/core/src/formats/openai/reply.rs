//! Errors as clients of OpenAI's formats are told them, and the list of models.

use crate::formats::Reply;
use crate::hub::{ErrorKind, Rejection};
use crate::json::Out;

/// Longest wait that is told, in seconds: OpenAI's SDKs don't try again at all where it is longer.
const MAX_RETRY_AFTER: u64 = 120;

/// The whole reply to a client.
#[must_use]
pub fn reply(error: &Rejection) -> Reply {
    let mut headers = vec![("content-type", "application/json".to_owned())];
    if let Some(seconds) = error.retry_after {
        headers.push(("retry-after", seconds.min(MAX_RETRY_AFTER).to_string()));
    }
    let mut out = Out::default();
    encode(error, &mut out);
    Reply { status: words(error.kind).0, headers, body: out.into_bytes() }
}

/// Writes the body of an error.
pub fn encode(error: &Rejection, out: &mut Out) {
    let (_, kind, code) = words(error.kind);
    out.open_object();
    out.key("error");
    out.open_object();
    out.key("message");
    out.plain(message(error));
    out.key("type");
    out.plain(kind);
    out.key("param");
    match &error.param {
        Some(param) => out.plain(param),
        None => out.null(),
    }
    out.key("code");
    match error.code.as_deref().or(code) {
        Some(code) => out.plain(code),
        None => out.null(),
    }
    out.close_object();
    out.close_object();
}

/// The sentence that the client is told. A provider's own may quote a credential that is not the client's.
#[must_use]
pub fn message(error: &Rejection) -> &str {
    if error.kind == ErrorKind::UpstreamCredential { "the provider refused the gateway's credential" } else { &error.message }
}

/// Status, type and code by kind of error.
#[must_use]
pub const fn words(kind: ErrorKind) -> (u16, &'static str, Option<&'static str>) {
    const REQUEST: &str = "invalid_request_error";
    const SERVER: &str = "server_error";
    match kind {
        ErrorKind::InvalidRequest => (400, REQUEST, None),
        ErrorKind::Unsupported => (400, REQUEST, Some("unsupported_by_target")),
        ErrorKind::ContextLength => (400, REQUEST, Some("context_length_exceeded")),
        ErrorKind::ContentFiltered => (400, REQUEST, Some("content_filter")),
        ErrorKind::Unauthenticated => (401, REQUEST, Some("invalid_api_key")),
        ErrorKind::QuotaExhausted => (429, "insufficient_quota", Some("insufficient_quota")),
        ErrorKind::PermissionDenied => (403, "permission_error", Some("permission_denied")),
        ErrorKind::NotFound => (404, REQUEST, Some("model_not_found")),
        ErrorKind::MethodNotAllowed => (405, REQUEST, Some("method_not_allowed")),
        ErrorKind::RequestTimeout => (408, REQUEST, Some("request_timeout")),
        ErrorKind::Conflict => (409, REQUEST, None),
        ErrorKind::TooLarge => (413, REQUEST, Some("request_too_large")),
        ErrorKind::UnsupportedMediaType => (415, REQUEST, Some("unsupported_media_type")),
        ErrorKind::RateLimited => (429, "rate_limit_error", Some("rate_limit_exceeded")),
        ErrorKind::Internal => (500, SERVER, None),
        ErrorKind::BadGateway | ErrorKind::UpstreamCredential => (502, SERVER, Some("bad_gateway")),
        ErrorKind::NotReady => (503, SERVER, Some("model_not_ready")),
        ErrorKind::Unavailable => (503, SERVER, None),
        // 529 is known to Anthropic's clients alone; all others try again at 503.
        ErrorKind::Overloaded => (503, SERVER, Some("overloaded")),
        ErrorKind::Timeout => (504, SERVER, Some("timeout")),
    }
}

/// The list of models.
#[must_use]
pub fn models(names: &mut dyn Iterator<Item = &str>, created: u64) -> Reply {
    let mut out = Out::default();
    out.open_object();
    out.key("object");
    out.plain("list");
    out.key("data");
    out.open_array();
    for name in names {
        out.open_object();
        out.key("id");
        out.plain(name);
        out.key("object");
        out.plain("model");
        out.key("created");
        out.number(created);
        out.key("owned_by");
        out.plain("weir");
        out.close_object();
    }
    out.close_array();
    out.close_object();
    Reply { status: 200, headers: vec![("content-type", "application/json".to_owned())], body: out.into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_quoted_the_body_is_json() {
        let error = Rejection::new(ErrorKind::NotFound, "no model \"a\\\n\u{1}é\"").at("mo\"del");
        let reply = reply(&error);
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((reply.status, body["error"]["message"].as_str()), (404, Some("no model \"a\\\n\u{1}é\"")));
        assert_eq!(body["error"]["code"], "model_not_found");
        assert_eq!(body["error"]["param"], "mo\"del");
    }

    #[test]
    fn waits_are_bounded_and_the_gateways_credential_is_its_own_matter() {
        let mut error = Rejection::new(ErrorKind::RateLimited, "slow");
        error.retry_after = Some(3600);
        assert!(reply(&error).headers.contains(&("retry-after", "120".to_owned())));
        let error = Rejection::new(ErrorKind::UpstreamCredential, "Incorrect API key provided: abc");
        let text = String::from_utf8(reply(&error).body).unwrap();
        assert!(!text.contains("abc"), "{text}");
    }
}
