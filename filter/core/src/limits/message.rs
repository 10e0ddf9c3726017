//! The rate-limit service's messages: `POST /json` of envoyproxy/ratelimit, request and answer.

use serde::Deserialize;

use super::civil::SECOND;
use crate::json::Str;

/// Puts a call together: an addend for each descriptor, whose entries are JSON already.
#[derive(Debug)]
pub(super) struct Request {
    body: String,
    first: bool,
}

impl Request {
    pub(super) fn new(domain: &str) -> Self {
        let mut body = String::with_capacity(1024);
        body.push_str("{\"domain\":\"");
        body.push_str(Str::from_plain(domain).as_escaped());
        body.push_str("\",\"descriptors\":[");
        Self { body, first: true }
    }

    /// Adds a descriptor. The addend is written as a string, as protojson writes 64 bits; 0 is written, because an absent one means 1.
    pub(super) fn descriptor(&mut self, entries: &str, addend: u64) {
        use std::fmt::Write as _;
        if !core::mem::take(&mut self.first) {
            self.body.push(',');
        }
        let _infallible = write!(self.body, "{{\"entries\":[{entries}],\"hitsAddend\":\"{addend}\"}}");
    }

    pub(super) fn finish(mut self) -> String {
        self.body.push_str("]}");
        self.body
    }
}

/// What the service says of one descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It knows no rule for it, and has counted nothing.
    NoRule,
    /// It has counted.
    Counted {
        /// The limit, in units of the service.
        limit: u64,
        /// What is left, in units of the service; 0 at the limit and above it.
        remaining: u64,
        /// Nanoseconds until the window is over: whole seconds, rounded up.
        reset: u64,
    },
}

/// Reads an answer: one standing for each descriptor of the call, in its order. `None` if it is no answer to that call.
///
/// The status is 200, or 429 where a descriptor is over its limit: it decides nothing, the remainder does, because the code is
/// still `OK` when nothing is left. Every other status, and every other body, is a failure of the service.
pub(super) fn decode_answer(status: u16, body: &[u8], descriptors: usize) -> Option<Vec<Standing>> {
    if !matches!(status, 200 | 429) {
        return None;
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    (answer.statuses.len() == descriptors).then_some(())?;
    answer.statuses.iter().map(Status::standing).collect()
}

/// Whether an answer is Envoy's own and says that the call never reached the service.
///
/// Envoy answers 503 itself where there is no connection. Only then is it certain that nothing was counted; a connection
/// that broke off later says so in the same status with another text, and proves nothing.
pub(super) fn was_never_sent(status: u16, body: &[u8]) -> bool {
    const PHRASES: [&[u8]; 5] = [
        b"no healthy upstream",
        b"reset reason: connection failure",
        b"reset reason: remote connection failure",
        b"reset reason: local connection failure",
        b"reset reason: overflow",
    ];
    status == 503 && PHRASES.iter().any(|phrase| memchr::memmem::find(body, phrase).is_some())
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    statuses: Vec<Status>,
}

/// Proto3 leaves defaults out: an absent remainder is 0, an absent limit in `currentLimit` too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    current_limit: Option<CurrentLimit>,
    #[serde(default)]
    limit_remaining: u32,
    #[serde(default)]
    duration_until_reset: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CurrentLimit {
    #[serde(default)]
    requests_per_unit: u32,
}

impl Status {
    fn standing(&self) -> Option<Standing> {
        let Some(limit) = &self.current_limit else { return Some(Standing::NoRule) };
        Some(Standing::Counted {
            limit: limit.requests_per_unit.into(),
            remaining: self.limit_remaining.into(),
            reset: decode_seconds(&self.duration_until_reset)?,
        })
    }
}

/// `2886s`, or `2886.5s`: protojson's duration, in nanoseconds, up to the next whole second and at least one.
fn decode_seconds(text: &str) -> Option<u64> {
    let number = text.strip_suffix('s')?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let more = u64::from(fraction.bytes().any(|digit| digit != b'0'));
    whole.parse::<u64>().ok()?.checked_add(more)?.max(1).checked_mul(SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_each_descriptor_and_its_addend() {
        let mut request = Request::new("we\"ir");
        request.descriptor(r#"{"key":"rule","value":"a/t"}"#, 0);
        request.descriptor(r#"{"key":"rule","value":"b/t"}"#, 12);
        let expected = concat!(
            r#"{"domain":"we\"ir","descriptors":[{"entries":[{"key":"rule","value":"a/t"}],"hitsAddend":"0"},"#,
            r#"{"entries":[{"key":"rule","value":"b/t"}],"hitsAddend":"12"}]}"#
        );
        assert_eq!(request.finish(), expected);
    }

    #[test]
    fn an_answer_is_read_as_the_service_writes_it() {
        let body = br#"{"overallCode":"OVER_LIMIT","statuses":[
            {"code":"OK","currentLimit":{"requestsPerUnit":100,"unit":"HOUR"},"limitRemaining":70,"durationUntilReset":"2886s"},
            {"code":"OVER_LIMIT","currentLimit":{"requestsPerUnit":100,"unit":"HOUR"},"durationUntilReset":"2886s"},
            {"code":"OK"}]}"#;
        let expected = [
            Standing::Counted { limit: 100, remaining: 70, reset: 2886 * SECOND },
            Standing::Counted { limit: 100, remaining: 0, reset: 2886 * SECOND },
            Standing::NoRule,
        ];
        assert_eq!(decode_answer(429, body, 3).as_deref(), Some(expected.as_slice()));
    }

    #[test]
    fn what_does_not_answer_the_call_is_no_answer() {
        let counted = r#"{"statuses":[{"currentLimit":{"requestsPerUnit":1},"durationUntilReset":"1s"}]}"#;
        assert!(decode_answer(200, counted.as_bytes(), 1).is_some());
        assert_eq!(decode_answer(200, counted.as_bytes(), 2), None);
        assert_eq!(decode_answer(400, counted.as_bytes(), 1), None);
        assert_eq!(decode_answer(200, b"Bad Request", 1), None);
        assert_eq!(decode_answer(200, counted.replace("1s", "soon").as_bytes(), 1), None);
        assert_eq!(decode_answer(200, counted.replace("1s", "").as_bytes(), 1), None);
        assert_eq!(decode_answer(200, counted.replace(":1}", ":4294967296}").as_bytes(), 1), None);
    }

    #[test]
    fn durations_are_rounded_up() {
        let cases = [("1s", Some(1)), ("0s", Some(1)), ("1.000s", Some(1)), ("1.5s", Some(2)), ("-1s", None), ("1", None)];
        for (text, seconds) in cases {
            assert_eq!(decode_seconds(text), seconds.map(|seconds: u64| seconds * SECOND), "{text}");
        }
    }

    #[test]
    fn only_a_connection_that_was_never_made_is_certain() {
        let reset = |reason: &str| format!("upstream connect error or disconnect/reset before headers. reset reason: {reason}");
        assert!(was_never_sent(503, b"no healthy upstream"));
        assert!(was_never_sent(503, reset("remote connection failure, transport failure reason: delayed connect error: 111").as_bytes()));
        assert!(was_never_sent(503, reset("connection failure").as_bytes()));
        assert!(!was_never_sent(503, reset("connection termination").as_bytes()));
        assert!(!was_never_sent(504, b"upstream request timeout"));
        assert!(!was_never_sent(503, b""));
    }
}
