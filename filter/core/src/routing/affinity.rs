//! How requests of one conversation find the same target, so that the provider's prompt cache keeps hitting.

/// By what a conversation is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The key of the prompt cache that the client gave.
    CacheKey,
    /// The client's name for its user.
    User,
    /// How the prompt begins: the instructions and the user's first turn, which no later turn changes.
    Prompt,
}

/// How a route keeps conversations together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affinity {
    /// A request header (lower case) that names the conversation; asked before everything else.
    pub header: Option<Box<str>>,
    /// The first of these that a request has.
    pub by: Vec<Mark>,
}

/// A hash of bytes: FNV-1a with 64 bits, well mixed. It is the same on every worker and every proxy.
#[must_use]
pub fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    mixed(bytes.iter().fold(0xcbf2_9ce4_8422_2325, step))
}

/// The finalizer of SplitMix64: a bijection in which every bit of the result depends on every bit of the number.
#[must_use]
pub const fn mixed(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// What a target with this identity and weight bids for a conversation; the lowest bid wins, and over all conversations each target wins
/// its share of the weights (weighted rendezvous hashing). A target that goes moves only its own conversations, one that comes takes
/// only its share.
#[must_use]
pub fn bid(conversation: u64, identity: u64, weight: u32) -> f64 {
    let number = u32::try_from(mixed(conversation ^ mixed(identity)) >> 32).unwrap_or(u32::MAX);
    // Strictly between 0 and 1, so that the logarithm is a number below zero.
    let share = (f64::from(number) + 0.5) / 4_294_967_296.0;
    if weight == 0 { f64::INFINITY } else { -share.ln() / f64::from(weight) }
}
