//! One attempt on its way: what its provider does, what comes back from it, whether it is made again.

use crate::abi::Way;
use crate::callout::{NO_ANSWER, RESET, nanos};
use crate::error::Error;
use crate::headers::HeaderMap;
use crate::host::StreamId;
use crate::proxy::Proxy;
use crate::state::Shared;
use crate::stream::{Flag, Flow, LocalReply};
use crate::wiring::Step;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// One attempt on its way.
pub(crate) struct Attempt {
    pub(crate) upstream: Option<StreamId>,
    pub(crate) cluster: String,
    pub(crate) play: Option<VecDeque<Step>>,
    pub(crate) wake: Option<u64>,
    pub(crate) deadline: Option<u64>,
}

impl Attempt {
    pub(crate) fn next_event(&self) -> Option<u64> {
        self.wake.into_iter().chain(self.deadline).min()
    }
}

/// Why an attempt failed before its answer reached the client.
#[derive(Clone, Copy)]
enum Failure {
    Refused,
    Reset,
    Timeout,
}

/// What stands in Envoy's 503 where there was a retry.
const RETRIED: &str = "retried and the latest ";

impl Proxy {
    /// An attempt in whose place a local reply has been given is over: its upstream position has had its end.
    pub(crate) fn drop_replied(&mut self, x: usize) {
        let exchange = &mut self.exchanges[x];
        if exchange.info.borrow().replied {
            exchange.attempt = None;
        }
    }

    pub(crate) fn move_attempt(&mut self, x: usize) -> Result<bool, Error> {
        self.drop_replied(x);
        let Some(attempt) = &self.exchanges[x].attempt else { return Ok(false) };
        if attempt.deadline.is_some_and(|deadline| deadline <= self.host.now()) {
            self.fail_attempt(x, Failure::Timeout)?;
            return Ok(true);
        }
        let mut moved = false;
        if let Some(upstream) = attempt.upstream {
            if self.host.was_reset(upstream)? {
                self.detail(x, "via_upstream");
                self.break_off(x)?;
                return Ok(true);
            }
            if let Some(reply) = self.host.take_handed(upstream)?.into_iter().next() {
                self.end_attempt(x)?;
                self.host.local_reply(self.exchanges[x].gateway.0, reply)?;
                return Ok(true);
            }
            for flow in self.host.take(upstream, Way::Request)? {
                moved = true;
                self.touch(x);
                self.reach_provider(x, flow)?;
            }
            let flows = self.host.take(upstream, Way::Response)?;
            if !flows.is_empty() {
                self.touch(x);
                let map = self.host.shared_headers(upstream, Way::Response)?;
                self.route_response(x, map, flows)?;
                return Ok(true);
            }
        }
        Ok(self.play(x)? || moved)
    }

    /// The next step of the provider's play. Whether there was one.
    fn play(&mut self, x: usize) -> Result<bool, Error> {
        let now = self.host.now();
        let Some(attempt) = self.exchanges[x].attempt.as_mut() else { return Ok(false) };
        if attempt.wake.is_some_and(|wake| wake > now) {
            return Ok(false);
        }
        attempt.wake = None;
        let upstream = attempt.upstream;
        let Some(step) = attempt.play.as_mut().and_then(VecDeque::pop_front) else { return Ok(false) };
        let way = Way::Response;
        let cluster = attempt.cluster.clone();
        self.host.note(format!("provider {cluster}"));
        if step.brings() {
            self.touch(x);
        }
        let Some(attempt) = self.exchanges[x].attempt.as_mut() else { return Ok(false) };
        match (step, upstream) {
            (Step::Wait(silence), _) => attempt.wake = Some(now.saturating_add(nanos(silence))),
            (Step::Refuse, _) => self.fail_attempt(x, Failure::Refused)?,
            (Step::Reset, _) => self.fail_attempt(x, Failure::Reset)?,
            (Step::Headers(headers, end), Some(u)) => self.host.feed_headers(u, way, headers, end)?,
            (Step::Data(bytes, end), Some(u)) => self.host.feed_data(u, way, &bytes, end)?,
            (Step::Trailers(trailers), Some(u)) => self.host.feed_trailers(u, way, trailers)?,
            (Step::Headers(headers, end), None) => self.route_response(x, Rc::new(RefCell::new(headers)), vec![Flow::Headers { end }])?,
            (Step::Data(bytes, end), None) => self.route_response(x, Rc::default(), vec![Flow::Data { bytes, end }])?,
            (Step::Trailers(trailers), None) => self.route_response(x, Rc::default(), vec![Flow::Trailers(trailers)])?,
        }
        Ok(true)
    }

