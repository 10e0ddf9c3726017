//! What a provider's error answer says, whatever its shape: words, a sentence fit for a client, a kind, and when to try again.
//!
//! Bodies are vendors' JSON of many shapes, text, HTML, or nothing; reading never fails.

use crate::hub::{ErrorKind, Failure};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Longest sentence that is handed on, in bytes: some servers put whole stack traces or the prompt into it.
const MAX_MESSAGE: usize = 1000;

/// Shortest word that can be a credential; real ones are far longer, their masked forms (`sk-ab***yz`) about this long.
const MIN_SECRET: usize = 10;

/// How the credentials and account ids begin that vendors quote in their errors.
const SECRET_PREFIXES: &[&str] =
    &["sk-", "sk_", "pk-", "rk-", "gsk_", "xai-", "hf_", "AIza", "AKIA", "ASIA", "eyJ", "ya29.", "org-", "proj_", "req_key"];

/// What 400, 413 and 422 say where the prompt does not fit; every vendor has words of its own.
const CONTEXT_PATTERNS: &[&str] = &[
    "prompt is too long",
    "maximum context length",
    "context window",
    "context length",
    "input token count",
    "input is too long",
    "too many tokens",
    "too many input tokens",
    "too large for model",
    "reduce the length",
    "exceed_context_size",
    "available context size",
];

/// The words of an error answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorText {
    /// The vendor's type, such as `invalid_request_error`.
    pub kind: Option<String>,
    /// The vendor's code, more precise than the type.
    pub code: Option<String>,
    /// The vendor's word for the member that is wrong.
    pub param: Option<String>,
    /// A plain sentence, bounded, without credentials; empty where the body has none.
    pub message: String,
}

#[derive(Default, Deserialize)]
struct Members<'b> {
    #[serde(borrow, default)]
    error: Option<&'b RawValue>,
    #[serde(borrow, default)]
    message: Option<&'b RawValue>,
    #[serde(borrow, default)]
    detail: Option<&'b RawValue>,
    #[serde(borrow, default)]
    details: Option<&'b RawValue>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'b RawValue>,
    #[serde(borrow, default)]
    code: Option<&'b RawValue>,
    #[serde(borrow, default)]
    error_code: Option<&'b RawValue>,
    #[serde(borrow, default)]
    param: Option<&'b RawValue>,
}

