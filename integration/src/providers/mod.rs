//! Simulated providers: servers that speak a vendor's format as the vendor does, refuse what it refuses, and fail on request.
pub mod bedrock;
pub mod behaviour;
mod beside;
mod carried;
pub mod chat;
pub mod gemini;
pub mod messages;
pub mod responses;
mod seen;
mod sigv4;
pub mod turn;
mod valid;
mod valid_chat;
mod valid_converse;
mod valid_gemini;
mod valid_messages;
mod valid_responses;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

pub use behaviour::{Behaviour, Scripted};
pub use seen::{Seen, Shared};
use turn::Ask;
use valid::Checked;

use crate::http::Request;
use crate::http::server::{Answer, Server};

/// Whose format a simulated provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    /// Chat Completions and Responses as OpenAI serves them.
    OpenAi,
    /// Messages as Anthropic serves it.
    Anthropic,
    /// `generateContent` as Google serves it.
    Google,
    /// The same and Messages as Vertex AI serves them, to the project `acme` in `us-east5`.
    Vertex,
    /// Converse as Amazon Bedrock serves it.
    Amazon,
}

/// In which format a conversation is asked for and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Chat,
    Responses,
    Messages,
    Gemini,
    Converse,
    /// Messages in the frames of Bedrock.
    Chunks,
}

/// Why a vendor refuses a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub message: String,
    /// The request's member that is wrong; OpenAI names it.
    pub param: Option<String>,
}

/// One running simulated provider; it ends when dropped.
#[derive(Debug)]
pub struct Provider {
    server: Server,
    shared: Arc<Shared>,
}

impl Provider {
    /// Starts one on a free port. Where `key` is not empty, requests without it get 401; to Amazon they have to be signed with a key `ID:SECRET:TOKEN`.
    pub fn start(vendor: Vendor, key: &str) -> io::Result<Self> {
        Self::start_at("127.0.0.1:0", vendor, key)
    }

    /// Starts one at a given address.
    pub fn start_at(address: &str, vendor: Vendor, key: &str) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let key = key.to_owned();
        let handler = {
            let shared = shared.clone();
            move |request: &Request, answer: &mut Answer<'_>| {
                let number = shared.record(request);
                // A write that fails means that the client has left, which the record keeps.
                if serve(vendor, &key, request, answer, &shared, number).is_err() {
                    shared.client_left(number);
                }
                shared.over(number);
            }
        };
        Ok(Self { server: Server::start(address, Arc::new(handler))?, shared })
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// What a document names as `endpoint` for it: the base URL that the vendor's SDK would take.
    pub fn endpoint(&self, vendor: Vendor) -> String {
        match vendor {
            Vendor::OpenAi => format!("http://{}/v1", self.address()),
            Vendor::Anthropic | Vendor::Amazon => format!("http://{}", self.address()),
            Vendor::Google => format!("http://{}/v1beta", self.address()),
            Vendor::Vertex => format!("http://{}/v1", self.address()),
        }
    }

    /// The handle through which a test scripts answers and reads what came.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

