//! What OpenAI's two formats have in common: tools and schemas, the parts of a content, errors and the list of models.

pub mod content;
mod reply;
pub mod scan;
pub mod tools;

pub use reply::{encode, message, models, reply, words};
