//! Converse as its clients speak it: what they send, and what they read.

mod answer;
mod blocks;
mod decode;
mod media;
mod outline;
mod scan;
mod settings;
mod tools;
mod usage;
mod writer;

pub(super) use answer::encode as encode_answer;
pub(super) use decode::{decode, decode_counted};
pub(super) use outline::{outline, outline_of_count};
pub(super) use writer::Writer;
