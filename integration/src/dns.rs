//! A name server on the loopback address: it knows the names that a test gives it, and of any other it says that there is none.
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// The type of an address record (RFC 1035, 3.2.2).
const A: u16 = 1;
/// For how long an answer may be kept, in seconds.
const TTL: u32 = 1;

/// A running name server; it ends when dropped.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    known: Arc<Mutex<BTreeMap<String, Vec<Ipv4Addr>>>>,
    asked: Arc<Mutex<Vec<String>>>,
    ending: Arc<AtomicBool>,
    answering: Option<JoinHandle<()>>,
}

impl NameServer {
    /// Starts one that knows no name.
    pub fn start() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = socket.local_addr()?;
        let (known, asked, ending): (Arc<Mutex<BTreeMap<_, _>>>, Arc<Mutex<Vec<_>>>, Arc<AtomicBool>) = Default::default();
        let answering = {
            let (known, asked, ending) = (known.clone(), asked.clone(), ending.clone());
            thread::Builder::new().name("names".into()).spawn(move || {
                let mut packet = [0; 1500];
                while let Ok((length, peer)) = socket.recv_from(&mut packet) {
                    if ending.load(Ordering::SeqCst) {
                        return;
                    }
                    let Some(question) = Question::read(&packet[..length]) else { continue };
                    asked.lock().unwrap().push(question.name.clone());
                    let _ = socket.send_to(&question.answer(known.lock().unwrap().get(&question.name)), peer);
                }
            })?
        };
        Ok(Self { address, known, asked, ending, answering: Some(answering) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on the name has these addresses.
    pub fn know(&self, name: &str, addresses: &[Ipv4Addr]) {
        self.known.lock().unwrap().insert(name.to_owned(), addresses.to_vec());
    }

    /// The names that have been asked for, each as often as it was.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        let _ = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.send_to(b"", self.address));
        if let Some(answering) = self.answering.take() {
            let _ = answering.join();
        }
    }
}

/// What one packet asks (RFC 1035, 4.1): resolvers ask one thing at a time.
struct Question<'p> {
    id: &'p [u8],
    /// As it stands in the packet, its type and class behind it.
    bytes: &'p [u8],
    name: String,
    kind: u16,
}

impl<'p> Question<'p> {
    fn read(packet: &'p [u8]) -> Option<Self> {
        const HEADER: usize = 12;
        let (mut at, mut labels) = (HEADER, Vec::new());
        loop {
            let length = usize::from(*packet.get(at)?);
            at += 1;
            if length == 0 {
                break;
            }
            labels.push(String::from_utf8_lossy(packet.get(at..at + length)?).to_lowercase());
            at += length;
        }
        let kind = packet.get(at..at + 2)?;
        Some(Self {
            id: packet.get(..2)?,
            bytes: packet.get(HEADER..at + 4)?,
            name: labels.join("."),
            kind: u16::from_be_bytes([kind[0], kind[1]]),
        })
    }

    fn answer(&self, known: Option<&Vec<Ipv4Addr>>) -> Vec<u8> {
        const NO_SUCH_NAME: u8 = 3;
        let addresses = known.filter(|_| self.kind == A).map_or(&[][..], Vec::as_slice);
        let code = if known.is_some() { 0 } else { NO_SUCH_NAME };
        let count = u16::try_from(addresses.len()).unwrap_or_default().to_be_bytes();
        // An answer, recursion asked for and had; one question, the answers, nothing else.
        let mut packet = [self.id, &[0x81, 0x80 | code, 0, 1], &count, &[0; 4], self.bytes].concat();
        for address in addresses {
            // The name is the question's, which stands behind the header.
            packet.extend([0xc0, 12, 0, 1, 0, 1]);
            packet.extend(TTL.to_be_bytes());
            packet.extend([0, 4]);
            packet.extend(address.octets());
        }
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_the_addresses_of_a_name_and_that_there_is_no_other() {
        let server = NameServer::start().unwrap();
        server.know("two.test", &[Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 0, 0, 2)]);
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let ask = |name: &[u8], kind: u8| {
            let header = [7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            socket.send_to(&[&header[..], name, &[0, 0, kind, 0, 1]].concat(), server.address()).unwrap();
            let mut packet = [0; 512];
            let length = socket.recv_from(&mut packet).unwrap().0;
            packet[..length].to_vec()
        };
        let two = ask(b"\x03TWO\x04test", 1);
        assert_eq!((&two[..8], two.len()), (&[7, 9, 0x81, 0x80, 0, 1, 0, 2][..], 12 + 14 + 2 * 16));
        assert_eq!((&two[two.len() - 4..], &two[two.len() - 20..two.len() - 16]), (&[127, 0, 0, 2][..], &[127, 0, 0, 1][..]));
        assert_eq!(ask(b"\x03two\x04test", 28)[..8], [7, 9, 0x81, 0x80, 0, 1, 0, 0], "it has no IPv6 address");
        assert_eq!(ask(b"\x03one\x04test", 1)[..8], [7, 9, 0x81, 0x83, 0, 1, 0, 0]);
        assert_eq!(server.asked(), ["two.test", "two.test", "one.test"]);
    }
}
