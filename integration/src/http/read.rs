//! Reads heads, bodies and trailers of HTTP/1.1 messages from a socket.
use std::io::{self, Read};
use std::net::TcpStream;

use super::Headers;

/// Far above what a vendor or a client sends in a head.
const MAX_HEADERS: usize = 128;
const MAX_HEAD: usize = 256 * 1024;

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    Length(u64),
    Chunked,
    /// The body ends when the connection does (answers only).
    UntilClose,
}

/// The first line and the headers of an answer.
#[derive(Debug, Clone)]
pub struct AnswerHead {
    pub status: u16,
    pub headers: Headers,
}

/// A socket with what was read of it and not yet used.
#[derive(Debug)]
pub struct Reader {
    pub stream: TcpStream,
    buffer: Vec<u8>,
}

impl Reader {
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// The next request's method, target and headers; `None` where the peer closed between two requests.
    pub fn request_head(&mut self) -> io::Result<Option<(String, String, Headers)>> {
        loop {
            let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut parsed = httparse::Request::new(&mut lines);
            if let httparse::Status::Complete(used) = parsed.parse(&self.buffer).map_err(bad)? {
                let method = parsed.method.unwrap_or_default().to_owned();
                let target = parsed.path.unwrap_or_default().to_owned();
                let headers = owned(parsed.headers);
                self.buffer.drain(..used);
                return Ok(Some((method, target, headers)));
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(bad("head too large"));
            }
            if self.fill()? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// The next answer's status and headers, after any that only inform (1xx).
    pub fn answer_head(&mut self) -> io::Result<AnswerHead> {
        loop {
            let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut parsed = httparse::Response::new(&mut lines);
            if let httparse::Status::Complete(used) = parsed.parse(&self.buffer).map_err(bad)? {
                let head = AnswerHead { status: parsed.code.unwrap_or_default(), headers: owned(parsed.headers) };
                self.buffer.drain(..used);
                if head.status >= 200 {
                    return Ok(head);
                }
                continue;
            }
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Some bytes of a body with a known or unlimited length, at most `left`; empty at the peer's end.
    pub fn some(&mut self, left: usize) -> io::Result<Vec<u8>> {
        if self.buffer.is_empty() {
            self.fill()?;
        }
        let take = self.buffer.len().min(left);
        Ok(self.buffer.drain(..take).collect())
    }

    /// The next chunk of a chunked body; `None` after the last, whose trailers then stand in `trailers`.
    pub fn chunk(&mut self, trailers: &mut Headers) -> io::Result<Option<Vec<u8>>> {
        let line = self.line()?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16).map_err(|_| bad(format!("chunk size {digits:?}")))?;
        if size == 0 {
            loop {
                let line = self.line()?;
                let Some((name, value)) = line.split_once(':') else { return Ok(None) };
                trailers.0.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        while self.buffer.len() < size + 2 {
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let chunk = self.buffer.drain(..size).collect();
        self.buffer.drain(..2);
        Ok(Some(chunk))
    }

    /// A whole body.
    pub fn body(&mut self, framing: Framing, trailers: &mut Headers) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        match framing {
            Framing::None => {}
            Framing::Length(length) => {
                let length = usize::try_from(length).map_err(bad)?;
                while body.len() < length {
                    let some = self.some(length - body.len())?;
                    if some.is_empty() {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    body.extend(some);
                }
            }
            Framing::Chunked => {
                while let Some(chunk) = self.chunk(trailers)? {
                    body.extend(chunk);
                }
            }
            Framing::UntilClose => loop {
                let some = self.some(usize::MAX)?;
                if some.is_empty() {
                    break;
                }
                body.extend(some);
            },
        }
        Ok(body)
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.drain(..end + 2);
                return Ok(line);
            }
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut space = [0; 16 * 1024];
        let read = self.stream.read(&mut space)?;
        self.buffer.extend_from_slice(&space[..read]);
        Ok(read)
    }
}

/// The framing that a head announces; a request without a length has no body, an answer without one runs to the end.
pub fn framing(headers: &Headers, answer: bool) -> Framing {
    if headers.value("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked")) {
        return Framing::Chunked;
    }
    match headers.value("content-length").and_then(|value| value.parse().ok()) {
        Some(0) => Framing::None,
        Some(length) => Framing::Length(length),
        None if answer => Framing::UntilClose,
        None => Framing::None,
    }
}

fn owned(headers: &[httparse::Header<'_>]) -> Headers {
    let line = |header: &httparse::Header<'_>| (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned());
    Headers(headers.iter().map(line).collect())
}

fn bad(error: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
