//! Gemini as its clients speak it: what they send, and what they read.

mod answer;
mod config;
mod decode;
mod edit;
mod error;
mod meter;
mod outline;
mod parts;
mod schema;
mod signature;
mod tools;
mod usage;
mod wire;
mod writer;

pub(super) use answer::encode as encode_answer;
pub(super) use decode::decode;
pub(super) use edit::{edit, plain};
pub(super) use error::{event as error_event, models, reply};
pub(super) use meter::{EventMeter, measure};
pub(super) use outline::{is_list, outline};
pub(super) use writer::Writer;
