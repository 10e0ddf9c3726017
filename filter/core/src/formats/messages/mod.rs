//! Anthropic Messages: what its clients send, what requests are translated into, and what comes back.

mod answer;
mod carrier;
mod chunks;
mod citations;
mod client;
mod encode;
mod error;
mod event;
mod invoke;
mod marker;
mod parts;
mod reader;
mod said;
mod sampling;
mod tools;
mod usage;

pub use carrier::Carrier;
pub use invoke::Invoke;
pub use said::Said;

use carrier::Called;

use crate::formats::counting::Counting;
use crate::formats::{
    Asked, ClientSide, Crossing, Head, Meter, Onward, Outline, ProviderSide, Reply, SameFormat, Seen, StreamReader, StreamWriter, Task,
    Translation,
};
use crate::hub::{Answer, Failure, Field, Losses, Rejection, Request};
use crate::json::{Out, Splices};

/// The format.
#[derive(Clone, Copy, Debug)]
pub struct Messages;

/// Anthropic's own path, and the one below the base URL that some of its clients are given for other clouds.
const PATHS: [&str; 2] = ["/v1/messages", "/anthropic/v1/messages"];

/// What follows the path where tokens shall only be counted.
const COUNT: &str = "/count_tokens";

/// How the format counts (docs.anthropic.com/en/api/messages-count-tokens).
pub const COUNTING: Counting = Counting {
    takes: &["model", "anthropic_version", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control"],
    within: &[],
    model: None,
    total: "input_tokens",
    around: ["", ""],
};

/// Elements whose member has another name here than in the table of fates.
const MEMBERS: &[(Field, &str)] = &[
    (Field::StopSequences, "stop_sequences"),
    (Field::BlankStop, "stop_sequences"),
    (Field::StopCount, "stop_sequences"),
    (Field::EndUser, "metadata.user_id"),
    (Field::ReasoningEffort, "output_config.effort"),
    (Field::ReasoningRange, "output_config.effort"),
    (Field::ReasoningModel, "thinking"),
    (Field::JsonSchema, "output_config.format"),
    (Field::JsonSchemaName, "output_config.format"),
    (Field::NoOutput, "max_tokens"),
    (Field::ImageUri, "messages.content.source.url"),
    (Field::DocumentUri, "messages.content.source.url"),
    (Field::FileId, "messages.content.source.file_id"),
    (Field::ServerState, "container"),
];

impl ClientSide for Messages {
    fn task(&self, head: &Head<'_>) -> Option<Task> {
        match head.bare().strip_suffix(COUNT) {
            Some(path) => PATHS.contains(&path).then_some(Task::CountTokens),
            None if PATHS.contains(&head.bare()) => Some(Task::Generate),
            None => Called::of(head).map(|called| called.task()),
        }
    }

    fn model_in_path(&self, head: &Head<'_>) -> Option<String> {
        Called::of(head).map(|called| called.model).filter(|model| !model.is_empty())
    }

    fn members(&self) -> &'static [(Field, &'static str)] {
        MEMBERS
    }

    fn outline(&self, head: &Head<'_>, body: &[u8]) -> Result<Outline, Rejection> {
        client::outline(body, self.task(head) == Some(Task::CountTokens), Called::of(head))
    }

    fn decode<'b>(&self, head: &Head<'_>, body: &'b [u8]) -> Result<Request<'b>, Rejection> {
        let mut request = client::decode(body)?;
        request.stream = Called::of(head).map_or(request.stream, |called| called.streams(request.stream));
        Ok(request)
    }

    fn encode_answer(&self, answer: &Answer<'_>, asked: &Asked, out: &mut Out) -> Vec<Field> {
        client::encode_answer(answer, asked, out)
    }

    fn id_header(&self) -> &'static str {
        "request-id"
    }

    fn writer(&self, asked: &Asked) -> Box<dyn StreamWriter> {
        Box::new(client::Writer::new(asked))
    }

    fn reply(&self, error: &Rejection) -> Reply {
        client::reply(error)
    }

    fn error_event(&self, error: &Rejection, out: &mut Vec<u8>) {
        client::error_event(error, out);
    }

    fn models(&self, names: &mut dyn Iterator<Item = &str>, _created: u64) -> Reply {
        client::models(names)
    }
}

impl ProviderSide for Messages {
    fn failure(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Failure {
        error::failure(status, headers, body)
    }
}

impl SameFormat for Messages {
    fn edit(
        &self,
        outline: &Outline,
        body: &[u8],
        onward: &Onward<'_>,
        splices: &mut Splices,
        losses: &mut Losses,
    ) -> Result<(), Rejection> {
        carrier::edit(outline, body, onward, splices, losses)?;
        client::edit(outline, body, onward, splices);
        Ok(())
    }

    fn meter(&self, _asked: &Asked) -> Box<dyn Meter> {
        Box::new(client::EventMeter::default())
    }

    fn measure(&self, body: &[u8]) -> Seen {
        client::measure(body)
    }
}

impl Translation for Messages {
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
