//! Errors and the list of models in Anthropic's form, as clients are told them.

use crate::formats::Reply;
use crate::hub::{ErrorKind, Rejection};
use crate::json::Out;
use std::borrow::Cow;

/// What stands in the sentence of every prompt that is too long: agents look for it to shorten their conversation.
const TOO_LONG: &str = "prompt is too long";

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

/// The event that ends a stream. No `message_stop` follows.
pub(in super::super) fn event(error: &Rejection, out: &mut Vec<u8>) {
    let mut body = Out::default();
    body.verbatim("event: error\ndata: ");
    encode(error, &mut body);
    body.verbatim("\n\n");
    out.extend_from_slice(body.as_bytes());
}

/// The list of models. When a model was published is not known, which the format says by the epoch.
pub(in super::super) fn models(names: &mut dyn Iterator<Item = &str>) -> Reply {
    let names: Vec<&str> = names.collect();
    let mut out = Out::default();
    out.open_object();
    out.key("data");
    out.open_array();
    for name in &names {
        out.open_object();
        for (member, value) in [("type", "model"), ("id", name), ("display_name", name), ("created_at", "1970-01-01T00:00:00Z")] {
            out.key(member);
            out.plain(value);
        }
        out.close_object();
    }
    out.close_array();
    out.key("has_more");
    out.boolean(false);
    for (member, name) in [("first_id", names.first()), ("last_id", names.last())] {
        out.key(member);
        match name {
            Some(name) => out.plain(name),
            None => out.null(),
        }
    }
    out.close_object();
    Reply { status: 200, headers: vec![("content-type", "application/json".to_owned())], body: out.into_bytes() }
}

fn encode(error: &Rejection, out: &mut Out) {
    out.open_object();
    out.key("type");
    out.plain("error");
    out.key("error");
    out.open_object();
    out.key("type");
    out.plain(words(error.kind).1);
    out.key("message");
    out.plain(&sentence(error));
    if let Some(code) = &error.code {
        out.key("details");
        out.open_object();
        out.key("error_code");
        out.plain(code);
        out.close_object();
    }
    out.close_object();
    out.close_object();
}

/// The sentence, which in this format is the only place for the member that is wrong.
fn sentence(error: &Rejection) -> Cow<'_, str> {
    match (error.kind, &error.param) {
        // It may quote the provider's own sentence about a credential that is not the client's.
        (ErrorKind::UpstreamCredential, _) => "the provider refused the gateway's credential".into(),
        (ErrorKind::ContextLength, _) if !error.message.contains(TOO_LONG) => format!("{TOO_LONG}: {}", error.message).into(),
        (ErrorKind::InvalidRequest | ErrorKind::Unsupported, Some(param)) if !error.message.contains(param.as_str()) => {
            format!("{param}: {}", error.message).into()
        }
        _ => error.message.as_str().into(),
    }
}

/// Status and type by kind of error.
const fn words(kind: ErrorKind) -> (u16, &'static str) {
    const REQUEST: &str = "invalid_request_error";
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::ContextLength | ErrorKind::ContentFiltered => (400, REQUEST),
        ErrorKind::Unauthenticated => (401, "authentication_error"),
        ErrorKind::QuotaExhausted => (402, "billing_error"),
        ErrorKind::PermissionDenied => (403, "permission_error"),
        ErrorKind::NotFound => (404, "not_found_error"),
        ErrorKind::MethodNotAllowed => (405, REQUEST),
        ErrorKind::RequestTimeout => (408, REQUEST),
        ErrorKind::Conflict => (409, "conflict_error"),
        ErrorKind::TooLarge => (413, "request_too_large"),
        ErrorKind::UnsupportedMediaType => (415, REQUEST),
        ErrorKind::RateLimited => (429, "rate_limit_error"),
        ErrorKind::Internal => (500, "api_error"),
        ErrorKind::BadGateway | ErrorKind::UpstreamCredential => (502, "api_error"),
        ErrorKind::Unavailable => (503, "api_error"),
        ErrorKind::Timeout => (504, "timeout_error"),
        ErrorKind::NotReady | ErrorKind::Overloaded => (529, "overloaded_error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(error: &Rejection) -> (u16, serde_json::Value) {
        let reply = reply(error);
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }

    #[test]
    fn errors_have_a_place_for_everything() {
        let (status, body) =
            told(&Rejection::new(ErrorKind::Unsupported, "no provider can").at("stop_sequences").code("unsupported_by_target"));
        assert_eq!((status, &body["type"], &body["error"]["type"]), (400, &"error".into(), &"invalid_request_error".into()));
        assert_eq!(body["error"]["message"], "stop_sequences: no provider can");
        assert_eq!(body["error"]["details"]["error_code"], "unsupported_by_target");
        let (_, body) = told(&Rejection::new(ErrorKind::ContextLength, "too many tokens"));
        assert_eq!(body["error"]["message"], "prompt is too long: too many tokens");
        let (status, body) = told(&Rejection::new(ErrorKind::UpstreamCredential, "bad key abc"));
        assert_eq!((status, body["error"]["message"].as_str()), (502, Some("the provider refused the gateway's credential")));
        assert_eq!(told(&Rejection::new(ErrorKind::Overloaded, "busy")).0, 529);
    }

    #[test]
    fn the_list_of_models_has_its_ends() {
        let reply = models(&mut ["a\"", "b"].into_iter());
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((&body["first_id"], &body["last_id"], &body["has_more"]), (&"a\"".into(), &"b".into(), &false.into()));
        assert_eq!(body["data"][1]["display_name"], "b");
        let none: serde_json::Value = serde_json::from_slice(&models(&mut [].into_iter()).body).unwrap();
        assert!(none["first_id"].is_null());
    }
}
