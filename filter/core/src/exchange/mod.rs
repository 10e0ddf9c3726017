//! The life of one HTTP exchange and of its attempts as state machines: callbacks in, verdicts out.
//!
//! ```text
//! Exchange (gateway position)
//!   begin ─► Reading ─► Deciding ─► Released ─► Answering ─► settle
//!      │        │           │           └─► (no attempt could answer) the reply is put in the place of the host's
//!      └────────┴───────────┴─► Local: Weir's own reply
//!
//! Attempt (upstream position, one per try)
//!   bind ─► Preparing ─► Sent ─► Held(Stream | Whole | Error) ─► Committed ─► over
//!                                  └─► retry (598): the next attempt binds
//! ```
//! Neither machine calls the host: the shell carries out the verdicts after it has let go of every borrow, because host calls re-enter.
//! Every state in which the host is paused has a deadline, which [`Exchange::deadline`] names and [`Attempt::is_due`] looks for.

mod ahead;
mod answer;
mod attempt;
mod attempted;
mod begin;
mod binding;
mod claiming;
mod coded;
mod configured;
mod crowding;
mod demands;
pub mod headers;
mod machine;
mod onward;
mod passing;
mod patience;
mod planned;
mod planning;
mod position;
mod refusals;
mod relay;
mod replies;
mod servers;
mod settle;
mod standalone;
mod streamed;
mod table;
mod uncommitted;
mod whole;

pub use answer::{AnswerHead, AnswerVerdict};
pub use attempt::{Attempt, RequestVerdict};
pub use attempted::AttemptRecord;
pub use binding::{Bound, Departure};
pub use configured::Configured;
pub use headers::Headers;
pub use machine::{Exchange, LocalReply, Verdict};
pub use position::{Misplaced, Position};
pub use table::{Key, Table};
pub use uncommitted::ClientAnswer;

/// A second in the unit of all times here: nanoseconds since the epoch.
pub const SECOND: u64 = 1_000_000_000;

/// How long a client may be silent while its body is on the way.
const BODY_SILENCE: u64 = 30 * SECOND;
/// How long a streamed answer's headers are held back while the provider has sent no content, where the document sets no limit: behind it, an
/// error can't move on any more.
const HOLD: u64 = 30 * SECOND;
/// How long a decision may wait in all, whatever the rate-limit service does.
const DECISION: u64 = 5 * SECOND;
