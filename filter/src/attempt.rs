//! One attempt as the host carries it: by an upstream position, or by the one that has the exchange where the plan has one target.

use crate::gateway;
use crate::host::{self, report};
use crate::vm;
use weir_abi::{self as abi, Action, Buffer, Direction, Map};
use weir_core::exchange::{AnswerHead, AnswerVerdict, RequestVerdict};

/// More of the request's body. What the gateway position has read is not read again.
pub fn request_body(context: u32, size: usize, end: bool) -> Action {
    match vm::attempt(context, |attempt, _| attempt.reads_body()) {
        Some(true) if end => {}
        Some(true) => return Action::Pause,
        Some(false) | None => return gateway::request_body(context, size, end),
    }
    let kept = vm::attempt(context, |_, exchange| exchange.take_body()).flatten();
    let Some(body) = kept.or_else(|| host::body(Buffer::Request)) else {
        return host::refuse(b"the gateway could not read the request");
    };
    act(context, vm::attempt(context, |attempt, exchange| attempt.request_body(exchange, &body)))
}

/// The answer's head.
pub fn answer_head(context: u32, end: bool) -> Action {
    if vm::attempt(context, |attempt, _| attempt.answers()) != Some(true) {
        return gateway::answer_head(context, end);
    }
    // What can't be read can't be judged, and on a direct twin nobody behind this would withhold it.
    let Some(head) = host::headers(Map::Response) else { return host::refuse(b"the gateway could not read the answer") };
    let now = host::now();
    let verdict = vm::attempt(context, |attempt, exchange| attempt.answer_head(exchange, head, end, now, host::code_details));
    carry_out(context, verdict, end, None)
}

/// More of the answer's body.
pub fn answer_body(context: u32, size: usize, end: bool) -> Action {
    let wanted = vm::attempt(context, |attempt, _| attempt.answers().then(|| (attempt.wants(size, end), attempt.is_held())));
    let Some((wanted, held)) = wanted.flatten() else { return gateway::answer_body(context, end) };
    let read = report(abi::buffer(Buffer::Response, wanted.start, wanted.len())).filter(|bytes| bytes.len() == wanted.len());
    // What nobody has looked at may be in another vendor's words.
    let Some(bytes) = read else { return host::refuse(b"the gateway could not read the answer") };
    let now = if held { host::now() } else { 0 };
    let verdict = vm::attempt(context, |attempt, exchange| attempt.answer_body(exchange, &bytes, size, end, now));
    carry_out(context, verdict, end && size == 0, None)
}

/// What is due for an attempt happens.
pub fn expire(context: u32) {
    let now = host::now();
    carry_out(context, vm::attempt(context, |attempt, exchange| attempt.expire(exchange, now)), false, Some(Direction::Response));
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

/// Carries out what becomes of a request.
pub fn act(context: u32, verdict: Option<RequestVerdict>) -> Action {
    match verdict {
        None => host::refuse(host::UNKNOWN),
        Some(RequestVerdict::Wait) => Action::Pause,
        Some(RequestVerdict::Reply(local)) => gateway::reply(context, &local),
        Some(RequestVerdict::Send { headers, body }) => {
            // Headers that announce another body than the one that leaves would let a client smuggle a request in.
            let written = host::set_body(Buffer::Request, body.as_deref());
            if written.and_then(|()| headers.map_or(Some(()), |headers| host::set_headers(Map::Request, &headers))).is_none() {
                return host::refuse(b"the gateway could not write the provider's request");
            }
            Action::Continue
        }
    }
}

/// Carries out what becomes of an answer. `bodiless`: nothing is there that a body could replace; `resume`: the stream is held and this
/// is not one of its own callbacks.
fn carry_out(context: u32, verdict: Option<AnswerVerdict>, bodiless: bool, resume: Option<Direction>) -> Action {
    let written = match verdict {
        None | Some(AnswerVerdict::Continue) => return Action::Continue,
        Some(AnswerVerdict::Hold) => return Action::Pause,
        Some(AnswerVerdict::Forgo) => return gateway::answer_head(context, bodiless),
        Some(AnswerVerdict::Reply(reply)) => return host::reply(&reply),
        Some(AnswerVerdict::Reset) => {
            report(abi::reset(Direction::Response));
            return Action::Pause;
        }
        Some(AnswerVerdict::Replace(bytes)) => host::set_body(Buffer::Response, Some(&bytes)),
        Some(AnswerVerdict::Commit(AnswerHead { headers, body, next })) => {
            next.and_then(|next| report(abi::set_property(weir_core::names::STATE_NEXT, next.as_bytes())));
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
