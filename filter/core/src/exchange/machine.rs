//! The exchange: one client's request from its head to its settlement, as the gateway position sees it.

use super::DECISION;
use super::attempted::AttemptRecord;
use super::configured::Configured;
use super::crowding::{Reserved, tells_models};
use super::demands::demanded;
use super::headers::{self, Headers};
use super::planned::{PlannedTarget, Way};
use crate::config::ConcurrencyRule;
use crate::formats::{self, Asked, ClientSide, Head, Outline, Reply};
use crate::health::{Flight, Health};
use crate::hub::{ErrorKind, Losses, Rejection};
use crate::limits::{Claim, Decision, Ledger};
use crate::operations::Operation;
use crate::routing::{LeftOut, Wanted};
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
                let rejection = self.over_budget(&refusal);
                self.refuse(rejection)
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
}

/// The path without `?key=`, in which Google's clients may carry their credential; `None` where it has none.
fn without_key(path: &str) -> Option<String> {
    let (bare, query) = path.split_once('?')?;
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("key=")).collect();
    Some(if kept.is_empty() { bare.to_owned() } else { format!("{bare}?{}", kept.join("&")) })
}
