//! Envoy's router: picks the cluster of each attempt, replays the request, decides about retries.

use crate::abi::Way;
use crate::callout::{NO_ANSWER, nanos};
use crate::error::Error;
use crate::headers::HeaderMap;
use crate::host::StreamId;
use crate::proxy::Proxy;
use crate::state::Shared;
use crate::stream::{Flow, LocalReply};
use crate::wiring::{Backend, Sent, Step};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

/// One attempt on its way.
pub(crate) struct Attempt {
    pub(crate) upstream: Option<StreamId>,
    cluster: String,
    play: Option<VecDeque<Step>>,
    wake: Option<u64>,
    deadline: Option<u64>,
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

/// Where a request goes.
pub(crate) enum Route {
    /// To this cluster.
    To(String),
    /// To a cluster that there is not.
    NoCluster,
    /// Envoy finds no route for a request without `x-forwarded-proto`, which it has added itself.
    None,
}

/// Headers by which a request steers the router; the router takes them out.
const STEERING: [&str; 4] =
    ["x-envoy-max-retries", "x-envoy-retry-on", "x-envoy-upstream-rq-per-try-timeout-ms", "x-envoy-upstream-rq-timeout-ms"];

impl Proxy {
    /// Moves everything that can move now.
    pub(crate) fn settle(&mut self) -> Result<(), Error> {
        loop {
            let mut moved = false;
            for x in 0..self.exchanges.len() {
                if !self.exchanges[x].closed {
                    moved |= self.move_exchange(x)?;
                }
            }
            if !moved && !self.host.deliver_ready()? {
                return Ok(());
            }
        }
    }

    fn move_exchange(&mut self, x: usize) -> Result<bool, Error> {
        if self.host.was_reset(self.exchanges[x].gateway)? {
            self.break_off(x)?;
            return Ok(true);
        }
        // What the client gets comes first: a local reply ends the exchange whatever the provider still sends.
        let answered = self.answer_client(x)?;
        if self.exchanges[x].received.ended {
            self.end(x)?;
            return Ok(true);
        }
        Ok(self.route_request(x)? | self.move_attempt(x)? | answered)
    }

    /// What the gateway position let go comes to the router.
    fn route_request(&mut self, x: usize) -> Result<bool, Error> {
        let gateway = self.exchanges[x].gateway;
        let flows = self.host.take(gateway, Way::Request)?;
        let moved = !flows.is_empty();
        for flow in flows {
            let replay = &mut self.exchanges[x].replay;
            match &flow {
                Flow::Headers { end } => {
                    replay.headers_end = *end;
                    self.begin(x)?;
                    continue;
                }
                Flow::Data { bytes, end } => {
                    replay.body.extend_from_slice(bytes);
                    replay.data = true;
                    replay.data_end = *end;
                }
                Flow::Trailers(trailers) => replay.trailers = Some(trailers.clone()),
            }
            self.forward(x, flow)?;
        }
        Ok(moved)
    }

    fn begin(&mut self, x: usize) -> Result<(), Error> {
        let map = self.host.shared_headers(self.exchanges[x].gateway, Way::Request)?;
        let number = |name: &str| map.borrow().get(name).and_then(|value| value.parse::<u64>().ok());
        let exchange = &mut self.exchanges[x];
        if let Some(retries) = number("x-envoy-max-retries") {
            exchange.retries_left = u32::try_from(retries).unwrap_or(u32::MAX);
        }
        exchange.per_try = number("x-envoy-upstream-rq-per-try-timeout-ms").map(Duration::from_millis).or(self.wiring.per_try);
        STEERING.iter().for_each(|name| map.borrow_mut().remove(name));
        exchange.replay.headers = Some(map);
        self.start_attempt(x)
    }

