//! A proxy around a host: clients send, the router picks clusters and retries, providers answer.

use crate::abi::Way;
use crate::attempt::Attempt;
use crate::callout::nanos;
use crate::client::{Received, Request};
use crate::error::Error;
use crate::headers::HeaderMap;
use crate::host::{Host, StreamId};
use crate::router::Route;
use crate::state::{Shared, Spent};
use crate::stream::{Flag, Flow, LocalReply, StreamInfo};
use crate::timeouts::Timers;
use crate::wiring::{Sent, Verdict, Wiring};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

/// One worker of Envoy: a host and the wiring around it.
pub struct Proxy {
    pub(crate) host: Host,
    pub(crate) wiring: Wiring,
    pub(crate) exchanges: Vec<Exchange>,
    /// The places of those that are not over: a proxy may live for thousands of exchanges.
    pub(crate) under_way: BTreeSet<usize>,
}

/// One exchange: a client's request and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeId(pub(crate) usize);

/// The request as it left the gateway position; every attempt begins with it.
#[derive(Default)]
pub(crate) struct Replay {
    pub(crate) headers: Option<Shared<HeaderMap>>,
    pub(crate) headers_end: bool,
    pub(crate) body: Vec<u8>,
    pub(crate) data: bool,
    pub(crate) data_end: bool,
    pub(crate) trailers: Option<HeaderMap>,
}

pub(crate) struct Exchange {
    pub(crate) gateway: StreamId,
    pub(crate) info: Shared<StreamInfo>,
    pub(crate) replay: Replay,
    pub(crate) retries_left: u32,
    pub(crate) timers: Timers,
    /// What a filter behind the gateway position will do with the request, and when.
    pub(crate) verdict: Option<(u64, Verdict)>,
    pub(crate) attempt: Option<Attempt>,
    pub(crate) response_started: bool,
    pub(crate) sent: Vec<Sent>,
    pub(crate) received: Received,
    pub(crate) contexts: Vec<StreamId>,
    pub(crate) closed: bool,
}

impl Proxy {
    /// This host behind this wiring.
    pub fn new(host: Host, wiring: Wiring) -> Proxy {
        Proxy { host, wiring, exchanges: Vec::new(), under_way: BTreeSet::new() }
    }

    /// The host: logs, metrics, callouts, transcript.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The host, to fail its calls, answer callouts, add clusters for them.
    pub fn host_mut(&mut self) -> &mut Host {
        &mut self.host
    }

    /// A client sends a whole request and waits for the end of the answer, however long that takes on the fake clock.
    ///
    /// # Errors
    /// [`Error::Hung`] if there is no end; whatever the filter does.
    pub fn exchange(&mut self, request: &Request) -> Result<ExchangeId, Error> {
        let id = self.send(request)?;
        self.finish(id)?;
        Ok(id)
    }

    /// A client sends a whole request; what can happen at once happens.
    ///
    /// # Errors
    /// Whatever the filter does.
    pub fn send(&mut self, request: &Request) -> Result<ExchangeId, Error> {
        let bare = request.pieces.is_empty() && request.trailers.is_none();
        let id = self.open(request.headers.clone(), bare)?;
        for (i, piece) in request.pieces.iter().enumerate() {
            let last = i + 1 == request.pieces.len() && request.trailers.is_none();
            self.send_data(id, piece, last)?;
        }
        if let Some(trailers) = &request.trailers {
            self.send_trailers(id, trailers.clone())?;
        }
        Ok(id)
    }

    /// A client begins a request.
    ///
    /// # Errors
    /// Whatever the filter does.
    pub fn open(&mut self, headers: HeaderMap, end: bool) -> Result<ExchangeId, Error> {
        let (id, headers) = self.enter(headers)?;
        self.client_moves(id, end);
        self.host.feed_shared_headers(self.exchanges[id.0].gateway, Way::Request, headers, end)?;
        self.settle()?;
        Ok(id)
    }

