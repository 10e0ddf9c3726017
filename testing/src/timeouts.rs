//! Envoy's timers around one exchange: how long the whole answer may take, and how long nothing may happen.

use crate::callout::nanos;
use crate::error::Error;
use crate::headers::HeaderMap;
use crate::proxy::Proxy;
use crate::state::Shared;
use crate::stream::Flag;
use std::time::Duration;

/// The timers of one exchange, in nanoseconds of the host's clock.
#[derive(Default)]
pub(crate) struct Timers {
    /// How long nothing may happen, and when that is over.
    idle: Option<(Duration, u64)>,
    /// How long the answer may take once the whole request has come to the router.
    route: Option<Duration>,
    /// When that was, and when it is over.
    since: Option<u64>,
    over: Option<u64>,
    /// How long one attempt may take until its headers come.
    per_try: Option<Duration>,
    /// Whether the client has sent all of its request.
    pub(crate) sent_all: bool,
}

/// What has run out.
enum Overdue {
    Idle,
    Route,
}

/// Tells a provider how long it is waited for.
const EXPECTED: &str = "x-envoy-expected-rq-timeout-ms";

impl Timers {
    pub(crate) fn new(idle: Option<Duration>, now: u64) -> Timers {
        Timers { idle: idle.map(|limit| (limit, now.saturating_add(nanos(limit)))), ..Timers::default() }
    }

    /// Something of the exchange has moved.
    pub(crate) fn touch(&mut self, now: u64) {
        if let Some((limit, at)) = &mut self.idle {
            *at = now.saturating_add(nanos(*limit));
        }
    }

    /// The request's headers have come to the router: the route's limits, or those that the request's headers name in their place.
    pub(crate) fn limit(&mut self, route: Option<Duration>, per_try: Option<Duration>) {
        self.route = route.filter(|limit| !limit.is_zero());
        // Where the whole is over first, there is no limit for one attempt.
        self.per_try = per_try.filter(|limit| !limit.is_zero() && self.route.is_none_or(|route| *limit < route));
    }

    /// The whole request has come to the router.
    pub(crate) fn request_is_complete(&mut self, now: u64) {
        self.since = Some(now);
        self.over = self.route.map(|limit| now.saturating_add(nanos(limit)));
    }

    /// The time of an attempt is counted from the end of the request, or from its own beginning behind that.
    pub(crate) fn attempt_deadline(&self, now: u64) -> Option<u64> {
        self.since.and(self.per_try).map(|limit| now.saturating_add(nanos(limit)))
    }

    /// The provider has said all: only the client's side can be idle now.
    pub(crate) fn answer_is_complete(&mut self) {
        self.over = None;
    }

    /// Writes into the request how long its provider is waited for.
    pub(crate) fn announce(&self, map: &Shared<HeaderMap>, now: u64) {
        let left =
            self.route.map(|limit| nanos(limit).saturating_sub(now - self.since.unwrap_or(now)).max(nanos(Duration::from_millis(1))));
        if let Some(expected) = self.per_try.map(nanos).into_iter().chain(left).min() {
            map.borrow_mut().set(EXPECTED, Duration::from_nanos(expected).as_millis().to_string());
        }
    }

    pub(crate) fn next_event(&self) -> Option<u64> {
        self.idle.map(|(_, at)| at).into_iter().chain(self.over).min()
    }

    fn overdue(&mut self, now: u64) -> Option<Overdue> {
        if self.over.take_if(|over| *over <= now).is_some() {
            return Some(Overdue::Route);
        }
        self.idle.is_some_and(|(_, at)| at <= now).then_some(Overdue::Idle)
    }
}

impl Proxy {
    /// Does what Envoy does when a timer has run out. Whether one has.
    pub(crate) fn expire(&mut self, x: usize) -> Result<bool, Error> {
        let now = self.host.now();
        match self.exchanges[x].timers.overdue(now) {
            None => return Ok(false),
            Some(Overdue::Route) => {
                self.flag(x, Flag::UpstreamRequestTimeout);
                self.end_attempt(x)?;
                self.reply(x, 504, "upstream request timeout", "response_timeout")?;
            }
            Some(Overdue::Idle) => {
                self.flag(x, Flag::StreamIdleTimeout);
                self.end_attempt(x)?;
                let status = if self.exchanges[x].timers.sent_all { 504 } else { 408 };
                self.reply(x, status, "stream timeout", "stream_idle_timeout")?;
            }
        }
        Ok(true)
    }
}