impl ErrorText {
    /// Reads a whole error answer.
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        let Ok(text) = core::str::from_utf8(body) else { return Self::default() };
        let text = text.trim_start_matches('\u{feff}').trim();
        Self::read_json(text).unwrap_or_else(|| Self { message: sentence(page_title(text)), ..Self::default() })
    }

    /// Reads an error that is JSON; `None` where the text is not an object, or an array that begins with one.
    #[must_use]
    pub fn read_json(text: &str) -> Option<Self> {
        if text.starts_with('[') {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            return Self::read_json(items.first()?.get()).filter(|_| !text.starts_with("[["));
        }
        let outer: Members<'_> = serde_json::from_str(text).ok()?;
        let inner = outer.error.and_then(|error| serde_json::from_str::<Members<'_>>(error.get()).ok()).unwrap_or_default();
        let details = inner.details.and_then(|details| serde_json::from_str::<Members<'_>>(details.get()).ok()).unwrap_or_default();
        let message = word(inner.message)
            .or_else(|| word(outer.error))
            .or_else(|| word(outer.message))
            .or_else(|| word(outer.detail))
            .or_else(|| outer.detail.map(|detail| detail.get().to_owned()))
            .unwrap_or_default();
        // Beside an `error` object the outer type is the envelope's (`"type":"error"`), beside none it is the error's own.
        let kind = if inner.message.is_some() || inner.kind.is_some() { word(inner.kind) } else { word(outer.kind) };
        Some(Self {
            kind,
            code: word(details.error_code).or_else(|| word(inner.code)).or_else(|| word(outer.code)),
            param: word(inner.param).or_else(|| word(outer.param)),
            message: sentence(&message),
        })
    }

    /// The failure that these words and an HTTP status mean; in the middle of a stream there is no status.
    #[must_use]
    pub fn into_failure(self, status: Option<u16>, retry_after: Option<u64>) -> Failure {
        let kind = self.kind_of_error(status);
        let message = match (self.message.is_empty(), status) {
            (false, _) => self.message,
            (true, Some(status)) => format!("the provider answered with status {status} and no message"),
            (true, None) => "the provider reported an error without a message".to_owned(),
        };
        Failure { kind, message, code: self.code, param: self.param, status, retry_after, request_id: None }
    }

    /// The kind of error: what the words say precisely, then the status, then the type.
    #[must_use]
    pub fn kind_of_error(&self, status: Option<u16>) -> ErrorKind {
        if let Some(kind) = self.kind_by_words(status) {
            return kind;
        }
        match status {
            Some(401 | 403) => ErrorKind::UpstreamCredential,
            Some(402) => ErrorKind::QuotaExhausted,
            Some(404) => ErrorKind::NotFound,
            Some(405) => ErrorKind::MethodNotAllowed,
            Some(408) => ErrorKind::RequestTimeout,
            Some(409) => ErrorKind::Conflict,
            Some(413) => ErrorKind::TooLarge,
            Some(415) => ErrorKind::UnsupportedMediaType,
            Some(429) => ErrorKind::RateLimited,
            Some(502) => ErrorKind::BadGateway,
            Some(503) => ErrorKind::Unavailable,
            Some(504) => ErrorKind::Timeout,
            Some(529) => ErrorKind::Overloaded,
            Some(400..=499) => ErrorKind::InvalidRequest,
            Some(500..=599) => ErrorKind::Internal,
            Some(_) | None => self.kind_by_type(),
        }
    }

    fn kind_by_words(&self, status: Option<u16>) -> Option<ErrorKind> {
        let says = |word: &str| self.code.as_deref() == Some(word) || self.kind.as_deref() == Some(word);
        let message = self.message.to_lowercase();
        if says("context_length_exceeded")
            || matches!(status, None | Some(400 | 413 | 422)) && CONTEXT_PATTERNS.iter().any(|one| message.contains(one))
        {
            return Some(ErrorKind::ContextLength);
        }
        if says("content_filter") || says("content_policy_violation") || says("ResponsibleAIPolicyViolation") {
            return Some(ErrorKind::ContentFiltered);
        }
        if says("insufficient_quota")
            || says("credit_balance_exhausted")
            || says("billing_error")
            || self.code.as_deref().is_some_and(|code| code.ends_with("_spend_limit_reached"))
            || message.contains("credit balance is too low")
        {
            return Some(ErrorKind::QuotaExhausted);
        }
        if says("overloaded_error") || status == Some(503) && message.contains("overload") {
            return Some(ErrorKind::Overloaded);
        }
        // Two vendors answer a wrong key with 400.
        if status == Some(400) && (message.contains("incorrect api key") || message.contains("api key not valid")) {
            return Some(ErrorKind::UpstreamCredential);
        }
        None
    }

    fn kind_by_type(&self) -> ErrorKind {
        match self.kind.as_deref().or(self.code.as_deref()).unwrap_or_default() {
            "invalid_request_error" | "invalid_prompt" => ErrorKind::InvalidRequest,
            // OpenAI has a dozen codes for what can be wrong with a picture.
            kind if kind.contains("image") => ErrorKind::InvalidRequest,
            "authentication_error" | "permission_error" | "invalid_api_key" => ErrorKind::UpstreamCredential,
            "not_found_error" | "model_not_found" => ErrorKind::NotFound,
            "conflict_error" => ErrorKind::Conflict,
            "request_too_large" => ErrorKind::TooLarge,
            "rate_limit_error" | "rate_limit_exceeded" => ErrorKind::RateLimited,
            "timeout_error" | "timeout" => ErrorKind::Timeout,
            _ => ErrorKind::Internal,
        }
    }
}

/// Seconds after which trying again makes sense, as the answer's headers say; names are lower case. A date is not read: there is no clock.
#[must_use]
pub fn retry_after(headers: &[(&str, &str)]) -> Option<u64> {
    let value = |name: &str| headers.iter().find(|(one, _)| *one == name).map(|(_, value)| value.trim());
    if let Some(milliseconds) = value("retry-after-ms").and_then(whole) {
        return Some(milliseconds.div_ceil(1000));
    }
    value("retry-after").and_then(whole)
}

/// The whole part of a decimal number, rounded up; some vendors send fractions.
#[must_use]
pub fn whole(text: &str) -> Option<u64> {
    match text.split_once('.') {
        None => text.parse().ok(),
        Some((whole, fraction)) if !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit()) => {
            let more = u64::from(fraction.bytes().any(|byte| byte != b'0'));
            whole.parse::<u64>().ok().map(|whole| whole.saturating_add(more))
        }
        Some(_) => None,
    }
}

/// A sentence that a client may see: one line, bounded, without credentials.
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(MAX_MESSAGE));
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c: char| !is_secret_char(c)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at_checked(if end == 0 { first.len_utf8() } else { end }).unwrap_or((rest, ""));
        if line.len().saturating_add(word.len()) > MAX_MESSAGE {
            line.push('…');
            break;
        }
        if is_secret(word) {
            line.push_str("[redacted]");
        } else {
            line.extend(word.chars().map(|c| if c.is_control() { ' ' } else { c }));
        }
        rest = behind;
    }
    line
}

fn is_secret_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*' | '.')
}

fn is_secret(word: &str) -> bool {
    word.len() >= MIN_SECRET
        && SECRET_PREFIXES.iter().any(|prefix| word.starts_with(prefix))
        && word.bytes().any(|byte| byte.is_ascii_digit() || byte == b'*')
}

/// A member's text: of a string what it says, of a number its digits; of anything else nothing.
fn word(value: Option<&RawValue>) -> Option<String> {
    let text = value?.get();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(text).ok().filter(|word| !word.is_empty()),
        b'-' | b'0'..=b'9' => Some(text.to_owned()),
        _ => None,
    }
}