fn serve(vendor: Vendor, key: &str, request: &Request, answer: &mut Answer<'_>, shared: &Shared, number: usize) -> io::Result<()> {
    if let Some(scripted) = shared.next_scripted() {
        return scripted.play(answer, shared);
    }
    let refused = match authorised(vendor, key, request) {
        Err(refusal) => refusal,
        Ok(()) => match (vendor, request.method.as_str(), request.path()) {
            (Vendor::OpenAi, "POST", "/v1/chat/completions") => match valid_chat::check(request) {
                Err(refusal) => refusal,
                Ok(body) => return converse(vendor, Format::Chat, &chat::ask(&body), &body, answer, shared, number),
            },
            (Vendor::OpenAi, "POST", "/v1/responses") => match valid_responses::check(request) {
                Err(refusal) => refusal,
                Ok(body) => return converse(vendor, Format::Responses, &responses::ask(&body), &body, answer, shared, number),
            },
            (Vendor::Anthropic, "POST", "/v1/messages") => match valid_messages::check(request) {
                Err(refusal) => refusal,
                Ok(body) => return converse(vendor, Format::Messages, &messages::ask(&body), &body, answer, shared, number),
            },
            (Vendor::Google, "POST", path) if gemini::method(path).is_some_and(|(_, method)| method.ends_with("enerateContent")) => {
                let (model, method) = gemini::method(path).unwrap_or_default();
                match valid_gemini::check(request) {
                    Err(refusal) => refusal,
                    Ok(body) => {
                        let ask = gemini::ask(&body, model, method == "streamGenerateContent");
                        return converse(vendor, Format::Gemini, &ask, &body, answer, shared, number);
                    }
                }
            }
            (Vendor::Amazon, "POST", path) if bedrock::operation(path).is_some_and(|(_, operation)| operation.starts_with("converse")) => {
                let (model, operation) = bedrock::operation(path).unwrap_or_default();
                match valid_converse::check(request) {
                    Err(refusal) => refusal,
                    Ok(body) => {
                        let ask = bedrock::ask(&body, model, operation == "converse-stream");
                        return converse(vendor, Format::Converse, &ask, &body, answer, shared, number);
                    }
                }
            }
            (Vendor::Amazon, "POST", path) if bedrock::operation(path).is_some_and(|(_, operation)| operation.starts_with("invoke")) => {
                let (model, operation) = bedrock::operation(path).unwrap_or_default();
                match carried::by_invoke(request, &model, operation != "invoke") {
                    Err(refusal) => refusal,
                    Ok(body) => return converse(vendor, Format::Chunks, &messages::ask(&body), &body, answer, shared, number),
                }
            }
            (Vendor::Vertex, "POST", path) if carried::called(path).is_some_and(|(_, model, method)| conversation(model, method)) => {
                let (publisher, model, method) = carried::called(path).unwrap_or_default();
                let (stream, own) = (method.starts_with("stream"), publisher == "anthropic");
                match if own { carried::by_predict(request, model, stream) } else { valid_gemini::check(request) } {
                    Err(refusal) => refusal,
                    Ok(body) if own => return converse(vendor, Format::Messages, &messages::ask(&body), &body, answer, shared, number),
                    Ok(body) => {
                        return converse(vendor, Format::Gemini, &gemini::ask(&body, model, stream), &body, answer, shared, number);
                    }
                }
            }
            (_, _, path) => match beside::answer(vendor, request, path) {
                Some(body) => return whole(vendor, 200, &[], &body, answer, number),
                None => Refusal { status: 404, message: format!("Invalid URL ({} {path})", request.method), param: None },
            },
        },
    };
    refuse(vendor, &refused, &[], answer, number)
}

/// Whether a method of a model of Vertex AI's is a turn of a conversation.
fn conversation(model: &str, method: &str) -> bool {
    model != "count-tokens" && ["rawPredict", "streamRawPredict", "generateContent", "streamGenerateContent"].contains(&method)
}

