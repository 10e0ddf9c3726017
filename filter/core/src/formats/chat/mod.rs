//! OpenAI Chat Completions: what clients of its SDKs send, and what most providers answer.

mod answer;
mod choice_state;
mod citations;
mod decode;
mod edit;
mod error;
mod meter;
mod outline;
mod parts;
mod speech;
mod spoken;
mod target;
mod thinking;
mod tools;
mod turns;
mod usage;
mod writer;

use super::counting::Counting;
use super::{
    Asked, ClientSide, Crossing, Head, Meter, Onward, Outline, ProviderSide, Reply, SameFormat, Seen, StreamReader, StreamWriter, Task,
    Translation, openai,
};
use crate::hub::{Answer, Failure, Field, Finish, Losses, Rejection, Request};
use crate::json::{Out, Splices, Str};

/// The format.
#[derive(Clone, Copy, Debug)]
pub struct Chat;

/// OpenAI's own path, and the one of Azure's `/openai/v1` base URL.
const PATHS: [&str; 2] = ["/v1/chat/completions", "/openai/v1/chat/completions"];

/// vLLM's, the one server that counts a request of this format; nobody else's SDK asks for it.
const COUNT: &str = "/tokenize";

/// vLLM's way of counting (docs.vllm.ai, "Tokenizer API"). Whoever counts by another API tells no tokens and no length of the context.
pub const COUNTING: Counting = Counting {
    takes: &["model", "messages", "tools"],
    within: &[],
    model: None,
    total: "count",
    around: ["", r#","max_model_len":null,"tokens":[]"#],
};

/// Whether a path is that of a deployment, as Azure's clients ask for one; they name it in the body, too, where it is read.
fn is_deployment(path: &str) -> bool {
    let named = path.strip_prefix("/openai/deployments/").and_then(|rest| rest.strip_suffix("/chat/completions"));
    named.is_some_and(|name| !name.is_empty() && !name.contains('/'))
}

impl ClientSide for Chat {
    fn task(&self, head: &Head<'_>) -> Option<Task> {
        let path = head.bare();
        if path == COUNT {
            return Some(Task::CountTokens);
        }
        (PATHS.contains(&path) || is_deployment(path)).then_some(Task::Generate)
    }

    fn outline(&self, _head: &Head<'_>, body: &[u8]) -> Result<Outline, Rejection> {
        outline::outline(body)
    }

    fn decode<'b>(&self, _head: &Head<'_>, body: &'b [u8]) -> Result<Request<'b>, Rejection> {
        decode::decode(body)
    }

    fn encode_answer(&self, answer: &Answer<'_>, asked: &Asked, out: &mut Out) -> Vec<Field> {
        answer::encode(answer, asked, out)
    }

    fn writer(&self, asked: &Asked) -> Box<dyn StreamWriter> {
        Box::new(writer::Writer::new(asked))
    }

    fn reply(&self, error: &Rejection) -> Reply {
        openai::reply(error)
    }

    fn error_event(&self, error: &Rejection, out: &mut Vec<u8>) {
        error::event(error, out);
    }

    fn models(&self, names: &mut dyn Iterator<Item = &str>, created: u64) -> Reply {
        openai::models(names, created)
    }
}

impl ProviderSide for Chat {
    fn failure(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Failure {
        error::failure(status, headers, body)
    }
}

impl SameFormat for Chat {
    fn edit(
        &self,
        outline: &Outline,
        body: &[u8],
        onward: &Onward<'_>,
        splices: &mut Splices,
        losses: &mut Losses,
    ) -> Result<(), Rejection> {
        edit::edit(outline, body, onward, splices, losses)
    }

    fn meter(&self, asked: &Asked) -> Box<dyn Meter> {
        Box::new(meter::ChunkMeter::new(asked))
    }

    fn measure(&self, body: &[u8]) -> Seen {
        meter::measure(body)
    }
}

impl Translation for Chat {
    fn encode(&self, request: &Request<'_>, onward: &Onward<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
        target::encode(request, onward, out, crossing)
    }

    fn decode_answer<'b>(&self, body: &'b [u8]) -> Result<Answer<'b>, Failure> {
        target::decode_answer(body)
    }

    fn reader(&self) -> Box<dyn StreamReader> {
        Box::new(target::Reader::default())
    }
}

/// Why an answer ended, by the word on the wire; `None` for the empty word that some servers send while it goes on.
fn decode_finish<'b>(word: &Str<'b>) -> Option<Finish<'b>> {
    let known = word.plain();
    Some(match &*known {
        "" => return None,
        "stop" | "eos" => Finish::Stop,
        "length" => Finish::Length,
        "model_length" => Finish::ContextWindow,
        "tool_calls" | "function_call" => Finish::ToolCall,
        "content_filter" => Finish::ContentFilter,
        "error" => Finish::Error,
        _ => Finish::Unknown(word.clone()),
    })
}

/// The word on the wire. Whether an answer stopped for its calls is decided by the calls in it, whatever the provider said.
const fn encode_finish(finish: &Finish<'_>, calls: bool, older: bool) -> &'static str {
    match finish {
        Finish::Length | Finish::ContextWindow => "length",
        Finish::ContentFilter | Finish::Refusal => "content_filter",
        Finish::Stop | Finish::ToolCall if calls && older => "function_call",
        Finish::Stop | Finish::ToolCall if calls => "tool_calls",
        Finish::Stop
        | Finish::ToolCall
        | Finish::StopSequence(_)
        | Finish::Pause
        | Finish::Malformed
        | Finish::Error
        | Finish::Unknown(_) => "stop",
    }
}

/// What begins the id of every answer, by which clients and their logs know it.
const ID_PREFIX: &str = "chatcmpl-";

/// The id of an answer: the provider's own, with the format's prefix; a provider that names none is given the time.
fn encode_id<'b>(id: Option<&'b Str<'b>>, now: u64) -> Str<'b> {
    match id {
        Some(id) if id.as_escaped().starts_with(ID_PREFIX) => id.reborrow(),
        Some(id) if !id.is_empty() => {
            let mut prefixed = Str::from_plain(ID_PREFIX);
            prefixed.push(id);
            prefixed
        }
        Some(_) | None => Str::from_plain_owned(format!("{ID_PREFIX}{now}")),
    }
}
