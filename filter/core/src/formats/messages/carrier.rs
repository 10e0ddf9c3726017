//! Services that carry Messages below paths of their own: what of a request moves out of its body, and what stands there instead.
//!
//! ```text
//!            model      stream            version of the API           beta flags
//! Own        body       body              header anthropic-version     header anthropic-beta
//! Vertex     path       body and path     body anthropic_version       header anthropic-beta
//! Bedrock    path       path              body anthropic_version       body anthropic_beta
//! ```
//! A request may come in one of these forms and leave in another one; all else of its bytes passes.

use super::{chunks, marker};
use crate::formats::aws_error;
use crate::formats::claude::betas;
use crate::formats::google_paths::{self, Method};
use crate::formats::head::{Head, decoded};
use crate::formats::shape::Fault;
use crate::formats::{Onward, Outline, Span, Task, Traits, members};
use crate::framing::Frame;
use crate::hub::{ErrorKind, Failure, Fate, Field, Losses, Rejection};
use crate::json::{Out, Splices, utf8};
use crate::names::FormatId;

/// Who carries the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Carrier {
    /// Anthropic itself, and whoever takes the format at Anthropic's own path.
    #[default]
    Own,
    /// Google's Vertex AI, by `rawPredict` and `streamRawPredict`.
    Vertex,
    /// Amazon Bedrock, by `invoke` and `invoke-with-response-stream`.
    Bedrock,
}

/// The version of Anthropic's own API that both clouds have by a name of theirs; of a later one they take Anthropic's own name.
pub(super) const FIRST_VERSION: &str = "2023-06-01";

/// What stands where a model does in Vertex's path for counting, which leaves the model in the body.
const COUNTED: &str = "count-tokens";

impl Carrier {
    /// Its name for the first version of the API, which stands in the body.
    const fn version(self) -> Option<&'static str> {
        match self {
            Self::Own => None,
            Self::Vertex => Some("vertex-2023-10-16"),
            Self::Bedrock => Some("bedrock-2023-05-31"),
        }
    }

    /// The client's request headers that say something to it.
    #[must_use]
    pub const fn headers(self) -> &'static [&'static str] {
        match self {
            Self::Own => &["anthropic-version", "anthropic-beta"],
            Self::Vertex => &["anthropic-beta"],
            Self::Bedrock => &[],
        }
    }

    /// What it takes of no request, whoever wrote it: neither cloud fetches media.
    #[must_use]
    pub fn refuses(self, traits: Traits) -> Option<Field> {
        match self {
            Self::Own => None,
            Self::Vertex | Self::Bedrock => [Field::ImageUri, Field::DocumentUri].into_iter().find(|field| traits.contains(*field)),
        }
    }

    /// Frames an event of Anthropic's as its clients read it.
    pub fn wrap(self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Own | Self::Vertex => out.extend_from_slice(frame.raw),
            Self::Bedrock => chunks::wrap(frame, out),
        }
    }

    /// Hands on what a frame of its streams carries, framed as Anthropic itself frames it.
    pub fn unwrap(self, frame: &Frame<'_>, each: &mut dyn FnMut(Frame<'_>)) {
        match self {
            Self::Own | Self::Vertex => each(*frame),
            Self::Bedrock => chunks::unwrap(frame, each),
        }
    }

    /// Whether its streams are framed in another way than Anthropic's.
    #[must_use]
    pub const fn reframes(self) -> bool {
        match self {
            Self::Own | Self::Vertex => false,
            Self::Bedrock => true,
        }
    }

    /// Reads an error answer that the carrier words itself; `None` where it words them as the format does.
    #[must_use]
    pub fn failure(self, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Option<Failure> {
        match self {
            Self::Own | Self::Vertex => None,
            Self::Bedrock => Some(aws_error::failure(status, headers, body)),
        }
    }

    /// Writes what stands in the place of the model and of what headers say, where a whole body is written; where tokens are `counted`,
    /// no path says the model.
    pub(super) fn open(self, model: &str, counted: bool, out: &mut Out) {
        if let Some(version) = self.version() {
            out.key("anthropic_version");
            out.plain(version);
        }
        if self == Self::Own || self == Self::Vertex && counted {
            out.key("model");
            out.plain(model);
        }
    }

    /// Whether the body says that the answer shall be a stream.
    pub(super) const fn streams_by_body(self) -> bool {
        match self {
            Self::Own | Self::Vertex => true,
            Self::Bedrock => false,
        }
    }
}

/// What the path of a client that asks as a carrier is asked says of its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Called {
    /// Which one.
    pub carrier: Carrier,
    /// The model; empty where the body says it, as it does where tokens are counted.
    pub model: String,
    /// Whether the answer is a stream.
    pub stream: bool,
}

impl Called {
    /// Reads a path; `None` where it is no carrier's.
    pub(super) fn of(head: &Head<'_>) -> Option<Self> {
        if let Some((model, stream)) = invoked(head) {
            return Some(Self { carrier: Carrier::Bedrock, model: decoded(model), stream });
        }
        // Most paths are others, and are asked of every format.
        if !head.bare().ends_with("Predict") {
            return None;
        }
        let called = google_paths::called(head).filter(|called| called.publisher == "anthropic")?;
        let stream = match called.method {
            Method::Raw => false,
            Method::StreamRaw => true,
            Method::Generate | Method::Stream | Method::Count => return None,
        };
        let model = if called.model == COUNTED { String::new() } else { called.model };
        Some(Self { carrier: Carrier::Vertex, model, stream })
    }