/// Of a page of HTML its title; of any other text itself.
fn page_title(text: &str) -> &str {
    if !text.starts_with('<') {
        return text;
    }
    let title = text.find("<title>").and_then(|at| text.get(at.checked_add("<title>".len())?..));
    title.and_then(|rest| rest.split('<').next()).map_or("the provider answered with a page instead of JSON", str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> (Option<String>, Option<String>, String) {
        let words = ErrorText::read(body.as_bytes());
        (words.kind, words.code, words.message)
    }

    #[test]
    fn every_shape_gives_its_sentence() {
        for (body, kind, code, message) in [
            (r#"{"type":"error","error":{"type":"not_found_error","message":"model: x"}}"#, Some("not_found_error"), None, "model: x"),
            (r#"{"error":{"message":"m","type":"t","code":"c","param":null}}"#, Some("t"), Some("c"), "m"),
            (r#"{"error":{"message":"m","code":400}}"#, None, Some("400"), "m"),
            (r#"{"error":"boom","code":"bad"}"#, None, Some("bad"), "boom"),
            (r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#, Some("BadRequestError"), Some("400"), "m"),
            (r#"{"detail":"Not Found"}"#, None, None, "Not Found"),
            (r#"{"detail":[{"loc":["body"]}]}"#, None, None, r#"[{"loc":["body"]}]"#),
            (r#"[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]"#, None, Some("400"), "m"),
            ("<html><head><title>502 Bad Gateway</title></head></html>", None, None, "502 Bad Gateway"),
            ("<html>", None, None, "the provider answered with a page instead of JSON"),
            ("upstream\nfailed", None, None, "upstream failed"),
            ("", None, None, ""),
            ("{", None, None, "{"),
            ("[]", None, None, "[]"),
        ] {
            assert_eq!(read(body), (kind.map(str::to_owned), code.map(str::to_owned), message.to_owned()), "{body}");
        }
        assert_eq!(ErrorText::read(&[0x1f, 0x8b, 0xff]), ErrorText::default());
    }

    #[test]
    fn words_before_status_before_type() {
        let kind = |status, body: &str| ErrorText::read(body.as_bytes()).kind_of_error(status);
        for (status, body, expected) in [
            (Some(400), r#"{"error":{"type":"invalid_request_error","message":"prompt is too long: 2 > 1"}}"#, ErrorKind::ContextLength),
            (Some(400), r#"{"error":{"type":"invalid_request_error","message":"x"}}"#, ErrorKind::InvalidRequest),
            (Some(401), "", ErrorKind::UpstreamCredential),
            (Some(403), "<html>", ErrorKind::UpstreamCredential),
            (Some(429), r#"{"error":{"code":"insufficient_quota","message":"x"}}"#, ErrorKind::QuotaExhausted),
            (Some(429), "", ErrorKind::RateLimited),
            (Some(529), r#"{"error":{"type":"overloaded_error","message":"Overloaded"}}"#, ErrorKind::Overloaded),
            (Some(503), r#"{"error":{"message":"Model overloaded"}}"#, ErrorKind::Overloaded),
            (Some(503), "", ErrorKind::Unavailable),
            (Some(500), "", ErrorKind::Internal),
            (Some(504), "", ErrorKind::Timeout),
            (Some(400), r#"{"code":"x","error":"Incorrect API key provided: sk-***"}"#, ErrorKind::UpstreamCredential),
            (None, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, ErrorKind::Overloaded),
            (None, r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}"#, ErrorKind::RateLimited),
            (None, r#"{"type":"error","error":{"type":"api_error","message":"x"}}"#, ErrorKind::Internal),
        ] {
            assert_eq!(kind(status, body), expected, "{status:?} {body}");
        }
    }

    #[test]
    fn credentials_are_taken_out_and_length_is_bounded() {
        assert_eq!(sentence("key sk-proj-abc123***9Z. Or org-Ab12Cd34Ef56"), "key [redacted] Or [redacted]");
        assert_eq!(sentence("an org-wide limit, risk-free"), "an org-wide limit, risk-free");
        assert_eq!(sentence("naïve \u{7} é"), "naïve   é");
        assert!(sentence(&"é ".repeat(2000)).len() <= MAX_MESSAGE + '…'.len_utf8());
        assert!(sentence(&"x".repeat(5000)).len() <= MAX_MESSAGE + '…'.len_utf8());
    }

    #[test]
    fn retry_after_is_whole_seconds() {
        assert_eq!(retry_after(&[("retry-after", "7")]), Some(7));
        assert_eq!(retry_after(&[("retry-after", "1.2")]), Some(2));
        assert_eq!(retry_after(&[("retry-after", "9"), ("retry-after-ms", "1500")]), Some(2));
        assert_eq!(retry_after(&[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")]), None);
        assert_eq!(retry_after(&[]), None);
    }
}
