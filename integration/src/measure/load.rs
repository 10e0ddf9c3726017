//! What the measured Envoys stand between: a client that keeps its connections busy, and an upstream of fixed bytes.
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::bytes;
use crate::client::Connection;
use crate::http::Request;
use crate::http::server::{Answer, Server};

/// Connections that send requests at the same time, so that a proxy of one worker always has work.
const CONNECTIONS: usize = 4;
/// How long a chunk may take from the upstream to the client before the measurement fails.
const PATIENCE: Duration = Duration::from_secs(20);
const HEADERS: [(&str, &str); 3] = [("content-type", "application/json"), ("authorization", "Bearer client-key"), ("x-team", "measured")];

/// Counts what the client has seen of a stream, so that the upstream sends the next chunk when the last one has arrived.
#[derive(Debug, Default)]
struct Pace {
    seen: Mutex<usize>,
    moved: Condvar,
    /// How long each content event took from the upstream to the client, and how long the upstream rests before each.
    laps: Mutex<Vec<Duration>>,
    rest: Mutex<Duration>,
    /// Whether the head waits for the first content, too.
    late: AtomicBool,
}

impl Pace {
    fn begin(&self) {
        *self.seen.lock().unwrap() = 0;
    }

    fn add(&self, count: usize) {
        *self.seen.lock().unwrap() += count;
        self.moved.notify_all();
    }

    fn wait(&self, count: usize) -> io::Result<()> {
        let seen = self.seen.lock().unwrap();
        let (seen, _) = self.moved.wait_timeout_while(seen, PATIENCE, |seen| *seen < count).unwrap();
        if *seen < count { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
}

/// The simulated providers: both formats on one port, told apart by their paths.
#[derive(Debug)]
pub struct Upstream {
    server: Server,
    pace: Arc<Pace>,
    chunks: Arc<AtomicUsize>,
}

impl Upstream {
    pub fn start() -> io::Result<Self> {
        let (pace, chunks) = (Arc::<Pace>::default(), Arc::<AtomicUsize>::default());
        let (paced, wanted) = (pace.clone(), chunks.clone());
        let answer = move |request: &Request, answer: &mut Answer<'_>| {
            let format = bytes::upstream(request.path());
            let streams = request.body.windows(bytes::STREAM.len()).any(|window| window == bytes::STREAM);
            let written = if streams {
                stream(answer, &format, &paced, wanted.load(Ordering::SeqCst))
            } else {
                answer.whole(200, &[("content-type", "application/json")], format.whole.as_bytes())
            };
            if written.is_err() {
                answer.abort();
            }
        };
        Ok(Self { server: Server::start("127.0.0.1:0", Arc::new(answer))?, pace, chunks })
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Rests so long before each content event from now on; where it is `late`, the head waits for the first one.
    pub fn rest(&self, rest: Duration, late: bool) {
        *self.pace.rest.lock().unwrap() = rest;
        self.pace.late.store(late, Ordering::SeqCst);
    }

    /// How long the content events took since this was asked last, in their order.
    pub fn laps(&self) -> Vec<Duration> {
        std::mem::take(&mut self.pace.laps.lock().unwrap())
    }
}

/// Sends a stream: each content event in one write, after the one before has reached the client.
fn stream(answer: &mut Answer<'_>, format: &bytes::Format, pace: &Pace, chunks: usize) -> io::Result<()> {
    let (rest, late) = (*pace.rest.lock().unwrap(), pace.late.load(Ordering::SeqCst));
    let begin = |answer: &mut Answer<'_>| {
        answer.begin(200, &[("content-type", "text/event-stream")])?;
        answer.chunk(format.before.as_bytes())
    };
    if !late {
        begin(answer)?;
    }
    for sent in 1..=chunks {
        if !rest.is_zero() {
            std::thread::sleep(rest);
        }
        let written = Instant::now();
        if late && sent == 1 {
            begin(answer)?;
        }
        answer.chunk(format.event.as_bytes())?;
        pace.wait(sent)?;
        pace.laps.lock().unwrap().push(written.elapsed());
    }
    answer.chunk(format.after.as_bytes())?;
    answer.end()
}

/// The client's connections to one Envoy, opened once.
#[derive(Debug)]
pub struct Load {
    connections: Vec<Connection>,
}

impl Load {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let connections = (0..CONNECTIONS).map(|_| Connection::open(address)).collect::<io::Result<_>>()?;
        Ok(Self { connections })
    }

    /// Sends `count` requests with this body, shared among the connections; each must be answered with 200.
    pub fn requests(&mut self, body: &str, count: usize) -> io::Result<()> {
        let next = AtomicUsize::new(0);
        let send = |connection: &mut Connection| {
            while next.fetch_add(1, Ordering::Relaxed) < count {
                let answer = connection.request("POST", bytes::PATH, &HEADERS, body.as_bytes())?;
                if answer.status != 200 || answer.broken.is_some() || !answer.text().contains(bytes::WORD) {
                    return Err(io::Error::other(format!("answered {}: {}", answer.status, answer.text())));
                }
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let running: Vec<_> = self.connections.iter_mut().map(|connection| scope.spawn(|| send(connection))).collect();
            running.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a client failed"))))
        })
    }

    /// Reads `count` streams one after another, each of `chunks` content events that come one by one.
    pub fn streams(&mut self, upstream: &Upstream, body: &str, count: usize, chunks: usize) -> io::Result<()> {
        let connection = self.connections.first_mut().ok_or(io::ErrorKind::NotConnected)?;
        upstream.chunks.store(chunks, Ordering::SeqCst);
        for _ in 0..count {
            upstream.pace.begin();
            connection.send("POST", bytes::PATH, &HEADERS, body.as_bytes())?;
            let (status, _) = connection.receive_head(false)?;
            let mut words = 0;
            while let Some(piece) = connection.piece()? {
                let new = String::from_utf8_lossy(&piece).matches(bytes::WORD).count();
                words += new;
                upstream.pace.add(new);
            }
            if status != 200 || words != chunks {
                return Err(io::Error::other(format!("a stream of {chunks} chunks was answered with {status} and {words} of them")));
            }
        }
        Ok(())
    }
}