    /// A filter of Envoy's own in front of the gateway position answers a client, as `rbac` or `jwt_authn` do: the gateway position sees neither
    /// request nor reply. It has a context all the same, with its `proxy_on_log` and its end.
    ///
    /// # Errors
    /// Whatever the filter does.
    pub fn turned_away(&mut self, headers: HeaderMap, status: u32, body: &str) -> Result<ExchangeId, Error> {
        let (id, headers) = self.enter(headers)?;
        let gateway = self.exchanges[id.0].gateway;
        let reply = LocalReply { status, details: String::new(), headers: Vec::new(), body: body.as_bytes().to_vec() };
        self.host.answer_past(gateway, headers, &reply)?;
        self.settle()?;
        Ok(id)
    }

    /// A client's request and its context, of which the filter knows nothing yet.
    fn enter(&mut self, mut headers: HeaderMap) -> Result<(ExchangeId, Shared<HeaderMap>), Error> {
        if !headers.contains("x-forwarded-proto") {
            headers.add("x-forwarded-proto", "http");
        }
        let info: Shared<StreamInfo> = Rc::default();
        for (path, value) in &self.wiring.properties {
            info.borrow_mut().properties.insert(path.join("\0"), value.clone());
        }
        self.host.note(format!("client: {headers}"));
        let gateway = self.host.open_with(&self.wiring.gateway.clone(), info.clone(), false)?;
        let id = ExchangeId(self.exchanges.len());
        self.under_way.insert(id.0);
        let timers = Timers::new(self.wiring.stream_idle, self.host.now());
        self.exchanges.push(Exchange {
            gateway,
            info,
            replay: Replay::default(),
            retries_left: self.wiring.retries,
            timers,
            verdict: None,
            attempt: None,
            response_started: false,
            sent: Vec::new(),
            received: Received::default(),
            contexts: vec![gateway],
            closed: false,
        });
        // The route is picked before the filter runs.
        if let Route::To(cluster) = self.pick_route(id.0, true) {
            self.describe(id.0, &cluster);
        }
        Ok((id, Rc::new(RefCell::new(headers))))
    }

    /// The client sends a part of the body.
    ///
    /// # Errors
    /// Whatever the filter does.
    pub fn send_data(&mut self, id: ExchangeId, bytes: &[u8], end: bool) -> Result<(), Error> {
        if !self.exchanges[id.0].closed {
            self.client_moves(id, end);
            self.host.feed_data(self.exchanges[id.0].gateway, Way::Request, bytes, end)?;
        }
        self.settle()
    }

    /// The client ends the request with trailers.
    ///
    /// # Errors
    /// Whatever the filter does.
    pub fn send_trailers(&mut self, id: ExchangeId, trailers: HeaderMap) -> Result<(), Error> {
        if !self.exchanges[id.0].closed {
            self.client_moves(id, true);
            self.host.feed_trailers(self.exchanges[id.0].gateway, Way::Request, trailers)?;
        }
        self.settle()
    }

    fn client_moves(&mut self, id: ExchangeId, end: bool) {
        let now = self.host.now();
        let timers = &mut self.exchanges[id.0].timers;
        timers.touch(now);
        timers.sent_all = end;
    }

    /// The client goes away: log and end of the gateway position, then the end of the attempt.
    ///
    /// # Errors
    /// Whatever the filter does.
    pub fn abort(&mut self, id: ExchangeId) -> Result<(), Error> {
        self.host.note("client goes away");
        self.detail(id.0, "downstream_remote_disconnect");
        self.flag(id.0, Flag::DownstreamConnectionTermination);
        self.break_off(id.0)?;
        self.settle()
    }

    /// Moves the fake clock, and with it everything that waits.
    ///
    /// # Errors
    /// Whatever the filter does.
    pub fn advance(&mut self, by: Duration) -> Result<(), Error> {
        let end = self.host.now().saturating_add(nanos(by));
        while let Some(next) = self.next_event().filter(|next| *next <= end) {
            self.host.move_to(next)?;
            self.settle()?;
        }
        self.host.move_to(end)?;
        self.settle()
    }

