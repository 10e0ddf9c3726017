//! What the formats and the exchange hand each other: what was asked, what goes onward, what was seen, and replies.

use super::ClientSide;
use crate::framing::Frame;
use crate::hub::{Answer, Event, Failure, Field, Losses, Piece, Renames};
use crate::providers::Dialect;
use crate::usage::Usage;

/// What the writer of an answer must know of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The model as the client called it.
    pub model: String,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// Whether the client asked for usage at the end of its stream.
    pub include_usage: bool,
    /// Seconds since the epoch, for answers that carry no time of their own.
    pub now: u64,
    /// Milliseconds from the request to the answer, as far as it has come when it is written.
    pub latency: u64,
    /// What the format noted for itself in [`super::Outline::memo`].
    pub memo: Option<Box<str>>,
}

/// What a request to a provider must say beside what the client said.
#[derive(Clone, Copy, Debug)]
pub struct Onward<'a> {
    /// The provider's name for the model; `None` passes the client's through.
    pub model: Option<&'a str>,
    /// How the provider differs from its format.
    pub dialect: Dialect,
    /// Tokens of the answer where the format demands a limit and the client gave none.
    pub default_max_tokens: u64,
    /// What the client says beside its body.
    pub beside: Beside<'a>,
    /// The client's format: it knows the client's own names of what can't be sent.
    pub client: &'a dyn ClientSide,
}

/// What a client's request says beside its body, and carriers of its format want in the body.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// The version of Anthropic's API, from its header.
    pub version: Option<&'a str>,
    /// The values of Anthropic's headers for beta features, each a list with commas.
    pub betas: &'a [&'a str],
    /// Whether its tokens are counted without an answer.
    pub counts: bool,
}

/// What a request leaves behind on its way into another format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// What could not be carried.
    pub losses: Losses,
    /// What has to be undone in the answer.
    pub renames: Renames,
    /// The client's names of custom tools for which functions stand in.
    pub customs: Vec<Box<str>>,
    /// Flags for beta features of Anthropic's API that are said in a header.
    pub betas: Vec<Box<str>>,
}

impl Passage {
    /// Nothing was left behind yet. Where losses are `strict`, what would be lost or altered is refused.
    #[must_use]
    pub fn new(strict: bool) -> Self {
        Self { losses: Losses::new(strict), ..Self::default() }
    }
}

/// What a passing or translated answer said about itself so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The last statement of usage.
    pub usage: Option<Usage>,
    /// Whether anything was seen that the client would miss.
    pub content: bool,
    /// Why the answer ended, as [`crate::hub::Finish::as_str`] says it.
    pub finish: Option<&'static str>,
    /// The provider said that it failed.
    pub failure: Option<Failure>,
    /// The provider said that the answer is complete.
    pub complete: bool,
    /// Bytes of the model's text, thinking and arguments so far: the ground of counts where usage is missing.
    pub output_bytes: u64,
    /// The model that the provider says it used.
    pub model: Option<String>,
    /// The provider's id of the answer.
    pub id: Option<String>,
}

impl Seen {
    /// Takes note of an event of the answer.
    pub fn note(&mut self, event: &Event<'_>) {
        self.content |= event.is_content();
        match event {
            Event::Start(start) => {
                self.model = start.model.as_ref().map(|model| model.plain().into_owned());
                self.id = start.id.as_ref().map(|id| id.plain().into_owned());
            }
            Event::PartDelta { piece: Piece::Text(text) | Piece::Arguments(text), .. } => {
                self.output_bytes = self.output_bytes.saturating_add(u64::try_from(text.as_escaped().len()).unwrap_or(0));
            }
            Event::Usage(usage) => self.usage.get_or_insert_default().merge_snapshot(usage),
            Event::Finish { reason, .. } => self.finish = Some(reason.as_str()),
            Event::End => self.complete = true,
            Event::Error(failure) => self.failure = Some(failure.clone()),
            Event::PartDelta { piece: Piece::Signature(_) | Piece::Citation(_), .. }
            | Event::PartStart { .. }
            | Event::PartEnd { .. }
            | Event::Likelihood { .. }
            | Event::Met(_)
            | Event::Ping => {}
        }
    }

    /// What a whole answer says about itself.
    #[must_use]
    pub fn of(answer: &Answer<'_>) -> Self {
        Self {
            usage: answer.usage,
            model: answer.model.as_ref().map(|model| model.plain().into_owned()),
            finish: answer.choices.first().map(|choice| choice.finish.as_str()),
            ..Self::default()
        }
    }
}

/// What happens to a frame that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It goes to the client as it came.
    Whole,
    /// The client did not ask for it: the usage chunk that Weir asked for.
    Drop,
}

/// Reads a stream that passes unchanged. Unreadable frames are kept: bytes never change because a reader failed.
pub trait Meter {
    /// Takes the next frame.
    fn frame(&mut self, frame: &Frame<'_>) -> Keep;

    /// What was seen so far.
    fn seen(&self) -> &Seen;

    /// The body ended: settles whether the answer is complete.
    fn end(&mut self);
}

/// Turns a provider's frames into events.
pub trait StreamReader {
    /// Takes the next frame and hands out what it says.
    fn frame(&mut self, frame: &Frame<'_>, sink: &mut dyn FnMut(Event<'_>));

    /// The body ended: `End` where the answer is complete, `Error` where it is cut, nothing where either was said before.
    fn end(&mut self, sink: &mut dyn FnMut(Event<'_>));
}

/// Turns events into a client's frames.
pub trait StreamWriter {
    /// Writes what the event means to the client; an event may mean nothing yet.
    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>);

    /// What could not be written so far as the model said it, beside what [`Event::element`] tells; an element may stand more than once.
    fn left(&self) -> &[Field] {
        &[]
    }
}

/// A whole reply to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case, and values; content type included, content length not.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}
