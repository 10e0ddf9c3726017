//! Errors and the list of models in Google's form, as clients are told them.

use crate::formats::Reply;
use crate::hub::{ErrorKind, Rejection};
use crate::json::Out;

/// The whole reply to a client.
pub(in super::super) fn reply(error: &Rejection) -> Reply {
    let mut headers = vec![("content-type", "application/json".to_owned())];
    if let Some(seconds) = error.retry_after {
        headers.push(("retry-after", seconds.to_string()));
    }
    let mut out = Out::default();
    encode(error, &mut out);
    Reply { status: words(error.kind).0, headers, body: out.into_bytes() }
}

/// The event that ends a stream.
pub(in super::super) fn event(error: &Rejection, out: &mut Vec<u8>) {
    let mut body = Out::onto("data: ".to_owned());
    encode(error, &mut body);
    body.verbatim("\n\n");
    out.extend_from_slice(body.as_bytes());
}

/// The list of models.
pub(in super::super) fn models(names: &mut dyn Iterator<Item = &str>) -> Reply {
    let mut out = Out::default();
    out.open_object();
    out.key("models");
    out.open_array();
    for name in names {
        out.open_object();
        out.key("name");
        out.plain(&format!("models/{name}"));
        out.key("displayName");
        out.plain(name);
        out.constant(r#""supportedGenerationMethods":["generateContent","countTokens"]"#);
        out.close_object();
    }
    out.close_array();
    out.close_object();
    Reply { status: 200, headers: vec![("content-type", "application/json".to_owned())], body: out.into_bytes() }
}

/// Writes an error (`google.rpc.Status`). SDKs find one in a stream by its first member, and take its code for a number.
pub(super) fn encode(error: &Rejection, out: &mut Out) {
    let (status, name) = words(error.kind);
    let message = match error.kind {
        // It may quote the provider's own sentence about a credential that is not the client's.
        ErrorKind::UpstreamCredential => "the provider refused the gateway's credential",
        _ => &error.message,
    };
    out.constant(r#"{"error":{"code":"#);
    out.number(u64::from(status));
    for (member, value) in [("message", message), ("status", name)] {
        out.key(member);
        out.plain(value);
    }
    details(error, out);
    out.close_object();
    out.close_object();
}

/// Writes what programs read: the member that is wrong, a word for the cause, and when to try again.
fn details(error: &Rejection, out: &mut Out) {
    if error.param.is_none() && error.code.is_none() && error.retry_after.is_none() {
        return;
    }
    out.key("details");
    out.open_array();
    if let Some(param) = &error.param {
        out.constant(r#"{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"#);
        out.plain(param);
        out.key("description");
        out.plain(&error.message);
        out.verbatim("}]}");
    }
    if let Some(code) = &error.code {
        out.constant(r#"{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"#);
        out.plain(code);
        out.verbatim("}");
    }
    if let Some(seconds) = error.retry_after {
        out.constant(r#"{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"#);
        out.plain(&format!("{seconds}s"));
        out.verbatim("}");
    }
    out.close_array();
}

/// Status and its name by kind of error (`google.rpc.Code`).
const fn words(kind: ErrorKind) -> (u16, &'static str) {
    const ARGUMENT: &str = "INVALID_ARGUMENT";
    const UNAVAILABLE: &str = "UNAVAILABLE";
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::ContextLength | ErrorKind::ContentFiltered => (400, ARGUMENT),
        ErrorKind::Unauthenticated => (401, "UNAUTHENTICATED"),
        ErrorKind::PermissionDenied => (403, "PERMISSION_DENIED"),
        ErrorKind::NotFound => (404, "NOT_FOUND"),
        ErrorKind::MethodNotAllowed => (405, "UNIMPLEMENTED"),
        ErrorKind::RequestTimeout => (408, "DEADLINE_EXCEEDED"),
        ErrorKind::Conflict => (409, "ABORTED"),
        ErrorKind::TooLarge => (413, ARGUMENT),
        ErrorKind::UnsupportedMediaType => (415, ARGUMENT),
        ErrorKind::RateLimited | ErrorKind::QuotaExhausted => (429, "RESOURCE_EXHAUSTED"),
        ErrorKind::Internal => (500, "INTERNAL"),
        ErrorKind::BadGateway | ErrorKind::UpstreamCredential => (502, UNAVAILABLE),
        ErrorKind::Unavailable | ErrorKind::Overloaded | ErrorKind::NotReady => (503, UNAVAILABLE),
        ErrorKind::Timeout => (504, "DEADLINE_EXCEEDED"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn told(error: &Rejection) -> (u16, Value) {
        let reply = reply(error);
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }

    #[test]
    fn errors_have_a_place_for_everything() {
        let mut error =
            Rejection::new(ErrorKind::Unsupported, "no \"provider\" can").at("generationConfig.seed").code("unsupported_by_target");
        error.retry_after = Some(7);
        let (status, body) = told(&error);
        let expected = r#"{"error":{"code":400,"message":"no \"provider\" can","status":"INVALID_ARGUMENT","details":[
            {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"generationConfig.seed","description":"no \"provider\" can"}]},
            {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"unsupported_by_target"},
            {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"7s"}]}}"#;
        assert_eq!((status, body), (400, serde_json::from_str(expected).unwrap()));
        let (status, body) = told(&Rejection::new(ErrorKind::UpstreamCredential, "bad key abc"));
        assert_eq!((status, &body["error"]["message"]), (502, &"the provider refused the gateway's credential".into()));
        assert!(body["error"]["details"].is_null());
    }

    #[test]
    fn the_event_begins_with_the_error() {
        let mut out = Vec::new();
        event(&Rejection::new(ErrorKind::Overloaded, "busy"), &mut out);
        assert_eq!(out, b"data: {\"error\":{\"code\":503,\"message\":\"busy\",\"status\":\"UNAVAILABLE\"}}\n\n");
    }

    #[test]
    fn models_are_resources() {
        let reply = models(&mut ["a\"", "b"].into_iter());
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((&body["models"][0]["name"], &body["models"][1]["displayName"]), (&"models/a\"".into(), &"b".into()));
    }
}