/// Answers one request for a conversation's next turn.
fn converse(
    vendor: Vendor,
    format: Format,
    ask: &Ask,
    body: &Value,
    answer: &mut Answer<'_>,
    shared: &Shared,
    number: usize,
) -> io::Result<()> {
    let behaviour = shared.next_behaviour().unwrap_or_else(|| Behaviour::of(&ask.model, &ask.last_user_text));
    let mut reply = turn::compose(ask, vendor);
    match &behaviour {
        Behaviour::Status(status) => {
            let refusal = Refusal { status: *status, message: format!("Simulated failure {status}"), param: None };
            return refuse(vendor, &refusal, retry_after(*status), answer, number);
        }
        Behaviour::Reset => {
            answer.abort();
            return Ok(());
        }
        Behaviour::Garbage => {
            answer.raw(b"220 mail.sim.test ready\r\n500 unknown command\r\n")?;
            answer.abort();
            return Ok(());
        }
        Behaviour::Html(status) => {
            let page = b"<html><head><title>502 Bad Gateway</title></head><body><h1>\"Bad\" Gateway</h1>\n</body></html>";
            return answer.whole(*status, &[("content-type", "text/html")], page);
        }
        Behaviour::Empty => return answer.whole(200, &[("content-type", content_type(vendor, ask.stream))], b""),
        Behaviour::Stall => {
            while !answer.client_gone() {
                std::thread::sleep(Duration::from_millis(10));
            }
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Behaviour::Echo => reply.text = body.to_string(),
        Behaviour::NoUsage => reply.usage = None,
        Behaviour::Normal
        | Behaviour::ResetMidStream
        | Behaviour::HalfStream
        | Behaviour::ErrorFirst
        | Behaviour::ErrorInStream
        | Behaviour::Slow
        | Behaviour::Gated
        | Behaviour::HalfJson
        | Behaviour::Gzip => {}
    }
    if ask.stream {
        let events = match format {
            Format::Chat => chat::stream(ask, &reply, number),
            Format::Responses => responses::stream(body, ask, &reply, number),
            Format::Messages => messages::stream(ask, &reply, number),
            Format::Gemini => gemini::stream(ask, &reply, number),
            Format::Converse => bedrock::stream(ask, &reply),
            Format::Chunks => carried::chunks(&messages::stream(ask, &reply, number)),
        };
        let error = error_event(format);
        return behaviour::send_stream(&behaviour, &events, &error, &headers(vendor, number, true), answer, shared);
    }
    let document = match format {
        Format::Chat => chat::whole(ask, &reply, number),
        Format::Responses => responses::whole(body, ask, &reply, number),
        Format::Messages | Format::Chunks => messages::whole(ask, &reply, number),
        Format::Gemini => gemini::whole(ask, &reply, number),
        Format::Converse => bedrock::whole(ask, &reply),
    };
    send_whole(vendor, &behaviour, &document, answer, shared, number)
}

fn send_whole(
    vendor: Vendor,
    behaviour: &Behaviour,
    document: &Value,
    answer: &mut Answer<'_>,
    shared: &Shared,
    number: usize,
) -> io::Result<()> {
    let text = document.to_string();
    match behaviour {
        Behaviour::HalfJson | Behaviour::HalfStream => {
            let half = &text.as_bytes()[..text.len() / 2];
            answer.whole(200, &borrow(&headers(vendor, number, false)), half)
        }
        Behaviour::ResetMidStream => {
            answer.begin(200, &borrow(&headers(vendor, number, false)))?;
            answer.chunk(&text.as_bytes()[..text.len() / 2])?;
            answer.abort();
            Ok(())
        }
        Behaviour::Gzip => {
            let mut head = headers(vendor, number, false);
            head.push(("content-encoding".into(), "gzip".into()));
            answer.whole(200, &borrow(&head), &behaviour::gzip(text.as_bytes()))
        }
        Behaviour::Slow => {
            std::thread::sleep(behaviour::SLOW * 4);
            whole(vendor, 200, &[], document, answer, number)
        }
        Behaviour::Gated => {
            shared.wait_permit();
            whole(vendor, 200, &[], document, answer, number)
        }
        _ => whole(vendor, 200, &[], document, answer, number),
    }
}

fn authorised(vendor: Vendor, key: &str, request: &Request) -> Checked {
    if key.is_empty() {
        return Ok(());
    }
    let bearer = request.headers.value("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let given = match vendor {
        Vendor::OpenAi => bearer,
        Vendor::Anthropic => request.headers.value("x-api-key").or(bearer),
        Vendor::Google | Vendor::Vertex => request.headers.value("x-goog-api-key").or(bearer),
        Vendor::Amazon => return bedrock::authorised(key, request),
    };
    if given == Some(key) {
        return Ok(());
    }
    let message = if given.is_some() { "Incorrect API key provided" } else { "You didn't provide an API key" };
    Err(Refusal { status: 401, message: message.into(), param: None })
}

fn refuse(vendor: Vendor, refusal: &Refusal, extra: &[(&str, &str)], answer: &mut Answer<'_>, number: usize) -> io::Result<()> {
    let mut extra = extra.to_vec();
    let body = match vendor {
        Vendor::OpenAi => chat::error(refusal),
        Vendor::Anthropic => messages::error(refusal, number),
        Vendor::Google | Vendor::Vertex => gemini::error(refusal),
        Vendor::Amazon => {
            extra.push(("x-amzn-errortype", bedrock::error_name(refusal)));
            bedrock::error(refusal)
        }
    };
    whole(vendor, refusal.status, &extra, &body, answer, number)
}

fn whole(vendor: Vendor, status: u16, extra: &[(&str, &str)], body: &Value, answer: &mut Answer<'_>, number: usize) -> io::Result<()> {
    let standing = headers(vendor, number, false);
    let mut all = borrow(&standing);
    all.extend_from_slice(extra);
    answer.whole(status, &all, body.to_string().as_bytes())
}

/// The headers of every answer: the vendor's own, among them what must not reach a client.
fn headers(vendor: Vendor, number: usize, stream: bool) -> Vec<(String, String)> {
    let id = format!("req_sim_{number}");
    let own: &[(&str, &str)] = match vendor {
        Vendor::OpenAi => &[("openai-organization", "sim-org"), ("openai-version", "2020-10-01"), ("x-ratelimit-remaining-requests", "99")],
        Vendor::Anthropic => &[("anthropic-organization-id", "sim-org"), ("anthropic-ratelimit-requests-remaining", "99")],
        Vendor::Amazon => &[],
        Vendor::Google | Vendor::Vertex => &[("server", "scaffolding on HTTPServer2"), ("x-gemini-service-tier", "standard")],
    };
    let id_name = match vendor {
        Vendor::OpenAi | Vendor::Google | Vendor::Vertex => "x-request-id",
        Vendor::Anthropic => "request-id",
        Vendor::Amazon => "x-amzn-requestid",
    };
    let mut all = vec![("content-type".to_owned(), content_type(vendor, stream).to_owned()), (id_name.to_owned(), id)];
    all.extend(own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    all.push(("set-cookie".to_owned(), "__sim=secret; HttpOnly".to_owned()));
    all
}

fn content_type(vendor: Vendor, stream: bool) -> &'static str {
    match (stream, vendor) {
        (true, Vendor::Amazon) => "application/vnd.amazon.eventstream",
        (true, Vendor::OpenAi | Vendor::Anthropic | Vendor::Google | Vendor::Vertex) => "text/event-stream; charset=utf-8",
        (false, _) => "application/json",
    }
}

fn retry_after(status: u16) -> &'static [(&'static str, &'static str)] {
    if matches!(status, 429 | 503 | 529) { &[("retry-after", "7")] } else { &[] }
}

fn error_event(format: Format) -> Vec<u8> {
    let refusal = Refusal { status: 500, message: "Simulated failure in the stream".into(), param: None };
    match format {
        Format::Chat => format!("data: {}\n\n", chat::error(&refusal)).into_bytes(),
        Format::Responses => responses::error_event(&chat::error(&refusal)),
        Format::Converse | Format::Chunks => bedrock::error_event(&refusal),
        Format::Gemini => format!("data: {}\r\n\r\n", gemini::error(&refusal)).into_bytes(),
        Format::Messages => format!("event: error\ndata: {}\n\n", messages::error(&Refusal { status: 529, ..refusal }, 0)).into_bytes(),
    }
}

fn borrow(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}
