//! How an Envoy is wired around a filter, and who plays the client and the providers.

use crate::headers::HeaderMap;
use crate::stream::LocalReply;
use std::collections::BTreeMap;
use std::time::Duration;

/// Positions, clusters and the retry policy of one route.
pub struct Wiring {
    /// `root_id` of the plugin in the gateway position.
    pub gateway: String,
    /// `root_id` of the plugin in the upstream position (`Router.upstream_http_filters`), if there is one.
    pub upstream: Option<String>,
    /// The filter state whose value is the name of the next attempt's cluster (the matcher's input), read again for every retry.
    pub next: String,
    /// The cluster for a value that names none (`on_no_match`).
    pub on_no_match: Option<String>,
    /// `retriable_status_codes`. Refused connections, resets and per-try timeouts are always retried.
    pub retry_on: Vec<u16>,
    /// `num_retries`; the request header `x-envoy-max-retries` wins.
    pub retries: u32,
    /// `per_try_timeout`; the request header `x-envoy-upstream-rq-per-try-timeout-ms` wins.
    pub per_try: Option<Duration>,
    /// The route's `timeout`, counted from the end of the request; the request header `x-envoy-upstream-rq-timeout-ms` wins. Envoy's default
    /// is 15 s; here it is none, so that a filter that waits for ever is named.
    pub timeout: Option<Duration>,
    /// How long nothing may happen on a stream: `stream_idle_timeout` of the connection manager, or the route's `idle_timeout` where it has
    /// one. Envoy's default is 5 minutes; here it is none, for the same reason.
    pub stream_idle: Option<Duration>,
    /// A filter of Envoy's own behind the gateway position, see [`Wiring::behind`].
    pub(crate) behind: Option<Behind>,
    /// The clusters that a request can go to.
    pub clusters: BTreeMap<String, Cluster>,
    /// Properties of every request (route metadata and the like): path and value.
    pub properties: Vec<(Vec<String>, Vec<u8>)>,
    /// How much time may pass on the fake clock before an exchange counts as hung.
    pub patience: Duration,
}

impl Wiring {
    /// One filter in the gateway position, in front of the clusters that are added.
    pub fn new(gateway: &str, next: &str) -> Wiring {
        Wiring {
            gateway: gateway.to_owned(),
            upstream: None,
            next: next.to_owned(),
            on_no_match: None,
            retry_on: Vec::new(),
            retries: 0,
            per_try: None,
            timeout: None,
            stream_idle: None,
            behind: None,
            clusters: BTreeMap::new(),
            properties: Vec::new(),
            patience: Duration::from_secs(600),
        }
    }

    /// The same filter (or another plugin of the VM) once per attempt, too.
    #[must_use]
    pub fn upstream(mut self, root_id: &str) -> Wiring {
        self.upstream = Some(root_id.to_owned());
        self
    }

    /// Answers of these codes are retried, so often.
    #[must_use]
    pub fn retry(mut self, codes: &[u16], retries: u32) -> Wiring {
        self.retry_on = codes.to_vec();
        self.retries = retries;
        self
    }

    /// A cluster of this name.
    #[must_use]
    pub fn cluster(mut self, name: &str, cluster: Cluster) -> Wiring {
        self.clusters.insert(name.to_owned(), cluster);
        self
    }

    /// Where a value goes that names no cluster.
    #[must_use]
    pub fn on_no_match(mut self, name: &str) -> Wiring {
        self.on_no_match = Some(name.to_owned());
        self
    }

    /// A filter of Envoy's own behind the gateway position in the listener's chain, as `ext_authz` or `rbac` may stand there: it sees the headers of
    /// each request that the gateway position lets go, and may answer it, at once or later.
    #[must_use]
    pub fn behind(mut self, filter: impl FnMut(&HeaderMap) -> Verdict + 'static) -> Wiring {
        self.behind = Some(Box::new(filter));
        self
    }

    /// A property that every request has.
    #[must_use]
    pub fn property(mut self, path: &[&str], value: impl AsRef<[u8]>) -> Wiring {
        self.properties.push((path.iter().map(|s| (*s).to_owned()).collect(), value.as_ref().to_vec()));
        self
    }
}

/// What a filter behind the gateway position makes of a request.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It passes.
    Pass,
    /// It is answered.
    Reply(LocalReply),
    /// So much later; until then the request waits there, whatever more of it the gateway position lets go.
    After(Duration, Box<Verdict>),
}

pub(crate) type Behind = Box<dyn FnMut(&HeaderMap) -> Verdict>;

/// What plays a provider: it sees the whole request and says what comes back.
pub(crate) type Provider = Box<dyn FnMut(&Sent) -> Play>;

pub(crate) enum Backend {
    Plays(Provider),
    Refuses,
    NoHost,
}

/// A cluster: its metadata, whether the upstream position runs for it, and who answers.
pub struct Cluster {
    pub(crate) metadata: Vec<(String, String, Vec<u8>)>,
    pub(crate) filters: bool,
    pub(crate) eager: bool,
    pub(crate) backend: Backend,
}

impl Cluster {
    /// A cluster whose provider this is.
    pub fn new(provider: impl FnMut(&Sent) -> Play + 'static) -> Cluster {
        Cluster { metadata: Vec::new(), filters: true, eager: false, backend: Backend::Plays(Box::new(provider)) }
    }

    /// A cluster that refuses every connection, as a tombstone does.
    pub fn refusing() -> Cluster {
        Cluster { metadata: Vec::new(), filters: true, eager: false, backend: Backend::Refuses }
    }

