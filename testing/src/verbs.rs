//! The verbs of the public test framework, for people who come from it: `call_…` runs a callback, `expect_…` looks at what came of it.
//!
//! There an expectation stands before the callback and answers the filter's host calls; here the host answers them as Envoy does, and an
//! expectation stands behind the callback and is about results.

use crate::abi::{Action, Way};
use crate::callout::{Callout, Reply};
use crate::error::Error;
use crate::headers::HeaderMap;
use crate::host::{Host, Options, StreamId};
use crate::module::Module;
use crate::state::Plugin;
use crate::stream::Flow;

/// One plugin in one VM, driven callback by callback.
pub struct Verbs {
    pub(crate) host: Host,
    root: u32,
    /// Log lines and callouts that an expectation has had.
    pub(crate) logs: usize,
    pub(crate) callouts: usize,
    pub(crate) rpcs: usize,
}

impl Verbs {
    /// Starts the VM and configures the plugin: `call_start`, `call_proxy_on_vm_start`, `call_proxy_on_configure` in one.
    ///
    /// # Errors
    /// Everything that keeps a module from starting, each by its name.
    pub fn call_start(module: &Module, plugin: Plugin) -> Result<Verbs, Error> {
        let root_id = plugin.root_id.clone();
        let host = Host::start(module, Options::plugins([plugin]))?;
        let root = host.root(&root_id)?;
        Ok(Verbs { host, root, logs: 0, callouts: 0, rpcs: 0 })
    }

    /// The host, for everything that has no verb: faults, the clock, properties, services.
    pub fn host(&mut self) -> &mut Host {
        &mut self.host
    }

    /// A new stream.
    ///
    /// # Errors
    /// Whatever the callback does, here and below.
    pub fn call_proxy_on_context_create(&mut self, root_id: &str) -> Result<StreamId, Error> {
        self.host.open(root_id)
    }

    /// Request headers arrive.
    ///
    /// # Errors
    /// See above.
    pub fn call_proxy_on_request_headers(&mut self, id: StreamId, headers: HeaderMap, end: bool) -> Result<Action, Error> {
        self.acted("proxy_on_request_headers", |host| host.feed_headers(id, Way::Request, headers, end))
    }

    /// A part of the request's body arrives.
    ///
    /// # Errors
    /// See above.
    pub fn call_proxy_on_request_body(&mut self, id: StreamId, bytes: &[u8], end: bool) -> Result<Action, Error> {
        self.acted("proxy_on_request_body", |host| host.feed_data(id, Way::Request, bytes, end))
    }

    /// Request trailers arrive.
    ///
    /// # Errors
    /// See above.
    pub fn call_proxy_on_request_trailers(&mut self, id: StreamId, trailers: HeaderMap) -> Result<Action, Error> {
        self.acted("proxy_on_request_trailers", |host| host.feed_trailers(id, Way::Request, trailers))
    }

    /// Response headers arrive.
    ///
    /// # Errors
    /// See above.
    pub fn call_proxy_on_response_headers(&mut self, id: StreamId, headers: HeaderMap, end: bool) -> Result<Action, Error> {
        self.acted("proxy_on_response_headers", |host| host.feed_headers(id, Way::Response, headers, end))
    }

    /// A part of the response's body arrives.
    ///
    /// # Errors
    /// See above.
    pub fn call_proxy_on_response_body(&mut self, id: StreamId, bytes: &[u8], end: bool) -> Result<Action, Error> {
        self.acted("proxy_on_response_body", |host| host.feed_data(id, Way::Response, bytes, end))
    }

    /// Response trailers arrive.
    ///
    /// # Errors
    /// See above.
    pub fn call_proxy_on_response_trailers(&mut self, id: StreamId, trailers: HeaderMap) -> Result<Action, Error> {
        self.acted("proxy_on_response_trailers", |host| host.feed_trailers(id, Way::Response, trailers))
    }

    /// The answer to a callout whose service said [`crate::Answer::Later`].
    ///
    /// # Errors
    /// See above.
    pub fn call_proxy_on_http_call_response(&mut self, token: u32, reply: Reply) -> Result<(), Error> {
        self.host.answer(token, reply)
    }

