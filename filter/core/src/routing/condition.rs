//! Conditions under which a target is in a request's plan.

/// An identity has to have one of these values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The identity, as a place in the document's order.
    pub identity: usize,
    /// The values that do.
    pub values: Vec<Box<str>>,
}

impl Condition {
    /// Whether the identities of a request, in the document's order, meet it. One that the request does not have meets nothing.
    #[must_use]
    pub fn is_met(&self, identities: &[Option<String>]) -> bool {
        let value = identities.get(self.identity).and_then(Option::as_deref);
        value.is_some_and(|value| self.values.iter().any(|one| **one == *value))
    }
}
