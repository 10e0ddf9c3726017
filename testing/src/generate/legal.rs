//! Which orders of callbacks a host may produce, and what of one may be left out, to see whether it still fails.

use super::orders::Order;
use super::search::Tale;
use super::turns::Turn;
use crate::abi::Way;
use std::collections::BTreeMap;

impl Tale for Order {
    const NAME: &'static str = "order";
    const VARIABLE: &'static str = "TESTING_ORDER";

    /// A part of an order is left out only where what stays is legal too.
    fn smaller(&self) -> Vec<Order> {
        let turns = &self.0;
        let mut all = Vec::new();
        let mut keep = |keeps: &dyn Fn(usize, &Turn) -> bool| {
            let kept: Vec<Turn> = turns.iter().enumerate().filter(|(at, turn)| keeps(*at, turn)).map(|(_, turn)| turn.clone()).collect();
            if kept.len() < turns.len() {
                all.push(Order(kept));
            }
        };
        let mut streams: Vec<usize> = turns.iter().filter_map(Turn::stream).collect();
        streams.sort_unstable();
        streams.dedup();
        for gone in streams {
            keep(&|_, turn| turn.stream() != Some(gone));
        }
        keep(&|at, _| at < turns.len() / 2);
        keep(&|_, turn| turn.stream().is_some());
        for turn in turns {
            if let Turn::Headers(stream, way, ..) = turn {
                keep(&|_, turn| turn.message() != Some((*stream, *way)));
            }
        }
        for gone in (0..turns.len()).rev() {
            keep(&|at, _| at != gone);
        }
        all.extend(joined(turns));
        all.retain(Order::is_legal);
        all
    }
}

/// The order with two neighbouring parts of one body as one, for each such pair.
fn joined(turns: &[Turn]) -> Vec<Order> {
    let mut all = Vec::new();
    for (at, pair) in turns.windows(2).enumerate() {
        let [Turn::Data(stream, way, from, to, _), Turn::Data(other, there, behind, until, end)] = pair else { continue };
        if (stream, way, to) == (other, there, behind) {
            let mut fewer = turns.to_vec();
            fewer[at] = Turn::Data(*stream, *way, *from, *until, *end);
            fewer.remove(at + 1);
            all.push(Order(fewer));
        }
    }
    all
}

/// How far a message has come.
#[derive(Clone, Copy, Default, PartialEq)]
enum Message {
    #[default]
    Awaited,
    Open,
    Ended,
}

/// How far a stream has come.
#[derive(Default)]
struct Course {
    request: Message,
    response: Message,
    logged: bool,
}

impl Course {
    fn message(&mut self, way: Way) -> &mut Message {
        match way {
            Way::Request => &mut self.request,
            Way::Response => &mut self.response,
        }
    }

    /// Moves a message on. Whether it may.
    fn step(&mut self, way: Way, from: Message, end: bool) -> bool {
        let legal = !self.logged && *self.message(way) == from;
        *self.message(way) = if end { Message::Ended } else { Message::Open };
        legal
    }
}

impl Order {
    /// Whether a host may call a filter so: a stream is opened once, each message comes as headers, body, trailers and not behind its end,
    /// the log once and behind all messages, nothing behind the close. Everything may break off anywhere, and an answer needs no request.
    pub fn is_legal(&self) -> bool {
        let mut courses: BTreeMap<usize, Option<Course>> = BTreeMap::new();
        self.0.iter().all(|turn| {
            let Some(stream) = turn.stream() else { return true };
            if let Turn::Open(..) = turn {
                return courses.insert(stream, Some(Course::default())).is_none();
            }
            let Some(entry) = courses.get_mut(&stream) else { return false };
            let Some(course) = entry else { return false };
            match *turn {
                Turn::Headers(_, way, _, end) => course.step(way, Message::Awaited, end),
                Turn::Data(_, way, _, _, end) => course.step(way, Message::Open, end),
                Turn::Trailers(_, way) => course.step(way, Message::Open, true),
                Turn::Log(_) => !std::mem::replace(&mut course.logged, true),
                Turn::Close(_) => entry.take().is_some(),
                Turn::Open(..) | Turn::Wait(_) => true,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::search::shrink;
    use super::*;
    use crate::cuts::seeded;
    use crate::{HeaderMap, Part};

    #[test]
    fn random_orders_are_legal() {
        let parts = [Part { headers: HeaderMap::new(), body: b"abcdef".to_vec() }, Part { headers: HeaderMap::new(), body: Vec::new() }];
        seeded(500, |random| {
            let order = Order::random(random, 4, 2, &parts, &parts);
            assert!(order.is_legal(), "{order}");
        });
        for bad in ["log 0", "open 0 0; open 0 0", "open 0 0; data 0 request 0 1", "open 0 0; log 0; log 0", "open 0 0; close 0; log 0"] {
            assert!(!bad.parse::<Order>().unwrap().is_legal(), "{bad}");
        }
    }

    #[test]
    fn what_does_not_matter_goes() {
        let order: Order =
            "open 0 0; open 1 1; headers 1 request 0; wait 5; data 1 request 0 3; headers 0 request 1 end; data 1 request 3 9; \
                            headers 1 response 2; trailers 1 response; log 0; log 1; close 1; close 0"
                .parse()
                .unwrap();
        // It fails where six bytes or more of a body have come before the log.
        let mut fails = |order: &Order| {
            let log = order.0.iter().position(|turn| *turn == Turn::Log(1));
            log.is_some_and(|log| order.0[..log].iter().any(|turn| matches!(turn, Turn::Data(1, _, _, to, _) if *to > 6)))
        };
        assert_eq!(shrink(order, &mut fails).to_string(), "open 1 1; headers 1 request 0; data 1 request 3 9; log 1");
    }
}
