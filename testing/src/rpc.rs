//! gRPC callouts that a filter sends, and what a test lets come of them.

use crate::abi::Status;
use crate::callout::{NO_ANSWER, RESET, nanos};
use crate::error::Error;
use crate::headers::HeaderMap;
use crate::host::Host;
use std::collections::VecDeque;
use std::time::Duration;

/// A gRPC callout that the filter made: a call with one message, or a stream.
#[derive(Clone, Debug)]
pub struct Rpc {
    /// The token by which the filter knows it.
    pub token: u32,
    /// The cluster it goes to.
    pub cluster: String,
    /// Full name of the service, `package.Service`.
    pub service: String,
    /// Name of the method.
    pub method: String,
    /// The metadata that the filter sends first.
    pub metadata: HeaderMap,
    /// The messages that it has sent so far, without their frames.
    pub messages: Vec<Vec<u8>>,
    /// Whether it sends no more.
    pub ended: bool,
    /// Whether the filter has cancelled it.
    pub cancelled: bool,
    /// Whether it is a stream (`proxy_grpc_stream`) and no call (`proxy_grpc_call`).
    pub stream: bool,
    /// How long the filter gives a call. A stream has no limit.
    pub timeout: Option<Duration>,
    /// The root context that owns it and gets what comes.
    pub root: u32,
    /// The context in whose callback it was made.
    pub from: u32,
    /// When it was made, in nanoseconds of the host's clock.
    pub at: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum RpcStep {
    Headers(HeaderMap),
    Message(Vec<u8>),
    Trailers(HeaderMap),
    Close(u32, String),
    Wait(Duration),
}

/// What a gRPC service does, step by step. A test's closure is asked when a call or stream begins, for each message of a stream, and when the
/// filter ends it; what it answers comes behind what it has answered before.
#[derive(Clone, Debug, Default)]
pub struct RpcPlay {
    pub(crate) steps: VecDeque<RpcStep>,
    pub(crate) fails: Option<Status>,
}

impl RpcPlay {
    /// One message, and the end with status 0.
    pub fn reply(message: impl AsRef<[u8]>) -> RpcPlay {
        RpcPlay::default().metadata(HeaderMap::new()).message(message).trailers(HeaderMap::new()).close(0, "")
    }

    /// The end with this status (14: the service can't be reached), and no message.
    pub fn status(code: u32, text: &str) -> RpcPlay {
        RpcPlay::default().close(code, text)
    }

    /// Nobody listens there.
    pub fn refused() -> RpcPlay {
        let details = "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}";
        let text = format!("{NO_ANSWER}{RESET}remote connection failure{{{details}}}");
        RpcPlay { steps: [RpcStep::Close(UNAVAILABLE, text)].into(), fails: None }
    }

    /// Nothing more for now.
    pub fn silence() -> RpcPlay {
        RpcPlay::default()
    }

    /// The cluster has no host: the host call fails, and the end is told all the same.
    pub fn no_host() -> RpcPlay {
        let text = "no healthy upstream{no_healthy_upstream}".to_owned();
        RpcPlay { steps: [RpcStep::Close(UNAVAILABLE, text)].into(), fails: Some(Status::InternalFailure) }
    }

    /// The host call itself fails with this status; there is no callback.
    pub fn fails(status: Status) -> RpcPlay {
        RpcPlay { fails: Some(status), ..RpcPlay::default() }
    }

    /// The answer's initial metadata, which only a stream is told.
    #[must_use]
    pub fn metadata(mut self, metadata: HeaderMap) -> RpcPlay {
        self.steps.push_back(RpcStep::Headers(metadata));
        self
    }

    /// A message.
    #[must_use]
    pub fn message(mut self, message: impl AsRef<[u8]>) -> RpcPlay {
        self.steps.push_back(RpcStep::Message(message.as_ref().to_vec()));
        self
    }

