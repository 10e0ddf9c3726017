//! A whole answer as the events of a stream: for a client that asked for a stream where the provider answered at once.

use super::{Answer, Event, PartKind, Piece, PieceKind, Start};
use crate::json::{Json, Str};

/// Hands out the events that say what the answer says.
pub fn replay(answer: &Answer<'_>, sink: &mut dyn FnMut(Event<'_>)) {
    let id = answer.id.as_ref().map(Str::reborrow);
    let model = answer.model.as_ref().map(Str::reborrow);
    sink(Event::Start(Start { id, model, created: answer.created }));
    for field in &answer.met {
        sink(Event::Met(*field));
    }
    for cited in &answer.choices {
        let mut next = 0_u32;
        if !cited.likelihood.is_empty() {
            sink(Event::Likelihood { choice: cited.index, tokens: cited.likelihood.clone() });
        }
        for (place, part) in cited.parts.iter().enumerate() {
            if let Some(kind) = kind(&part.kind) {
                let (choice, index) = (cited.index, next);
                next = next.saturating_add(1);
                sink(Event::PartStart { choice, index, kind });
                pieces(&part.kind, &mut |piece| sink(Event::PartDelta { choice, index, piece }));
                for (_, citation) in cited.cited(place) {
                    sink(Event::PartDelta { choice, index, piece: Piece::Citation(Box::new(citation.clone())) });
                }
                sink(Event::PartEnd { choice, index });
            }
        }
    }
    if let Some(usage) = answer.usage {
        sink(Event::Usage(usage));
    }
    for choice in &answer.choices {
        sink(Event::Finish { choice: choice.index, reason: choice.finish.clone() });
    }
    sink(Event::End);
}

fn kind<'a>(part: &'a PartKind<'_>) -> Option<PieceKind<'a>> {
    Some(match part {
        PartKind::Text(_) => PieceKind::Text,
        PartKind::Refusal(_) => PieceKind::Refusal,
        PartKind::Reasoning { .. } => PieceKind::Reasoning,
        PartKind::RedactedReasoning(data) => PieceKind::RedactedReasoning(data.reborrow()),
        PartKind::ToolCall { id, name, kind, .. } => PieceKind::ToolCall { id: id.reborrow(), name: name.reborrow(), kind: *kind },
        PartKind::Media { .. } | PartKind::ToolCallResponse { .. } | PartKind::Opaque(_) => return None,
    })
}

fn pieces(part: &PartKind<'_>, sink: &mut dyn FnMut(Piece<'_>)) {
    match part {
        PartKind::Text(text) | PartKind::Refusal(text) if !text.is_empty() => sink(Piece::Text(text.reborrow())),
        PartKind::Reasoning { text, signature } => {
            if !text.is_empty() {
                sink(Piece::Text(text.reborrow()));
            }
            if let Some(signature) = signature {
                sink(Piece::Signature(signature.reborrow()));
            }
        }
        PartKind::ToolCall { arguments: Json::Value(raw), .. } => sink(Piece::Arguments(Str::from_plain(raw.as_str()))),
        PartKind::ToolCall { arguments: Json::Text(text), .. } if !text.is_empty() => sink(Piece::Arguments(text.reborrow())),
        PartKind::Text(_)
        | PartKind::Refusal(_)
        | PartKind::ToolCall { .. }
        | PartKind::RedactedReasoning(_)
        | PartKind::Media { .. }
        | PartKind::ToolCallResponse { .. }
        | PartKind::Opaque(_) => {}
    }
}
