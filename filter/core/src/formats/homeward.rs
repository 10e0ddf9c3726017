//! What a translated answer needs on its way to the client, whatever the two formats: the client's own names of tools, its custom tools in
//! the place of the functions that stood in for them, and signatures in envelopes.

use crate::hub::{Answer, CallKind, Event, PartKind, Piece, PieceKind, Renames, Start, envelope};
use crate::json::{Inner, Json, Str};
use crate::names::FormatId;

/// The way of one answer from a provider's format to the client's.
#[derive(Clone, Debug)]
pub struct Homeward {
    origin: FormatId,
    /// The provider's id of the request: that of an answer which says none, as Converse's don't.
    id: Option<Box<str>>,
    renames: Renames,
    customs: Vec<Box<str>>,
    /// Open calls, by choice and part, whose arguments hold the input of a custom tool.
    open: Vec<(u32, u32, Inner)>,
}

impl Homeward {
    /// The way of an answer in the format `origin`, to a request in which these tools had other names.
    #[must_use]
    pub const fn new(origin: FormatId, renames: Renames) -> Self {
        Self { origin, id: None, renames, customs: Vec::new(), open: Vec::new() }
    }

    /// The same for a request in which functions stood in for these custom tools.
    #[must_use]
    pub fn with_customs(mut self, customs: Vec<Box<str>>) -> Self {
        self.customs = customs;
        self
    }

    /// The provider's head says this id of the request.
    pub fn call(&mut self, id: Option<&str>) {
        self.id = id.filter(|id| !id.is_empty()).map(Into::into);
    }

    /// A whole answer as the client's format shall write it.
    pub fn answer(&self, answer: &mut Answer<'_>) {
        if answer.id.is_none() {
            answer.id = self.id.as_deref().map(|id| Str::from_plain_owned(id.to_owned()));
        }
        for part in answer.choices.iter_mut().flat_map(|choice| &mut choice.parts) {
            match &mut part.kind {
                PartKind::Reasoning { signature: Some(text), .. } => *text = envelope::wrap(self.origin, text),
                PartKind::RedactedReasoning(data) => *data = envelope::seal(self.origin, data),
                PartKind::ToolCall { name, arguments, kind, .. } => {
                    if let Some(own) = self.own(name) {
                        *name = own;
                    }
                    if self.is_custom(name) {
                        *kind = CallKind::Custom;
                        *arguments = Json::Text(Inner::default().push(&match arguments {
                            Json::Text(text) => text.reborrow(),
                            Json::Value(raw) => Str::from_plain(raw.as_str()),
                        }));
                    }
                }
                PartKind::Text(_)
                | PartKind::Refusal(_)
                | PartKind::Media { .. }
                | PartKind::Reasoning { signature: None, .. }
                | PartKind::ToolCallResponse { .. }
                | PartKind::Opaque(_) => {}
            }
        }
    }

    /// An event as the client's format shall write it.
    #[must_use]
    pub fn event<'f>(&mut self, event: Event<'f>) -> Event<'f> {
        match event {
            Event::Start(start) if start.id.is_none() => {
                Event::Start(Start { id: self.id.as_deref().map(|id| Str::from_plain_owned(id.to_owned())), ..start })
            }
            Event::PartStart { choice, index, kind: PieceKind::RedactedReasoning(data) } => {
                Event::PartStart { choice, index, kind: PieceKind::RedactedReasoning(envelope::seal(self.origin, &data)) }
            }
            Event::PartStart { choice, index, kind: PieceKind::ToolCall { id, name, kind } } => {
                let name = self.own(&name).unwrap_or(name);
                let kind = if self.is_custom(&name) {
                    self.open.push((choice, index, Inner::default()));
                    CallKind::Custom
                } else {
                    kind
                };
                Event::PartStart { choice, index, kind: PieceKind::ToolCall { id, name, kind } }
            }
            Event::PartDelta { choice, index, piece: Piece::Signature(signature) } => {
                Event::PartDelta { choice, index, piece: Piece::Signature(envelope::wrap(self.origin, &signature)) }
            }
            Event::PartDelta { choice, index, piece: Piece::Arguments(text) } => {
                let inner = self.open.iter_mut().find(|(one, part, _)| (*one, *part) == (choice, index));
                let text = match inner {
                    Some((_, _, inner)) => inner.push(&text),
                    None => text,
                };
                Event::PartDelta { choice, index, piece: Piece::Arguments(text) }
            }
            other @ (Event::Start(_)
            | Event::PartStart { .. }
            | Event::PartDelta { .. }
            | Event::PartEnd { .. }
            | Event::Likelihood { .. }
            | Event::Usage(_)
            | Event::Finish { .. }
            | Event::Met(_)
            | Event::Ping
            | Event::Error(_)
            | Event::End) => other,
        }
    }

    fn is_custom(&self, name: &Str<'_>) -> bool {
        !self.customs.is_empty() && self.customs.iter().any(|custom| name.is(custom))
    }

    fn own(&self, name: &Str<'_>) -> Option<Str<'static>> {
        if self.renames.is_empty() {
            return None;
        }
        self.renames.own(&name.plain()).map(|own| Str::from_plain_owned(own.to_owned()))
    }
}
