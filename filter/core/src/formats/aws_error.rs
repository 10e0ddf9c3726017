//! Errors of Amazon Bedrock, whichever format it carries: whole answers, and messages of a stream that are no events.

use crate::formats::count::{Count, lenient};
use crate::formats::error_text::{ErrorText, retry_after, sentence};
use crate::framing::{Frame, FrameKind};
use crate::hub::{ErrorKind, Failure};
use serde::Deserialize;

/// The exceptions of the service's model and of its front door, in lower case, with the HTTP status that says what they mean.
const STATUSES: [(&str, u16); 18] = [
    ("validation", 400),
    ("resourcenotfound", 404),
    ("unknownoperation", 404),
    ("servicequotaexceeded", 402),
    ("throttling", 429),
    ("throttled", 429),
    ("toomanyrequests", 429),
    ("internalserver", 500),
    ("internalfailure", 500),
    ("serviceunavailable", 503),
    ("modeltimeout", 504),
    // What is wrong with the gateway's own credential, or with its signature.
    ("accessdenied", 403),
    ("unrecognizedclient", 403),
    ("invalidsignature", 403),
    ("incompletesignature", 403),
    ("signaturedoesnotmatch", 403),
    ("expiredtoken", 403),
    ("missingauthenticationtoken", 403),
];

/// Reads an error answer. The header names the exception; some front doors name it in the body.
pub fn failure(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Failure {
    let wire = Wire::read(body);
    let header = headers.iter().find(|(name, _)| *name == "x-amzn-errortype").map(|(_, value)| *value);
    let name = header.map_or_else(|| wire.name(), str::to_owned);
    Failure { status: Some(status), ..wire.failure(&name, Some(status), ErrorText::read(body), retry_after(headers)) }
}

/// Reads a message of a stream that is no event; an event is `None`.
pub fn in_stream(frame: &Frame<'_>) -> Option<Failure> {
    let data = frame.data.unwrap_or_default();
    let (wire, text) = match frame.kind {
        FrameKind::Sent | FrameKind::Message => return None,
        FrameKind::Exception => (Wire::read(data), ErrorText::read(data)),
        FrameKind::Error => (Wire::default(), ErrorText { message: sentence(&String::from_utf8_lossy(data)), ..ErrorText::default() }),
    };
    let name = String::from_utf8_lossy(frame.event.unwrap_or_default());
    Some(Failure { status: None, ..wire.failure(&name, None, text, None) })
}

/// The members of an error, as far as they say more than [`ErrorText`] reads.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire {
    #[serde(rename = "Message", deserialize_with = "lenient")]
    capital_message: String,
    #[serde(rename = "__type", deserialize_with = "lenient")]
    kind: String,
    #[serde(deserialize_with = "lenient")]
    code: String,
    #[serde(rename = "originalStatusCode")]
    original_status: Count,
    #[serde(rename = "originalMessage", deserialize_with = "lenient")]
    original_message: String,
}

impl Wire {
    fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    fn name(&self) -> String {
        if self.code.is_empty() { self.kind.clone() } else { self.code.clone() }
    }

