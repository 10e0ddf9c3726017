//! The upstream position (U): once per attempt, in the router's upstream filter chain.

use crate::gateway::{self, refuse};
use crate::vm::{self, Vm, report};
use weir_abi::{self as abi, Action, Buffer, Direction, Map};
use weir_core::exchange::Key;
use weir_core::exchange::headers::stays_in_gateway;
use weir_core::exchange::{AnswerHead, AnswerVerdict, Attempt, Bound, Exchange, Headers, RequestVerdict};
use weir_core::names;

/// The request's head: which provider did Envoy pick, and whose exchange is it?
pub fn request_head(context: u32, end: bool) -> Action {
    let Some(key) = exchange_key() else {
        // A mirror, another listener's route, a VM rebuilt after a trap: on a route of Weir's nothing leaves unread.
        if !gateway::on_marked_route() {
            return Action::Continue;
        }
        return refuse(b"the gateway does not know this request");
    };
    let Ok(provider) = abi::property("xds\0cluster_metadata\0filter_metadata\0weir\0provider") else {
        return refuse(b"the gateway does not know this provider");
    };
    let provider = String::from_utf8_lossy(&provider).into_owned();
    let bound = vm::with(|vm| vm.table.exchange(key).map(|exchange| exchange.bind(&provider))).flatten();
    match bound {
        None => refuse(b"the gateway does not know this request"),
        Some(Bound::Tombstone(next)) => {
            point(next.as_deref());
            if let Some(pairs) = report(abi::header_pairs(Map::Request)) {
                let mut headers = Headers::from_pairs(&pairs);
                headers.retain(|name| !stays_in_gateway(name));
                report(abi::set_header_pairs(Map::Request, &headers.to_pairs()));
            }
            Action::Continue
        }
        Some(Bound::Refuse(local)) => {
            vm::send(&local.reply);
            Action::Pause
        }
        Some(Bound::Attempt(mut attempt, next)) => {
            point(next.as_deref());
            let verdict = vm::with(|vm| {
                let verdict = vm.table.exchange(key).map(|exchange| attempt.request_head(exchange, end));
                if let Some(stream) = vm.streams.get_mut(&context) {
                    stream.key = Some(key);
                    stream.attempt = Some(attempt);
                }
                verdict
            });
            act(verdict.flatten())
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

/// The request ended with trailers, which no provider needs.
pub fn request_trailers(context: u32) -> Action {
    if !reads_body(context) {
        return Action::Continue;
    }
    let action = request_ended(context);
    report(abi::set_header_pairs(Map::RequestTrailers, &Headers::new().to_pairs()));
    action
}

fn reads_body(context: u32) -> bool {
    vm::with(|vm| vm.streams.get(&context)?.attempt.as_ref().map(Attempt::reads_body)).flatten().unwrap_or(false)
}

fn request_ended(context: u32) -> Action {
    let Some(body) = report(abi::buffer(Buffer::Request, 0, usize::MAX >> 1)) else {
        return refuse(b"the gateway could not read the request");
    };
    act(with_attempt(context, |attempt, exchange| attempt.request_body(exchange, &body)))
}

/// The answer's head.
pub fn answer_head(context: u32, end: bool) -> Action {
    if vm::with(|vm| vm.streams.get(&context).is_some_and(|stream| stream.attempt.is_some())) != Some(true) {
        return Action::Continue;
    }
    let Some(head) = report(abi::header_pairs(Map::Response)).map(|pairs| Headers::from_pairs(&pairs)) else { return Action::Continue };
    let now = vm::now();
    carry_out(with_attempt(context, |attempt, exchange| attempt.answer_head(exchange, head, end, now)), None)
}

/// More of the answer's body.
pub fn answer_body(context: u32, size: usize, end: bool) -> Action {
    let wanted = vm::with(|vm| {
        let attempt = vm.streams.get(&context)?.attempt.as_ref()?;
        Some((attempt.wants(size, end), attempt.is_held()))
    });
    let Some(Some((wanted, held))) = wanted else { return Action::Continue };
    let bytes = report(abi::buffer(Buffer::Response, wanted.start, wanted.len())).unwrap_or_default();
    let now = if held { vm::now() } else { 0 };
    carry_out(with_attempt(context, |attempt, exchange| attempt.answer_body(exchange, &bytes, size, end, now)), None)
}

/// The answer ended with trailers; what was held of its body can still be replaced.
pub fn answer_trailers(context: u32) -> Action {
    let held = report(abi::buffer(Buffer::Response, 0, usize::MAX >> 1)).unwrap_or_default();
    answer_body(context, held.len(), true)
}

/// The attempt is over. Whether a connection came about decides whether anything can be billed.
pub fn done(context: u32) {
    let unreachable = || abi::property("upstream\0transport_failure_reason").is_ok_and(|reason| !reason.is_empty());
    with_attempt(context, |attempt, exchange| {
        let unreachable = attempt.is_sent() && unreachable();
        attempt.done(exchange, unreachable);
    });
}

/// The attempt's deadline has passed.
pub fn expire(context: u32) {
    let now = vm::now();
    let verdict = with_attempt(context, |attempt, exchange| attempt.expire(exchange, now));
    carry_out(verdict, Some(Direction::Response));
}

fn act(verdict: Option<RequestVerdict>) -> Action {
    match verdict {
        None => refuse(b"the gateway does not know this request"),
        Some(RequestVerdict::Wait) => Action::Pause,
        Some(RequestVerdict::Reply(local)) => {
            vm::send(&local.reply);
            Action::Pause
        }
        Some(RequestVerdict::Send { headers, body }) => {
            // Headers that announce another body than the one that leaves would let a client smuggle a request in.
            let written = body.is_none_or(|body| report(abi::set_buffer(Buffer::Request, &body)).is_some());
            if !written || report(abi::set_header_pairs(Map::Request, &headers.to_pairs())).is_none() {
                return refuse(b"the gateway could not write the provider's request");
            }
            Action::Continue
        }
    }
}

fn carry_out(verdict: Option<AnswerVerdict>, resume: Option<Direction>) -> Action {
    let written = match verdict {
        None | Some(AnswerVerdict::Continue) => return Action::Continue,
        Some(AnswerVerdict::Hold) => return Action::Pause,
        Some(AnswerVerdict::Replace(bytes)) => report(abi::set_buffer(Buffer::Response, &bytes)),
        Some(AnswerVerdict::Commit(AnswerHead { headers, body })) => {
            let body = body.map_or(Some(()), |body| report(abi::set_buffer(Buffer::Response, &body)));
            body.and_then(|()| report(abi::set_header_pairs(Map::Response, &headers.to_pairs())))
        }
    };
    if written.is_none() {
        // One vendor's bytes never go to another vendor's client: an error while the head is held, a reset behind it.
        return refuse(b"the gateway could not write the answer");
    }
    if let Some(direction) = resume {
        report(abi::continue_stream(direction));
    }
    Action::Continue
}

fn with_attempt<R>(context: u32, work: impl FnOnce(&mut Attempt, &mut Exchange) -> R) -> Option<R> {
    vm::with(|vm| {
        let Vm { streams, table, .. } = vm;
        let stream = streams.get_mut(&context)?;
        Some(work(stream.attempt.as_mut()?, table.exchange(stream.key?)?))
    })
    .flatten()
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
