//! A client that sends what it is told and takes down what comes back meanwhile.
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use weir_facts::{Act, Got};
use weir_integration::http::Headers;
use weir_integration::http::read::{self, Framing, Reader};

/// One connection with one request on it.
pub struct Client {
    stream: TcpStream,
    chunked: bool,
    got: Arc<(Mutex<Taken>, Condvar)>,
}

#[derive(Default)]
struct Taken {
    got: Got,
    over: bool,
}

impl Client {
    pub fn open(number: usize, address: SocketAddr, look: &[String]) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let got = Arc::new((Mutex::new(Taken { got: Got { client: number, ..Got::default() }, over: false }), Condvar::new()));
        let (reader, taken, look) = (Reader::new(stream.try_clone().unwrap()), got.clone(), look.to_owned());
        std::thread::spawn(move || {
            let whole = take(reader, &taken, &look).is_ok();
            let mut taken_now = taken.0.lock().unwrap();
            taken_now.got.whole = whole;
            taken_now.over = true;
            taken.1.notify_all();
        });
        Self { stream, chunked: false, got }
    }

    /// Does one step; an error only says that Envoy has closed the connection, which the record shows.
    pub fn act(&mut self, act: &Act) {
        let _ = match act {
            Act::Head { line, headers, end } => self.head(line, headers, *end),
            Act::Whole { line, headers, body } => self.whole(line, headers, body),
            Act::Data(bytes) | Act::Last(bytes) if self.chunked => chunk(&mut self.stream, bytes),
            Act::Data(bytes) | Act::Last(bytes) => self.stream.write_all(bytes),
            Act::End => self.stream.write_all(b"0\r\n\r\n"),
            Act::Trailers(trailers) => self.stream.write_all(trailer_section(trailers).as_bytes()),
            Act::Reset => self.stream.shutdown(Shutdown::Both),
            Act::Wait(_) | Act::Reconfigure | Act::Message(_) => Ok(()),
        };
    }

    fn whole(&mut self, line: &[String], headers: &[(String, String)], body: &[u8]) -> io::Result<()> {
        let length = ("content-length".to_owned(), body.len().to_string());
        self.head(line, &[headers, &[length]].concat(), false)?;
        self.stream.write_all(body)
    }

    fn head(&mut self, line: &[String], headers: &[(String, String)], end: bool) -> io::Result<()> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: a\r\n", line[0], line[1]);
        headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        self.chunked = !end && !headers.iter().any(|(name, _)| name == "content-length");
        head.push_str(if self.chunked { "transfer-encoding: chunked\r\n\r\n" } else { "\r\n" });
        self.stream.write_all(head.as_bytes())
    }

    /// Waits until what has come reads like this line, so that a client that goes away has surely got it.
    pub fn await_line(&self, line: &str, limit: Duration) {
        self.wait(limit, |taken| taken.got.to_string() == line);
    }

    /// What came, once it is over or the patience is.
    pub fn got(&self, limit: Duration) -> Got {
        self.wait(limit, |taken| taken.over);
        self.got.0.lock().unwrap().got.clone()
    }

    fn wait(&self, limit: Duration, done: impl Fn(&Taken) -> bool) {
        let deadline = Instant::now() + limit;
        let mut taken = self.got.0.lock().unwrap();
        while !done(&taken) && Instant::now() < deadline {
            taken = self.got.1.wait_timeout(taken, Duration::from_millis(50)).unwrap().0;
        }
    }
}

/// One chunk of a message whose length is not announced.
pub fn chunk(stream: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let mut framed = format!("{:x}\r\n", bytes.len()).into_bytes();
    framed.extend_from_slice(bytes);
    framed.extend_from_slice(b"\r\n");
    stream.write_all(&framed)
}

/// The end of a chunked message with trailers.
pub fn trailer_section(trailers: &[(String, String)]) -> String {
    let lines: String = trailers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("0\r\n{lines}\r\n")
}

fn take(mut reader: Reader, taken: &(Mutex<Taken>, Condvar), look: &[String]) -> io::Result<()> {
    let head = reader.answer_head()?;
    let change = |change: &mut dyn FnMut(&mut Got)| {
        change(&mut taken.0.lock().unwrap().got);
        taken.1.notify_all();
    };
    change(&mut |got| (got.status, got.headers) = (head.status, looked(&head.headers, look)));
    let framing = if head.status == 204 { Framing::None } else { read::framing(&head.headers, true) };
    let mut trailers = Headers::default();
    let mut left = if let Framing::Length(length) = framing { usize::try_from(length).unwrap() } else { usize::MAX };
    loop {
        let piece = match framing {
            Framing::None => None,
            Framing::Chunked => reader.chunk(&mut trailers)?,
            Framing::Length(_) if left == 0 => None,
            Framing::Length(_) => {
                let piece = reader.some(left)?;
                if piece.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                left -= piece.len();
                Some(piece)
            }
            Framing::UntilClose => Some(reader.some(usize::MAX)?).filter(|piece| !piece.is_empty()),
        };
        let Some(piece) = piece else { break };
        change(&mut |got| got.body.extend_from_slice(&piece));
    }
    change(&mut |got| got.trailers = trailers.0.iter().map(|(name, value)| format!("{name}={value}")).collect());
    Ok(())
}

/// The headers that the scenario looks at.
pub fn looked(headers: &Headers, look: &[String]) -> Vec<String> {
    let of = |name: &String| {
        headers.0.iter().filter(move |(known, _)| known == name).map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
    };
    look.iter().flat_map(of).collect()
}
