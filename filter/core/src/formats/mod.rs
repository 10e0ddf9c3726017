//! Wire formats by what they can do: speak with clients, carry bytes through unchanged, or be translated into.
//!
//! Five formats make five decoders and five encoders, joined by [`crate::hub`]; no format knows another one.

mod aws_error;
mod aws_reply;
mod breakpoints;
mod calls;
pub mod chat;
pub mod claude;
mod conversation;
pub mod converse;
mod count;
mod counting;
pub mod crossing;
mod error_text;
mod found;
pub mod gemini;
pub mod google_paths;
pub mod head;
mod homeward;
mod ids;
mod in_turn;
mod media;
mod members;
pub mod messages;
mod offer;
mod openai;
mod openai_models;
mod outline;
pub mod responses;
mod schema;
mod shape;
mod sources;
mod stand_in;
mod thinking;
mod tool_names;
mod turns;
mod wire;

pub use conversation::conversation;
pub use counting::counting;
pub use crossing::Crossing;
pub use head::{Head, Task};
pub use homeward::Homeward;
pub use outline::{Outline, OutputLimitSpan, Span, Traits};
pub use stand_in::stand_in;
pub use wire::{Asked, Beside, Keep, Meter, Onward, Passage, Reply, Seen, StreamReader, StreamWriter};

use crate::hub::{Answer, Failure, Field, Losses, Rejection, Request};
use crate::json::{Out, Splices};
use crate::names::FormatId;

/// A format that clients speak.
pub trait ClientSide: Sync + core::fmt::Debug {
    /// What a path asks for; `None` where it is not one of this format's.
    fn task(&self, head: &Head<'_>) -> Option<Task>;

    /// The model that a path names; `None` where the body names it.
    fn model_in_path(&self, _head: &Head<'_>) -> Option<String> {
        None
    }

    /// Elements whose member has another name here than in the table of fates.
    fn members(&self) -> &'static [(Field, &'static str)] {
        &[]
    }

    /// The client's own member that says this element of a request, for errors that have no place in the body to name.
    fn member(&self, field: Field) -> &'static str {
        self.members().iter().find(|(one, _)| *one == field).map_or_else(|| field.as_str(), |(_, member)| member)
    }

    /// One scan over a request: what routing, limits and edits must know of it. Nothing in it borrows the body.
    ///
    /// # Errors
    /// The body is not JSON, or not of the format's shape; the message names the member.
    fn outline(&self, head: &Head<'_>, body: &[u8]) -> Result<Outline, Rejection>;

    /// The whole request, borrowed.
    ///
    /// # Errors
    /// A member is not of the format's shape; `param` is its path.
    fn decode<'b>(&self, head: &Head<'_>, body: &'b [u8]) -> Result<Request<'b>, Rejection>;

    /// The body in words that [`Self::decode`] may hand to other formats; `None` where it is in them already.
    fn plain(&self, _outline: &Outline, _body: &[u8]) -> Option<Vec<u8>> {
        None
    }

    /// Writes a whole answer as the client's format has it. What could not be written as the model said it is what it gives back; an
    /// element may stand more than once.
    fn encode_answer(&self, answer: &Answer<'_>, asked: &Asked, out: &mut Out) -> Vec<Field>;

    /// The media type of a streamed answer.
    fn stream_type(&self, _asked: &Asked) -> &'static str {
        "text/event-stream; charset=utf-8"
    }

    /// Who carries its streams.
    fn carrier(&self) -> messages::Carrier {
        messages::Carrier::Own
    }

    /// Whether the events of a stream that passes stand in one JSON array, one behind the other.
    fn is_list(&self, _asked: &Asked) -> bool {
        false
    }

    /// The header in which answers carry the id of the request.
    fn id_header(&self) -> &'static str {
        "x-request-id"
    }

    /// A writer for one streamed answer.
    fn writer(&self, asked: &Asked) -> Box<dyn StreamWriter>;

    /// The reply that tells the client of an error: status, headers and body in the format's own form.
    fn reply(&self, error: &Rejection) -> Reply;

    /// The event that tells the client of an error in the middle of a stream.
    fn error_event(&self, error: &Rejection, out: &mut Vec<u8>);

    /// The answer to `GET /v1/models`.
    fn models(&self, names: &mut dyn Iterator<Item = &str>, created: u64) -> Reply;
}

/// A format that providers speak.
pub trait ProviderSide: Sync {
    /// Reads an error answer. It never fails: HTML, text, nothing and the shapes of other vendors all give a failure.
    ///
    /// `headers` are names (lower case) and values.
    fn failure(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Failure;
}

/// A format that passes from client to provider with its bytes unchanged but for single values.
pub trait SameFormat: Sync {
    /// The splices that the provider needs: model name, `include_usage`, what its dialect renames.
    ///
    /// # Errors
    /// The dialect can't express something and leaving it out would change the answer.
    fn edit(
        &self,
        outline: &Outline,
        body: &[u8],
        onward: &Onward<'_>,
        splices: &mut Splices,
        losses: &mut Losses,
    ) -> Result<(), Rejection>;

    /// A reader of passing streams; it changes nothing but what [`Keep`] says.
    fn meter(&self, asked: &Asked) -> Box<dyn Meter>;

    /// What a whole answer says about itself.
    fn measure(&self, body: &[u8]) -> Seen;
}

/// A format that requests of other formats are translated into.
pub trait Translation: Sync {
    /// Writes a request body; `crossing` is its way into this format.
    ///
    /// # Errors
    /// An element whose fate is [`crate::hub::Fate::Refuse`]; `param` names the client's own member.
    fn encode(&self, request: &Request<'_>, onward: &Onward<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection>;

    /// The whole answer, borrowed.
    ///
    /// # Errors
    /// The body is not the format's JSON: the provider broke its own grammar.
    fn decode_answer<'b>(&self, body: &'b [u8]) -> Result<Answer<'b>, Failure>;

    /// A reader for one streamed answer.
    fn reader(&self) -> Box<dyn StreamReader>;
}

/// A format, whole: whichever side speaks it, and whatever the other side speaks.
pub trait Format: ClientSide + ProviderSide + SameFormat + Translation {}

impl<T: ClientSide + ProviderSide + SameFormat + Translation> Format for T {}

/// The format of this name.
#[must_use]
pub fn named(format: FormatId) -> &'static dyn Format {
    match format {
        FormatId::Chat => &chat::Chat,
        FormatId::Responses => &responses::Responses,
        FormatId::Messages => &messages::Messages,
        FormatId::Converse => &converse::Converse,
        FormatId::Gemini => &gemini::Gemini,
    }
}

/// The format as the client of one request speaks it: a cloud's path may want answers and errors in the cloud's own words.
#[must_use]
pub fn client_of(format: FormatId, head: &Head<'_>) -> &'static dyn ClientSide {
    if format == FormatId::Messages && messages::Invoke::owns(head) { &messages::Invoke } else { named(format) }
}

/// Reads an error answer of a provider that speaks `format` below the paths of a carrier; it never fails, as [`ProviderSide::failure`].
#[must_use]
pub fn failure(format: FormatId, carrier: messages::Carrier, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Failure {
    carrier.failure(status, headers, body).unwrap_or_else(|| named(format).failure(status, headers, body))
}
