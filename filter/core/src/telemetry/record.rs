//! The record of one exchange: what it was, how it ended, and what it used.

use crate::hub::Losses;
use crate::names::FormatId;
use crate::usage::{Usage, UsageSource};

/// Everything that is recorded of one exchange. It holds names, counts and sizes, never content or credentials.
#[derive(Clone, Debug)]
pub struct Record<'r> {
    /// The client's method.
    pub method: &'r str,
    /// The client's path without its query, which may hold a key.
    pub path: &'r str,
    /// What was asked for: OpenTelemetry's word where it has one (`chat`, `embeddings`, …).
    pub operation: &'r str,
    /// The client's format, where the path has one.
    pub format: Option<FormatId>,
    /// The model that the client asked for.
    pub request_model: Option<&'r str>,
    /// The name of the route that serves it: an entry of the document's `models`, so its number is bounded.
    pub route: Option<&'r str>,
    /// The client asked for a stream.
    pub stream: bool,
    /// In the order in which they were made.
    pub attempts: Vec<AttemptRecord<'r>>,
    /// The model that the provider says has answered.
    pub response_model: Option<&'r str>,
    /// Why each choice ended: [`crate::hub::Finish::as_str`].
    pub finish_reasons: Vec<&'r str>,
    /// What the budgets said.
    pub budget: BudgetRecord<'r>,
    /// How it ended.
    pub ending: Ending,
    /// Why Weir answered itself, if it did: the word of a rejection.
    pub reason: Option<&'r str>,
    /// The status that the client got; `None` if it went before there was one.
    pub status: Option<u16>,
    /// From the request's headers to the end, in milliseconds.
    pub duration_ms: u64,
    /// From the request's headers to the first content that left for the client, in milliseconds.
    pub first_content_ms: Option<u64>,
    /// What the provider's format could not carry, and of the answer the client's.
    pub losses: &'r Losses,
    /// The targets of the model that the plan left out: provider, model and why.
    pub left_out: Vec<(&'r str, &'r str, &'r str)>,
}

/// One attempt of an exchange.
#[derive(Clone, Debug)]
pub struct AttemptRecord<'r> {
    /// The provider's name in the document.
    pub provider: &'r str,
    /// The provider's kind (`openai`, `anthropic`, …), which is OpenTelemetry's name for it where that has one.
    pub kind: &'r str,
    /// The model that it was asked for.
    pub model: &'r str,
    /// The format that it was asked in, where the body was more than bytes to pass.
    pub format: Option<FormatId>,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// The status that it answered.
    pub status: Option<u16>,
    /// What kind of error it was, where it was one.
    pub reason: Option<&'r str>,
    /// Another attempt replaced it.
    pub discarded: bool,
    /// What it used.
    pub usage: Usage,
    /// Where the counts are from.
    pub source: UsageSource,
    /// What that costs, in nano-dollars; `None` if its model has no price.
    pub cost: Option<u64>,
}

/// What the budgets said to a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BudgetRecord<'r> {
    /// No budget was asked.
    #[default]
    None,
    /// All budgets let it through.
    Allowed,
    /// Let through, but this shadow rule would have refused it.
    Shadow(&'r str),
    /// Let through, because the rate-limit service could not say and this rule allows that.
    Unchecked(&'r str),
    /// This rule refused it.
    Refused(&'r str),
    /// Refused, because the rate-limit service could not say and this rule does not allow that.
    RefusedUnchecked(&'r str),
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client got a whole answer, or the format's own end.
    Complete,
    /// The client got a provider's error.
    ProviderError,
    /// The client hung up.
    ClientGone(GoneAt),
    /// The provider's answer broke off.
    UpstreamReset,
    /// A time limit ended it.
    Timeout,
    /// A budget refused it.
    Refused,
    /// Weir or Envoy answered.
    LocalReply,
    /// The provider fell silent after content had flowed.
    Stalled,
    /// Weir only looked on.
    Passive,
}

/// When a client hung up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoneAt {
    /// Before it got a status.
    BeforeHeaders,
    /// After the status and before any content.
    BeforeContent,
    /// After content had flowed.
    MidStream,
}

/// How one attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// A whole answer.
    Complete,
    /// An error answer, or an error event before content.
    Error,
    /// No connection, or it was reset before an answer.
    Unreachable,
    /// It took too long until the answer or its first content.
    Timeout,
    /// The answer broke off, or broke its own grammar.
    Broken,
    /// The client hung up first.
    Abandoned,
    /// Nothing was sent: the request can't be expressed there, or a credential is missing.
    NotSent,
}

impl Ending {
    /// The word for records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::ProviderError => "provider_error",
            Self::ClientGone(GoneAt::BeforeHeaders) => "client_gone_before_headers",
            Self::ClientGone(GoneAt::BeforeContent) => "client_gone_before_content",
            Self::ClientGone(GoneAt::MidStream) => "client_gone_mid_stream",
            Self::UpstreamReset => "upstream_reset",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::LocalReply => "local_reply",
            Self::Stalled => "stalled",
            Self::Passive => "passive",
        }
    }
}

impl AttemptOutcome {
    /// The word for records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Error => "error",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::Abandoned => "abandoned",
            Self::NotSent => "not_sent",
        }
    }
}

impl Record<'_> {
    /// The sum over the attempts: a failed attempt that was billed counts too.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.attempts.iter().fold(Usage::default(), |mut sum, attempt| {
            sum.add(&attempt.usage);
            sum
        })
    }

    /// The least certain source among the attempts.
    #[must_use]
    pub fn source(&self) -> UsageSource {
        self.attempts.iter().map(|attempt| attempt.source).max().unwrap_or_default()
    }

    /// The sum of what the attempts cost, in nano-dollars; `None` if one of them used something that has no price.
    #[must_use]
    pub fn cost(&self) -> Option<u64> {
        let priced = self.attempts.iter().filter(|attempt| attempt.source != UsageSource::None);
        let mut costs = priced.map(|attempt| attempt.cost).peekable();
        costs.peek()?;
        costs.try_fold(0_u64, |sum, cost| cost.map(|cost| sum.saturating_add(cost)))
    }
}