    /// One tick.
    ///
    /// # Errors
    /// See above.
    pub fn call_proxy_on_tick(&mut self) -> Result<(), Error> {
        self.host.tick(self.root)
    }

    /// The access log.
    ///
    /// # Errors
    /// See above.
    pub fn call_proxy_on_log(&mut self, id: StreamId) -> Result<(), Error> {
        self.host.log(id)
    }

    /// The end of the stream: done, then deleted.
    ///
    /// # Errors
    /// See above.
    pub fn call_proxy_on_done(&mut self, id: StreamId) -> Result<(), Error> {
        self.host.close(id)
    }

    fn acted(&mut self, callback: &str, feed: impl FnOnce(&mut Host) -> Result<(), Error>) -> Result<Action, Error> {
        feed(&mut self.host)?;
        let answer = format!("  {callback} = ");
        let last = self.host.transcript().lines().iter().rev().find_map(|line| line.strip_prefix(&answer));
        Ok(Action::from_abi(last.and_then(|value| value.parse().ok()).unwrap_or(0)))
    }

    /// The filter logged a line of this level (0 trace to 5 critical) that contains this, since the last expected one.
    ///
    /// # Panics
    /// When it did not, as below.
    #[track_caller]
    pub fn expect_log(&mut self, level: u32, text: &str) {
        let fresh = &self.host.logs()[self.logs..];
        match fresh.iter().position(|(at, line)| *at == level && line.contains(text)) {
            Some(place) => self.logs += place + 1,
            None => fail(&format!("no line of level {level} with `{text}`, but {fresh:?}")),
        }
    }

    /// A header of the message as it went on (or would go on now) has this value, or `None`.
    ///
    /// # Panics
    /// When it has not.
    #[track_caller]
    pub fn expect_header(&mut self, id: StreamId, way: Way, name: &str, value: Option<&str>) {
        match self.host.headers(id, way) {
            Ok(headers) if headers.get(name) == value => {}
            Ok(headers) => fail(&format!("{name} is not {value:?}: {headers}")),
            Err(error) => fail(&error.to_string()),
        }
    }

    /// Exactly this body went on since the last time.
    ///
    /// # Panics
    /// When another did.
    #[track_caller]
    pub fn expect_body(&mut self, id: StreamId, way: Way, body: impl AsRef<[u8]>) {
        let flows = self.host.take(id, way).unwrap_or_default();
        let bytes = |flow: &Flow| if let Flow::Data { bytes, .. } = flow { bytes.clone() } else { Vec::new() };
        let went: Vec<u8> = flows.iter().flat_map(bytes).collect();
        if went != body.as_ref() {
            fail(&format!("another body went on: {:?}", String::from_utf8_lossy(&went)));
        }
    }

    /// The filter answered by itself: this status, a body that contains this.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn expect_send_local_response(&mut self, id: StreamId, status: u16, body: &str) {
        self.expect_header(id, Way::Response, ":status", Some(&status.to_string()));
        let flows = self.host.take(id, Way::Response).unwrap_or_default();
        let holds = |flow: &Flow| matches!(flow, Flow::Data { bytes, .. } if String::from_utf8_lossy(bytes).contains(body));
        if !body.is_empty() && !flows.iter().any(holds) {
            fail(&format!("no body with `{body}`: {flows:?}"));
        }
    }

    /// The filter dispatched a callout to this cluster, since the last expected one.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn expect_http_call(&mut self, cluster: &str) -> Callout {
        let fresh = &self.host.callouts()[self.callouts..];
        match fresh.iter().position(|call| call.cluster == cluster) {
            Some(place) => {
                self.callouts += place + 1;
                self.host.callouts()[self.callouts - 1].clone()
            }
            None => fail(&format!("no callout to {cluster}, but {fresh:?}")),
        }
    }

    /// A counter or gauge stands at this value.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn expect_metric(&mut self, name: &str, value: u64) {
        let stands = self.host.metric(name);
        if stands != value {
            fail(&format!("{name} is {stands}, not {value}"));
        }
    }
}

#[allow(clippy::panic, reason = "a test fails by panicking")]
#[track_caller]
pub(crate) fn fail(words: &str) -> ! {
    panic!("{words}")
}
