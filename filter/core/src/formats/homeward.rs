//! What a translated answer needs on its way to the client, whatever the two formats: the client's own names of tools, and signatures
//! in envelopes.

use crate::hub::{Answer, Event, PartKind, Piece, PieceKind, Renames, envelope};
use crate::json::Str;
use crate::names::FormatId;

/// The way of one answer from a provider's format to the client's.
#[derive(Clone, Debug)]
pub struct Homeward {
    origin: FormatId,
    renames: Renames,
}

impl Homeward {
    /// The way of an answer in the format `origin`, to a request in which these tools had other names.
    #[must_use]
    pub const fn new(origin: FormatId, renames: Renames) -> Self {
        Self { origin, renames }
    }

    /// A whole answer as the client's format shall write it.
    pub fn answer(&self, answer: &mut Answer<'_>) {
        for part in answer.choices.iter_mut().flat_map(|choice| &mut choice.parts) {
            match &mut part.kind {
                PartKind::Reasoning { signature: Some(text), .. } | PartKind::RedactedReasoning(text) => {
                    *text = envelope::wrap(self.origin, text);
                }
                PartKind::ToolCall { name, .. } => {
                    if let Some(own) = self.own(name) {
                        *name = own;
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
    pub fn event<'f>(&self, event: Event<'f>) -> Event<'f> {
        match event {
            Event::PartStart { choice, index, kind: PieceKind::RedactedReasoning(data) } => {
                Event::PartStart { choice, index, kind: PieceKind::RedactedReasoning(envelope::wrap(self.origin, &data)) }
            }
            Event::PartStart { choice, index, kind: PieceKind::ToolCall { id, name, kind } } => {
                let name = self.own(&name).unwrap_or(name);
                Event::PartStart { choice, index, kind: PieceKind::ToolCall { id, name, kind } }
            }
            Event::PartDelta { choice, index, piece: Piece::Signature(signature) } => {
                Event::PartDelta { choice, index, piece: Piece::Signature(envelope::wrap(self.origin, &signature)) }
            }
            other @ (Event::Start(_)
            | Event::PartStart { .. }
            | Event::PartDelta { .. }
            | Event::PartEnd { .. }
            | Event::Usage(_)
            | Event::Finish { .. }
            | Event::Ping
            | Event::Error(_)
            | Event::End) => other,
        }
    }

    fn own(&self, name: &Str<'_>) -> Option<Str<'static>> {
        if self.renames.is_empty() {
            return None;
        }
        self.renames.own(&name.plain()).map(|own| Str::from_plain_owned(own.to_owned()))
    }
}
