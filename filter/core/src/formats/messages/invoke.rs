//! Messages as clients of Bedrock speak it: Anthropic's words, in Bedrock's frames, with Bedrock's errors.

use super::{Messages, carrier, chunks};
use crate::formats::{Asked, ClientSide, Head, Outline, Reply, StreamWriter, Task, aws_reply};
use crate::framing::event_stream;
use crate::framing::sse::{self, MAX_EVENT};
use crate::hub::{Answer, ErrorKind, Event, Field, Rejection, Request};
use crate::json::Out;

/// The format below the paths of Bedrock.
#[derive(Clone, Copy, Debug)]
pub struct Invoke;

impl Invoke {
    /// Whether a path is one of them.
    #[must_use]
    pub fn owns(head: &Head<'_>) -> bool {
        carrier::invoked(head).is_some()
    }
}

impl ClientSide for Invoke {
    fn task(&self, head: &Head<'_>) -> Option<Task> {
        Messages.task(head)
    }

    fn model_in_path(&self, head: &Head<'_>) -> Option<String> {
        Messages.model_in_path(head)
    }

    fn members(&self) -> &'static [(Field, &'static str)] {
        Messages.members()
    }

    fn outline(&self, head: &Head<'_>, body: &[u8]) -> Result<Outline, Rejection> {
        Messages.outline(head, body)
    }

    fn decode<'b>(&self, head: &Head<'_>, body: &'b [u8]) -> Result<Request<'b>, Rejection> {
        Messages.decode(head, body)
    }

    fn encode_answer(&self, answer: &Answer<'_>, asked: &Asked, out: &mut Out) -> Vec<Field> {
        Messages.encode_answer(answer, asked, out)
    }

    fn stream_type(&self, _asked: &Asked) -> &'static str {
        event_stream::MEDIA_TYPE
    }

    fn carrier(&self) -> super::Carrier {
        super::Carrier::Bedrock
    }

    fn id_header(&self) -> &'static str {
        "x-amzn-requestid"
    }

    fn writer(&self, asked: &Asked) -> Box<dyn StreamWriter> {
        Box::new(Writer { inner: Messages.writer(asked), sent: Vec::new(), events: sse::Reader::new(MAX_EVENT), over: false })
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

/// Writes a stream as Anthropic does, and each of its events into a chunk.
struct Writer {
    inner: Box<dyn StreamWriter>,
    /// What Anthropic would have sent.
    sent: Vec<u8>,
    events: sse::Reader,
    /// An exception was written: nothing follows it.
    over: bool,
}

impl StreamWriter for Writer {
    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        if let Event::Error(failure) = event {
            self.over = true;
            return aws_reply::event(&failure.into(), out);
        }
        self.inner.write(event, &mut self.sent);
        let mut failed = false;
        let framed = self.events.push(&self.sent, &mut |frame| {
            failed |= frame.event == Some(b"error");
            if !failed {
                chunks::wrap(&frame, out);
            }
        });
        self.sent.clear();
        // Anthropic's own event of an error, or one that is longer than any reader takes.
        if failed || framed.is_err() {
            self.over = true;
            aws_reply::event(&Rejection::new(ErrorKind::BadGateway, "the provider broke off its answer"), out);
        }
    }

    fn left(&self) -> &[Field] {
        self.inner.left()
    }
}