    /// Moves the fake clock until this exchange is over.
    ///
    /// # Errors
    /// [`Error::Hung`] if that does not happen within the wiring's patience.
    pub fn finish(&mut self, id: ExchangeId) -> Result<(), Error> {
        let end = self.host.now().saturating_add(nanos(self.wiring.patience));
        while !self.exchanges[id.0].closed {
            let Some(next) = self.next_event().filter(|next| *next <= end) else { return Err(self.hung(id)) };
            self.host.move_to(next)?;
            self.settle()?;
        }
        Ok(())
    }

    fn hung(&mut self, id: ExchangeId) -> Error {
        let contexts = self.exchanges[id.0].contexts.clone();
        let waiting: Vec<String> = contexts.into_iter().map(|c| format!("context {}: {}", c.0, self.host.waiting(c))).collect();
        Error::Hung { waiting: waiting.join("; "), transcript: Box::new(self.host.transcript().clone()) }
    }

    fn next_event(&self) -> Option<u64> {
        let exchanges = || self.under_way.iter().map(|x| &self.exchanges[*x]);
        let attempts = exchanges().filter_map(|x| x.attempt.as_ref()).filter_map(Attempt::next_event);
        let timers = exchanges().filter_map(|x| x.timers.next_event());
        let verdicts = exchanges().filter_map(|x| x.verdict.as_ref()).map(|(due, _)| *due);
        self.host.next_event().into_iter().chain(attempts).chain(timers).chain(verdicts).min()
    }

    /// What the client got so far.
    pub fn received(&self, id: ExchangeId) -> &Received {
        &self.exchanges[id.0].received
    }

    /// What providers saw, one entry per attempt.
    pub fn sent(&self, id: ExchangeId) -> &[Sent] {
        &self.exchanges[id.0].sent
    }

    /// Whether the exchange is over and its contexts are gone.
    pub fn is_over(&self, id: ExchangeId) -> bool {
        self.exchanges[id.0].closed
    }

    /// Filter state of the exchange by its full key, also when it is over.
    pub fn filter_state(&self, id: ExchangeId, key: &str) -> Option<Vec<u8>> {
        self.exchanges[id.0].info.borrow().filter_state.get(key).cloned()
    }

    /// What the contexts of this exchange spent. (Ticks and answers to callouts are the root's.)
    pub fn spent(&self, id: ExchangeId) -> Spent {
        let mut all = Spent::default();
        self.exchanges[id.0].contexts.iter().for_each(|c| all.add(&self.host.spent_by(c.0)));
        all
    }

    /// Hands the gateway's answer to the client. Whether there was any.
    pub(crate) fn answer_client(&mut self, x: usize) -> Result<bool, Error> {
        let gateway = self.exchanges[x].gateway;
        let flows = self.host.take(gateway, Way::Response)?;
        let moved = !flows.is_empty();
        for flow in flows {
            let headers = self.host.headers(gateway, Way::Response)?;
            let received = &mut self.exchanges[x].received;
            match flow {
                // The client has its headers and takes others for the beginning of the body.
                Flow::Headers { end } if received.headers.is_some() => {
                    received.ended = end;
                    received.take_piece(headers.on_the_wire().into_bytes());
                }
                Flow::Headers { end } => {
                    received.headers = Some(headers);
                    received.ended = end;
                }
                Flow::Data { bytes, end } => {
                    received.ended = end;
                    received.take_piece(bytes);
                }
                Flow::Trailers(trailers) => {
                    received.trailers = Some(trailers);
                    received.ended = true;
                }
            }
        }
        Ok(moved)
    }

    /// The stream is reset towards the client, or the client is gone. Whose end comes first: the gateway's, log before done.
    pub(crate) fn break_off(&mut self, x: usize) -> Result<(), Error> {
        if self.exchanges[x].closed {
            return Ok(());
        }
        self.exchanges[x].received.reset = !self.exchanges[x].received.ended;
        self.end(x)
    }

    /// The end of an exchange: `proxy_on_log` and `proxy_on_done` of the gateway, then of an attempt that is still there.
    pub(crate) fn end(&mut self, x: usize) -> Result<(), Error> {
        self.exchanges[x].closed = true;
        self.under_way.remove(&x);
        let gateway = self.exchanges[x].gateway;
        self.host.log(gateway)?;
        self.host.close(gateway)?;
        self.end_attempt(x)
    }
}
