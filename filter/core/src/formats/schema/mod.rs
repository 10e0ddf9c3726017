//! JSON schemas on their way into a format that takes only some of them: what it takes goes as it is, what it does not is said in the
//! nearest way.

mod rewrite;
mod strict;

pub use rewrite::Dialect;

use super::crossing::Crossing;
use crate::hub::{Field, Rejection};
use crate::json::{Json, Out, Raw};
use std::borrow::Cow;

/// The schema as text, whether it stood bare or in a string.
#[must_use]
pub fn text<'s>(schema: &'s Json<'_>) -> Cow<'s, str> {
    match schema {
        Json::Value(raw) => Cow::Borrowed(raw.as_str()),
        Json::Text(text) => text.plain(),
    }
}

/// The schema in the target's dialect. `at` is where what it belongs to stands in the client's body; without it, it is the schema of the
/// answer.
///
/// # Errors
/// The policy refuses what would be altered or lost.
pub fn of_dialect<'s>(schema: &'s str, dialect: Dialect, at: Option<u32>, crossing: &mut Crossing<'_>) -> Result<Cow<'s, str>, Rejection> {
    let rewritten = rewrite::rewrite(schema, dialect);
    for (met, field) in [(rewritten.altered, Field::SchemaWords), (rewritten.lost, Field::SchemaParts)] {
        if met {
            meet(field, at, crossing)?;
        }
    }
    Ok(rewritten.text)
}

/// Writes a schema in the target's dialect, behind its key.
///
/// # Errors
/// As [`of_dialect`].
pub fn encode(schema: &str, dialect: Dialect, at: Option<u32>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    out.verbatim(&of_dialect(schema, dialect, at, crossing)?);
    Ok(())
}

/// Whether the answer or the arguments can be held to a schema by OpenAI's formats: strictness is given up where the schema breaks the
/// rules that they have for it, because they refuse such a request. `at` as in [`of_dialect`].
///
/// # Errors
/// The policy refuses what would be lost.
pub fn strictness(strict: Option<bool>, schema: &str, at: Option<u32>, crossing: &mut Crossing<'_>) -> Result<Option<bool>, Rejection> {
    if strict != Some(true) || Raw::parse(schema).is_ok_and(strict::is_closed) {
        return Ok(strict);
    }
    meet(Field::StrictSchema, at, crossing)?;
    Ok(Some(false))
}

fn meet(field: Field, at: Option<u32>, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    match at {
        Some(at) => crossing.meet_at(field, at),
        None => crossing.meet(field),
    }
    .map(|_| ())
}
