//! What a client sends and what it gets.

use crate::headers::HeaderMap;

/// What a client sends.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) headers: HeaderMap,
    pub(crate) pieces: Vec<Vec<u8>>,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Request {
    /// A request of this method and path, without a body.
    pub fn new(method: &str, path: &str) -> Request {
        let headers = [(":authority", "gateway.example"), (":path", path), (":method", method), (":scheme", "http")];
        let mut headers: HeaderMap = headers.into_iter().collect();
        headers.add("x-forwarded-proto", "http");
        headers.add("x-request-id", "00000000-0000-4000-8000-000000000001");
        Request { headers, pieces: Vec::new(), trailers: None }
    }

    /// A POST of this JSON in one piece, with its length.
    pub fn json(path: &str, body: impl AsRef<[u8]>) -> Request {
        let body = body.as_ref();
        let request = Request::new("POST", path).header("content-type", "application/json");
        request.header("content-length", &body.len().to_string()).pieces([body.to_vec()])
    }

    /// One header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.add(name, value);
        self
    }

    /// The body in these pieces. An empty last one is an end that comes by itself.
    #[must_use]
    pub fn pieces(mut self, pieces: impl IntoIterator<Item = Vec<u8>>) -> Request {
        self.pieces = pieces.into_iter().collect();
        self
    }

    /// The request ends with trailers (end of stream never comes with the body).
    #[must_use]
    pub fn trailers(mut self, trailers: HeaderMap) -> Request {
        self.trailers = Some(trailers);
        self
    }
}

/// What a client got.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// Headers, once they have come.
    pub headers: Option<HeaderMap>,
    /// The body as it came.
    pub pieces: Vec<Vec<u8>>,
    /// Trailers, if any.
    pub trailers: Option<HeaderMap>,
    /// Whether the message came to its end.
    pub ended: bool,
    /// Whether the stream was reset instead.
    pub reset: bool,
}

impl Received {
    /// The status, or 0 if none has come.
    pub fn status(&self) -> u16 {
        self.header(":status").and_then(|s| s.parse().ok()).unwrap_or(0)
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.as_ref().and_then(|map| map.get(name))
    }

    /// A client takes as many bytes as were announced.
    pub(crate) fn take_piece(&mut self, mut bytes: Vec<u8>) {
        if let Some(length) = self.headers.as_ref().and_then(HeaderMap::announced) {
            bytes.truncate(length.saturating_sub(self.pieces.iter().map(Vec::len).sum()));
        }
        if !bytes.is_empty() {
            self.pieces.push(bytes);
        }
    }

    /// The whole body.
    pub fn body(&self) -> Vec<u8> {
        self.pieces.concat()
    }

    /// The whole body, lossily as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }
}
