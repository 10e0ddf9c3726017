//! One callback of a random order, and an order as one line of text, and back.

use super::orders::Order;
use crate::abi::Way;
use std::fmt;
use std::str::FromStr;

/// One callback, or some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The new stream `.0`, in the position of place `.1` among the `root_id`s.
    Open(usize, usize),
    /// Headers of stream `.0`; `.2` is the place of the message, `.3` whether it is complete.
    Headers(usize, Way, usize, bool),
    /// A part of that message's body: from, to, whether it is complete.
    Data(usize, Way, usize, usize, bool),
    /// Trailers.
    Trailers(usize, Way),
    /// `proxy_on_log`.
    Log(usize),
    /// `proxy_on_done` and `proxy_on_delete`.
    Close(usize),
    /// So many milliseconds.
    Wait(u64),
}

impl Turn {
    /// The stream that it is of; time is of none.
    pub(super) fn stream(&self) -> Option<usize> {
        match self {
            Turn::Open(stream, _)
            | Turn::Headers(stream, ..)
            | Turn::Data(stream, ..)
            | Turn::Trailers(stream, _)
            | Turn::Log(stream)
            | Turn::Close(stream) => Some(*stream),
            Turn::Wait(_) => None,
        }
    }

    /// The message that it is a part of.
    pub(super) fn message(&self) -> Option<(usize, Way)> {
        match self {
            Turn::Headers(stream, way, ..) | Turn::Data(stream, way, ..) | Turn::Trailers(stream, way) => Some((*stream, *way)),
            Turn::Open(..) | Turn::Log(_) | Turn::Close(_) | Turn::Wait(_) => None,
        }
    }
}

/// A line that is no order: the part that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadTurn(pub String);

impl fmt::Display for BadTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an order has no `{}`", self.0)
    }
}

impl std::error::Error for BadTurn {}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let turns: Vec<String> = self.0.iter().map(Turn::to_string).collect();
        f.write_str(&turns.join("; "))
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |way: &Way| match way {
            Way::Request => "request",
            Way::Response => "response",
        };
        let end = |end: &bool| if *end { " end" } else { "" };
        match self {
            Turn::Open(stream, position) => write!(f, "open {stream} {position}"),
            Turn::Headers(stream, way, part, last) => write!(f, "headers {stream} {} {part}{}", name(way), end(last)),
            Turn::Data(stream, way, from, to, last) => write!(f, "data {stream} {} {from} {to}{}", name(way), end(last)),
            Turn::Trailers(stream, way) => write!(f, "trailers {stream} {}", name(way)),
            Turn::Log(stream) => write!(f, "log {stream}"),
            Turn::Close(stream) => write!(f, "close {stream}"),
            Turn::Wait(millis) => write!(f, "wait {millis}"),
        }
    }
}

impl FromStr for Order {
    type Err = BadTurn;

    fn from_str(line: &str) -> Result<Order, BadTurn> {
        let parts = line.split(';').map(str::trim).filter(|part| !part.is_empty());
        let turns = parts.map(|part| read(part).ok_or_else(|| BadTurn(part.to_owned())));
        turns.collect::<Result<_, _>>().map(Order)
    }
}

fn read(part: &str) -> Option<Turn> {
    let (part, end) = part.strip_suffix(" end").map_or((part, false), |part| (part, true));
    let words: Vec<&str> = part.split_whitespace().collect();
    let way = |word: &str| match word {
        "request" => Some(Way::Request),
        "response" => Some(Way::Response),
        _ => None,
    };
    Some(match words.as_slice() {
        ["headers", stream, to, part] => Turn::Headers(stream.parse().ok()?, way(to)?, part.parse().ok()?, end),
        ["data", stream, to, from, until] => Turn::Data(stream.parse().ok()?, way(to)?, from.parse().ok()?, until.parse().ok()?, end),
        _ if end => return None,
        ["open", stream, position] => Turn::Open(stream.parse().ok()?, position.parse().ok()?),
        ["trailers", stream, to] => Turn::Trailers(stream.parse().ok()?, way(to)?),
        ["log", stream] => Turn::Log(stream.parse().ok()?),
        ["close", stream] => Turn::Close(stream.parse().ok()?),
        ["wait", millis] => Turn::Wait(millis.parse().ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_reads_as_it_is_written() {
        let line =
            "open 0 1; headers 0 request 2; data 0 request 0 7; wait 110; data 0 request 7 7 end; trailers 0 response; log 0; close 0";
        let order: Order = line.parse().unwrap();
        assert_eq!(order.to_string(), line);
        assert_eq!(order.0[4], Turn::Data(0, Way::Request, 7, 7, true));
        assert_eq!("open 0 0; log 0 end".parse::<Order>(), Err(BadTurn("log 0 end".to_owned())));
    }
}
