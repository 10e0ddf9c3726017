//! The exchange: one client's request from its head to its settlement, as the gateway position sees it.

use super::DECISION;
use super::attempted::AttemptRecord;
use super::configured::Configured;
use super::crowding::{Reserved, tells_models};
use super::demands::demanded;
use super::headers::{self, Headers};
use crate::config::ConcurrencyRule;
use crate::formats::messages::Carrier;
use crate::formats::{self, Asked, ClientSide, Head, Outline, Reply};
use crate::health::{Flight, Gate, Health, Seats};
use crate::hub::{ErrorKind, Losses, Rejection};
use crate::limits::{Claim, Decision, Ledger};
use crate::names::{self, FormatId};
use crate::operations::Operation;
use crate::providers::ProviderId;
use crate::routing::{LeftOut, Patience, Wanted};
use std::rc::Rc;

/// One exchange.
pub struct Exchange {
    configured: Rc<Configured>,
    pub(super) state: State,
    pub(super) operation: Operation,
    pub(super) began: u64,
    /// The client's head without its credentials and without Weir's own headers: what leaves the gateway position.
    pub(super) headers: Rc<Headers>,
    /// The values of the document's identities, in its order.
    pub(super) identities: Vec<Option<String>>,
    /// The labels that whoever answers must have.
    pub(super) demanded: Vec<Wanted>,
    pub(super) outline: Outline,
    /// The place of the model's route.
    pub(super) route: Option<usize>,
    /// The route's targets that are not in the plan, by their places, and why.
    pub(super) left_out: Vec<(usize, LeftOut)>,
    pub(super) plan: Vec<Rc<PlannedTarget>>,
    /// The cluster through whose priorities Envoy goes, where it does so by itself.
    pub(super) chain: Option<String>,
    /// The conversation that the request belongs to, where its route keeps conversations together.
    pub(super) conversation: Option<u64>,
    /// The next attempt, which counts from when its target was chosen, until it begins or is never to begin.
    pub(super) reserved: Option<Reserved>,
    /// Counts the exchange among those that it shares limits with.
    pub(super) crowds: Vec<Flight>,
    /// The client's body, until the first attempt takes it: read once.
    body: Option<Vec<u8>>,
    /// Who makes its attempts.
    pub(super) way: Way,
    /// The places in the plan of the target that the next attempt should have, and of the first that no attempt has had.
    pub(super) expected: usize,
    pub(super) behind: usize,
    pub(super) attempts: Vec<AttemptRecord>,
    pub(super) claim: Option<Claim>,
    pub(super) budget: BudgetNote,
    pub(super) losses: Losses,
    /// What the client is told unless an attempt commits an answer; and how many attempts there were when that was decided.
    pub(super) reply: Option<Reply>,
    pub(super) reply_of: usize,
    pub(super) rejected: Option<ErrorKind>,
    pub(super) status: u16,
    pub(super) first_content: Option<u64>,
}

/// Where the exchange is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The body is on its way; when the last of it came.
    Reading { since: u64 },
    /// The rate-limit service is asked.
    Deciding { since: u64 },
    /// The request has left the gateway position.
    Released { since: u64 },
    /// An attempt has committed its answer.
    Answering,
    /// The host's or an uncommitted answer is being replaced by the exchange's reply.
    Replacing,
    /// Weir answered by itself.
    Local,
    /// Charged and recorded.
    Settled,
}

/// Who makes the attempts of an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Way {
    /// Upstream positions.
    #[default]
    Upstream,
    /// The gateway position makes the only one, at a direct twin: no upstream position may make one.
    Direct,
    /// The standalone position makes the only one, at the provider that the request's head picks, if it picks one. No head can wait:
    /// that of the request goes before its body is read, that of the answer before its end is known.
    Standalone(Option<Pick>),
}

/// What the head of a request decides where it can't wait for the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pick {
    pub provider: ProviderId,
    /// How it is spoken to; `None` where the body passes unread.
    pub speak: Option<Speak>,
}

/// What the ledger said that is worth recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum BudgetNote {
    /// No budget counts this exchange, or it was never asked.
    #[default]
    None,
    /// Within all of them.
    Allowed,
    /// A shadow rule would have refused.
    Shadow(String),
    /// The service could not say; the rule lets requests through then.
    Unchecked(String),
    /// Refused by this rule.
    Refused(String),
}

/// One target of the plan.
#[derive(Clone, Debug)]
pub(super) struct PlannedTarget {
    pub provider: ProviderId,
    /// The provider's name, which is its cluster's.
    pub name: Box<str>,
    pub model: Option<Box<str>>,
    pub speak: Speak,
    /// Who carries what it says.
    pub carrier: Carrier,
    pub default_max_tokens: u64,
    pub patience: Patience,
    /// It is several servers that don't have one name.
    pub has_names: bool,
    pub seats: Seats,
    /// Where its attempts are counted.
    pub gate: Gate,
}

/// How a target is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speak {
    /// It speaks the client's format.
    Same(FormatId),
    /// Through the hub.
    Translated(FormatId),
}

