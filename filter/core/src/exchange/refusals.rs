//! What a client is told whose request has no target: the reason that is nearest to an answer.

use super::crowding::crowded;
use super::machine::Exchange;
use crate::hub::{ErrorKind, Rejection};
use crate::operations::Operation;
use crate::routing::LeftOut;

impl Exchange {
    /// Every target is left out. The client is told of the one that came furthest: who has no room now has it soon, though others could never
    /// be asked.
    pub(super) fn nobody(&self, model: &str) -> Rejection {
        let reasons = self.left_out.iter().map(|(_, reason)| *reason);
        let nearest = reasons.reduce(|nearest, one| if one.nearness() > nearest.nearness() { one } else { nearest });
        let (name, model) = (model, shown(model));
        let unsupported = |what: &str, at: &str| {
            Rejection::new(ErrorKind::Unsupported, format!("no provider of `{model}` {what}")).code("unsupported_by_target").at(at)
        };
        match nearest {
            Some(LeftOut::NotPicked) => not_its_model(Some(name)),
            Some(LeftOut::Labels) => self.nobody_is_labelled(&format!("no provider of `{model}`")),
            Some(LeftOut::Format) if matches!(self.operation, Operation::CountTokens(_)) => {
                unsupported("counts tokens without an answer", "model")
            }
            Some(LeftOut::Format) => unsupported("can be asked in a format that expresses this request", "model"),
            Some(LeftOut::Unsupported(field)) => {
                let member = self.client().member(field);
                unsupported(&format!("can be asked for {member}"), member)
            }
            Some(LeftOut::Lacks(lacked)) => unsupported(&format!("can be asked for {}", lacked.as_str()), "model"),
            Some(LeftOut::When) => {
                Rejection::new(ErrorKind::PermissionDenied, format!("no provider of `{model}` may be used for this request"))
            }
            Some(LeftOut::ContextLength) => {
                Rejection::new(ErrorKind::ContextLength, format!("the request is longer than the context of `{model}`"))
            }
            Some(LeftOut::Busy) => crowded(&format!("for `{model}`")),
            Some(LeftOut::Credential) => {
                Rejection::new(ErrorKind::Unavailable, format!("no provider of `{model}` can be used: credentials are missing"))
            }
            // Of those that are only left alone for a while one is asked all the same, and nobody stands behind nobody.
            Some(LeftOut::Cooling | LeftOut::Behind) | None => {
                Rejection::new(ErrorKind::Unavailable, format!("no provider of `{model}` can be used"))
            }
        }
    }
}

/// A word of the client's as a sentence or a record may repeat it: bounded, because a client may choose megabytes.
pub(super) fn shown(word: &str) -> &str {
    const LONGEST: usize = 256;
    if word.len() <= LONGEST {
        return word;
    }
    let end = (0..=LONGEST).rev().find(|&end| word.is_char_boundary(end)).unwrap_or(0);
    word.get(..end).unwrap_or_default()
}

/// No route has this model.
pub(super) fn unknown_model(model: &str) -> Rejection {
    let message = format!("the model `{}` does not exist or you do not have access to it", shown(model));
    Rejection::new(ErrorKind::NotFound, message).code("model_not_found").at("model")
}

/// The provider that a head picks does not have its model, or any.
pub(super) fn not_its_model(model: Option<&str>) -> Rejection {
    let message = match model {
        Some(model) => format!("the provider of this request does not have the model `{}`", shown(model)),
        None => "the provider of this request has no model".to_owned(),
    };
    Rejection::new(ErrorKind::NotFound, message).code("model_not_found").at("model")
}

/// A provider without the credential that the document names for it.
pub(super) fn without_credential() -> Rejection {
    Rejection::new(ErrorKind::Unavailable, "the provider of this path can't be used: its credential is missing")
}
