//! How a body comes: in which pieces, with which end, with which silence in between.

use crate::headers::HeaderMap;
use crate::wiring::{Play, Step};
use std::time::Duration;

/// How a body comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Offsets at which it is cut, in rising order. Those behind its end do nothing.
    pub cuts: Vec<usize>,
    /// How it ends.
    pub end: End,
    /// Before the piece of this place so many milliseconds pass. (A client's silences are moves of the story instead.)
    pub silence: Option<(usize, u64)>,
}

/// How a message ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// With its last piece.
    #[default]
    Last,
    /// By itself, behind the last piece.
    Alone,
    /// With trailers.
    Trailers,
    /// It does not: the connection breaks behind so many bytes. (A client's going away is a move of the story instead.)
    Reset(usize),
    /// It does not begin: the connection is refused. (For a client it is [`End::Last`].)
    Refused,
}

impl Delivery {
    /// The pieces of this body; none is empty, but for a lone one at the end where the end comes by itself.
    pub(crate) fn pieces(&self, body: &[u8]) -> Vec<Vec<u8>> {
        let body = match self.end {
            End::Reset(at) => body.get(..at).unwrap_or(body),
            End::Last | End::Alone | End::Trailers | End::Refused => body,
        };
        let mut from = 0;
        let mut pieces = Vec::new();
        for to in self.cuts.iter().copied().chain([body.len()]) {
            let piece = body.get(from..to).unwrap_or_default();
            if !piece.is_empty() {
                pieces.push(piece.to_vec());
                from = to;
            }
        }
        if self.end == End::Alone {
            pieces.push(Vec::new());
        }
        pieces
    }

    pub(crate) fn trailers(&self) -> Option<HeaderMap> {
        (self.end == End::Trailers).then(|| [("x-trailer", "1")].into_iter().collect())
    }

    /// The same answer, coming so. An answer that is more than headers and a body (it waits or breaks off by itself) stays as it is.
    pub(crate) fn reshape(&self, play: Play) -> Play {
        if self.end == End::Refused {
            return Play::refuse();
        }
        let Some((Step::Headers(headers, _), rest)) = play.steps.split_first() else { return play };
        let mut body = Vec::new();
        for step in rest {
            let Step::Data(bytes, _) = step else { return play };
            body.extend_from_slice(bytes);
        }
        let mut reshaped = Play { steps: vec![Step::Headers(headers.clone(), true)] };
        for (place, piece) in self.pieces(&body).into_iter().enumerate() {
            if let Some((_, silence)) = self.silence.filter(|(before, _)| *before == place) {
                reshaped = reshaped.wait(Duration::from_millis(silence));
            }
            reshaped = reshaped.pieces([piece]);
        }
        match (self.end, self.trailers()) {
            (End::Reset(_), _) => reshaped.reset(),
            (_, Some(trailers)) => reshaped.trailers(trailers),
            _ => reshaped,
        }
    }
}
