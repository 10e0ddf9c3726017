//! The measure command.
fn main() {}