    /// The answer's trailing metadata, which only a stream is told.
    #[must_use]
    pub fn trailers(mut self, trailers: HeaderMap) -> RpcPlay {
        self.steps.push_back(RpcStep::Trailers(trailers));
        self
    }

    /// The end with this status and message, behind which Envoy says that it came from there. A status beyond gRPC's 16 reads as `u32::MAX`.
    #[must_use]
    pub fn close(self, code: u32, text: &str) -> RpcPlay {
        let text = if text.is_empty() { "via_upstream".to_owned() } else { format!("{text}{{via_upstream}}") };
        self.ended(if code > UNAUTHENTICATED { u32::MAX } else { code }, &text)
    }

    /// The connection breaks here, behind the answer's metadata.
    #[must_use]
    pub fn reset(self) -> RpcPlay {
        self.trailers(HeaderMap::new()).ended(INTERNAL, "upstream_reset_after_response_started{remote_reset}")
    }

    /// The answer ends here without trailers, in which a status would be.
    #[must_use]
    pub fn without_trailers(self) -> RpcPlay {
        self.trailers(HeaderMap::new()).close(UNKNOWN, "")
    }

    /// An HTTP answer of this status, and no gRPC: Envoy puts gRPC's status for it in its place.
    pub fn http(status: u16) -> RpcPlay {
        let code = match status {
            400 => INTERNAL,
            401 => UNAUTHENTICATED,
            403 => PERMISSION_DENIED,
            404 => UNIMPLEMENTED,
            429 | 502..=504 => UNAVAILABLE,
            _ => UNKNOWN,
        };
        RpcPlay::default().metadata(HeaderMap::new()).trailers(HeaderMap::new()).close(code, "")
    }

    /// This, and behind it what the other says.
    #[must_use]
    pub fn then(mut self, other: RpcPlay) -> RpcPlay {
        self.steps.extend(other.steps);
        self.fails = self.fails.or(other.fails);
        self
    }

    /// An end that the host itself makes.
    fn ended(mut self, code: u32, text: &str) -> RpcPlay {
        self.steps.push_back(RpcStep::Close(code, text.to_owned()));
        self
    }

    /// Silence of this length on the fake clock.
    #[must_use]
    pub fn wait(mut self, silence: Duration) -> RpcPlay {
        self.steps.push_back(RpcStep::Wait(silence));
        self
    }
}

/// Decides what comes of a gRPC callout.
pub(crate) type Services = Box<dyn FnMut(&Rpc) -> RpcPlay>;

/// A callout that is under way.
pub(crate) struct Running {
    pub(crate) rpc: Rpc,
    pub(crate) steps: VecDeque<RpcStep>,
    /// Before this nothing comes.
    pub(crate) wake: u64,
    /// The message that a call gets once its end is known to be a good one.
    pub(crate) message: Option<Vec<u8>>,
    /// Whether the filter closed the stream, or the service did.
    pub(crate) local_closed: bool,
    pub(crate) remote_closed: bool,
}

/// What the filter can read while it is told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) headers: Option<HeaderMap>,
    pub(crate) message: Option<Vec<u8>>,
    pub(crate) trailers: Option<HeaderMap>,
}

/// gRPC's own statuses, as far as the host makes them itself.
const UNKNOWN: u32 = 2;
const PERMISSION_DENIED: u32 = 7;
const UNIMPLEMENTED: u32 = 12;
const INTERNAL: u32 = 13;
const UNAVAILABLE: u32 = 14;
const UNAUTHENTICATED: u32 = 16;

/// What Envoy says of a call that has had no answer in its time.
const TOO_LATE: &str = "upstream request timeout{response_timeout}";

impl Running {
    /// When something comes of it.
    pub(crate) fn due(&self) -> u64 {
        let limit = self.rpc.timeout.map_or(u64::MAX, |limit| self.rpc.at.saturating_add(nanos(limit)));
        if self.steps.is_empty() || self.remote_closed { limit } else { self.wake.min(limit) }
    }

