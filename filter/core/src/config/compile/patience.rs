//! The time limits of a target.

use super::text_of;
use crate::config::scalar;
use crate::config::tree::Tree;
use crate::routing::Patience;

/// The limits of a target; `None` if one of them can't be read.
pub(super) fn read(target: &Tree) -> Option<Patience> {
    let limit = |name: &str| match target.member(name) {
        Some(tree) => u64::try_from(scalar::duration(tree)?.as_nanos()).ok().map(Some),
        None => Some(None),
    };
    Some(Patience {
        first_content: limit("first_content")?,
        stream_idle: limit("stream_idle")?,
        answer: limit("answer")?.unwrap_or(Patience::default().answer),
        runs_again: text_of(target, "answer_timeout") == Some("next"),
    })
}
