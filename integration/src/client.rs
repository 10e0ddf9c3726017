//! The tests' HTTP/1.1 client: one connection, every byte and every moment in sight.
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::http::read::{self, Framing, Reader};
use crate::http::{Headers, reason};

/// No answer within this time is an error of the test.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection to a server, used for one request after another.
#[derive(Debug)]
pub struct Connection {
    reader: Reader,
    host: String,
    body: Body,
    left: u64,
    /// Trailers of the last chunked answer.
    pub trailers: Headers,
}

/// Where the answer that is being read stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Over,
    Open(Framing),
}

/// One answer, read to its end.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
    /// The pieces as they came, with the time since the request was sent.
    pub pieces: Vec<(Duration, Vec<u8>)>,
    pub trailers: Headers,
    /// Why the body did not end well; absent where it did.
    pub broken: Option<String>,
}

impl Response {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; panics with the text where it is none, since a test expects JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{} {}: not JSON ({e}): {}", self.status, reason(self.status), self.text()))
    }

    /// The `data` of each event of a server-sent event stream.
    pub fn events(&self) -> Vec<String> {
        let text = self.text().replace("\r\n", "\n");
        let data = |event: &str| {
            event.lines().filter_map(|line| line.strip_prefix("data:")).map(|d| d.trim_start().to_owned()).collect::<Vec<_>>()
        };
        text.split("\n\n").map(|event| data(event).join("\n")).filter(|event| !event.is_empty()).collect()
    }
}

impl Connection {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { reader: Reader::new(stream), host: address.to_string(), body: Body::Over, left: 0, trailers: Headers::default() })
    }

    /// Sends a request with a body of known length (none where it is empty and the method is GET, HEAD or OPTIONS).
    pub fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<()> {
        let mut head = self.head(method, target, headers);
        if !body.is_empty() || !matches!(method, "GET" | "HEAD" | "OPTIONS") {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        self.raw(&bytes)
    }

    /// Sends a request in chunks, with trailers after the last.
    pub fn send_chunked(&mut self, target: &str, headers: &[(&str, &str)], chunks: &[&[u8]], trailers: &[(&str, &str)]) -> io::Result<()> {
        let mut head = self.head("POST", target, headers);
        head.push_str("transfer-encoding: chunked\r\n\r\n");
        self.raw(head.as_bytes())?;
        for chunk in chunks {
            self.raw(format!("{:x}\r\n", chunk.len()).as_bytes())?;
            self.raw(chunk)?;
            self.raw(b"\r\n")?;
        }
        let mut end = String::from("0\r\n");
        for (name, value) in trailers {
            end.push_str(&format!("{name}: {value}\r\n"));
        }
        end.push_str("\r\n");
        self.raw(end.as_bytes())
    }

    /// Sends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.stream.write_all(bytes)
    }

    /// Reads status and headers of the next answer; its body is then read with `piece`. `head_only` for the answer to HEAD.
    pub fn receive_head(&mut self, head_only: bool) -> io::Result<(u16, Headers)> {
        let head = self.reader.answer_head()?;
        let framing =
            if head_only || head.status == 204 || head.status == 304 { Framing::None } else { read::framing(&head.headers, true) };
        self.body = if framing == Framing::None { Body::Over } else { Body::Open(framing) };
        self.left = if let Framing::Length(length) = framing { length } else { 0 };
        self.trailers = Headers::default();
        Ok((head.status, head.headers))
    }

    /// The next piece of the body as it arrives; `None` at its end.
    pub fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Body::Open(framing) = self.body else { return Ok(None) };
        let piece = match framing {
            Framing::None => None,
            Framing::Chunked => self.reader.chunk(&mut self.trailers)?,
            Framing::UntilClose => Some(self.reader.some(usize::MAX)?).filter(|piece| !piece.is_empty()),
            Framing::Length(_) if self.left == 0 => None,
            Framing::Length(_) => {
                let piece = self.reader.some(usize::try_from(self.left).unwrap_or(usize::MAX))?;
                if piece.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.left -= piece.len() as u64;
                Some(piece)
            }
        };
        if piece.is_none() {
            self.body = Body::Over;
        }
        Ok(piece)
    }

    /// Reads one whole answer.
    pub fn receive(&mut self) -> io::Result<Response> {
        self.receive_since(Instant::now(), false)
    }

    /// Sends a request and reads its whole answer.
    pub fn request(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Response> {
        let begun = Instant::now();
        self.send(method, target, headers, body)?;
        self.receive_since(begun, method == "HEAD")
    }

    /// Posts JSON with a client's usual headers.
    pub fn post(&mut self, target: &str, body: &serde_json::Value) -> io::Result<Response> {
        self.request(
            "POST",
            target,
            &[("content-type", "application/json"), ("authorization", "Bearer client-key")],
            body.to_string().as_bytes(),
        )
    }

    /// Closes the connection now, whatever is under way.
    pub fn close(self) {
        let _ = self.reader.stream.shutdown(Shutdown::Both);
    }

    fn receive_since(&mut self, begun: Instant, head_only: bool) -> io::Result<Response> {
        let (status, headers) = self.receive_head(head_only)?;
        let mut pieces = Vec::new();
        let broken = loop {
            match self.piece() {
                Ok(Some(piece)) => pieces.push((begun.elapsed(), piece)),
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
            }
        };
        let body = pieces.iter().flat_map(|(_, piece)| piece.iter().copied()).collect();
        Ok(Response { status, headers, body, pieces, trailers: std::mem::take(&mut self.trailers), broken })
    }

    fn head(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> String {
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("host: {}\r\n", self.host));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head
    }
}

/// One request on a connection of its own.
pub fn once(address: SocketAddr, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Response> {
    Connection::open(address)?.request(method, target, headers, body)
}

/// The body of a GET, as text; empty where there is no answer.
pub fn text(address: SocketAddr, target: &str) -> String {
    once(address, "GET", target, &[], b"").map(|response| response.text()).unwrap_or_default()
}
