//! Gemini `generateContent`: what requests are translated into, and what comes back. The model, and whether the answer is a stream, stand
//! in the path.

mod answer;
mod chunk;
mod encode;
mod error;
mod media;
mod models;
mod parts;
mod reader;
mod results;
mod settings;
mod thinking;
mod tools;
mod usage;

use crate::formats::{Crossing, Onward, ProviderSide, StreamReader, Translation};
use crate::hub::{Answer, Failure, Rejection, Request};
use crate::json::Out;

/// The format.
#[derive(Clone, Copy, Debug)]
pub struct Gemini;

impl ProviderSide for Gemini {
    fn failure(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Failure {
        error::failure(status, headers, body)
    }
}

impl Translation for Gemini {
    fn encode(&self, request: &Request<'_>, onward: &Onward<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
        encode::encode(request, onward, out, crossing)
    }

    fn decode_answer<'b>(&self, body: &'b [u8]) -> Result<Answer<'b>, Failure> {
        answer::decode(body)
    }

    fn reader(&self) -> Box<dyn StreamReader> {
        Box::new(reader::Reader::default())
    }
}
