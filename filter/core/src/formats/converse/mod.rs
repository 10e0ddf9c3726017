//! Amazon Bedrock Converse and ConverseStream: what its clients send, what requests are translated into, and what comes back. The model,
//! and whether the answer is a stream, stand in the path; streams are AWS event streams.

mod answer;
mod citations;
mod client;
mod encode;
mod media;
mod media_types;
mod meter;
mod models;
mod parts;
mod reader;
mod results;
mod said;
mod settings;
mod tools;
mod usage;

use crate::formats::counting::Counting;
use crate::formats::head::decoded;
use crate::formats::{
    Asked, ClientSide, Crossing, Head, Meter, Onward, Outline, ProviderSide, Reply, SameFormat, Seen, StreamReader, StreamWriter, Task,
    Translation, aws_error, aws_reply, members,
};
use crate::framing::event_stream;
use crate::hub::{Answer, Failure, Field, Losses, Rejection, Request};
use crate::json::{Out, Splices};

/// The format.
#[derive(Clone, Copy, Debug)]
pub struct Converse;

/// What begins every path of a model.
const MODELS: &str = "/model/";

/// How the format counts (Amazon Bedrock API Reference, CountTokens).
pub const COUNTING: Counting = Counting {
    takes: &["messages", "system", "toolConfig", "additionalModelRequestFields"],
    within: &["input", "converse"],
    model: None,
    total: "inputTokens",
    around: ["", ""],
};

/// Elements whose member has another name here than in the table of fates.
const MEMBERS: &[(Field, &str)] = &[
    (Field::StopSequences, "inferenceConfig.stopSequences"),
    (Field::BlankStop, "inferenceConfig.stopSequences"),
    (Field::StopCount, "inferenceConfig.stopSequences"),
    (Field::ReasoningEffort, "outputConfig.effort"),
    (Field::ReasoningRange, "outputConfig.effort"),
    (Field::ReasoningModel, "additionalModelRequestFields.thinking"),
    (Field::JsonSchema, "outputConfig.textFormat"),
    (Field::JsonSchemaName, "outputConfig.textFormat"),
    (Field::Temperature, "inferenceConfig.temperature"),
    (Field::TopP, "inferenceConfig.topP"),
    (Field::TopK, "additionalModelRequestFields.top_k"),
    (Field::Metadata, "requestMetadata"),
    (Field::ServiceTier, "serviceTier"),
    (Field::StoredPrompt, "promptVariables"),
    (Field::Guardrail, "guardrailConfig"),
    (Field::ImageUri, "messages.content.image.source.s3Location"),
    (Field::DocumentUri, "messages.content.document.source.s3Location"),
    (Field::ForeignStore, "messages.content.source.s3Location"),
    (Field::Audio, "messages.content.audio"),
    (Field::AudioSource, "messages.content.audio"),
    (Field::DocumentType, "messages.content.document.format"),
];

/// The model and the action of a path; a model's name may hold slashes that nobody escaped.
fn model_of<'h>(head: &Head<'h>) -> Option<(&'h str, &'h str)> {
    head.bare().strip_prefix(MODELS)?.rsplit_once('/').filter(|(model, _)| !model.is_empty())
}

impl ClientSide for Converse {
    fn task(&self, head: &Head<'_>) -> Option<Task> {
        match model_of(head)?.1 {
            "converse" | "converse-stream" => Some(Task::Generate),
            "count-tokens" => Some(Task::CountTokens),
            _ => None,
        }
    }

    fn model_in_path(&self, head: &Head<'_>) -> Option<String> {
        model_of(head).map(|(model, _)| decoded(model))
    }

    fn members(&self) -> &'static [(Field, &'static str)] {
        MEMBERS
    }

    fn outline(&self, head: &Head<'_>, body: &[u8]) -> Result<Outline, Rejection> {
        let (model, action) = model_of(head).unwrap_or_default();
        match action {
            "count-tokens" => client::outline_of_count(decoded(model), body),
            action => client::outline(decoded(model), body, action == "converse-stream"),
        }
    }

    fn decode<'b>(&self, head: &Head<'_>, body: &'b [u8]) -> Result<Request<'b>, Rejection> {
        let (model, action) = model_of(head).unwrap_or_default();
        match action {
            "count-tokens" => client::decode_counted(body),
            action => client::decode(&decoded(model), body, action == "converse-stream"),
        }
    }

    fn encode_answer(&self, answer: &Answer<'_>, asked: &Asked, out: &mut Out) -> Vec<Field> {
        client::encode_answer(answer, asked, out)
    }

    fn stream_type(&self, _asked: &Asked) -> &'static str {
        event_stream::MEDIA_TYPE
    }

    fn id_header(&self) -> &'static str {
        "x-amzn-requestid"
    }

    fn writer(&self, asked: &Asked) -> Box<dyn StreamWriter> {
        Box::new(client::Writer::new(asked))
    }

    fn reply(&self, error: &Rejection) -> Reply {
        aws_reply::reply(error)
    }

    fn error_event(&self, error: &Rejection, out: &mut Vec<u8>) {
        aws_reply::event(error, out);
    }

    fn models(&self, names: &mut dyn Iterator<Item = &str>, _created: u64) -> Reply {
        aws_reply::models(names)
    }
}

/// What stands in a turn that held nothing but another vendor's thinking: the format has no empty turns.
const NOTHING: &str = r#"{"text":"(no text)"}"#;

impl ProviderSide for Converse {
    fn failure(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Failure {
        aws_error::failure(status, headers, body)
    }
}

impl SameFormat for Converse {
    fn edit(
        &self,
        outline: &Outline,
        body: &[u8],
        onward: &Onward<'_>,
        splices: &mut Splices,
        _losses: &mut Losses,
    ) -> Result<(), Rejection> {
        members::edit(outline, body, onward, splices);
        // A provider refuses a turn with a signature that is not its own; an earlier turn may have been another vendor's.
        members::remove(body, &outline.foreign, NOTHING, splices);
        Ok(())
    }

    fn meter(&self, _asked: &Asked) -> Box<dyn Meter> {
        Box::new(meter::EventMeter::default())
    }

    fn measure(&self, body: &[u8]) -> Seen {
        meter::measure(body)
    }
}

impl Translation for Converse {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_say_the_model_and_what_to_do() {
        for (path, model, task) in [
            ("/model/us.anthropic.claude-x%3A0/converse", "us.anthropic.claude-x:0", Some(Task::Generate)),
            ("/model/smart/converse-stream?a=b", "smart", Some(Task::Generate)),
            (
                "/model/arn%3Aaws%3Abedrock%3A%3A%3Afoundation-model%2Fm/count-tokens",
                "arn:aws:bedrock:::foundation-model/m",
                Some(Task::CountTokens),
            ),
            ("/model/arn:aws:bedrock:::foundation-model/m/converse", "arn:aws:bedrock:::foundation-model/m", Some(Task::Generate)),
            ("/model/smart/apply", "smart", None),
            ("/model//converse", "", None),
            ("/model/smart", "", None),
            ("/models/smart/converse", "", None),
        ] {
            let head = Head::new(path);
            assert_eq!((decoded(model_of(&head).unwrap_or_default().0), Converse.task(&head)), (model.to_owned(), task), "{path}");
        }
    }
}
