//! One HTTP stream in one position: what has arrived, what is held, what has gone on.

use crate::abi::Status;
use crate::headers::HeaderMap;
use crate::host::StreamId;
use crate::state::Shared;
use std::collections::{BTreeMap, VecDeque};

/// A piece of a message that left a position (or comes to one).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The headers; `end`: nothing follows. The map itself is shared, see [`crate::Host::headers`].
    Headers {
        /// Whether the message is complete.
        end: bool,
    },
    /// A part of the body.
    Data {
        /// The bytes.
        bytes: Vec<u8>,
        /// Whether the message is complete.
        end: bool,
    },
    /// The trailers, which end the message.
    Trailers(HeaderMap),
}

impl Flow {
    /// Whether the message is complete with this.
    pub(crate) fn ends(&self) -> bool {
        match self {
            Flow::Headers { end } | Flow::Data { end, .. } => *end,
            Flow::Trailers(_) => true,
        }
    }
}

/// What all positions of one request share: Envoy's stream info.
#[derive(Default)]
pub(crate) struct StreamInfo {
    pub(crate) filter_state: BTreeMap<String, Vec<u8>>,
    /// Properties that the test or the driver set; paths joined by NUL.
    pub(crate) properties: BTreeMap<String, Vec<u8>>,
    pub(crate) request_headers: Option<Shared<HeaderMap>>,
    pub(crate) response_headers: Option<Shared<HeaderMap>>,
    /// How often a filter made Envoy forget its route.
    pub(crate) route_clears: u64,
    /// The upstream position of the attempt that is under way.
    pub(crate) attempt: Option<StreamId>,
    /// A local reply has taken the place of whatever attempts might bring.
    pub(crate) replied: bool,
    /// Envoy's response flags, see [`Flag`].
    pub(crate) flags: u64,
    /// Whether the route is picked, and the cluster that it names.
    pub(crate) routed: bool,
    pub(crate) cluster: Option<String>,
}

impl StreamInfo {
    /// The route is picked anew when it is needed next.
    pub(crate) fn clear_route(&mut self) {
        self.route_clears += 1;
        self.routed = false;
    }
}

/// What Envoy notes of how a stream went (property `response.flags`), by its bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Flag {
    NoHealthyUpstream = 0x2,
    UpstreamRequestTimeout = 0x4,
    UpstreamConnectionFailure = 0x20,
    UpstreamConnectionTermination = 0x40,
    NoRouteFound = 0x100,
    DownstreamConnectionTermination = 0x4000,
    UpstreamRetryLimitExceeded = 0x8000,
    StreamIdleTimeout = 0x1_0000,
    NoClusterFound = 0x200_0000,
}

/// A reply that the filter makes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    /// Its status.
    pub status: u32,
    /// `response.code_details`.
    pub details: String,
    /// Headers beside those that Envoy sets.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl LocalReply {
    /// The headers as Envoy makes them: the filter's own are kept, length and a type of `text/plain` come with a body.
    pub(crate) fn head(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        map.add(":status", self.status.to_string());
        for (name, value) in &self.headers {
            map.add(name, value);
        }
        if !self.body.is_empty() {
            map.set("content-length", self.body.len().to_string());
            if !map.contains("content-type") {
                map.add("content-type", "text/plain");
            }
        }
        map
    }
}

/// One direction of a stream in one position.
///
/// ```text
/// waiting ── headers ──► held (Pause) ── body Continue, resume ──► passing ── Pause ──► buffering ── Continue, resume ──► passing
///                   └──► passing (Continue)
/// ```
#[derive(Default)]
pub(crate) struct Half {
    headers: Option<Shared<HeaderMap>>,
    headers_in_sight: bool,
    /// Whether the headers are the whole message.
    headers_end: bool,
    headers_out: bool,
    body: Vec<u8>,
    body_in_sight: bool,
    /// Pause in a body callback: Envoy keeps the bytes and the next callback sees them all.
    pub(crate) buffering: bool,
    /// Body that the filter has not seen, because Pause in headers stopped everything.
    pub(crate) unseen: Option<(Vec<u8>, bool)>,
    pub(crate) trailers_unseen: bool,
    data_end: bool,
    pub(crate) stopped: bool,
    pub(crate) stop_all: bool,
    trailers: Option<HeaderMap>,
    trailers_in_sight: bool,
    /// A local reply or a reset: nothing more is delivered.
    pub(crate) aborted: bool,
    out: VecDeque<Flow>,
}

impl Half {
    pub(crate) fn headers(&self) -> Option<Shared<HeaderMap>> {
        self.headers.clone()
    }

    pub(crate) fn headers_in_sight(&self) -> Option<&Shared<HeaderMap>> {
        self.headers.as_ref().filter(|_| self.headers_in_sight)
    }

    pub(crate) fn trailers_in_sight(&mut self) -> Option<&mut HeaderMap> {
        self.trailers.as_mut().filter(|_| self.trailers_in_sight)
    }

    pub(crate) fn started(&self) -> bool {
        self.headers.is_some()
    }

    pub(crate) fn headers_out(&self) -> bool {
        self.headers_out
    }

    /// The body as the filter sees it now.
    pub(crate) fn body(&self) -> Option<&[u8]> {
        (self.body_in_sight || self.buffering).then_some(self.body.as_slice())
    }