    fn next(&mut self, now: u64) -> Option<RpcStep> {
        if self.wake > now || self.steps.is_empty() {
            return Some(RpcStep::Close(UNAVAILABLE, TOO_LATE.to_owned()));
        }
        self.steps.pop_front()
    }
}

impl Host {
    /// A cluster that gRPC callouts may go to, and what comes of them.
    pub fn rpc(&mut self, name: &str, service: impl FnMut(&Rpc) -> RpcPlay + 'static) {
        self.vm.state().services.insert(name.to_owned(), Box::new(service));
    }

    /// Every gRPC callout that was made, in order, with the messages that were sent on it.
    pub fn rpcs(&self) -> &[Rpc] {
        &self.vm.seen().rpcs
    }

    /// What comes of a gRPC callout that is under way, behind what is still to come of it.
    ///
    /// # Errors
    /// [`Error::Misuse`] if there is none of this token; whatever the callbacks do.
    pub fn tell(&mut self, token: u32, play: RpcPlay) -> Result<(), Error> {
        let running = self.vm.state().running.get_mut(&token).filter(|running| !running.remote_closed);
        let running = running.ok_or_else(|| Error::Misuse(format!("no gRPC callout {token} is under way")))?;
        running.steps.extend(play.steps);
        self.settle()
    }

    /// Delivers one thing that a gRPC service did. Whether there was one.
    pub(crate) fn deliver_rpc(&mut self) -> Result<bool, Error> {
        let state = self.vm.state();
        let now = state.now;
        let due = state.running.iter().filter(|(_, running)| running.due() <= now).min_by_key(|(token, running)| (running.due(), **token));
        let Some(token) = due.map(|(token, _)| *token) else { return Ok(false) };
        let Some(running) = state.running.get_mut(&token) else { return Ok(false) };
        let (root, stream) = (running.rpc.root, running.rpc.stream);
        let Some(step) = running.next(now) else { return Ok(false) };
        let mut told = Told::default();
        let (name, argument) = match step {
            RpcStep::Wait(silence) => {
                running.wake = now.saturating_add(nanos(silence));
                return Ok(true);
            }
            // A call is told of its message when its end is a good one, and of nothing else.
            RpcStep::Headers(_) | RpcStep::Trailers(_) if !stream => return Ok(true),
            RpcStep::Message(message) if !stream => {
                running.message = Some(message);
                return Ok(true);
            }
            RpcStep::Close(0, _) if !stream && running.message.is_some() => {
                told.message = running.message.take();
                ("proxy_on_grpc_receive", told.message.as_ref().map_or(0, Vec::len) as u32)
            }
            // A good end without a message is none.
            RpcStep::Close(0, _) if !stream => {
                state.status = (INTERNAL, String::new());
                ("proxy_on_grpc_close", INTERNAL)
            }
            RpcStep::Headers(map) => ("proxy_on_grpc_receive_initial_metadata", told.headers.insert(map).len() as u32),
            RpcStep::Message(message) => ("proxy_on_grpc_receive", told.message.insert(message).len() as u32),
            RpcStep::Trailers(map) => ("proxy_on_grpc_receive_trailing_metadata", told.trailers.insert(map).len() as u32),
            RpcStep::Close(code, text) => {
                state.status = (code, text);
                ("proxy_on_grpc_close", code)
            }
        };
        let over = !stream || name == "proxy_on_grpc_close";
        if let Some(running) = state.running.get_mut(&token).filter(|_| over) {
            running.remote_closed = true;
        }
        state.told = told;
        self.call(name, root, &[root, token, argument])?;
        // It is over before anything comes of the callback, which may be more callbacks.
        let state = self.vm.state();
        if over && state.running.get(&token).is_some_and(|running| !running.rpc.stream || running.local_closed) {
            state.running.remove(&token);
        }
        self.run_deferred()?;
        self.vm.state().told = Told::default();
        Ok(true)
    }
}