    /// A cluster without a usable host: 503 at once, and no retry.
    pub fn empty() -> Cluster {
        Cluster { metadata: Vec::new(), filters: true, eager: false, backend: Backend::NoHost }
    }

    /// Metadata: namespace, key, value.
    #[must_use]
    pub fn metadata(mut self, namespace: &str, key: &str, value: impl AsRef<[u8]>) -> Cluster {
        self.metadata.push((namespace.to_owned(), key.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// A cluster with a filter list of its own: the upstream position does not run for it.
    #[must_use]
    pub fn without_upstream(mut self) -> Cluster {
        self.filters = false;
        self
    }

    /// A cluster whose provider answers to a request's head, before the body has come.
    #[must_use]
    pub fn eager(mut self) -> Cluster {
        self.eager = true;
        self
    }
}

/// What a provider saw of one attempt.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// The cluster that was picked.
    pub cluster: String,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Headers, as they were when they left.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
    /// Trailers, if the request ended with some.
    pub trailers: Option<HeaderMap>,
    /// Whether the request came to its end.
    pub complete: bool,
}

impl Sent {
    /// On HTTP/1.1 what is longer than announced is the beginning of the next request, and no part of this one. What is wrong, if it is so.
    pub(crate) fn take_piece(&mut self, bytes: &[u8]) -> Option<String> {
        self.body.extend_from_slice(bytes);
        let length = self.headers.announced().filter(|length| *length < self.body.len())?;
        self.body.truncate(length);
        Some(format!("a body longer than its announced {length} bytes goes out"))
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Headers(HeaderMap, bool),
    Data(Vec<u8>, bool),
    Trailers(HeaderMap),
    Reset,
    Refuse,
    Wait(Duration),
}

impl Step {
    /// Whether something comes of the answer.
    pub(crate) fn brings(&self) -> bool {
        match self {
            Step::Headers(..) | Step::Data(..) | Step::Trailers(_) => true,
            Step::Reset | Step::Refuse | Step::Wait(_) => false,
        }
    }
}

/// What a provider does, step by step.
#[derive(Clone, Debug, Default)]
pub struct Play {
    pub(crate) steps: Vec<Step>,
}

impl Play {
    /// An answer of this status; what it consists of is added. Without anything more its headers are the whole of it.
    pub fn answer(status: u16) -> Play {
        let headers: HeaderMap = [(":status", status.to_string())].into_iter().collect();
        Play { steps: vec![Step::Headers(headers, true)] }
    }

    /// An answer with a JSON body and its length, in one piece.
    pub fn json(status: u16, body: impl AsRef<[u8]>) -> Play {
        let body = body.as_ref();
        let play = Play::answer(status).header("content-type", "application/json").header("content-length", &body.len().to_string());
        play.pieces([body.to_vec()])
    }

    /// An event stream in these pieces; its end comes by itself, as on HTTP/1.1.
    pub fn stream(pieces: impl IntoIterator<Item = Vec<u8>>) -> Play {
        Play::answer(200).header("content-type", "text/event-stream").pieces(pieces).end_alone()
    }

    /// The connection is refused.
    pub fn refuse() -> Play {
        Play { steps: vec![Step::Refuse] }
    }

    /// One header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Play {
        if let Some(Step::Headers(headers, _)) = self.steps.first_mut() {
            headers.add(name, value);
        }
        self
    }

    /// Body in these pieces, each of them one read.
    #[must_use]
    pub fn pieces(mut self, pieces: impl IntoIterator<Item = Vec<u8>>) -> Play {
        for piece in pieces {
            self.open_end();
            self.steps.push(Step::Data(piece, true));
        }
        self
    }

    /// The end of the message comes without bytes, after the last piece.
    #[must_use]
    pub fn end_alone(self) -> Play {
        self.pieces([Vec::new()])
    }

    /// Headers as they are; `end`: they are the whole answer.
    #[must_use]
    pub fn headers(mut self, headers: HeaderMap, end: bool) -> Play {
        self.steps.push(Step::Headers(headers, end));
        self
    }

    /// One read of the body; `end`: the message ends with it.
    #[must_use]
    pub fn data(mut self, bytes: impl AsRef<[u8]>, end: bool) -> Play {
        self.steps.push(Step::Data(bytes.as_ref().to_vec(), end));
        self
    }

    /// The answer ends with trailers.
    #[must_use]
    pub fn trailers(mut self, trailers: HeaderMap) -> Play {
        self.open_end();
        self.steps.push(Step::Trailers(trailers));
        self
    }

    /// The connection breaks here.
    #[must_use]
    pub fn reset(mut self) -> Play {
        self.open_end();
        self.steps.push(Step::Reset);
        self
    }

    /// All of it comes so much later.
    #[must_use]
    pub fn after(mut self, silence: Duration) -> Play {
        self.steps.insert(0, Step::Wait(silence));
        self
    }

    /// Silence of this length on the fake clock.
    #[must_use]
    pub fn wait(mut self, silence: Duration) -> Play {
        self.steps.push(Step::Wait(silence));
        self
    }

    /// The last piece so far is not the end after all.
    fn open_end(&mut self) {
        let last = self.steps.iter_mut().rev().find_map(|step| match step {
            Step::Headers(_, end) | Step::Data(_, end) => Some(end),
            Step::Trailers(_) | Step::Reset | Step::Refuse | Step::Wait(_) => None,
        });
        if let Some(end) = last {
            *end = false;
        }
    }
}
