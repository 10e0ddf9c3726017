//! OpenAI Responses, without its server's memory: what agents and OpenAI's newer SDKs send, and what OpenAI and some servers answer.

mod answer;
mod asked_tools;
mod citations;
mod decode;
mod echo;
mod encode;
mod error;
mod event;
mod input;
mod items;
mod meter;
mod open;
mod outline;
mod output;
mod parts;
mod reader;
mod sent;
mod telling;
mod tools;
mod usage;
mod whole;
mod writer;

use super::counting::Counting;
use super::{
    Asked, ClientSide, Crossing, Head, Meter, Onward, Outline, ProviderSide, Reply, SameFormat, Seen, StreamReader, StreamWriter, Task,
    Translation, members, openai,
};
use crate::hub::{Answer, Failure, Field, Losses, Rejection, Request};
use crate::json::{Out, Splices};

/// The format.
#[derive(Clone, Copy, Debug)]
pub struct Responses;

/// OpenAI's own path, and those of Azure's two base URLs.
const PATHS: [&str; 3] = ["/v1/responses", "/openai/v1/responses", "/openai/responses"];

/// What follows the path where tokens shall only be counted.
const COUNT: &str = "/input_tokens";

/// How the format counts (platform.openai.com/docs/api-reference/responses/input-tokens).
pub const COUNTING: Counting = Counting {
    takes: &["model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning"],
    within: &[],
    model: None,
    total: "input_tokens",
    around: [r#""object":"response.input_tokens","#, ""],
};

/// Elements whose member has another name here than in the table of fates.
const MEMBERS: &[(Field, &str)] = &[
    (Field::JsonMode, "text.format"),
    (Field::JsonSchema, "text.format"),
    (Field::JsonSchemaName, "text.format"),
    (Field::SchemaWords, "text.format"),
    (Field::SchemaParts, "text.format"),
    (Field::StrictSchema, "text.format"),
    (Field::Verbosity, "text.verbosity"),
    (Field::ReasoningEffort, "reasoning.effort"),
    (Field::ReasoningRange, "reasoning.effort"),
    (Field::ReasoningModel, "reasoning.effort"),
    (Field::ReasoningShow, "reasoning.summary"),
    (Field::Logprobs, "top_logprobs"),
    (Field::EndUser, "safety_identifier"),
    (Field::KeptAnswer, "store"),
    (Field::StoreOff, "store"),
    (Field::NoOutput, "max_output_tokens"),
    (Field::ItemReference, "input"),
    (Field::HostedItem, "input"),
    (Field::ImageUri, "input.content.image_url"),
    (Field::DocumentUri, "input.content.file_url"),
    (Field::FileId, "input.content.file_id"),
];

impl ClientSide for Responses {
    fn task(&self, head: &Head<'_>) -> Option<Task> {
        match head.bare().strip_suffix(COUNT) {
            Some(path) => PATHS.contains(&path).then_some(Task::CountTokens),
            None => PATHS.contains(&head.bare()).then_some(Task::Generate),
        }
    }

    fn members(&self) -> &'static [(Field, &'static str)] {
        MEMBERS
    }

    fn outline(&self, _head: &Head<'_>, body: &[u8]) -> Result<Outline, Rejection> {
        outline::outline(body)
    }

    fn decode<'b>(&self, head: &Head<'_>, body: &'b [u8]) -> Result<Request<'b>, Rejection> {
        decode::decode(body, head.bare().ends_with(COUNT))
    }

    fn encode_answer(&self, answer: &Answer<'_>, asked: &Asked, out: &mut Out) -> Vec<Field> {
        whole::encode(answer, asked, out);
        Vec::new()
    }

    fn writer(&self, asked: &Asked) -> Box<dyn StreamWriter> {
        Box::new(writer::Writer::new(asked))
    }

    fn reply(&self, error: &Rejection) -> Reply {
        openai::reply(error)
    }

    fn error_event(&self, error: &Rejection, out: &mut Vec<u8>) {
        // In a stream that passes nobody counts its events.
        error::event(error, 0, out);
    }

    fn models(&self, names: &mut dyn Iterator<Item = &str>, created: u64) -> Reply {
        openai::models(names, created)
    }
}

impl ProviderSide for Responses {
    fn failure(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Failure {
        error::failure(status, headers, body)
    }
}

impl SameFormat for Responses {
    fn edit(
        &self,
        outline: &Outline,
        body: &[u8],
        onward: &Onward<'_>,
        splices: &mut Splices,
        _losses: &mut Losses,
    ) -> Result<(), Rejection> {
        members::edit(outline, body, onward, splices);
        members::remove(body, &outline.foreign, "", splices);
        Ok(())
    }

    fn meter(&self, _asked: &Asked) -> Box<dyn Meter> {
        Box::new(meter::EventMeter::default())
    }

    fn measure(&self, body: &[u8]) -> Seen {
        meter::measure(body)
    }
}

impl Translation for Responses {
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
