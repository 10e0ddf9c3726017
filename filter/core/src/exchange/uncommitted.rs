//! An answer that no attempt has committed, on its way to the client: the exchange's own reply is put in its place.

use super::machine::{Exchange, State};
use super::planned::Way;
use crate::formats::Reply;
use crate::hub::{ErrorKind, Rejection};
use crate::names;

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
            // A filter behind this one has refused it, or no route leads on.
            401 => (ErrorKind::Unauthenticated, "the gateway does not know who asks"),
            403 => (ErrorKind::PermissionDenied, "the gateway does not allow this request"),
            404 => (ErrorKind::NotFound, "the gateway has no route for this request"),
            429 => (ErrorKind::RateLimited, "the gateway takes no more such requests for now"),
            413 => (ErrorKind::TooLarge, "the request is too large for the gateway"),
            408 => (ErrorKind::RequestTimeout, "the request did not come in time"),
            504 => (ErrorKind::Timeout, "the provider did not answer in time"),
            400..=499 => (ErrorKind::InvalidRequest, "the gateway refused the request"),
            _ => (ErrorKind::Unavailable, "no provider of this model could be reached"),
        };
        Rejection::new(kind, message)
    }
}
