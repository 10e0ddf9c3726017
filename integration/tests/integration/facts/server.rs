//! The servers behind Envoy's clusters: each step of an answer is sent when the transcript comes to it.
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use weir_facts::{Act, Action, Reached, framed};
use weir_integration::http::Request;
use weir_integration::http::server::{Answer, Server};

use super::client::{looked, trailer_section};

/// How long a request may be on its way.
const ARRIVAL: Duration = Duration::from_secs(20);

/// One cluster's server.
pub struct Upstream {
    server: Server,
    stage: Arc<Stage>,
}

/// What was asked, and how many steps may be done.
struct Stage {
    name: String,
    look: Vec<String>,
    plays: Vec<Vec<Action>>,
    /// Whether steps wait to be permitted.
    gated: bool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    permitted: usize,
    /// Which request is answered, and which step of that comes next.
    answered: usize,
    step: usize,
    reached: Vec<Reached>,
    ending: bool,
}

impl Upstream {
    pub fn start(name: &str, plays: &[Vec<Action>], gated: bool, look: &[String]) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        let stage = Arc::new(Stage { name: name.to_owned(), look: look.to_owned(), plays: plays.to_vec(), gated, state, changed });
        let playing = stage.clone();
        let server =
            Server::start("127.0.0.1:0", Arc::new(move |request: &Request, answer: &mut Answer<'_>| playing.play(request, answer)));
        Self { server: server.unwrap(), stage }
    }

    pub fn address(&self) -> std::net::SocketAddr {
        self.server.address()
    }

    /// This step may be done: the next one of the request that is answered, or the first for the request that is about to come.
    pub fn permit(&self, words: &str) {
        let mut state = self.stage.state.lock().unwrap();
        if self.stage.of(state.answered).get(state.step).is_none_or(|action| action.words != words) {
            (state.answered, state.step, state.permitted) = (state.answered + 1, 0, 0);
        }
        let deadline = Instant::now() + ARRIVAL;
        while state.reached.len() <= state.answered && Instant::now() < deadline {
            state = self.stage.changed.wait_timeout(state, ARRIVAL).unwrap().0;
        }
        state.step += 1;
        state.permitted += 1;
        self.stage.changed.notify_all();
    }

    /// The whole requests that have come.
    pub fn reached(&self) -> Vec<Reached> {
        self.stage.state.lock().unwrap().reached.clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stage.state.lock().unwrap().ending = true;
        self.stage.changed.notify_all();
    }
}

impl Stage {
    fn play(&self, request: &Request, answer: &mut Answer<'_>) {
        let nth = {
            let mut state = self.state.lock().unwrap();
            let pairs = |list: &[(String, String)]| list.iter().map(|(name, value)| format!("{name}={value}")).collect();
            state.reached.push(Reached {
                cluster: self.name.clone(),
                line: format!("{} {}", request.method, request.target),
                headers: looked(&request.headers, &self.look),
                body: request.body.clone(),
                trailers: pairs(&request.trailers.0),
            });
            self.changed.notify_all();
            state.reached.len() - 1
        };
        let play = self.of(nth);
        let mut chunked = false;
        for action in play {
            if self.gated && !self.may(nth) {
                return answer.abort();
            }
            let _ = match &action.act {
                Act::Head { line, headers, end } => {
                    let status = line[0].parse().unwrap();
                    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                    chunked = !end && !headers.iter().any(|(name, _)| *name == "content-length");
                    match (chunked, end) {
                        (true, _) => answer.begin(status, &headers),
                        (false, true) => answer.whole(status, &headers, b""),
                        (false, false) => {
                            let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                            answer.raw(format!("HTTP/1.1 {status} Answer\r\n{lines}\r\n").as_bytes())
                        }
                    }
                }
                Act::Message(bytes) => answer.chunk(&framed(bytes)),
                Act::Data(bytes) | Act::Last(bytes) if chunked => answer.chunk(bytes),
                Act::Data(bytes) | Act::Last(bytes) => answer.raw(bytes),
                Act::End => answer.end(),
                Act::Trailers(trailers) => answer.raw(trailer_section(trailers).as_bytes()),
                Act::Reset => {
                    answer.abort();
                    Ok(())
                }
                Act::Wait(limit) if !self.gated => {
                    std::thread::sleep(Duration::from_millis(*limit));
                    Ok(())
                }
                Act::Wait(_) | Act::Reconfigure | Act::Whole { .. } => Ok(()),
            };
        }
        let ends =
            |action: &Action| matches!(action.act, Act::End | Act::Last(_) | Act::Trailers(_) | Act::Reset | Act::Head { end: true, .. });
        if !play.last().is_some_and(ends) {
            // What has no end keeps its connection.
            while self.may(nth) {}
            answer.abort();
        }
    }

    /// What is done for the request of this number.
    fn of(&self, nth: usize) -> &[Action] {
        self.plays.get(nth).or(self.plays.last()).unwrap()
    }

    /// Waits for the next permission of this play; false at the end of everything, and when the next request has come.
    fn may(&self, nth: usize) -> bool {
        let mut state = self.state.lock().unwrap();
        loop {
            if state.ending || state.reached.len() > nth + 1 {
                return false;
            }
            if state.permitted > 0 {
                state.permitted -= 1;
                return true;
            }
            state = self.changed.wait(state).unwrap();
        }
    }
}
