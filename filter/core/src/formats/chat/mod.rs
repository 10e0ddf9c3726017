//! Placeholder.

/// The format.
pub struct Chat;
