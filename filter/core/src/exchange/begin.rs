//! What the gateway position does with a request by its head alone: method, path, headers and end of stream.

use super::configured::Configured;
use super::headers::Headers;
use super::machine::{Exchange, Verdict};
use super::refusals::shown;
use super::standalone::Choice;
use crate::health::Health;
use crate::hub::{ErrorKind, Rejection};
use crate::limits::Ledger;
use crate::operations::{Operation, format_of_errors};
use std::rc::Rc;

/// The media type of gRPC; a suffix names its coding.
const GRPC: &str = "application/grpc";

impl Exchange {
    /// Takes a request's head; `None` where it is not Weir's and the filter stays out of the way. `marked` tells whether the route is
    /// Weir's; it is asked only for a path that Weir does not know.
    pub fn begin(
        configured: &Rc<Configured>,
        head: Headers,
        end: bool,
        now: u64,
        marked: impl FnOnce() -> bool,
        ledger: &mut Ledger,
        health: &mut Health,
    ) -> Option<(Box<Self>, Verdict)> {
        let (head, choice) = Choice::of(configured, head);
        let path = head.first(":path").unwrap_or_default();
        let operation = Operation::of_path(&configured.gateway, path, |name| head.first(name).is_some());
        if operation.is_none() && !choice.owns_path() && !marked() {
            return None;
        }
        let mut exchange = Box::new(Self::new(configured, operation.clone().unwrap_or(Operation::Health), head, now));
        exchange.way = choice.way();
        let head = Rc::clone(exchange.headers());
        let verdict = match operation {
            None => exchange.refuse_unknown(head.first(":path").unwrap_or_default()),
            Some(operation) => exchange.by_head(&operation, &head, end, now, health),
        };
        let verdict = if exchange.is_standalone() && matches!(verdict, Verdict::Wait) && exchange.reads_body() {
            exchange.send_head(choice, ledger, health, now)
        } else {
            verdict
        };
        // What passes unread has its whole claim now.
        let verdict = if exchange.is_deciding() { exchange.decide(ledger, now) } else { verdict };
        Some((exchange, verdict))
    }

    /// The table of ARCHITECTURE.md: method × headers × end of stream.
    fn by_head(&mut self, operation: &Operation, head: &Headers, end: bool, now: u64, health: &mut Health) -> Verdict {
        let method = head.first(":method").unwrap_or_default();
        let media = head.first("content-type").unwrap_or_default().trim_start();
        if media.get(..GRPC.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(GRPC)) {
            return self.refuse(Rejection::new(ErrorKind::UnsupportedMediaType, "gRPC is not spoken here: send JSON over HTTP"));
        }
        if head.first("upgrade").is_some() || method == "CONNECT" {
            return self.refuse(Rejection::new(ErrorKind::InvalidRequest, "the connection can't be upgraded on this path"));
        }
        let Some(allowed) = operation.methods() else { return self.pass_through(health, now) };
        if method == "OPTIONS" {
            return self.allow(allowed);
        }
        if !allowed.split(", ").any(|one| one == method) {
            return self.refuse_method(method, allowed);
        }
        match operation {
            Operation::Models(_) => self.list_models(now),
            Operation::Health => self.healthy(),
            Operation::Generate(_) | Operation::CountTokens(_) | Operation::PassThrough(_) => self.by_body(head, end),
        }
    }

    fn by_body(&mut self, head: &Headers, end: bool) -> Verdict {
        if end {
            return self.refuse(Rejection::no_body());
        }
        let coding = head.first("content-encoding").unwrap_or("identity");
        if !coding.eq_ignore_ascii_case("identity") {
            return self.refuse(Rejection::new(
                ErrorKind::UnsupportedMediaType,
                format!("the body's content-encoding can't be read: {}; send it plain or gzipped", shown(coding)),
            ));
        }
        let cap = self.configured().gateway.caps.request_body;
        // 64 bits: what does not fit into the module's own address space is too long all the more.
        let announced = head.first("content-length").and_then(|length| length.parse::<u64>().ok());
        if announced.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > cap)) {
            return self.refuse_size(cap);
        }
        Verdict::Wait
    }

    /// A path that no operation has, on a route that is Weir's.
    fn refuse_unknown(&mut self, path: &str) -> Verdict {
        let bare = path.split(['?', '#']).next().unwrap_or_default();
        let rejection = Rejection::new(ErrorKind::NotFound, format!("the gateway knows no path {}", shown(bare))).code("unknown_path");
        self.refuse_as(format_of_errors(bare), &rejection)
    }
}
