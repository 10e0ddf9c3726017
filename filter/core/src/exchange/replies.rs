//! The answers that the gateway position gives by itself: refusals, models, health, allowed methods.

use super::SECOND;
use super::machine::{Exchange, LocalReply, State, Verdict};
use crate::config::Measure;
use crate::formats::{ClientSide, Reply};
use crate::hub::{ErrorKind, Rejection};
use crate::limits::{Cause, Refusal};

impl Exchange {
    /// Refuses the request in the client's format.
    pub(super) fn refuse(&mut self, rejection: Rejection) -> Verdict {
        self.refuse_as(self.client(), &rejection)
    }

    /// Refuses the request in another format than that of its operation.
    pub(super) fn refuse_as(&mut self, client: &dyn ClientSide, rejection: &Rejection) -> Verdict {
        let reply = self.identified(client, client.reply(rejection));
        self.rejected = Some(rejection.kind);
        self.say(reply)
    }

    /// A reply under the id of the request by which the access log knows it, where no provider's is in it: SDKs show it with the error.
    pub(super) fn identified(&self, client: &dyn ClientSide, mut reply: Reply) -> Reply {
        let header = client.id_header();
        if let Some(id) = self.headers().first("x-request-id")
            && reply.headers.iter().all(|(name, _)| *name != header)
        {
            reply.headers.push((header, id.to_owned()));
        }
        reply
    }

    pub(super) fn refuse_size(&mut self, cap: usize) -> Verdict {
        self.refuse(Rejection::new(ErrorKind::TooLarge, format!("the request is longer than {cap} bytes")))
    }

    pub(super) fn refuse_method(&mut self, method: &str, allowed: &str) -> Verdict {
        let sentence = format!("the path does not take {method}; it takes {allowed}");
        let mut reply = self.identified(self.client(), self.client().reply(&Rejection::new(ErrorKind::MethodNotAllowed, sentence)));
        reply.headers.push(("allow", allowed.to_owned()));
        if method == "HEAD" {
            reply.body.clear();
        }
        self.rejected = Some(ErrorKind::MethodNotAllowed);
        self.say(reply)
    }

    /// An `OPTIONS` request that Envoy's `cors` filter left: no preflight, or no policy.
    pub(super) fn allow(&mut self, allowed: &str) -> Verdict {
        self.say(Reply { status: 204, headers: vec![("allow", allowed.to_owned())], body: Vec::new() })
    }

    pub(super) fn list_models(&mut self, now: u64) -> Verdict {
        let mut reply = self.client().models(&mut self.configured().gateway.models(), now / SECOND);
        if self.method() == "HEAD" {
            reply.body.clear();
        }
        self.say(reply)
    }

    pub(super) fn healthy(&mut self) -> Verdict {
        let body = if self.method() == "HEAD" { Vec::new() } else { b"ok\n".to_vec() };
        self.say(Reply { status: 200, headers: vec![("content-type", "text/plain".to_owned())], body })
    }

    fn say(&mut self, reply: Reply) -> Verdict {
        self.state = State::Local;
        self.reserved = None;
        self.status = reply.status;
        Verdict::Reply(LocalReply { reply, worded: true })
    }
}

/// What a client over its budget is told.
pub(super) fn over_budget(refusal: &Refusal) -> Rejection {
    let budget = &refusal.rule.budget;
    let unit = match budget.measure {
        Measure::Tokens => "tokens",
        Measure::Requests => "requests",
        Measure::Usd => "nano-dollars",
    };
    let window = match budget.per {
        crate::config::Window::Minute => "minute",
        crate::config::Window::Hour => "hour",
        crate::config::Window::Day => "day",
        crate::config::Window::Week => "week",
        crate::config::Window::Month => "month",
    };
    let name = &budget.name;
    let mut rejection = match refusal.cause {
        Cause::Exceeded => Rejection::new(
            ErrorKind::RateLimited,
            format!("the budget {name} of {} {unit} per {window} is used up; it is renewed in {} s", refusal.limit, refusal.retry_after),
        ),
        Cause::Unchecked => Rejection::new(ErrorKind::Unavailable, format!("the budget {name} can't be checked at the moment")),
    };
    rejection.retry_after = Some(refusal.retry_after);
    rejection
}