    /// Envoy's `Buffer::copyFrom`: from the start (replacing `size` bytes), or behind the end; nothing in the middle.
    pub(crate) fn write_body(&mut self, start: usize, size: usize, bytes: &[u8]) -> Result<(), Status> {
        if !self.body_in_sight && !self.buffering {
            return Err(Status::BadArgument);
        }
        if start == 0 {
            let drained = size.min(self.body.len());
            self.body.splice(..drained, bytes.iter().copied());
        } else if start >= self.body.len() {
            self.body.extend_from_slice(bytes);
        } else {
            return Err(Status::BadArgument);
        }
        Ok(())
    }

    /// How many bytes of the body wait here.
    pub(crate) fn held(&self) -> usize {
        if self.buffering { self.body.len() } else { 0 }
    }

    pub(crate) fn take_out(&mut self) -> Vec<Flow> {
        self.out.drain(..).collect()
    }

    /// `proxy_continue_stream` takes the maps and the body of the request out of sight at once.
    pub(crate) fn hide(&mut self) {
        self.headers_in_sight = false;
        self.trailers_in_sight = false;
        self.body_in_sight = false;
    }

    pub(crate) fn begin_headers(&mut self, map: Shared<HeaderMap>, end: bool) {
        self.headers = Some(map);
        self.headers_in_sight = true;
        self.headers_end = end;
    }

    /// The headers callback answered; `all`: Pause stops the body too.
    pub(crate) fn end_headers(&mut self, pause: bool, all: bool) {
        if self.aborted {
            return;
        }
        if pause {
            self.stopped = true;
            self.stop_all = all;
        } else {
            self.headers_in_sight = false;
            self.emit_headers();
        }
    }

    /// Bytes arrive; the answer is the size that the callback is told.
    pub(crate) fn begin_data(&mut self, bytes: &[u8], end: bool) -> usize {
        if !self.buffering {
            self.body.clear();
        }
        self.body.extend_from_slice(bytes);
        self.body_in_sight = true;
        self.data_end = end;
        self.body.len()
    }

    /// The body callback answered; `gone`: it had let the bytes go itself, so that Pause is about those to come.
    pub(crate) fn end_data(&mut self, pause: bool, gone: bool) {
        if self.aborted || gone && (!pause || self.data_end) {
            return;
        }
        self.buffering = pause;
        self.body_in_sight = pause;
        if pause {
            self.stopped = true;
            return;
        }
        self.emit_headers();
        self.stopped = false;
        let bytes = std::mem::take(&mut self.body);
        self.out.push_back(Flow::Data { bytes, end: self.data_end });
    }

    pub(crate) fn begin_trailers(&mut self, trailers: HeaderMap) {
        self.trailers = Some(trailers);
        self.trailers_in_sight = true;
    }

    pub(crate) fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }

    pub(crate) fn end_trailers(&mut self, pause: bool) {
        if self.aborted {
            return;
        }
        if pause {
            self.stopped = true;
            return;
        }
        self.trailers_in_sight = false;
        self.release();
        if let Some(trailers) = self.trailers.take() {
            self.out.push_back(Flow::Trailers(trailers));
        }
    }

    /// Everything that is held goes on. Whether there was something to continue.
    pub(crate) fn resume(&mut self) -> bool {
        if self.aborted || !self.stopped {
            return false;
        }
        self.release();
        if !self.trailers_unseen
            && let Some(trailers) = self.trailers.take()
        {
            self.out.push_back(Flow::Trailers(trailers));
        }
        true
    }

    /// `proxy_continue_stream` in the headers callback of this message: they go before the callback's answer counts.
    pub(crate) fn resume_in_headers(&mut self) {
        if !self.aborted {
            self.emit_headers();
        }
    }

    /// The answer was Continue behind that: Envoy sends the headers of a response a second time.
    pub(crate) fn repeat_headers(&mut self) {
        if !self.aborted {
            self.out.push_back(Flow::Headers { end: self.headers_end });
        }
    }

    /// `proxy_continue_stream` in a body callback of this message, which comes before the callback's answer: what was held goes, and with
    /// bytes that had been gathered also those of this call. Whether these went.
    pub(crate) fn resume_in_data(&mut self) -> bool {
        if self.aborted || !self.stopped {
            return false;
        }
        self.emit_headers();
        self.stopped = false;
        if !std::mem::take(&mut self.buffering) {
            return false;
        }
        self.body_in_sight = false;
        let bytes = std::mem::take(&mut self.body);
        self.out.push_back(Flow::Data { bytes, end: self.data_end });
        true
    }

    fn release(&mut self) {
        self.emit_headers();
        self.stopped = false;
        let trailers = self.trailers.is_some();
        if self.buffering || !self.body.is_empty() {
            let bytes = std::mem::take(&mut self.body);
            let end = self.data_end && !trailers;
            self.out.push_back(Flow::Data { bytes, end });
        }
        self.buffering = false;
    }

    fn emit_headers(&mut self) {
        if !self.headers_out && self.headers.is_some() {
            self.headers_out = true;
            self.out.push_back(Flow::Headers { end: self.headers_end });
        }
    }

    /// A reply that Envoy sends past this filter's callbacks.
    pub(crate) fn emit_directly(&mut self, map: Shared<HeaderMap>, body: Vec<u8>) {
        self.aborted = true;
        self.headers = Some(map);
        self.headers_out = true;
        self.out.push_back(Flow::Headers { end: body.is_empty() });
        if !body.is_empty() {
            self.out.push_back(Flow::Data { bytes: body, end: true });
        }
    }

    /// What the filter waits with, for a test that hangs.
    pub(crate) fn waiting(&self) -> &'static str {
        match (self.started(), self.headers_out, self.stopped) {
            (false, _, _) => "not started",
            (true, false, _) => "headers held",
            (true, true, true) => "body held",
            (true, true, false) => "passing",
        }
    }
}
