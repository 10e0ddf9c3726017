//! From the model name that a client asks for to an ordered plan of targets.

mod affinity;
mod chain;
mod condition;
mod demand;
mod left_out;
mod patience;
mod pattern;
mod picker;
mod plan;

pub use affinity::{Affinity, Mark, hash, mixed};
pub use chain::Failover;
pub use condition::Condition;
pub use demand::{Asks, Demand, Labels, Wanted};
pub use left_out::LeftOut;
pub use patience::Patience;
pub use pattern::Pattern;
pub use picker::{Picked, Picker};
pub use plan::{Draw, Plan, plan};

use crate::hub::Capabilities;
use crate::providers::ProviderId;

/// One entry of the document's `models`: a name that clients ask for, and who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The name, exact or with `*`.
    pub name: Pattern,
    /// Who can answer, in the document's order; never empty, at most [`Route::MAX_TARGETS`].
    pub targets: Vec<Target>,
    /// How conversations keep their target, if they do.
    pub affinity: Option<Affinity>,
    /// Inside a priority the cheapest target is tried first.
    pub cheapest: bool,
    /// The labels that each of its targets must have to be asked.
    pub demands: Vec<Wanted>,
}

impl Route {
    /// The most targets that a route may have. Envoy tries them one after another within one request, so more would only make a client wait;
    /// the rendered retry policy has to allow for the longest plan.
    pub const MAX_TARGETS: usize = 16;
}

/// One provider that can answer a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Who answers.
    pub provider: ProviderId,
    /// The provider's name for the model; `None` passes on the name that the client asked for.
    pub model: Option<Box<str>>,
    /// The share of this target inside its priority, relative to the others. Zero is used only when the others cannot be.
    pub weight: u32,
    /// The group: every target of a lower number is tried before any of a higher one.
    pub priority: u32,
    /// `max_tokens` of a request in a format that demands it, where the client gave none.
    pub default_max_tokens: u32,
    /// How long it is waited for.
    pub patience: Patience,
    /// How many tokens its model can take in and write together; `None`: nobody has said.
    pub context_length: Option<u64>,
    /// The most requests under way there at a time, for each worker; `None`: no limit of its own.
    pub concurrency: Option<u32>,
    /// What its model lacks, as the document says.
    pub lacks: Capabilities,
    /// All of these have to be met.
    pub when: Vec<Condition>,
    /// What is true of it: its own labels, and those of its provider.
    pub labels: Labels,
    /// A hash of the provider's name and the model's, the same in every document that has them.
    pub identity: u64,
}

impl Target {
    /// The provider's name for a model that the client calls `asked`.
    #[must_use]
    pub fn asks_for<'n>(&'n self, asked: &'n str) -> &'n str {
        self.model.as_deref().unwrap_or(asked)
    }
}

impl Target {
    /// The name of the model towards this target's provider, when the client asked for `asked`.
    #[must_use]
    pub fn model<'a>(&'a self, asked: &'a str) -> &'a str {
        self.model.as_deref().unwrap_or(asked)
    }
}
