//! A small threaded HTTP/1.1 server: one thread a connection, kept alive, the handler writes its answer as it likes.
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::read::{self, Reader};
use super::{Headers, Request, reason};

/// What answers one request.
pub type Handler = dyn Fn(&Request, &mut Answer<'_>) + Send + Sync;

/// A running server; it ends when dropped, its connections with it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    ending: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on `address` (`127.0.0.1:0` for a free port) and answers with `handler` until dropped.
    pub fn start(address: &str, handler: Arc<Handler>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let ending = Arc::new(AtomicBool::new(false));
        let open: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let accepting = {
            let (ending, open) = (ending.clone(), open.clone());
            thread::Builder::new().name("accept".into()).spawn(move || accept(&listener, &ending, &open, &handler))?
        };
        Ok(Self { address, ending, open, accepting: Some(accepting) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections are open now.
    pub fn connections(&self) -> usize {
        self.open.lock().unwrap().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// The way back to the client of one request. Each write says whether the client is still there.
#[derive(Debug)]
pub struct Answer<'s> {
    stream: &'s mut TcpStream,
    state: State,
    head_only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Nothing,
    Streaming,
    Done,
    Broken,
}

impl Answer<'_> {
    /// A whole answer with its length.
    pub fn whole(&mut self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> io::Result<()> {
        let mut text = head(status, headers);
        text.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let mut bytes = text.into_bytes();
        if !self.head_only {
            bytes.extend_from_slice(body);
        }
        self.state = State::Done;
        self.raw(&bytes)
    }

    /// Begins an answer whose length is not known: chunks follow.
    pub fn begin(&mut self, status: u16, headers: &[(&str, &str)]) -> io::Result<()> {
        let mut text = head(status, headers);
        text.push_str("transfer-encoding: chunked\r\n\r\n");
        self.state = State::Streaming;
        self.raw(text.as_bytes())
    }

    /// One chunk, sent at once.
    pub fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut framed = format!("{:x}\r\n", bytes.len()).into_bytes();
        framed.extend_from_slice(bytes);
        framed.extend_from_slice(b"\r\n");
        self.raw(&framed)
    }

    /// The end of a chunked answer.
    pub fn end(&mut self) -> io::Result<()> {
        self.state = State::Done;
        self.raw(b"0\r\n\r\n")
    }

    /// Closes the connection as it stands: no answer, or half of one.
    pub fn abort(&mut self) {
        self.state = State::Broken;
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Whether the client closed its side; asks the socket without waiting.
    pub fn client_gone(&self) -> bool {
        let mut byte = [0];
        let _ = self.stream.set_nonblocking(true);
        let peeked = self.stream.peek(&mut byte);
        let _ = self.stream.set_nonblocking(false);
        match peeked {
            Ok(read) => read == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }

    /// Bytes outside any framing.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = self.stream.write_all(bytes);
        if written.is_err() {
            self.state = State::Broken;
        }
        written
    }
}

fn head(status: u16, headers: &[(&str, &str)]) -> String {
    let mut text = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text
}

fn accept(listener: &TcpListener, ending: &AtomicBool, open: &Arc<Mutex<Vec<TcpStream>>>, handler: &Arc<Handler>) {
    for stream in listener.incoming() {
        if ending.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let _ = stream.set_nodelay(true);
        if let Ok(copy) = stream.try_clone() {
            open.lock().unwrap().push(copy);
        }
        let (open, handler) = (open.clone(), handler.clone());
        let _ = thread::Builder::new().name("connection".into()).spawn(move || {
            let peer = stream.peer_addr().ok();
            let _ = serve(stream, &handler);
            open.lock().unwrap().retain(|known| known.peer_addr().ok() != peer);
        });
    }
}

/// Answers requests of one connection until either side ends it.
fn serve(stream: TcpStream, handler: &Arc<Handler>) -> io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = Reader::new(stream);
    while let Some((method, target, headers)) = reader.request_head()? {
        if headers.value("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let mut trailers = Headers::default();
        let body = reader.body(read::framing(&headers, false), &mut trailers)?;
        let close = headers.value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let request = Request { method, target, headers, body, trailers };
        let mut answer = Answer { stream: &mut writer, state: State::Nothing, head_only: request.method == "HEAD" };
        handler(&request, &mut answer);
        if answer.state != State::Done || close {
            break;
        }
    }
    writer.shutdown(Shutdown::Both)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Connection;

    fn echo() -> Server {
        let handler = |request: &Request, answer: &mut Answer<'_>| {
            let _ = match request.path() {
                "/stream" => answer
                    .begin(200, &[])
                    .and_then(|()| answer.chunk(b"one"))
                    .and_then(|()| answer.chunk(&request.body))
                    .and_then(|()| answer.end()),
                "/abort" => {
                    answer.abort();
                    Ok(())
                }
                _ => answer.whole(200, &[("x-trailer", request.trailers.value("x-t").unwrap_or("none"))], &request.body),
            };
        };
        Server::start("127.0.0.1:0", Arc::new(handler)).unwrap()
    }

    #[test]
    fn one_connection_serves_whole_streamed_and_chunked_messages() {
        let server = echo();
        let mut connection = Connection::open(server.address()).unwrap();
        let whole = connection.request("POST", "/", &[], b"hello").unwrap();
        assert_eq!((whole.status, whole.text().as_str()), (200, "hello"));
        let stream = connection.request("POST", "/stream", &[], b"two").unwrap();
        assert_eq!(stream.text(), "onetwo");
        assert_eq!(stream.pieces.len(), 2);
        connection.send_chunked("/", &[], &[b"a", b"bc"], &[("x-t", "end")]).unwrap();
        let chunked = connection.receive().unwrap();
        assert_eq!((chunked.text().as_str(), chunked.headers.value("x-trailer")), ("abc", Some("end")));
        let head = connection.request("HEAD", "/", &[], b"").unwrap();
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(connection.request("GET", "/", &[], b"").unwrap().status, 200);
    }

    #[test]
    fn an_abort_is_an_error_to_the_client() {
        let server = echo();
        assert!(Connection::open(server.address()).unwrap().request("POST", "/abort", &[], b"x").is_err());
    }
}
