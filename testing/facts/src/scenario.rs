//! How Envoy is wired for one fact, and who does what.

use crate::action::Action;

/// `failure_policy` of the plugins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Failure {
    /// `FAIL_CLOSED`, Envoy's default.
    #[default]
    Closed,
    /// `FAIL_OPEN`.
    Open,
    /// `FAIL_RELOAD`, with a short back-off.
    Reload,
}

/// What is behind a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// A server: what it does for its first request, its second …
    Plays(Vec<Vec<Action>>),
    /// Nobody listens there.
    Refuses,
    /// The cluster has no endpoint.
    Empty,
    /// Envoy itself, which answers over HTTP/2 with this status and body; its steps are not in the transcript.
    Says(u16, Vec<u8>),
}

/// A filter of Envoy's own that stands in front of the gateway position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// `decompressor`, for requests in gzip.
    Decompressor,
    /// `rbac`, which lets nobody pass.
    Refuses,
}

/// A filter of Envoy's own that stands behind the gateway position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// `rbac`, which lets nobody pass.
    Refuses,
    /// `fault`, which lets a request pass after so many milliseconds.
    Delays(u64),
    /// `fault`, which answers a request after so many milliseconds with this status.
    Aborts(u64, u16),
}

/// One scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scenario {
    /// `allow_on_headers_stop_iteration`.
    pub stop_iteration: bool,
    /// The policy of both plugins.
    pub failure: Failure,
    /// `retriable_status_codes`; connect failures and resets are always retried.
    pub retry_on: Vec<u16>,
    /// `num_retries`.
    pub retries: u32,
    /// `per_try_timeout` in milliseconds.
    pub per_try: Option<u64>,
    /// `timeout` of the route in milliseconds.
    pub timeout: Option<u64>,
    /// `stream_idle_timeout` of the connection manager in milliseconds.
    pub idle: Option<u64>,
    /// `idle_timeout` of the route in milliseconds.
    pub route_idle: Option<u64>,
    /// `per_connection_buffer_limit_bytes` of the listener.
    pub limit: Option<usize>,
    /// `request_body_buffer_limit` of the route.
    pub route_limit: Option<usize>,
    /// `environment_variables` of the VM.
    pub environment: Vec<(String, String)>,
    /// `vm_config.configuration`.
    pub vm_configuration: Option<String>,
    /// Whether clients speak HTTP/2.
    pub http2: bool,
    /// What stands in front of the gateway position.
    pub front: Option<Front>,
    /// What stands behind the gateway position.
    pub behind: Option<Back>,
    /// Headers that the record shows.
    pub look: Vec<String>,
    /// Scripts of the gateway position: the first, and those of each reconfiguration.
    pub down: Vec<String>,
    /// Script of the upstream position, if there is one.
    pub up: Option<String>,
    /// What each client does, in the order in which it happens: which client, and what.
    pub clients: Vec<(usize, Action)>,
    /// The clusters by name. The route takes the one that filter state `wasm.next` names, and the first if there is none.
    pub clusters: Vec<(String, Upstream)>,
    /// Clusters with an upstream filter list of their own, which holds the codec alone.
    pub plain: Vec<String>,
    /// Servers for callouts: they answer as soon as they are asked, and their steps are not in the transcript.
    pub callouts: Vec<(String, Vec<Action>)>,
    /// The same for gRPC callouts.
    pub rpcs: Vec<(String, Vec<Action>)>,
}

impl Scenario {
    pub(crate) fn wire(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["stop_iteration", word] => self.stop_iteration = *word == "on",
            ["failure", "closed"] => self.failure = Failure::Closed,
            ["failure", "open"] => self.failure = Failure::Open,
            ["failure", "reload"] => self.failure = Failure::Reload,
            ["retry", times, codes @ ..] => {
                self.retries = times.parse().expect("a number of retries");
                self.retry_on = codes.iter().map(|code| code.parse().expect("a status code")).collect();
            }
            ["per_try", limit] => self.per_try = Some(limit.parse().expect("milliseconds")),
            ["timeout", limit] => self.timeout = Some(limit.parse().expect("milliseconds")),
            ["idle", limit] => self.idle = Some(limit.parse().expect("milliseconds")),
            ["route_idle", limit] => self.route_idle = Some(limit.parse().expect("milliseconds")),
            ["limit", bytes] => self.limit = Some(bytes.parse().expect("bytes")),
            ["route_limit", bytes] => self.route_limit = Some(bytes.parse().expect("bytes")),
            ["env", name, value] => self.environment.push(((*name).to_owned(), (*value).to_owned())),
            ["vm_configuration", text] => self.vm_configuration = Some((*text).to_owned()),
            ["clients", "http2"] => self.http2 = true,
            ["front", "decompressor"] => self.front = Some(Front::Decompressor),
            ["front", "refuses"] => self.front = Some(Front::Refuses),
            ["behind", "refuses"] => self.behind = Some(Back::Refuses),
            ["behind", "delays", millis] => self.behind = Some(Back::Delays(millis.parse().expect("milliseconds"))),
            ["behind", "aborts", millis, status] => {
                self.behind = Some(Back::Aborts(millis.parse().expect("milliseconds"), status.parse().expect("a status code")));
            }
            ["says", name, status, body] => {
                let says = Upstream::Says(status.parse().expect("a status code"), body.as_bytes().to_vec());
                self.clusters.push(((*name).to_owned(), says));
            }
            ["plain", name] => self.plain.push((*name).to_owned()),
            ["look", names @ ..] => self.look = names.iter().map(|name| (*name).to_owned()).collect(),
            ["refuses", name] => self.clusters.push(((*name).to_owned(), Upstream::Refuses)),
            ["empty", name] => self.clusters.push(((*name).to_owned(), Upstream::Empty)),
            other => panic!("no wiring {other:?}"),
        }
    }

    /// `client` is the first of them, `client 2` the second; a line may begin with the number instead.
    pub(crate) fn client(&mut self, line: &str) {
        let (number, rest) = line.split_once(' ').and_then(|(n, rest)| Some((n.parse().ok()?, rest))).unwrap_or((1, line));
        self.clients.push((number, Action::parse(rest)));
    }

    pub(crate) fn upstream(&mut self, name: &str, lines: &[&str]) {
        let play = lines.iter().map(|line| Action::parse(line)).collect();
        match self.clusters.iter_mut().find(|(known, _)| known == name) {
            Some((_, Upstream::Plays(plays))) => plays.push(play),
            Some(_) => panic!("cluster {name} has no server"),
            None => self.clusters.push((name.to_owned(), Upstream::Plays(vec![play]))),
        }
    }

    pub(crate) fn callout(&mut self, name: &str, lines: &[&str]) {
        self.callouts.push((name.to_owned(), lines.iter().map(|line| Action::parse(line)).collect()));
    }

    pub(crate) fn rpc(&mut self, name: &str, lines: &[&str]) {
        self.rpcs.push((name.to_owned(), lines.iter().map(|line| Action::parse(line)).collect()));
    }

    /// A script as the probe gets it.
    pub(crate) fn script(lines: &[&str]) -> String {
        ["trace"].iter().chain(lines).copied().collect::<Vec<_>>().join("\n")
    }
}
