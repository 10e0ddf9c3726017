//! The compiled document: what the filter reads on every request, checked and cross-referenced once.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::providers::{Endpoint, Provider, ProviderId};
use crate::routing::{Demand, Pattern, Picker, Route};

/// One document, compiled. It never changes; requests in flight keep the one with which they began.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// In the document's order; a [`ProviderId`] is a place in it.
    pub providers: Vec<Provider>,
    /// In the document's order.
    pub routes: Vec<Route>,
    /// Paths that pass to one provider unread, the longest prefix first.
    pub endpoints: Vec<PassThrough>,
    /// Who picks the provider in the standalone position; `None`: the document is not for it.
    pub standalone: Option<Picker>,
    /// Who is asking, in the document's order; [`KeyPart::Identity`] is a place in it.
    pub identities: Vec<Identity>,
    /// What requests demand of whoever answers them, in the document's order.
    pub demands: Vec<Demand>,
    /// The rate-limit service; present whenever there is a budget.
    pub limit_service: Option<LimitService>,
    /// In the document's order.
    pub budgets: Vec<BudgetRule>,
    /// Limits on requests under way, in the document's order.
    pub concurrency: Vec<ConcurrencyRule>,
    /// In the document's order: the first that fits a target is its price.
    pub prices: Vec<Price>,
    /// Whether clients are told which target answered.
    pub tells_target: bool,
    /// Whether what a provider's format can't carry is refused instead of left out.
    pub strict_losses: bool,
    /// How much may be held in memory.
    pub caps: Caps,
    /// The environment variables that the document names, sorted, each once.
    pub wants_env: Vec<String>,
    /// Exact names to places in `routes`.
    pub(super) exact: BTreeMap<Box<str>, usize>,
}

impl Gateway {
    /// The provider of an id that this gateway gave out.
    #[must_use]
    pub fn provider(&self, id: ProviderId) -> Option<&Provider> {
        self.providers.get(id.index())
    }

    /// The provider whose cluster is called `name`.
    #[must_use]
    pub fn provider_named(&self, name: &str) -> Option<(ProviderId, &Provider)> {
        (0u16..).map(ProviderId).zip(&self.providers).find(|(_, provider)| &*provider.name == name)
    }

    /// The route of a model name and its place: an exact name before any pattern, patterns in the document's order.
    #[must_use]
    pub fn route(&self, model: &str) -> Option<(usize, &Route)> {
        if let Some(place) = self.exact.get(model) {
            return Some((*place, self.routes.get(*place)?));
        }
        // Some formats have the model in the path of the provider, where these would lead elsewhere.
        if matches!(model, "." | "..") {
            return None;
        }
        self.routes.iter().enumerate().find(|(_, route)| matches!(route.name, Pattern::Glob(_)) && route.name.matches(model))
    }

    /// The names that can be listed: the exact ones, in the document's order.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.routes.iter().filter(|route| matches!(route.name, Pattern::Exact(_))).map(|route| route.name.as_str())
    }

    /// The entry whose prefix begins `path` at a whole segment, the longest one.
    #[must_use]
    pub fn endpoint(&self, path: &str) -> Option<&PassThrough> {
        self.endpoints.iter().find(|endpoint| endpoint.matches(path))
    }

    /// What tokens of `model` cost at a provider; `None` if the document does not say.
    #[must_use]
    pub fn price(&self, provider: ProviderId, model: &str) -> Option<&Price> {
        self.prices.iter().find(|price| price.provider.is_none_or(|id| id == provider) && price.model.matches(model))
    }
}

/// An entry of the document's `endpoints`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassThrough {
    /// Begins with a slash and has none at its end.
    pub prefix: Box<str>,
    /// Who answers.
    pub provider: ProviderId,
}

impl PassThrough {
    /// Whether `path` (a query may follow) is the prefix itself or lies below it.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        path.strip_prefix(&*self.prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    }
}

/// One thing that is known about who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name that budgets use.
    pub name: Box<str>,
    /// Where its value is from.
    pub source: IdentitySource,
    /// What happens to a request without it.
    pub missing: Missing,
}

