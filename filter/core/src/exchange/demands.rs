//! The labels that a request demands of whoever answers it.

use super::headers::Headers;
use super::machine::Exchange;
use super::refusals::shown;
use crate::config::Gateway;
use crate::hub::{ErrorKind, Rejection};
use crate::routing::{Labels, Wanted};

/// What the document's `demands` make of a request's head.
pub(super) fn demanded(gateway: &Gateway, identities: &[Option<String>], head: &Headers) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for demand in &gateway.demands {
        demand.of_request(identities, |name| head.all(name), &mut wanted);
    }
    wanted
}

impl Exchange {
    /// Whether someone with these labels may answer.
    pub(super) fn may_be_answered_by(&self, labels: &Labels) -> bool {
        self.demanded.iter().all(|wanted| wanted.is_met(labels))
    }

    /// The refusal where nobody may. `of`: those who were looked for.
    pub(super) fn nobody_is_labelled(&self, of: &str) -> Rejection {
        let all: Vec<String> = self.demanded.iter().map(Wanted::to_string).collect();
        let message = format!("{of} is labelled {}, which is demanded of whoever answers this request", shown(&all.join(" and ")));
        Rejection::new(ErrorKind::Unsupported, message).code("label_demanded")
    }
}