    /// The cluster of the route that was picked last; `anew`, or when a filter has made Envoy forget that, by filter state as it is now.
    pub(crate) fn pick_route(&mut self, x: usize, anew: bool) -> Route {
        let mut info = self.exchanges[x].info.borrow_mut();
        if !anew && !info.routed && info.request_headers.as_ref().is_some_and(|map| !map.borrow().contains("x-forwarded-proto")) {
            return Route::None;
        }
        if anew || !info.routed {
            let next = info.filter_state.get(&self.wiring.next).map(|next| String::from_utf8_lossy(next).into_owned());
            let known = next.filter(|next| self.wiring.clusters.contains_key(next)).or_else(|| self.wiring.on_no_match.clone());
            info.cluster = known.filter(|name| self.wiring.clusters.contains_key(name));
            info.routed = true;
        }
        info.cluster.clone().map_or(Route::NoCluster, Route::To)
    }

    /// A new attempt: a retry's cluster is chosen by filter state as it is now, the request is the original one.
    fn start_attempt(&mut self, x: usize) -> Result<(), Error> {
        let retried = !self.exchanges[x].sent.is_empty();
        let name = match self.pick_route(x, retried) {
            Route::To(name) => name,
            Route::NoCluster => return self.reply(x, 503, "", "cluster_not_found"),
            Route::None => return self.reply(x, 404, "", "route_not_found"),
        };
        self.host.note(format!("router: attempt {} goes to {name}", self.exchanges[x].sent.len() + 1));
        let filters = self.describe(x, &name);
        if matches!(self.wiring.clusters.get(&name).map(|c| &c.backend), Some(Backend::NoHost)) {
            return self.reply(x, 503, "no healthy upstream", "no_healthy_upstream");
        }
        let attempt = self.exchanges[x].sent.len() as u32 + 1;
        let properties = [("request_attempt_count", u64::from(attempt).to_le_bytes().to_vec()), ("transport_failure_reason", Vec::new())];
        for (name, value) in properties {
            self.exchanges[x].info.borrow_mut().properties.insert(format!("upstream\0{name}"), value);
        }
        self.exchanges[x].sent.push(Sent { cluster: name.clone(), attempt, ..Sent::default() });
        let deadline = self.exchanges[x].per_try.map(|limit| self.host.now().saturating_add(nanos(limit)));
        let root = self.wiring.upstream.clone().filter(|_| filters);
        let info = self.exchanges[x].info.clone();
        let upstream = root.map(|root| self.host.open_with(&root, info, true)).transpose()?;
        self.exchanges[x].contexts.extend(upstream);
        self.exchanges[x].attempt = Some(Attempt { upstream, cluster: name, play: None, wake: None, deadline });
        self.replay(x)
    }

    /// Properties that follow from the choice. Whether the upstream position runs there.
    pub(crate) fn describe(&mut self, x: usize, name: &str) -> bool {
        let Some(cluster) = self.wiring.clusters.get(name) else { return false };
        let exchange = &self.exchanges[x];
        let properties = &mut exchange.info.borrow_mut().properties;
        properties.retain(|path, _| !path.starts_with("xds\0cluster_metadata\0"));
        properties.insert("xds\0cluster_name".to_owned(), name.as_bytes().to_vec());
        for (namespace, key, value) in &cluster.metadata {
            properties.insert(["xds", "cluster_metadata", "filter_metadata", namespace, key].join("\0"), value.clone());
        }
        cluster.filters
    }

    /// Sends what there is of the request; the rest follows as it comes.
    fn replay(&mut self, x: usize) -> Result<(), Error> {
        let replay = &self.exchanges[x].replay;
        let end = replay.headers_end;
        let data = replay.data.then(|| (replay.body.clone(), replay.data_end));
        let trailers = replay.trailers.clone();
        self.forward(x, Flow::Headers { end })?;
        if let Some((bytes, end)) = data {
            self.forward(x, Flow::Data { bytes, end })?;
        }
        match trailers {
            Some(trailers) => self.forward(x, Flow::Trailers(trailers)),
            None => Ok(()),
        }
    }