    /// The failure of an exception of this name. A model that failed says with which status it did.
    fn failure(&self, name: &str, status: Option<u16>, mut text: ErrorText, wait: Option<u64>) -> Failure {
        // `com.amazon.coral.service#NameException:http://…`
        let bare = name.split(':').next().unwrap_or_default().rsplit('#').next().unwrap_or_default();
        let known = bare.to_ascii_lowercase();
        let known = ["exception", "error"].into_iter().find_map(|end| known.strip_suffix(end)).unwrap_or(&known);
        if text.message.is_empty() || text.message.starts_with('{') {
            let said = if self.capital_message.is_empty() { &self.original_message } else { &self.capital_message };
            text.message = sentence(said);
        }
        text.kind = None;
        text.code = (!bare.is_empty()).then(|| bare.to_owned());
        let original = self.original_status.0.and_then(|status| u16::try_from(status).ok()).filter(|status| (400..600).contains(status));
        let meaning = match known {
            "modelnotready" => None,
            "modelerror" | "modelstreamerror" => Some(original.unwrap_or(500)),
            _ => STATUSES.iter().find(|(one, _)| *one == known).map(|(_, status)| *status).or(status).or(Some(500)),
        };
        let failure = text.into_failure(meaning, wait);
        if meaning.is_none() { Failure { kind: ErrorKind::NotReady, ..failure } } else { failure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_what_the_status_does_not() {
        for (status, name, body, kind, message) in [
            (400, "ValidationException", r#"{"message":"bad"}"#, ErrorKind::InvalidRequest, "bad"),
            (400, "ValidationException:http://x/", r#"{"message":"Input is too long."}"#, ErrorKind::ContextLength, "Input is too long."),
            (429, "ThrottlingException", r#"{"message":"Too many tokens, wait"}"#, ErrorKind::RateLimited, "Too many tokens, wait"),
            (400, "ThrottlingException", r#"{"Message":"slow"}"#, ErrorKind::RateLimited, "slow"),
            (429, "ModelNotReadyException", r#"{"message":"cold"}"#, ErrorKind::NotReady, "cold"),
            (408, "ModelTimeoutException", r#"{"message":"late"}"#, ErrorKind::Timeout, "late"),
            (400, "ServiceQuotaExceededException", r#"{"message":"none left"}"#, ErrorKind::QuotaExhausted, "none left"),
            (424, "ModelErrorException", r#"{"message":"broken","originalStatusCode":503}"#, ErrorKind::Unavailable, "broken"),
            (424, "ModelErrorException", r#"{"originalMessage":"broken"}"#, ErrorKind::Internal, "broken"),
            (403, "UnrecognizedClientException", r#"{"message":"no"}"#, ErrorKind::UpstreamCredential, "no"),
            (400, "ExpiredTokenException", r#"{"message":"old"}"#, ErrorKind::UpstreamCredential, "old"),
            (503, "ServiceUnavailableException", r#"{"message":"Model overloaded"}"#, ErrorKind::Overloaded, "Model overloaded"),
            (404, "ResourceNotFoundException", r#"{"message":"gone"}"#, ErrorKind::NotFound, "gone"),
            (500, "", r#"{"message":"oh"}"#, ErrorKind::Internal, "oh"),
            (502, "", "<html><title>Bad gateway</title>", ErrorKind::BadGateway, "Bad gateway"),
        ] {
            let found = failure(status, &[("x-amzn-errortype", name)], body.as_bytes());
            assert_eq!((found.kind, &*found.message, found.status), (kind, message, Some(status)), "{name}");
        }
        let found = failure(400, &[], br#"{"__type":"com.amazon.coral.service#ThrottlingException","message":"slow"}"#);
        assert_eq!((found.kind, found.code.as_deref()), (ErrorKind::RateLimited, Some("ThrottlingException")));
    }

    #[test]
    fn a_stream_says_it_in_frames() {
        let said = |kind, event: &str, data: &str| {
            let frame = Frame { raw: b"", event: Some(event.as_bytes()), data: Some(data.as_bytes()), kind };
            in_stream(&frame).map(|failure| (failure.kind, failure.message))
        };
        for (event, data, kind, message) in [
            ("throttlingException", r#"{"message":"Too many tokens"}"#, ErrorKind::RateLimited, "Too many tokens"),
            ("modelStreamErrorException", r#"{"message":"m","originalStatusCode":529}"#, ErrorKind::Overloaded, "m"),
            ("modelStreamErrorException", r#"{"message":"m"}"#, ErrorKind::Internal, "m"),
            ("serviceUnavailableException", r#"{"message":"busy"}"#, ErrorKind::Unavailable, "busy"),
            ("validationException", r#"{"message":"bad"}"#, ErrorKind::InvalidRequest, "bad"),
            ("newException", "{}", ErrorKind::Internal, "the provider answered with status 500 and no message"),
        ] {
            assert_eq!(said(FrameKind::Exception, event, data), Some((kind, message.to_owned())), "{event}");
        }
        assert_eq!(said(FrameKind::Error, "InternalError", "it {broke"), Some((ErrorKind::Internal, "it {broke".to_owned())));
        assert_eq!(said(FrameKind::Message, "messageStop", "{}"), None);
    }
}
