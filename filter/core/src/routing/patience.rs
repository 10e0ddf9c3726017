//! How long a target is waited for.

/// The time limits of one target, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From the sending of a streamed request to its first content; `None`: no limit, but the answer's headers are not held for ever.
    pub first_content: Option<u64>,
    /// Between two events of a stream whose answer has begun; `None`: no limit of Weir's.
    pub stream_idle: Option<u64>,
    /// From the sending of a request until its answer is committed: of one that is not streamed, the whole answer.
    pub answer: u64,
    /// Whether a request that is not streamed goes to the next target when `answer` has passed. The first may have worked on it, and bill it.
    pub runs_again: bool,
}

impl Patience {
    /// What a long generation takes at most with today's models.
    const ANSWER: u64 = 300_000_000_000;
}

impl Default for Patience {
    fn default() -> Self {
        Self { first_content: None, stream_idle: None, answer: Self::ANSWER, runs_again: false }
    }
}
