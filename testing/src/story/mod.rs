//! How some exchanges go, as data: it can be played, written in one line, read again, and made smaller.

mod delivery;
mod play;
mod scene;
mod text;
mod witness;

use crate::abi::Status;
pub use delivery::{Delivery, End};
pub use play::Told;
pub use scene::Scene;
pub use text::BadStory;

/// A story: who comes, how everything is cut, what fails, and in which order it happens.
///
/// Written as text it is one line, `client 0 cuts 3,17; answer end reset 20; fault 12 NotFound; next 0; wait 200; leave 0`, which
/// [`str::parse`] reads. What a story does not mention happens as the stage has it: whole bodies, no faults, one client after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// The clients; moves name them by their place.
    pub clients: Vec<Client>,
    /// How providers' answers come: the first entry is for the first answer of the story, whoever gives it. Further answers come whole.
    pub answers: Vec<Delivery>,
    /// What becomes of callouts, in their order. Further ones are answered as the stage answers them.
    pub callouts: Vec<Weather>,
    /// Host calls that fail: how many are let through before, and the status that is answered.
    pub faults: Vec<(u64, Status)>,
    /// What happens, in order. What clients have left to send behind the last move they send then, one client after the other.
    pub moves: Vec<Move>,
}

/// A client of a story.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Which of the stage's requests it sends.
    pub request: usize,
    /// How the request's body comes.
    pub delivery: Delivery,
}

/// What becomes of a callout, whatever the stage would answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// The stage's answer.
    Fair,
    /// The stage's answer, so many milliseconds later.
    Late(u64),
    /// The service gets it, and its answer never comes.
    Silence,
    /// The service gets it, and the connection breaks.
    Reset,
    /// The service does not get it: the connection is refused.
    Refused,
    /// The service does not get it: the host call answers this status.
    Fails(Status),
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// This client does what comes next: begins, sends a piece, ends. Nothing where it is done.
    Next(usize),
    /// This client goes away.
    Leave(usize),
    /// So many milliseconds pass.
    Wait(u64),
}
