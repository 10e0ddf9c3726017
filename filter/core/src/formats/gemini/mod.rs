//! Gemini `generateContent`: what its clients send, what requests are translated into, and what comes back. The model, and whether the
//! answer is a stream, stand in the path.

mod answer;
mod chunk;
mod citations;
mod client;
mod encode;
mod error;
mod grounding;
mod likelihood;
mod media;
mod models;
mod parts;
mod reader;
mod results;
mod settings;
mod thinking;
mod tools;
mod usage;

use super::counting::Counting;
use super::google_paths::{Method, called};
use crate::formats::{
    Asked, ClientSide, Crossing, Head, Meter, Onward, Outline, ProviderSide, Reply, SameFormat, Seen, StreamReader, StreamWriter, Task,
    Translation,
};
use crate::hub::{Answer, Failure, Field, Losses, Rejection, Request};
use crate::json::{Out, Splices};

/// The format.
#[derive(Clone, Copy, Debug)]
pub struct Gemini;

/// How the format counts (ai.google.dev/api/tokens): a whole request, which says its model once more.
pub const COUNTING: Counting =
    Counting { takes: &[], within: &["generateContentRequest"], model: Some("models/"), total: "totalTokens", around: ["", ""] };

/// How Vertex AI does (cloud.google.com/vertex-ai/generative-ai/docs, "CountTokens").
pub const COUNTING_ON_VERTEX: Counting =
    Counting { takes: &["contents", "systemInstruction", "tools", "generationConfig"], within: &[], model: None, ..COUNTING };

/// Elements whose member has another name here than in the table of fates.
const MEMBERS: &[(Field, &str)] = &[
    (Field::StopSequences, "generationConfig.stopSequences"),
    (Field::BlankStop, "generationConfig.stopSequences"),
    (Field::StopCount, "generationConfig.stopSequences"),
    (Field::ReasoningEffort, "generationConfig.thinkingConfig"),
    (Field::ReasoningRange, "generationConfig.thinkingConfig"),
    (Field::ReasoningModel, "generationConfig.thinkingConfig"),
    (Field::ReasoningShow, "generationConfig.thinkingConfig.includeThoughts"),
    (Field::JsonMode, "generationConfig.responseMimeType"),
    (Field::JsonSchema, "generationConfig.responseSchema"),
    (Field::NoOutput, "generationConfig.maxOutputTokens"),
    (Field::ChoiceCount, "generationConfig.candidateCount"),
    (Field::Logprobs, "generationConfig.responseLogprobs"),
    (Field::Modalities, "generationConfig.responseModalities"),
    (Field::ImageType, "contents.parts.inlineData.mimeType"),
    (Field::DocumentType, "contents.parts.inlineData.mimeType"),
    (Field::Audio, "contents.parts.inlineData"),
    (Field::AudioSource, "contents.parts.inlineData"),
    (Field::Video, "contents.parts.inlineData"),
    (Field::ImageUri, "contents.parts.fileData.fileUri"),
    (Field::DocumentUri, "contents.parts.fileData.fileUri"),
    (Field::UriScheme, "contents.parts.fileData.fileUri"),
    (Field::ForeignStore, "contents.parts.fileData.fileUri"),
    (Field::OpaquePart, "contents.parts"),
    (Field::SafetyFilters, "safetySettings"),
    (Field::ServerState, "cachedContent"),
    (Field::Metadata, "labels"),
];

impl ClientSide for Gemini {
    fn task(&self, head: &Head<'_>) -> Option<Task> {
        let called = called(head).filter(|called| called.publisher == "google")?;
        match called.method {
            Method::Generate | Method::Stream => Some(Task::Generate),
            Method::Count => Some(Task::CountTokens),
            Method::Raw | Method::StreamRaw => None,
        }
    }

    fn model_in_path(&self, head: &Head<'_>) -> Option<String> {
        called(head).map(|called| called.model)
    }

    fn members(&self) -> &'static [(Field, &'static str)] {
        MEMBERS
    }

    fn outline(&self, head: &Head<'_>, body: &[u8]) -> Result<Outline, Rejection> {
        client::outline(head, body)
    }

    fn decode<'b>(&self, head: &Head<'_>, body: &'b [u8]) -> Result<Request<'b>, Rejection> {
        client::decode(head, body)
    }

    fn plain(&self, outline: &Outline, body: &[u8]) -> Option<Vec<u8>> {
        client::plain(outline, body)
    }

    fn encode_answer(&self, answer: &Answer<'_>, asked: &Asked, out: &mut Out) -> Vec<Field> {
        client::encode_answer(answer, asked, out)
    }

    fn stream_type(&self, asked: &Asked) -> &'static str {
        if client::is_list(asked) { "application/json; charset=UTF-8" } else { "text/event-stream" }
    }

    fn is_list(&self, asked: &Asked) -> bool {
        client::is_list(asked)
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

impl SameFormat for Gemini {
    fn edit(
        &self,
        outline: &Outline,
        _body: &[u8],
        onward: &Onward<'_>,
        splices: &mut Splices,
        _losses: &mut Losses,
    ) -> Result<(), Rejection> {
        client::edit(outline, onward, splices);
        Ok(())
    }

    fn meter(&self, _asked: &Asked) -> Box<dyn Meter> {
        Box::new(client::EventMeter::default())
    }

    fn measure(&self, body: &[u8]) -> Seen {
        client::measure(body)
    }
}

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
