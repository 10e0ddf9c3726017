//! The upstream position (U): once per attempt, in the router's upstream filter chain.

use crate::host::{self, report};
use crate::vm;
use weir_abi::{self as abi, Action, Buffer, Direction, Map};
use weir_core::exchange::headers::stays_in_gateway;
use weir_core::exchange::{AnswerHead, AnswerVerdict, Bound, Key, RequestVerdict};
use weir_core::names;

const UNKNOWN: &[u8] = b"the gateway does not know this request";

/// The request's head: which provider did Envoy pick, and whose exchange is it?
pub fn request_head(context: u32, end: bool) -> Action {
    let Some(key) = exchange_key() else {
        // A mirror, another listener's route, a VM rebuilt after a trap: on a route of Weir's nothing leaves unread.
        return if host::on_marked_route() { host::refuse(UNKNOWN) } else { Action::Continue };
    };
    let Ok(provider) = abi::property("xds\0cluster_metadata\0filter_metadata\0weir\0provider") else {
        return host::refuse(b"the gateway does not know this provider");
    };
    let bound = vm::with(|vm| Some(vm.table.exchange(key)?.bind(&String::from_utf8_lossy(&provider), host::now)));
    match bound.flatten() {
        None => host::refuse(UNKNOWN),
        Some(Bound::Tombstone(next)) => {
            point(next.as_deref());
            if let Some(mut headers) = host::headers(Map::Request) {
                headers.retain(|name| !stays_in_gateway(name));
                host::set_headers(Map::Request, &headers);
            }
            Action::Continue
        }
        Some(Bound::Refuse(local)) => host::reply(&local.reply),
        Some(Bound::Attempt(attempt, next)) => {
            point(next.as_deref());
            vm::stream(context, |stream| {
                (stream.key, stream.attempt) = (Some(key), Some(attempt));
                Some(())
            });
            act(vm::attempt(context, |attempt, exchange| attempt.request_head(exchange, end)))
        }
    }
}

/// More of the request's body.
pub fn request_body(context: u32, end: bool) -> Action {
    match reads_body(context) {
        true if end => request_ended(context),
        true => Action::Pause,
        false => Action::Continue,
    }
}

fn reads_body(context: u32) -> bool {
    vm::attempt(context, |attempt, _| attempt.reads_body()) == Some(true)
}

fn request_ended(context: u32) -> Action {
    let Some(body) = host::body(Buffer::Request) else {
        return host::refuse(b"the gateway could not read the request");
    };
    act(vm::attempt(context, |attempt, exchange| attempt.request_body(exchange, &body)))
}

/// The answer's head.
pub fn answer_head(context: u32, end: bool) -> Action {
    if vm::attempt(context, |attempt, _| attempt.is_sent()) != Some(true) {
        return Action::Continue;
    }
    let Some(head) = host::headers(Map::Response) else { return Action::Continue };
    let now = host::now();
    carry_out(vm::attempt(context, |attempt, exchange| attempt.answer_head(exchange, head, end, now)), None)
}

/// More of the answer's body.
pub fn answer_body(context: u32, size: usize, end: bool) -> Action {
    let Some((wanted, held)) = vm::attempt(context, |attempt, _| (attempt.wants(size, end), attempt.is_held())) else {
        return Action::Continue;
    };
    let bytes = report(abi::buffer(Buffer::Response, wanted.start, wanted.len())).unwrap_or_default();
    let now = if held { host::now() } else { 0 };
    carry_out(vm::attempt(context, |attempt, exchange| attempt.answer_body(exchange, &bytes, size, end, now)), None)
}

/// The answer ended with trailers; what was held of its body can still be replaced.
pub fn answer_trailers(context: u32) -> Action {
    answer_body(context, host::body(Buffer::Response).unwrap_or_default().len(), true)
}

/// The attempt is over. Whether a connection came about decides whether anything can be billed.
pub fn done(context: u32) {
    let unreachable = || abi::property("upstream\0transport_failure_reason").is_ok_and(|reason| !reason.is_empty());
    vm::attempt(context, |attempt, exchange| {
        let unreachable = attempt.is_sent() && unreachable();
        let now = if attempt.is_sent() || attempt.is_held() { host::now() } else { 0 };
        attempt.done(exchange, unreachable, now);
    });
}

/// What is due for an attempt happens.
pub fn expire(context: u32) {
    let now = host::now();
    carry_out(vm::attempt(context, |attempt, exchange| attempt.expire(exchange, now)), Some(Direction::Response));
}

fn act(verdict: Option<RequestVerdict>) -> Action {
    match verdict {
        None => host::refuse(UNKNOWN),
        Some(RequestVerdict::Wait) => Action::Pause,
        Some(RequestVerdict::Reply(local)) => host::reply(&local.reply),
        Some(RequestVerdict::Send { headers, body }) => {
            // Headers that announce another body than the one that leaves would let a client smuggle a request in.
            let written = host::set_body(Buffer::Request, body.as_deref());
            if written.and_then(|()| host::set_headers(Map::Request, &headers)).is_none() {
                return host::refuse(b"the gateway could not write the provider's request");
            }
            Action::Continue
        }
    }
}

fn carry_out(verdict: Option<AnswerVerdict>, resume: Option<Direction>) -> Action {
    let written = match verdict {
        None | Some(AnswerVerdict::Continue) => return Action::Continue,
        Some(AnswerVerdict::Hold) => return Action::Pause,
        Some(AnswerVerdict::Reply(reply)) => return host::reply(&reply),
        Some(AnswerVerdict::Reset) => {
            report(abi::reset(Direction::Response));
            return Action::Pause;
        }
        Some(AnswerVerdict::Replace(bytes)) => host::set_body(Buffer::Response, Some(&bytes)),
        Some(AnswerVerdict::Commit(AnswerHead { headers, body })) => {
            host::set_body(Buffer::Response, body.as_deref()).and_then(|()| host::set_headers(Map::Response, &headers))
        }
    };
    if written.is_none() {
        // One vendor's bytes never go to another vendor's client: an error while the head is held, a reset behind it.
        return host::refuse(b"the gateway could not write the answer");
    }
    if resume.is_some_and(|direction| report(abi::continue_stream(direction)).is_none()) {
        return host::refuse(b"the gateway could not let the answer go");
    }
    Action::Continue
}

fn exchange_key() -> Option<Key> {
    let text = abi::property(names::STATE_EXCHANGE).ok()?;
    Key::parse(core::str::from_utf8(&text).ok()?)
}

/// Names the cluster of the next attempt at once: a reset never reaches the callbacks of the answer.
fn point(next: Option<&str>) {
    if let Some(next) = next {
        report(abi::set_property(names::STATE_NEXT, next.as_bytes()));
    }
}
