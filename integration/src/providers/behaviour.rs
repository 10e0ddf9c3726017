//! How a simulated provider misbehaves, chosen by the model's name, by the prompt, or by a test's queue.
use std::io::{self, Write};
use std::time::Duration;

use super::seen::Shared;
use crate::http::server::Answer;

/// The pause between two events of a slow stream.
pub const SLOW: Duration = Duration::from_millis(100);

/// One way to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    Normal,
    /// An error of the vendor's shape.
    Status(u16),
    /// The connection closes without an answer.
    Reset,
    /// What comes is no HTTP.
    Garbage,
    /// The connection closes after half of the answer.
    ResetMidStream,
    /// A page of a proxy in front of the vendor.
    Html(u16),
    /// Status 200 and no byte.
    Empty,
    /// Half of the stream, then a clean end of HTTP without the format's own.
    HalfStream,
    /// The first event of the stream is an error.
    ErrorFirst,
    /// An error after some content.
    ErrorInStream,
    /// A pause before each event.
    Slow,
    /// Each event waits for the test's permit.
    Gated,
    /// No answer at all until the client leaves.
    Stall,
    /// Half of a JSON document with its proper length.
    HalfJson,
    /// The answer's text is the request's body.
    Echo,
    /// An answer without usage.
    NoUsage,
    /// A compressed answer, asked for or not.
    Gzip,
}

impl Behaviour {
    /// A model named `sim-WHAT` decides; else `[sim:WHAT]`, or `[MODEL:WHAT]` for one model alone, in the last text of the user.
    pub fn of(model: &str, text: &str) -> Self {
        let by_model = model.strip_prefix("sim-").and_then(Self::named);
        let tagged = |tag: &str| {
            text.split_once(&format!("[{tag}:")).and_then(|(_, rest)| rest.split_once(']')).and_then(|(name, _)| Self::named(name))
        };
        by_model.or_else(|| tagged("sim")).or_else(|| tagged(model)).unwrap_or(Self::Normal)
    }

    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "reset" => Self::Reset,
            "garbage" => Self::Garbage,
            "reset-midstream" => Self::ResetMidStream,
            "html" => Self::Html(502),
            "html-200" => Self::Html(200),
            "empty" => Self::Empty,
            "half-stream" => Self::HalfStream,
            "error-first" => Self::ErrorFirst,
            "error-in-stream" => Self::ErrorInStream,
            "slow" => Self::Slow,
            "gated" => Self::Gated,
            "stall" => Self::Stall,
            "half-json" => Self::HalfJson,
            "echo" => Self::Echo,
            "no-usage" => Self::NoUsage,
            "gzip" => Self::Gzip,
            _ => Self::Status(name.parse().ok()?),
        })
    }
}

/// An answer written out by a test.
#[derive(Debug, Clone)]
pub struct Scripted {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// Sent one by one; a single piece is sent with its length.
    pub pieces: Vec<Vec<u8>>,
    /// Whether the connection closes after the pieces instead of a clean end.
    pub abort: bool,
    /// Whether each piece waits for the test's permit.
    pub gated: bool,
}

impl Scripted {
    /// A whole answer.
    pub fn whole(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, pieces: vec![body.into()], abort: false, gated: false }
    }

    /// A stream of events in the given pieces.
    pub fn stream(pieces: Vec<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
        Self { status: 200, headers, pieces, abort: false, gated: false }
    }

    pub(super) fn play(&self, answer: &mut Answer<'_>, shared: &Shared) -> io::Result<()> {
        let headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if let ([piece], false, false) = (self.pieces.as_slice(), self.abort, self.gated) {
            return answer.whole(self.status, &headers, piece);
        }
        answer.begin(self.status, &headers)?;
        for piece in &self.pieces {
            if self.gated {
                shared.wait_permit();
            }
            answer.chunk(piece)?;
        }
        if self.abort {
            answer.abort();
            return Ok(());
        }
        answer.end()
    }
}

/// Sends a stream's events as the behaviour demands.
pub(super) fn send_stream(
    behaviour: &Behaviour,
    events: &[Vec<u8>],
    error: &[u8],
    headers: &[(String, String)],
    answer: &mut Answer<'_>,
    shared: &Shared,
) -> io::Result<()> {
    let mut head: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    if *behaviour == Behaviour::Gzip {
        head.push(("content-encoding", "gzip"));
        return send_gzipped(events, &head, answer);
    }
    answer.begin(200, &head)?;
    let half = events.len() / 2;
    let (sent, then) = match behaviour {
        Behaviour::ErrorFirst => (&events[..0], Some(error)),
        Behaviour::ErrorInStream => (&events[..half], Some(error)),
        Behaviour::HalfStream | Behaviour::ResetMidStream | Behaviour::HalfJson => (&events[..half], None),
        _ => (events, None),
    };
    for event in sent {
        match behaviour {
            Behaviour::Slow => std::thread::sleep(SLOW),
            Behaviour::Gated => shared.wait_permit(),
            _ => {}
        }
        answer.chunk(event)?;
    }
    if let Some(error) = then {
        answer.chunk(error)?;
    }
    if *behaviour == Behaviour::ResetMidStream {
        answer.abort();
        return Ok(());
    }
    answer.end()
}

/// Sends a stream compressed, each event on its way at once.
fn send_gzipped(events: &[Vec<u8>], headers: &[(&str, &str)], answer: &mut Answer<'_>) -> io::Result<()> {
    answer.begin(200, headers)?;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for event in events {
        encoder.write_all(event).and_then(|()| encoder.flush())?;
        answer.chunk(&std::mem::take(encoder.get_mut()))?;
    }
    answer.chunk(&encoder.finish()?)?;
    answer.end()
}

/// Compresses.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory")
}
