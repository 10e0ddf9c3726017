//! The embedded rate-limit service: envoyproxy/ratelimit's `POST /json` with its measured semantics, in this process.
//!
//! For laptops, the demo and tests. It reads the rules that `weir render` writes for the real one. One table of cases
//! (`tests/integration/limiter/cases.json`) runs against both, so that they can't drift apart.
mod counters;
mod request;
mod rules;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::http::Request;
use crate::http::server::{Answer, Server};
use counters::Counters;
use request::Call;
pub use rules::{Rules, Unit};

/// The seconds since 1970 by which windows are aligned.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's.
    System,
    /// One that a test moves.
    Manual(Arc<AtomicU64>),
}

/// What the service does to calls instead of answering them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is wrong.
    None,
    /// Calls wait, as with a frozen Redis; they are applied when the fault ends, although their callers may be gone.
    Freeze,
    /// Calls are applied and their answers are lost: the connection closes.
    DropAnswer,
    /// The connection closes before anything is applied.
    Close,
    /// 400 and nothing is applied, as with a dead Redis.
    Refuse,
    /// 400 although the first descriptor was applied, as with a broken value in Redis.
    RefuseLate,
}

/// A running service; it ends when dropped.
#[derive(Debug)]
pub struct Limiter {
    // Frozen calls must be let go before the server waits for nothing more.
    thaw: Thaw,
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    rules: Rules,
    counters: Counters,
    fault: Fault,
    calls: u64,
}

/// Ends a freeze when the service is dropped.
#[derive(Debug)]
struct Thaw(Arc<Shared>);

impl Drop for Thaw {
    fn drop(&mut self) {
        self.0.set_fault(Fault::None);
    }
}

impl Limiter {
    /// Starts the service at `address` (`127.0.0.1:0` for a free port) with rules in the real one's YAML.
    pub fn start(address: &str, yaml: &str, clock: Clock) -> io::Result<Self> {
        let rules = Rules::parse(yaml).map_err(|what| io::Error::new(io::ErrorKind::InvalidData, what))?;
        let state = State { rules, counters: Counters::default(), fault: Fault::None, calls: 0 };
        let shared = Arc::new(Shared { clock, state: Mutex::new(state), changed: Condvar::new() });
        let handler = {
            let shared = shared.clone();
            move |request: &Request, answer: &mut Answer<'_>| shared.serve(request, answer)
        };
        let server = Server::start(address, Arc::new(handler))?;
        Ok(Self { thaw: Thaw(shared.clone()), server, shared })
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Replaces the rules; the counters stay. Wrong ones are refused and the old ones stay.
    pub fn reload(&self, yaml: &str) -> Result<(), String> {
        self.shared.lock().rules = Rules::parse(yaml)?;
        Ok(())
    }

    /// What stands in the current window of a descriptor's counter; 0 where nothing was counted or no rule fits.
    pub fn counter(&self, entries: &[(&str, &str)]) -> i64 {
        let now = self.shared.clock.seconds();
        let state = self.shared.lock();
        let Some(rule) = state.rules.find(state.rules.domain(), entries) else { return 0 };
        state.counters.value(state.rules.domain(), entries, rule.unit, now)
    }

    /// Every counter that is not zero, by its name in Redis.
    pub fn counters(&self) -> Vec<(String, i64)> {
        self.shared.lock().counters.all()
    }

    /// How many calls came to `/json`, answered or not.
    pub fn calls(&self) -> u64 {
        self.shared.lock().calls
    }

    /// From now on calls meet this fault; what was frozen before goes on.
    pub fn fault(&self, fault: Fault) {
        self.thaw.0.set_fault(fault);
    }
}

impl Clock {
    fn seconds(&self) -> u64 {
        match self {
            Self::System => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            Self::Manual(seconds) => seconds.load(Ordering::SeqCst),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn set_fault(&self, fault: Fault) {
        self.lock().fault = fault;
        self.changed.notify_all();
    }

    fn serve(&self, request: &Request, answer: &mut Answer<'_>) {
        // A write that fails means that the caller has gone, which changes nothing here.
        let _ = match (request.method.as_str(), request.path()) {
            ("GET", "/healthcheck") => answer.whole(200, &[("content-type", "text/plain")], b"OK"),
            (_, "/json") => self.json(request, answer),
            _ => answer.whole(404, &[("content-type", "text/plain")], b"404 page not found\n"),
        };
    }

    fn json(&self, request: &Request, answer: &mut Answer<'_>) -> io::Result<()> {
        let fault = self.meet_fault();
        let call = if request.method == "GET" { None } else { Call::decode(&request.body).ok() };
        let Some(call) = call.filter(|_| fault != Fault::Refuse) else { return bad(answer) };
        if fault == Fault::Close || call.panics() {
            answer.abort();
            return Ok(());
        }
        let applied = {
            let mut state = self.lock();
            let State { rules, counters, .. } = &mut *state;
            let most = if fault == Fault::RefuseLate { 1 } else { usize::MAX };
            counters.apply(rules, &call, most, self.clock.seconds())
        };
        match (fault, applied) {
            (Fault::DropAnswer, _) => {
                answer.abort();
                Ok(())
            }
            (Fault::RefuseLate, _) | (_, None) => bad(answer),
            (_, Some((over, body))) => {
                let status = if over { 429 } else { 200 };
                answer.whole(status, &[("content-type", "application/json")], body.to_string().as_bytes())
            }
        }
    }

    /// Counts the call and waits while the service is frozen.
    fn meet_fault(&self) -> Fault {
        let mut state = self.lock();
        state.calls += 1;
        self.changed.notify_all();
        let state = self.changed.wait_while(state, |state| state.fault == Fault::Freeze).unwrap();
        state.fault
    }
}

fn bad(answer: &mut Answer<'_>) -> io::Result<()> {
    answer.whole(400, &[("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")], b"Bad Request\n")
}