impl Speak {
    pub(super) const fn format(self) -> FormatId {
        match self {
            Self::Same(format) | Self::Translated(format) => format,
        }
    }
}

/// What the gateway position does with a request.
#[derive(Debug)]
pub enum Verdict {
    /// Nothing: it goes on as it is.
    Continue,
    /// It is held until the next callback, a sync or a deadline.
    Wait,
    /// These are all of its headers, and they go at once; its body is awaited.
    Head(Headers),
    /// Weir answers by itself.
    Reply(LocalReply),
    /// It goes to the first target of its plan, as [`Exchange::depart`] says.
    Release,
}

/// A local reply.
#[derive(Debug)]
pub struct LocalReply {
    /// Status, headers and body.
    pub reply: Reply,
    /// Whether the body is final; otherwise it is a sentence that Envoy's mapper words in the format of the path.
    pub worded: bool,
}

/// What the gateway position does with an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum ClientAnswer {
    /// It goes to the client as it is.
    Continue,
    /// It is held until its end.
    Hold,
    /// This stands in its place, and in that of its body, which is there.
    Replace(Reply),
    /// The host answers with this instead; there is no body that could be replaced.
    Reply(Reply),
}

impl Exchange {
    pub(super) fn new(configured: &Rc<Configured>, operation: Operation, mut head: Headers, now: u64) -> Self {
        let identities = configured.identify(&head);
        let demanded = demanded(&configured.gateway, &identities, &head);
        head.retain(|name| !headers::stays_in_gateway(name));
        if let Some(path) = head.first(":path").and_then(without_key) {
            head.set(":path", &path);
        }
        Self {
            configured: Rc::clone(configured),
            state: State::Reading { since: now },
            operation,
            began: now,
            headers: Rc::new(head),
            identities,
            demanded,
            outline: Outline::default(),
            route: None,
            left_out: Vec::new(),
            plan: Vec::new(),
            chain: None,
            conversation: None,
            reserved: None,
            crowds: Vec::new(),
            body: None,
            way: Way::default(),
            expected: 0,
            behind: 0,
            attempts: Vec::new(),
            claim: None,
            budget: BudgetNote::None,
            losses: Losses::default(),
            reply: None,
            reply_of: 0,
            rejected: None,
            status: 0,
            first_content: None,
        }
    }

    pub(super) fn configured(&self) -> &Rc<Configured> {
        &self.configured
    }