    /// Whether the answer is a stream, of a request whose body says so: the path stands above it, where it says anything.
    pub(super) const fn streams(&self, body: bool) -> bool {
        if self.model.is_empty() { body } else { self.stream }
    }

    /// What is asked for.
    pub(super) fn task(&self) -> Task {
        if self.model.is_empty() { Task::CountTokens } else { Task::Generate }
    }
}

/// The model of a path of Bedrock's, as it stands there, and whether the answer is a stream; a model's name may hold slashes that nobody escaped.
pub(super) fn invoked<'h>(head: &Head<'h>) -> Option<(&'h str, bool)> {
    let (model, action) = head.bare().strip_prefix("/model/")?.rsplit_once('/').filter(|(model, _)| !model.is_empty())?;
    match action {
        "invoke" => Some((model, false)),
        "invoke-with-response-stream" => Some((model, true)),
        _ => None,
    }
}

/// Whether a version is a cloud's name of the first one.
pub(super) fn is_clouds(version: &str) -> bool {
    ["vertex-", "bedrock-"].into_iter().any(|cloud| version.contains(cloud))
}

/// Notes the splices that bring a request from the form in which it came into that of the provider's carrier.
///
/// # Errors
/// A flag of the client's can't be said to the carrier, and nothing may be lost.
pub(super) fn edit(
    outline: &Outline,
    body: &[u8],
    onward: &Onward<'_>,
    splices: &mut Splices,
    losses: &mut Losses,
) -> Result<(), Rejection> {
    let (from, to) = (outline.carrier, onward.dialect.carrier);
    if from == Carrier::Own && to == Carrier::Own {
        return Ok(());
    }
    let text = utf8(body).unwrap_or_default();
    let all = members::all(text).map_err(|error| Fault::from(error).rejection(text))?;
    // Where tokens are counted the model stays in the body.
    let by_path = from != Carrier::Own && outline.model_span.is_none();
    let keeps_model = !by_path && (to == Carrier::Own || to == Carrier::Vertex && onward.beside.counts);
    let (mut dropped, mut version, mut flagged, mut stream) = (Vec::new(), false, false, false);
    // In the order of the body, as all of them are.
    let mut repeated = outline.repeated.iter().peekable();
    let mut marked = None;
    let value = |span: &Span| span.range().and_then(|range| text.get(range)).unwrap_or_default();
    for (name, span) in &all {
        while repeated.next_if(|earlier| earlier.start < span.start).is_some() {}
        let keeps = match name.as_str() {
            "model" => keeps_model,
            // One that says otherwise than the path did is none.
            "stream" => {
                stream = value(span).trim_end().ends_with("true") == outline.stream;
                stream && to.streams_by_body()
            }
            "anthropic_version" => {
                // Another cloud's name of the first version means nothing here.
                let known = from == to || !is_clouds(value(span));
                version |= known && to != Carrier::Own;
                known && to != Carrier::Own
            }
            "anthropic_beta" => {
                flagged = !value(span).trim_end().ends_with("[]");
                // The others are told in a header.
                from == to
            }
            "cache_control" if marker::moves(outline, to) => {
                marked = Some(value(span)).and_then(|member| member.split_once(':')).map(|(_, value)| value.trim());
                false
            }
            _ => true,
        };
        if !keeps || repeated.peek() == Some(&span) {
            dropped.push(*span);
        }
    }
    members::remove(body, &dropped, "", splices);
    if let Some(value) = marked.filter(|value| *value != "null") {
        let settled = value.starts_with('{') && marker::settle(text, value, splices).map_err(|error| Fault::from(error).rejection(text))?;
        if !settled {
            losses.record(Field::Member, FormatId::Messages);
        }
    }
    let mut opening = Out::default();
    let wants_model = to == Carrier::Own && by_path;
    if wants_model {
        opening.key("model");
        opening.plain(onward.model.unwrap_or(&outline.model));
    }
    if let Some(own) = to.version().filter(|_| !version) {
        opening.key("anthropic_version");
        opening.plain(onward.beside.version.filter(|version| *version != FIRST_VERSION).unwrap_or(own));
    }
    if outline.stream && !stream && to.streams_by_body() {
        opening.key("stream");
        opening.boolean(true);
    }
    let mut lost = flagged && from != to && onward.beside.betas.is_empty();
    if to == Carrier::Bedrock && !(flagged && from == to) {
        let mut flags = Vec::new();
        betas::add(onward.beside.betas.iter(), &mut flags);
        let (taken, others) = betas::on_bedrock(flags);
        lost |= others;
        betas::encode(&taken, &mut opening);
    }
    if lost && losses.record(Field::BetaFlag, FormatId::Messages) == Fate::Refuse {
        let sentence = "anthropic-beta: the provider of this model does not take all of these flags";
        return Err(Rejection::new(ErrorKind::Unsupported, sentence).code("unsupported_by_target").at("anthropic-beta"));
    }
    let opening = opening.into_string();
    if !opening.is_empty() {
        // `messages` has to be there, so that another member follows.
        splices.replace(members::begin(text), format!("{opening},"));
    }
    Ok(())
}
