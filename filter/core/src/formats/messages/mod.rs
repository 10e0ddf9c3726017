//! Anthropic Messages: what requests are translated into, and what comes back.

mod answer;
mod cache;
mod encode;
mod error;
mod models;
mod parts;
mod reader;
mod reasoning;
mod sampling;
mod tools;
mod turns;
mod usage;

use crate::formats::{Onward, Passage, ProviderSide, StreamReader, Translation};
use crate::hub::{Answer, Failure, Rejection, Request};
use crate::json::Out;

/// The format.
pub struct Messages;

impl ProviderSide for Messages {
    fn failure(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Failure {
        error::failure(status, headers, body)
    }
}

impl Translation for Messages {
    fn encode(
        &self,
        request: &Request<'_>,
        body: &[u8],
        onward: &Onward<'_>,
        out: &mut Out,
        passage: &mut Passage,
    ) -> Result<(), Rejection> {
        encode::encode(request, body, onward, out, passage)
    }

    fn decode_answer<'b>(&self, body: &'b [u8]) -> Result<Answer<'b>, Failure> {
        answer::decode(body)
    }

    fn reader(&self) -> Box<dyn StreamReader> {
        Box::new(reader::Reader::default())
    }
}
