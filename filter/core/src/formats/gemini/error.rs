//! Errors of a provider that speaks Gemini: whole answers, alone or in an array, and events of a stream.

use crate::formats::count::{Count, lenient};
use crate::formats::error_text::{ErrorText, retry_after, whole};
use crate::hub::Failure;
use serde::Deserialize;

/// Reads an error answer.
pub(super) fn failure(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Failure {
    let wait = retry_after(headers).or_else(|| Wire::read(body).wait());
    ErrorText::read(body).into_failure(Some(status), wait)
}

/// Reads an error that came without a status of its own: an event of a stream, or the body of a 200. Its words have one.
pub(super) fn in_stream(data: &[u8]) -> Failure {
    let wire = Wire::read(data);
    let failure = ErrorText::read(data).into_failure(wire.status(), wire.wait());
    Failure { status: None, ..failure }
}

/// An error as Google's APIs word it (`google.rpc.Status`).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire {
    code: Count,
    #[serde(deserialize_with = "lenient")]
    status: String,
    #[serde(deserialize_with = "lenient")]
    details: Vec<Detail>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail {
    #[serde(rename = "retryDelay", deserialize_with = "lenient")]
    retry_delay: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    error: Wire,
}

impl Wire {
    fn read(body: &[u8]) -> Self {
        // A struct can be read from an array, too, member by member, so the array comes first.
        let first = serde_json::from_slice::<Vec<Envelope>>(body).ok().and_then(|errors| errors.into_iter().next());
        first.or_else(|| serde_json::from_slice(body).ok()).unwrap_or_default().error
    }

    /// The HTTP status that the error would have had (`google.rpc.Code` says which names have which).
    fn status(&self) -> Option<u16> {
        let code = self.code.0.and_then(|code| u16::try_from(code).ok());
        code.filter(|code| (400..600).contains(code)).or(match self.status.as_str() {
            "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => Some(400),
            "UNAUTHENTICATED" => Some(401),
            "PERMISSION_DENIED" => Some(403),
            "NOT_FOUND" => Some(404),
            "ABORTED" | "ALREADY_EXISTS" => Some(409),
            "RESOURCE_EXHAUSTED" => Some(429),
            "UNAVAILABLE" | "CANCELLED" => Some(503),
            "DEADLINE_EXCEEDED" => Some(504),
            _ => None,
        })
    }

    /// Whole seconds after which trying again makes sense.
    fn wait(&self) -> Option<u64> {
        self.details.iter().find_map(|detail| whole(detail.retry_delay.strip_suffix('s')?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::ErrorKind;

    #[test]
    fn errors_are_read_in_both_forms() {
        let body = r#"{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.Help","links":[]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"48.93s"}]}}"#;
        for body in [body.to_owned(), format!("[{body}]")] {
            let failure = failure(429, &[], body.as_bytes());
            assert_eq!((failure.kind, failure.retry_after, &*failure.message), (ErrorKind::RateLimited, Some(49), "slow down"));
            assert_eq!(in_stream(body.as_bytes()), Failure { status: None, ..failure });
        }
        assert_eq!(failure(429, &[("retry-after", "7")], body.as_bytes()).retry_after, Some(7));
    }

    #[test]
    fn names_say_what_a_missing_code_would() {
        for (body, kind) in [
            (r#"{"error":{"status":"UNAVAILABLE","message":"The model is overloaded."}}"#, ErrorKind::Overloaded),
            (r#"{"error":{"code":"x","status":"DEADLINE_EXCEEDED","message":"m"}}"#, ErrorKind::Timeout),
            (r#"{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"API key not valid."}}"#, ErrorKind::UpstreamCredential),
            (r#"{"error":{"code":400,"message":"The input token count (9) exceeds the maximum"}}"#, ErrorKind::ContextLength),
            (r#"{"error":{"code":14,"status":7,"message":"m"}}"#, ErrorKind::Internal),
            ("[]", ErrorKind::Internal),
        ] {
            assert_eq!(in_stream(body.as_bytes()).kind, kind, "{body}");
        }
    }
}