    pub(super) fn client(&self) -> &'static dyn ClientSide {
        formats::client_of(self.operation.format(), &self.head())
    }

    /// The head of the request as formats read it.
    pub(super) fn head(&self) -> Head<'_> {
        Head::new(self.path())
    }

    pub(super) fn outline(&self) -> &Outline {
        &self.outline
    }

    pub(super) fn method(&self) -> &str {
        self.headers.first(":method").unwrap_or_default()
    }

    pub(super) fn path(&self) -> &str {
        self.headers.first(":path").unwrap_or_default()
    }

    pub(super) fn headers(&self) -> &Rc<Headers> {
        &self.headers
    }

    pub(super) fn asked(&self, now: u64) -> Asked {
        Asked {
            model: self.outline.model.clone(),
            stream: self.outline.stream,
            include_usage: self.outline.include_usage,
            now: now / super::SECOND,
            latency: self.first_content.unwrap_or(now).saturating_sub(self.began) / (super::SECOND / 1000),
            memo: self.outline.memo.clone(),
        }
    }

    /// More of the request's body has come; `size` bytes are there by now.
    pub fn request_progress(&mut self, size: usize, now: u64) -> Verdict {
        let (cap, standalone) = (self.configured.gateway.caps.request_body, self.is_standalone());
        match &mut self.state {
            State::Reading { since } => {
                *since = now;
                if size > cap { self.refuse_size(cap) } else { Verdict::Wait }
            }
            State::Deciding { .. } => Verdict::Wait,
            State::Released { .. } | State::Answering => Verdict::Continue,
            // Its head has gone to a provider that must not get a body in the client's words.
            State::Replacing | State::Local | State::Settled if standalone => Verdict::Wait,
            State::Replacing | State::Local | State::Settled => Verdict::Continue,
        }
    }

    /// Whether the whole body is wanted when it ends.
    #[must_use]
    pub const fn reads_body(&self) -> bool {
        matches!(self.state, State::Reading { .. })
    }

    /// The request's body has ended, with end of stream or with trailers. `random` decides the weights.
    pub fn request_body(&mut self, body: Vec<u8>, random: u64, ledger: &mut Ledger, health: &mut Health, now: u64) -> Verdict {
        let (cap, standalone) = (self.configured.gateway.caps.request_body, self.is_standalone());
        if body.len() > cap {
            return self.refuse_size(cap);
        }
        match self.client().outline(&self.head(), &body) {
            Ok(outline) => self.outline = outline,
            Err(rejection) => return self.refuse(rejection),
        }
        health.see(now);
        // Where the head has gone, those of the head's alone are joined.
        let due = |rule: &ConcurrencyRule| !standalone || tells_models(rule);
        if let Err(rejection) = self.make_plan(&body, random, health).and_then(|()| self.join_crowds(health, due)) {
            return self.refuse(rejection);
        }
        self.body = Some(body);
        match self.claim_budgets(now) {
            Ok(()) => self.decide(ledger, now),
            Err(rejection) => self.refuse(rejection),
        }
    }

    /// Whether the budgets have to be asked.
    #[must_use]
    pub const fn is_deciding(&self) -> bool {
        matches!(self.state, State::Deciding { .. })
    }

    /// Asks the budgets, at first and again after each sync, while the exchange waits for them.
    pub fn decide(&mut self, ledger: &mut Ledger, now: u64) -> Verdict {
        let State::Deciding { since } = self.state else { return Verdict::Continue };
        let Some(claim) = &mut self.claim else { return self.release(now) };
        let waited = now.saturating_sub(since) >= DECISION;
        let decision = if waited { ledger.decide_at_last(claim, now) } else { ledger.decide(claim, now) };
        match decision {
            Decision::Sync => Verdict::Wait,
            Decision::Allow(admission) => {
                self.budget = BudgetNote::of(&admission);
                self.release(now)
            }
            Decision::Refuse(refusal) => {
                self.budget = BudgetNote::Refused(refusal.rule.budget.name.to_string());
                self.refuse(super::replies::over_budget(&refusal))
            }
        }
    }

    /// The request leaves for the first target of its plan.
    fn release(&mut self, now: u64) -> Verdict {
        if self.plan.is_empty() {
            return self.refuse(Rejection::new(ErrorKind::Internal, "the plan is empty"));
        }
        self.state = State::Released { since: now };
        Verdict::Release
    }

    /// The client's body, if it was read and no attempt has taken it.
    pub const fn take_body(&mut self) -> Option<Vec<u8>> {
        self.body.take()
    }

    /// The head of an answer is on its way to the client. `status` and `details` (Envoy's `response.code_details`) are asked only
    /// where no attempt has committed this answer; `end` says that no body follows.
    pub fn answer_head(&mut self, end: bool, status: impl FnOnce() -> u16, details: impl FnOnce() -> String) -> ClientAnswer {
        match self.state {
            State::Answering | State::Local | State::Settled => return ClientAnswer::Continue,
            State::Replacing => return ClientAnswer::Hold,
            State::Reading { .. } | State::Deciding { .. } | State::Released { .. } => {}
        }
        // What is said of an earlier attempt is not what became of the last one.
        if self.reply.is_none() || self.reply_of != self.attempts.len() {
            let rejection = self.uncommitted(status(), details);
            self.rejected = Some(rejection.kind);
            self.reply = Some(self.identified(self.client(), self.client().reply(&rejection)));
        }
        self.state = State::Replacing;
        if !end && !self.is_standalone() {
            return ClientAnswer::Hold;
        }
        self.take_reply().map_or(ClientAnswer::Continue, ClientAnswer::Reply)
    }

    /// More of an answer is on its way to the client.
    pub fn answer_body(&mut self, end: bool) -> ClientAnswer {
        match self.state {
            State::Replacing if end => self.take_reply().map_or(ClientAnswer::Continue, ClientAnswer::Replace),
            State::Replacing => ClientAnswer::Hold,
            State::Reading { .. } | State::Deciding { .. } | State::Released { .. } | State::Answering | State::Local | State::Settled => {
                ClientAnswer::Continue
            }
        }
    }

    /// The client is told this unless another attempt is made.
    pub(super) fn keep_reply(&mut self, reply: Reply) {
        self.reply_of = self.attempts.len();
        self.reply = Some(reply);
    }

    pub(super) fn take_reply(&mut self) -> Option<Reply> {
        let reply = self.reply.take()?;
        self.reserved = None;
        self.status = reply.status;
        self.state = State::Local;
        Some(reply)
    }

    /// What an answer is that no attempt committed: the host's own, or a provider's that went past the upstream position.
    fn uncommitted(&mut self, status: u16, details: impl FnOnce() -> String) -> Rejection {
        if self.attempts.is_empty() && details() == names::DETAILS_UPSTREAM {
            if let Way::Standalone(Some(pick)) = self.way {
                return self.too_early(pick, status);
            }
            return Rejection::new(
                ErrorKind::Internal,
                "the provider was reached without the gateway's upstream filter; its answer is withheld",
            );
        }
        let (kind, message) = match status {
            413 => (ErrorKind::TooLarge, "the request is too large for the gateway"),
            408 => (ErrorKind::RequestTimeout, "the request did not come in time"),
            504 => (ErrorKind::Timeout, "the provider did not answer in time"),
            400..=499 => (ErrorKind::InvalidRequest, "the gateway refused the request"),
            _ => (ErrorKind::Unavailable, "no provider of this model could be reached"),
        };
        Rejection::new(kind, message)
    }
}

/// The path without `?key=`, in which Google's clients may carry their credential; `None` where it has none.
fn without_key(path: &str) -> Option<String> {
    let (bare, query) = path.split_once('?')?;
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("key=")).collect();
    Some(if kept.is_empty() { bare.to_owned() } else { format!("{bare}?{}", kept.join("&")) })
}