    /// A piece of the request on its way to the provider: through the upstream position, if there is one.
    fn forward(&mut self, x: usize, flow: Flow) -> Result<(), Error> {
        let Some(attempt) = &self.exchanges[x].attempt else { return Ok(()) };
        let Some(upstream) = attempt.upstream else { return self.reach_provider(x, flow) };
        match flow {
            Flow::Headers { end } => match self.exchanges[x].replay.headers.clone() {
                Some(map) => self.host.feed_shared_headers(upstream, Way::Request, map, end),
                None => Ok(()),
            },
            Flow::Data { bytes, end } => self.host.feed_data(upstream, Way::Request, &bytes, end),
            Flow::Trailers(trailers) => self.host.feed_trailers(upstream, Way::Request, trailers),
        }
    }

    /// A piece of the request reaches the provider; a complete one is answered, by an eager one its head.
    fn reach_provider(&mut self, x: usize, flow: Flow) -> Result<(), Error> {
        let exchange = &mut self.exchanges[x];
        let Some(attempt) = exchange.attempt.as_mut() else { return Ok(()) };
        let Some(sent) = exchange.sent.last_mut() else { return Ok(()) };
        match flow {
            Flow::Headers { end } => {
                let map = exchange.replay.headers.as_ref();
                sent.headers = map.map(|map| map.borrow().clone()).unwrap_or_default();
                sent.complete = end;
            }
            Flow::Data { bytes, end } => {
                sent.take_piece(&bytes).into_iter().for_each(|wrong| self.host.note(wrong));
                sent.complete = end;
            }
            Flow::Trailers(trailers) => {
                sent.trailers = Some(trailers);
                sent.complete = true;
            }
        }
        let cluster = self.wiring.clusters.get_mut(&attempt.cluster);
        let asked = sent.complete || cluster.as_ref().is_some_and(|cluster| cluster.eager);
        match cluster.map(|cluster| &mut cluster.backend) {
            Some(Backend::Plays(provider)) if asked && attempt.play.is_none() => {
                attempt.play = Some(provider(sent).steps.into());
                self.host.note(format!("provider {} is asked", sent.cluster));
            }
            Some(Backend::Refuses) => attempt.play = Some(VecDeque::from([Step::Refuse])),
            Some(Backend::Plays(_) | Backend::NoHost) | None => {}
        }
        Ok(())
    }

    fn move_attempt(&mut self, x: usize) -> Result<bool, Error> {
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
                self.reach_provider(x, flow)?;
            }
            let flows = self.host.take(upstream, Way::Response)?;
            if !flows.is_empty() {
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
            if matches!(flow, Flow::Headers { end: true } | Flow::Data { end: true, .. } | Flow::Trailers(_)) {
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
    fn detail(&mut self, x: usize, details: &str) {
        let properties = &mut self.exchanges[x].info.borrow_mut().properties;
        properties.insert("response\0code_details".to_owned(), details.as_bytes().to_vec());
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

    fn end_attempt(&mut self, x: usize) -> Result<(), Error> {
        match self.exchanges[x].attempt.take().and_then(|attempt| attempt.upstream) {
            Some(upstream) => self.host.close(upstream),
            None => Ok(()),
        }
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
        match failure {
            Failure::Refused => {
                let body = format!("{NO_ANSWER}remote connection failure");
                let details = "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}";
                self.reply(x, 503, &body, details)
            }
            Failure::Reset => self.reply(
                x,
                503,
                &format!("{NO_ANSWER}connection termination"),
                "upstream_reset_before_response_started{connection_termination}",
            ),
            Failure::Timeout => self.reply(x, 504, "upstream request timeout", "upstream_per_try_timeout"),
        }
    }

    /// Envoy's own reply, through the gateway position's response callbacks.
    fn reply(&mut self, x: usize, status: u32, body: &str, details: &str) -> Result<(), Error> {
        self.host.note(format!("router: {status} {details}"));
        let reply = LocalReply { status, details: details.to_owned(), headers: Vec::new(), body: body.as_bytes().to_vec() };
        self.host.local_reply(self.exchanges[x].gateway.0, reply)
    }
}
