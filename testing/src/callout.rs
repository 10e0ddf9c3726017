//! HTTP callouts that a filter sends, and what a test lets come of them.

use crate::abi::Status;
use crate::headers::HeaderMap;
use std::time::Duration;

/// A callout that the filter dispatched.
#[derive(Clone, Debug)]
pub struct Callout {
    /// The token by which the filter knows it.
    pub token: u32,
    /// The cluster it goes to.
    pub cluster: String,
    /// Its headers, pseudo-headers included.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
    /// Its trailers.
    pub trailers: HeaderMap,
    /// How long the filter gives it.
    pub timeout: Duration,
    /// The root context that owns it and gets the answer.
    pub root: u32,
    /// The context in whose callback it was dispatched.
    pub from: u32,
    /// When it was dispatched, in nanoseconds of the host's clock.
    pub at: u64,
}

/// What comes of a callout.
#[derive(Clone, Debug)]
pub enum Answer {
    /// An HTTP answer, as soon as the callback that dispatched it is over.
    Reply(Reply),
    /// The same answer, but so much later.
    After(Duration, Box<Answer>),
    /// None: when the filter's time limit is over Envoy makes it a 504.
    Timeout,
    /// The connection is refused: Envoy makes it a 503.
    Refused,
    /// The connection breaks before an answer: Envoy makes it a 503.
    Broken,
    /// The stream is reset behind the answer's headers: a callback with no headers at all.
    Reset,
    /// The test answers by [`Host::answer`](crate::Host::answer), or the time limit ends it.
    Later,
    /// The host call itself fails with this status; there is no callback.
    Fails(Status),
}

/// An HTTP answer to a callout.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// Headers, `:status` among them.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
    /// Trailers.
    pub trailers: HeaderMap,
}

impl Reply {
    /// A reply of this status and body.
    pub fn new(status: u16, body: impl AsRef<[u8]>) -> Reply {
        let mut headers = HeaderMap::new();
        headers.add(":status", status.to_string());
        headers.add("content-length", body.as_ref().len().to_string());
        Reply { headers, body: body.as_ref().to_vec(), trailers: HeaderMap::new() }
    }

    /// The same with one header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Reply {
        self.headers.add(name, value);
        self
    }
}

impl Answer {
    /// A reply of this status and body, at once.
    pub fn reply(status: u16, body: impl AsRef<[u8]>) -> Answer {
        Answer::Reply(Reply::new(status, body))
    }
}

/// What Envoy's own 503 begins with.
pub(crate) const NO_ANSWER: &str = "upstream connect error or disconnect/reset before headers. ";
pub(crate) const RESET: &str = "reset reason: ";

/// A callout that waits for its callback.
pub(crate) struct Pending {
    pub(crate) callout: Callout,
    /// When what comes of it comes.
    pub(crate) due: u64,
    /// `None` is a reset.
    pub(crate) reply: Option<Reply>,
}

impl Pending {
    /// # Errors
    /// The status with which the dispatching host call fails.
    pub(crate) fn new(callout: Callout, answer: Answer) -> Result<Pending, Status> {
        let limit = callout.at.saturating_add(nanos(callout.timeout));
        let (mut due, mut answer) = (callout.at, answer);
        while let Answer::After(delay, inner) = answer {
            due = due.saturating_add(nanos(delay));
            answer = *inner;
        }
        let (due, reply) = match answer {
            Answer::Reply(reply) => (due, Some(reply)),
            Answer::Refused => (due, Some(Reply::new(503, format!("{NO_ANSWER}{RESET}remote connection failure")))),
            Answer::Broken => (due, Some(Reply::new(503, format!("{NO_ANSWER}{RESET}connection termination")))),
            Answer::Reset => (due, None),
            Answer::Timeout | Answer::Later | Answer::After(..) => (u64::MAX, None),
            Answer::Fails(status) => return Err(status),
        };
        if due >= limit {
            return Ok(Pending { callout, due: limit, reply: Some(Reply::new(504, "upstream request timeout")) });
        }
        Ok(Pending { callout, due, reply })
    }
}

/// A duration in the nanoseconds of the host's clock.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
