//! Envoy's router: picks the cluster of each attempt, replays the request, decides about retries.

use crate::abi::Way;
use crate::attempt::Attempt;
use crate::callout::nanos;
use crate::error::Error;
use crate::proxy::Proxy;
use crate::stream::{Flag, Flow};
use crate::wiring::{Backend, Sent, Step, Verdict};
use std::collections::VecDeque;
use std::time::Duration;

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
            let under_way: Vec<usize> = self.under_way.iter().copied().collect();
            for x in under_way {
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
        if self.expire(x)? {
            return Ok(true);
        }
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
        Ok(self.route_request(x)? | self.judge(x)? | self.move_attempt(x)? | answered)
    }

    /// What the gateway position let go comes to the router.
    fn route_request(&mut self, x: usize) -> Result<bool, Error> {
        let gateway = self.exchanges[x].gateway;
        let flows = self.host.take(gateway, Way::Request)?;
        let moved = !flows.is_empty();
        for flow in flows {
            let (ends, now) = (flow.ends(), self.host.now());
            self.exchanges[x].timers.touch(now);
            let replay = &mut self.exchanges[x].replay;
            match &flow {
                Flow::Headers { end } => {
                    replay.headers_end = *end;
                    self.ask_behind(x)?;
                    self.judge(x)?;
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
            // What waits behind has not come to the router.
            if ends && self.exchanges[x].verdict.is_none() {
                self.request_is_complete(x);
            }
        }
        Ok(moved)
    }

    fn request_is_complete(&mut self, x: usize) {
        let now = self.host.now();
        let exchange = &mut self.exchanges[x];
        exchange.timers.request_is_complete(now);
        let deadline = exchange.timers.attempt_deadline(now);
        if let Some(attempt) = exchange.attempt.as_mut().filter(|_| !exchange.response_started) {
            attempt.deadline = deadline;
        }
    }

    /// What the filter behind the gateway position will make of this request, if there is one.
    fn ask_behind(&mut self, x: usize) -> Result<(), Error> {
        let headers = self.host.headers(self.exchanges[x].gateway, Way::Request)?;
        let verdict = self.wiring.behind.as_mut().map_or(Verdict::Pass, |behind| behind(&headers));
        self.exchanges[x].verdict = Some((self.host.now(), verdict));
        Ok(())
    }

    /// Does what that filter has made up its mind to do. Whether it has done something.
    fn judge(&mut self, x: usize) -> Result<bool, Error> {
        let now = self.host.now();
        let replied = self.exchanges[x].info.borrow().replied;
        let due = self.exchanges[x].verdict.take_if(|(due, _)| replied || *due <= now);
        match due {
            None => Ok(false),
            Some(_) if replied => Ok(false),
            Some((_, Verdict::After(wait, verdict))) => {
                self.exchanges[x].verdict = Some((now.saturating_add(nanos(wait)), *verdict));
                Ok(true)
            }
            Some((_, Verdict::Reply(reply))) => {
                self.host.note(format!("a filter behind answers {} {}", reply.status, reply.details));
                self.host.local_reply(self.exchanges[x].gateway.0, reply)?;
                Ok(true)
            }
            Some((_, Verdict::Pass)) => {
                self.touch(x);
                self.limit(x)?;
                let replay = &self.exchanges[x].replay;
                if replay.headers_end || replay.data_end || replay.trailers.is_some() {
                    self.request_is_complete(x);
                }
                self.start_attempt(x)?;
                Ok(true)
            }
        }
    }

    /// The route's limits, or those that the filter has set for this request.
    fn limit(&mut self, x: usize) -> Result<(), Error> {
        let map = self.host.shared_headers(self.exchanges[x].gateway, Way::Request)?;
        let number = |name: &str| map.borrow().get(name).and_then(|value| value.parse::<u64>().ok());
        let exchange = &mut self.exchanges[x];
        if let Some(retries) = number("x-envoy-max-retries") {
            exchange.retries_left = u32::try_from(retries).unwrap_or(u32::MAX);
        }
        let limit = |name: &str, of_the_route| number(name).map(Duration::from_millis).or(of_the_route);
        let route = limit("x-envoy-upstream-rq-timeout-ms", self.wiring.timeout);
        exchange.timers.limit(route, limit("x-envoy-upstream-rq-per-try-timeout-ms", self.wiring.per_try));
        STEERING.iter().for_each(|name| map.borrow_mut().remove(name));
        exchange.replay.headers = Some(map);
        Ok(())
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
    pub(crate) fn start_attempt(&mut self, x: usize) -> Result<(), Error> {
        let retried = !self.exchanges[x].sent.is_empty();
        let name = match self.pick_route(x, retried) {
            Route::To(name) => name,
            Route::NoCluster => {
                self.flag(x, Flag::NoClusterFound);
                return self.reply(x, 503, "", "cluster_not_found");
            }
            Route::None => {
                self.flag(x, Flag::NoRouteFound);
                return self.reply(x, 404, "", "route_not_found");
            }
        };
        self.host.note(format!("router: attempt {} goes to {name}", self.exchanges[x].sent.len() + 1));
        let filters = self.describe(x, &name);
        if matches!(self.wiring.clusters.get(&name).map(|c| &c.backend), Some(Backend::NoHost)) {
            self.flag(x, Flag::NoHealthyUpstream);
            return self.reply(x, 503, "no healthy upstream", "no_healthy_upstream");
        }
        let attempt = self.exchanges[x].sent.len() as u32 + 1;
        let properties = [("request_attempt_count", u64::from(attempt).to_le_bytes().to_vec()), ("transport_failure_reason", Vec::new())];
        for (name, value) in properties {
            self.exchanges[x].info.borrow_mut().properties.insert(format!("upstream\0{name}"), value);
        }
        self.exchanges[x].sent.push(Sent { cluster: name.clone(), attempt, ..Sent::default() });
        let (now, exchange) = (self.host.now(), &self.exchanges[x]);
        let deadline = exchange.timers.attempt_deadline(now);
        if let Some(map) = &exchange.replay.headers {
            exchange.timers.announce(map, now);
        }
        let root = self.wiring.upstream.clone().filter(|_| filters);
        let info = self.exchanges[x].info.clone();
        let upstream = root.map(|root| self.host.open_with(&root, info.clone(), true)).transpose()?;
        info.borrow_mut().attempt = upstream;
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
        self.drop_replied(x);
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
    pub(crate) fn reach_provider(&mut self, x: usize, flow: Flow) -> Result<(), Error> {
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
}
