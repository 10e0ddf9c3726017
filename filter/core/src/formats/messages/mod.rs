//! Placeholder.

/// The format.
pub struct Messages;
