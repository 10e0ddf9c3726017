//! Providers that are several servers: the host picks one for each attempt, a conversation's own while it is there, and one that fails is
//! replaced by another of them before the next target is tried.

use super::attempt::{Attempt, RequestVerdict};
use super::machine::Exchange;
use super::planned::PlannedTarget;
use crate::health::Lesson;
use crate::hub::{ErrorKind, Rejection};
use crate::names::STATE_CONVERSATION;
use crate::providers::Provider;
use crate::routing::Failover;
use std::rc::Rc;

impl Exchange {
    /// The filter state by whose hash the host finds the server of the request's conversation, as its foreign function takes it (Envoy's
    /// `SetEnvoyFilterStateArguments`: 1 is the key, which is the kind's name, 2 the value); `None` where none has to be found.
    pub(super) fn conversation_message(&self) -> Option<Vec<u8>> {
        let conversation = self.conversation?;
        if !self.plan.iter().any(|target| self.has_servers(target)) {
            return None;
        }
        let mut message = Vec::with_capacity(64);
        for (tag, text) in [(0x0a, STATE_CONVERSATION), (0x12, &*format!("{conversation:016x}"))] {
            // Both are far shorter than 128 bytes, so that the length is one byte.
            message.extend([tag, u8::try_from(text.len()).ok()?]);
            message.extend_from_slice(text.as_bytes());
        }
        Some(message)
    }

    /// Whether a target is several servers.
    pub(super) fn has_servers(&self, target: &PlannedTarget) -> bool {
        self.configured().gateway.provider(target.provider).is_some_and(Provider::has_servers)
    }

    /// How many servers of a target may be tried before the request goes on. Between the clusters of a chain Envoy can't keep from a server that it
    /// has tried, so that there each provider is asked once.
    pub(super) fn tries(&self, target: &PlannedTarget) -> usize {
        let provider = self.configured().gateway.provider(target.provider).filter(|_| self.chain.is_none());
        provider.map_or(1, Provider::tries)
    }

    /// Whether the target at this place of the plan is the one before it again: another of its servers.
    pub(super) fn is_again(&self, place: usize) -> bool {
        let before = place.checked_sub(1).and_then(|before| self.plan.get(before));
        self.plan.get(place).zip(before).is_some_and(|(one, other)| Rc::ptr_eq(one, other))
    }
}

impl Attempt {
    /// Whether its request has to say which server it is for: they don't have one name.
    #[must_use]
    pub fn asks_server(&self) -> bool {
        self.target.has_names
    }

    /// The host has picked the server with this authority, as its endpoint's metadata says; `None` if it can't be known. One that the document
    /// does not have gets nothing: who has added it to the provider's cluster has not told Weir by which name it is asked, nor that it may
    /// see the key. Empty it is the tombstone's, which refuses whatever is written for it; where Envoy goes on by itself there is none.
    pub fn at_server(&mut self, exchange: &mut Exchange, authority: Option<&[u8]>) -> Option<RequestVerdict> {
        let configured = exchange.configured();
        let has_tombstone = configured.failover == Failover::Clusters;
        let provider = configured.gateway.provider(self.target.provider);
        let server = provider.zip(authority).and_then(|(provider, authority)| {
            let known = provider.servers.iter().find(|server| server.authority.as_bytes() == authority);
            let tombstone = (has_tombstone && authority.is_empty()).then_some(None);
            known.map_or(tombstone, |server| Some(Some(server.authority.clone())))
        });
        let Some(server) = server else {
            let sentence = "the request was routed to a server that its provider does not have";
            return Some(self.give_up(exchange, &Rejection::new(ErrorKind::Internal, sentence)));
        };
        self.server = server;
        None
    }

    /// What another server of the provider would say as well ends the provider's turn.
    pub(super) fn blame(&mut self, exchange: &mut Exchange, kind: ErrorKind) {
        if self.spares && matches!(kind, ErrorKind::UpstreamCredential | ErrorKind::QuotaExhausted) {
            self.spares = false;
            exchange.behind = exchange.behind.saturating_add(1);
            self.more = exchange.plan.len() > exchange.behind;
        }
    }

    /// A failure behind which another server of the same provider is tried says nothing of the provider.
    pub(super) fn is_spared(&self, lesson: Lesson) -> bool {
        self.spares && lesson != Lesson::Answered
    }
}