    /// What comes back from an attempt: retried, or handed to the gateway position.
    fn route_response(&mut self, x: usize, map: Shared<HeaderMap>, flows: Vec<Flow>) -> Result<(), Error> {
        let gateway = self.exchanges[x].gateway;
        if matches!(flows.first(), Some(Flow::Headers { .. })) && self.is_retried(x, &map) {
            return self.retry(x);
        }
        for flow in flows {
            // The attempt is over before the gateway position sees the last of its answer.
            if flow.ends() {
                self.exchanges[x].timers.answer_is_complete();
                self.end_attempt(x)?;
            }
            match flow {
                Flow::Headers { end } => {
                    self.note_answer(x);
                    map.borrow_mut().set("x-envoy-upstream-service-time", "0");
                    self.host.feed_shared_headers(gateway, Way::Response, map.clone(), end)?;
                }
                Flow::Data { bytes, end } => self.host.feed_data(gateway, Way::Response, &bytes, end)?,
                Flow::Trailers(trailers) => self.host.feed_trailers(gateway, Way::Response, trailers)?,
            }
        }
        Ok(())
    }

    fn note_answer(&mut self, x: usize) {
        let exchange = &mut self.exchanges[x];
        exchange.response_started = true;
        // A per-try timeout ends when the router sees headers.
        if let Some(attempt) = exchange.attempt.as_mut() {
            attempt.deadline = None;
        }
        self.detail(x, "via_upstream");
    }

    /// `response.code_details` from here on.
    pub(crate) fn detail(&mut self, x: usize, details: &str) {
        let properties = &mut self.exchanges[x].info.borrow_mut().properties;
        properties.insert("response\0code_details".to_owned(), details.as_bytes().to_vec());
    }

    pub(crate) fn flag(&mut self, x: usize, flag: Flag) {
        self.exchanges[x].info.borrow_mut().flags |= flag as u64;
    }

    pub(crate) fn touch(&mut self, x: usize) {
        let now = self.host.now();
        self.exchanges[x].timers.touch(now);
    }

    fn is_retried(&self, x: usize, map: &Shared<HeaderMap>) -> bool {
        let status = map.borrow().get(":status").and_then(|status| status.parse().ok()).unwrap_or(0);
        self.wiring.retry_on.contains(&status) && self.exchanges[x].retries_left > 0 && !self.exchanges[x].response_started
    }

    fn retry(&mut self, x: usize) -> Result<(), Error> {
        self.end_attempt(x)?;
        self.exchanges[x].retries_left -= 1;
        self.start_attempt(x)
    }

    pub(crate) fn end_attempt(&mut self, x: usize) -> Result<(), Error> {
        self.exchanges[x].attempt = None;
        let upstream = self.exchanges[x].info.borrow_mut().attempt.take();
        upstream.map_or(Ok(()), |upstream| self.host.close(upstream))
    }

    /// An attempt that has no answer: retried if it may be, else Envoy answers by itself, or resets what has begun.
    fn fail_attempt(&mut self, x: usize, failure: Failure) -> Result<(), Error> {
        let refused = "delayed connect error: Connection refused";
        if let (Failure::Refused, Some(upstream)) = (failure, self.exchanges[x].attempt.as_ref().and_then(|a| a.upstream)) {
            self.host.set_property(upstream, &["upstream", "transport_failure_reason"], refused)?;
        }
        if self.exchanges[x].response_started {
            // The attempt ends first; then the stream that its answer was part of.
            self.end_attempt(x)?;
            self.detail(x, "upstream_reset_after_response_started{connection_termination}");
            return self.break_off(x);
        }
        if self.exchanges[x].retries_left > 0 {
            return self.retry(x);
        }
        self.end_attempt(x)?;
        let flag = match failure {
            Failure::Refused => Flag::UpstreamConnectionFailure,
            Failure::Reset => Flag::UpstreamConnectionTermination,
            Failure::Timeout => Flag::UpstreamRequestTimeout,
        };
        self.flag(x, flag);
        if self.wiring.retries > 0 {
            self.flag(x, Flag::UpstreamRetryLimitExceeded);
        }
        match failure {
            Failure::Refused => {
                let body = self.no_answer(x, "remote connection failure");
                let details = "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}";
                self.reply(x, 503, &body, details)
            }
            Failure::Reset => {
                let body = self.no_answer(x, "connection termination");
                self.reply(x, 503, &body, "upstream_reset_before_response_started{connection_termination}")
            }
            Failure::Timeout => self.reply(x, 504, "upstream request timeout", "upstream_per_try_timeout"),
        }
    }

    fn no_answer(&self, x: usize, reason: &str) -> String {
        let retried = if self.exchanges[x].sent.len() > 1 { RETRIED } else { "" };
        format!("{NO_ANSWER}{retried}{RESET}{reason}")
    }

    /// Envoy's own reply, through the gateway position's response callbacks.
    pub(crate) fn reply(&mut self, x: usize, status: u32, body: &str, details: &str) -> Result<(), Error> {
        self.host.note(format!("router: {status} {details}"));
        self.touch(x);
        let reply = LocalReply { status, details: details.to_owned(), headers: Vec::new(), body: body.as_bytes().to_vec() };
        self.host.local_reply(self.exchanges[x].gateway.0, reply)
    }
}