/// Where the value of an identity is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentitySource {
    /// A request header (lower case) that something in front of Weir sets; the document vouches for it.
    TrustedHeader(Box<str>),
    /// Always the same value.
    Constant(Box<str>),
}

/// What happens to a request that lacks an identity which a budget needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// All such requests share one budget.
    Together,
    /// The budgets that need it do not count the request.
    Skip,
    /// The request is refused.
    Refuse,
}

/// The rate-limit service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitService {
    /// The URL of its JSON API; the path is `endpoint.base_path`.
    pub endpoint: Endpoint,
    /// The domain of the rules.
    pub domain: Box<str>,
    /// How long an answer is waited for.
    pub timeout: Duration,
}

impl LimitService {
    /// After how many nanoseconds a call is given up: the host answers it after its timeout by itself, twice that is beyond any answer.
    #[must_use]
    pub fn patience(&self) -> u64 {
        u64::try_from(self.timeout.as_nanos()).unwrap_or(u64::MAX).saturating_mul(2)
    }
}

/// One budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetRule {
    /// The name in the document, without `/`.
    pub name: Box<str>,
    /// What requests must have in common to share one counter; empty: all share it.
    pub key: Vec<KeyPart>,
    /// What is counted.
    pub measure: Measure,
    /// How much each window allows: tokens, requests or nano-dollars.
    pub limit: u64,
    /// The window.
    pub per: Window,
    /// How the limit is kept.
    pub mode: Mode,
    /// What happens while the service does not answer.
    pub on_failure: OnFailure,
    /// Decides and records, but refuses nothing.
    pub shadow: bool,
}

/// A limit on requests that are under way at a time, on one worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConcurrencyRule {
    /// What requests must have in common to share the limit; empty: all share it.
    pub key: Vec<KeyPart>,
    /// How many there may be.
    pub requests: u32,
}

/// One entry of a limit's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPart {
    /// A place in [`Gateway::identities`].
    Identity(usize),
    /// The model name that the client asked for.
    Model,
}

/// What a budget counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Input and output tokens together, as the providers report them.
    Tokens,
    /// Requests.
    Requests,
    /// Money, in nano-dollars.
    Usd,
}

/// The window of a budget. Windows are the service's: fixed and aligned to the epoch, a week begins on Thursday; a month is a calendar month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Sixty seconds.
    Minute,
    /// Sixty minutes.
    Hour,
    /// From midnight to midnight, UTC.
    Day,
    /// Seven days.
    Week,
    /// A calendar month, UTC.
    Month,
}

/// How a budget's limit is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Look before the request, charge after it.
    Check,
}

/// What happens to requests while the rate-limit service does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// They go on.
    Allow,
    /// They are refused.
    Deny,
}

/// What tokens of a model cost, in nano-dollars for a million tokens: $1.25 for a million is 1 250 000 000.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The provider's name for the model.
    pub model: Pattern,
    /// Only at this provider; `None`: at any.
    pub provider: Option<ProviderId>,
    /// Input tokens that were neither cached nor sound.
    pub input: u64,
    /// Input tokens read from the provider's cache.
    pub cache_read: u64,
    /// Input tokens written to the provider's cache for minutes.
    pub cache_write: u64,
    /// Input tokens written to the provider's cache for an hour.
    pub cache_write_1h: u64,
    /// Input tokens of sound.
    pub input_audio: u64,
    /// Output tokens, reasoning included, sound not.
    pub output: u64,
    /// Output tokens of sound.
    pub output_audio: u64,
}

/// How much may be held in memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// The body of a request; a longer one is refused with 413.
    pub request_body: usize,
    /// An answer that is not a stream and has to be translated.
    pub answer: usize,
    /// What is held back of a stream before its first content.
    pub held: usize,
}

impl Caps {
    /// How much the host has to hold of a body: above both caps, so that Weir refuses first, and with room for one that grows while it is
    /// translated. What grows beyond it the host would refuse in words of its own, and the provider would be blamed.
    #[must_use]
    pub fn buffer(&self) -> usize {
        let largest = self.request_body.max(self.answer);
        largest.saturating_add(largest.div_ceil(4)).saturating_add(64 << 10)
    }
}
