//! Members of a request as the provider's dialect spells them.

use crate::formats::crossing::Crossing;
use crate::hub::{Field, Rejection};
use crate::json::{Out, Raw, Str};
use crate::providers::Dialect;

/// Members without which the answer would be of another shape.
const PROMISES: [&str; 2] = ["n", "logprobs"];

/// The row of the table of fates for a member that a dialect does not take.
pub(in super::super) fn untaken(member: &str) -> Field {
    if PROMISES.contains(&member) { Field::UntakenPromise } else { Field::Untaken }
}

/// Where members are written, and what must be accounted for on the way.
pub(super) struct Pen<'p, 'c> {
    /// The request.
    pub out: &'p mut Out,
    /// What is not carried over.
    pub crossing: &'p mut Crossing<'c>,
    /// How the provider differs from the format.
    pub dialect: &'p Dialect,
}

impl Pen<'_, '_> {
    /// Writes the name of a member; `false` where the provider does not take it, so that its value must not follow.
    pub(super) fn key(&mut self, member: &str) -> Result<bool, Rejection> {
        if let Some(name) = self.dialect.spelled(member) {
            self.out.key(name);
            return Ok(true);
        }
        self.crossing.meet_in(untaken(member), member)?;
        Ok(false)
    }

    /// Writes a member with a value as it came, if there is one.
    pub(super) fn raw(&mut self, member: &str, value: Option<Raw<'_>>) -> Result<(), Rejection> {
        if let Some(value) = value
            && self.key(member)?
        {
            self.out.raw(value);
        }
        Ok(())
    }

    /// Writes a member with a text, if there is one.
    pub(super) fn string(&mut self, member: &str, value: Option<&Str<'_>>) -> Result<(), Rejection> {
        if let Some(value) = value
            && self.key(member)?
        {
            self.out.string(value);
        }
        Ok(())
    }
}
