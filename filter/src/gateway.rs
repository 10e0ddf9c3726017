//! The gateway position (D), and the standalone one: once per request, in the listener's filter chain.

use crate::host::{self, report};
use crate::{attempt, root, vm};
use weir_abi::{self as abi, Action, Buffer, Direction, Map};
use weir_core::exchange::{ClientAnswer, Departure, Exchange, Headers, LocalReply, RequestVerdict, Verdict};
use weir_core::limits::Ledger;
use weir_core::names;

/// The request's head.
pub fn request_head(context: u32, end: bool) -> Action {
    // A stream of a root that has no configuration, or a request that can't be read: nothing leaves.
    let Some((configured, head)) = root::configured(context).and_then(|configured| Some((configured, host::headers(Map::Request)?))) else {
        return host::refuse(b"the gateway can't read the request");
    };
    let now = host::now();
    let verdict = vm::with(|vm| {
        let (exchange, verdict) = Exchange::begin(&configured, head, end, now, host::on_marked_route, &mut vm.ledger, &mut vm.health)?;
        vm.streams.get_mut(&context)?.key = Some(vm.table.insert(exchange));
        Some(verdict)
    });
    act(context, verdict.flatten(), None)
}

/// More of the request's body, of which `size` bytes are there.
pub fn request_body(context: u32, size: usize, end: bool) -> Action {
    let now = host::now();
    if !end || vm::exchange(context, |exchange, _, _| exchange.reads_body()) != Some(true) {
        return act(context, vm::exchange(context, |exchange, _, _| exchange.request_progress(size, now)), None);
    }
    let body = host::body(Buffer::Request).unwrap_or_default();
    let verdict = vm::with(|vm| {
        let (key, random) = (vm.streams.get(&context)?.key?, vm.random());
        Some(vm.table.exchange(key)?.request_body(body, random, &mut vm.ledger, &mut vm.health, now))
    });
    act(context, verdict.flatten(), None)
}

/// The head of an answer that no attempt of this position has, or will have, committed.
pub fn answer_head(context: u32, end: bool) -> Action {
    let status = || host::status(Map::Response).unwrap_or(0);
    replace(context, vm::exchange(context, |exchange, _, _| exchange.answer_head(end, status, host::code_details)))
}

/// More of such an answer's body.
pub fn answer_body(context: u32, end: bool) -> Action {
    replace(context, vm::exchange(context, |exchange, _, _| exchange.answer_body(end)))
}

/// Puts the exchange's reply in the place of an answer.
fn replace(context: u32, answer: Option<ClientAnswer>) -> Action {
    match answer {
        None | Some(ClientAnswer::Continue) => Action::Continue,
        Some(ClientAnswer::Hold) => Action::Pause,
        Some(ClientAnswer::Reply(reply)) => self::reply(context, &LocalReply { reply, worded: true }),
        Some(ClientAnswer::Replace(reply)) => {
            let write = || host::set_headers(Map::Response, &Headers::of_reply(&reply, true));
            if host::set_body(Buffer::Response, Some(&reply.body)).and_then(|()| write()).is_none() {
                return self::reply(context, &LocalReply { reply, worded: true });
            }
            Action::Continue
        }
    }
}

/// The exchange is over, however it ended: it is charged and recorded.
pub fn log(context: u32) {
    let now = host::now();
    let record = vm::exchange(context, |exchange, ledger, metrics| {
        exchange.settle(ledger, now, host::code_details, |kind, name, value| metrics.bump(kind, name, value))
    });
    if let Some(record) = record.flatten() {
        report(abi::set_property(names::STATE_LOG, record.as_bytes()));
    }
}

/// Decides anew for a stream that is held, outside of its own callbacks.
pub fn resume(context: u32, decide: impl FnOnce(&mut Exchange, &mut Ledger) -> Verdict) {
    act(context, vm::exchange(context, |exchange, ledger, _| decide(exchange, ledger)), Some(Direction::Request));
}

/// Carries out a verdict. `resume`: the stream is held and this is not one of its own callbacks.
fn act(context: u32, verdict: Option<Verdict>, resume: Option<Direction>) -> Action {
    let action = match verdict {
        None | Some(Verdict::Continue) => return Action::Continue,
        Some(Verdict::Wait) => Action::Pause,
        Some(Verdict::Head(headers)) => attempt::act(context, Some(RequestVerdict::Send { headers: Some(headers), body: None })),
        Some(Verdict::Reply(local)) => reply(context, &local),
        Some(Verdict::Release) => depart(context),
    };
    if let (Action::Continue, Some(direction)) = (action, resume)
        && report(abi::continue_stream(direction)).is_none()
    {
        return host::refuse(b"the gateway could not let the request go");
    }
    root::sync(context);
    action
}

/// Filter state first, headers last: the edit of the headers makes Envoy pick the route anew, once.
fn depart(context: u32) -> Action {
    // An upstream position that gets the request against all expectation finds the exchange, and refuses.
    mark(context);
    let Some(Departure { next, conversation, attempt, verdict }) =
        vm::exchange(context, |exchange, _, _| exchange.depart(host::knows_twins)).flatten()
    else {
        return host::refuse(host::UNKNOWN);
    };
    next.and_then(|next| report(abi::set_property(names::STATE_NEXT, next.as_bytes())));
    conversation.and_then(|message| report(abi::call_foreign(names::SET_FILTER_STATE, &message)));
    vm::stream(context, |stream| core::mem::replace(&mut stream.attempt, attempt));
    attempt::act(context, Some(verdict))
}

/// Sends a local reply.
pub fn reply(context: u32, local: &LocalReply) -> Action {
    if local.worded {
        // Where this is set, Envoy's mapper leaves replies alone: they are Weir's.
        mark(context);
    }
    host::reply(&local.reply)
}

fn mark(context: u32) {
    if let Some(key) = vm::stream(context, |stream| stream.key) {
        report(abi::set_property(names::STATE_EXCHANGE, key.to_string().as_bytes()));
    }
}
