//! Chat as a target of translation: requests written, answers and streams read in every dialect that providers speak.

mod answer;
mod choice;
mod encode;
mod parts;
mod pen;
mod reader;
mod sampling;
mod spoken;
mod tools;
mod turns;

pub(super) use answer::decode as decode_answer;
pub(super) use encode::encode;
pub(super) use pen::untaken;
pub(super) use reader::Reader;
