//! Random callbacks in one position, in any order that a host may legally produce: interleaved streams, answers before their requests,
//! ends at any moment, logs with and without anything before them.

use super::turns::Turn;
use crate::abi::Way;
use crate::cuts::Random;
use crate::error::Error;
use crate::headers::HeaderMap;
use crate::host::{Host, StreamId};
use std::time::Duration;

/// A message that a stream may carry: its headers and its body.
#[derive(Clone, Debug)]
pub struct Part {
    /// The headers.
    pub headers: HeaderMap,
    /// The body; an empty one is none.
    pub body: Vec<u8>,
}

/// A list of turns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order(pub Vec<Turn>);

impl Order {
    /// A random order of at most `streams` streams in `positions` positions, which carry these messages.
    pub fn random(random: &mut Random, streams: usize, positions: usize, requests: &[Part], answers: &[Part]) -> Order {
        let mut scripts: Vec<Vec<Turn>> = (0..=random.below(streams)).map(|s| script(random, s, positions, requests, answers)).collect();
        let mut turns = Vec::new();
        scripts.iter_mut().for_each(|script| script.reverse());
        while scripts.iter().any(|script| !script.is_empty()) {
            let stream = random.below(scripts.len());
            turns.extend(scripts[stream].pop());
            if random.below(8) == 0 {
                turns.push(Turn::Wait([1, 110, 1_100, 31_000, 301_000].get(random.below(5)).copied().unwrap_or(1)));
            }
        }
        Order(turns)
    }

    /// The callbacks in this order. A stream that the filter has reset or answered gets no more of its messages, as in Envoy.
    ///
    /// # Errors
    /// Whatever the filter does.
    pub fn play(&self, host: &mut Host, positions: &[&str], requests: &[Part], answers: &[Part]) -> Result<(), Error> {
        let mut ids: Vec<Option<StreamId>> = Vec::new();
        // Streams are opened in any order, and named by their own.
        let mut bodies: Vec<[usize; 2]> = Vec::new();
        let side = |way: Way| usize::from(way == Way::Response);
        let parts = |way: Way| if way == Way::Request { requests } else { answers };
        for turn in &self.0 {
            let known = |stream: usize| ids.get(stream).copied().flatten();
            match *turn {
                Turn::Open(stream, position) => {
                    if ids.len() <= stream {
                        ids.resize(stream + 1, None);
                        bodies.resize(stream + 1, [0; 2]);
                    }
                    ids[stream] = Some(host.open(positions[position])?);
                }
                Turn::Headers(stream, way, part, end) => {
                    if let Some(id) = known(stream) {
                        bodies[stream][side(way)] = part;
                        host.feed_headers(id, way, parts(way)[part].headers.clone(), end)?;
                    }
                }
                Turn::Data(stream, way, from, to, end) => {
                    if let Some(id) = known(stream) {
                        let body = &parts(way)[bodies[stream][side(way)]].body;
                        host.feed_data(id, way, body.get(from..to).unwrap_or_default(), end)?;
                    }
                }
                Turn::Trailers(stream, way) => {
                    if let Some(id) = known(stream) {
                        host.feed_trailers(id, way, [("x-trailer", "1")].into_iter().collect())?;
                    }
                }
                Turn::Log(stream) => {
                    if let Some(id) = known(stream) {
                        host.log(id)?;
                    }
                }
                Turn::Close(stream) => {
                    if let Some(id) = known(stream) {
                        ids[stream] = None;
                        host.close(id)?;
                    }
                }
                Turn::Wait(millis) => host.advance(Duration::from_millis(millis))?,
            }
        }
        Ok(())
    }
}

/// One stream from its opening to its end: a request, an answer or both, of which each may break off anywhere.
fn script(random: &mut Random, stream: usize, positions: usize, requests: &[Part], answers: &[Part]) -> Vec<Turn> {
    let mut turns = vec![Turn::Open(stream, random.below(positions))];
    let request = message(random, stream, Way::Request, requests);
    let answer = message(random, stream, Way::Response, answers);
    let (request, answer) = match random.below(8) {
        0 => (Vec::new(), Vec::new()),
        1 => (Vec::new(), answer),
        2 => (request, Vec::new()),
        _ => (request, answer),
    };
    // An answer may begin while its request is on the way; mostly it comes behind it.
    let early = random.below(4) == 0;
    let (mut request, mut answer) = (request.into_iter().peekable(), answer.into_iter().peekable());
    while request.peek().is_some() || answer.peek().is_some() {
        let from_answer = request.peek().is_none() || early && random.below(2) == 0;
        turns.extend(if from_answer { answer.next().or_else(|| request.next()) } else { request.next() });
    }
    turns.truncate(if random.below(4) == 0 { 1 + random.below(turns.len()) } else { turns.len() });
    if random.below(6) > 0 {
        turns.push(Turn::Log(stream));
    }
    turns.push(Turn::Close(stream));
    turns
}

fn message(random: &mut Random, stream: usize, way: Way, parts: &[Part]) -> Vec<Turn> {
    let part = random.below(parts.len());
    let Some(body) = parts.get(part).map(|part| &part.body) else { return Vec::new() };
    if body.is_empty() {
        return vec![Turn::Headers(stream, way, part, true)];
    }
    let mut turns = vec![Turn::Headers(stream, way, part, false)];
    let mut from = 0;
    for piece in random.pieces(body) {
        turns.push(Turn::Data(stream, way, from, from + piece.len(), false));
        from += piece.len();
    }
    match (random.below(3), turns.last_mut()) {
        (0, Some(Turn::Data(_, _, _, _, end))) => *end = true,
        (1, _) => turns.push(Turn::Trailers(stream, way)),
        _ => turns.push(Turn::Data(stream, way, from, from, true)),
    }
    turns
}
