//! The gateway position (D): once per request, in the listener's filter chain.

use crate::host::{self, report};
use crate::{root, vm};
use weir_abi::{self as abi, Action, Buffer, Direction, Map};
use weir_core::exchange::{ClientAnswer, Exchange, Headers, LocalReply, Release, Verdict};
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
        let (exchange, verdict) = Exchange::begin(&configured, head, end, now, host::on_marked_route, &mut vm.ledger)?;
        vm.streams.get_mut(&context)?.key = Some(vm.table.insert(exchange));
        Some(verdict)
    });
    act(context, verdict.flatten(), None)
}

/// More of the request's body.
pub fn request_body(context: u32, size: usize, end: bool) -> Action {
    if end {
        return request_ended(context);
    }
    let now = host::now();
    act(context, vm::exchange(context, |exchange, _, _| exchange.request_progress(size, now)), None)
}

fn request_ended(context: u32) -> Action {
    if vm::exchange(context, |exchange, _, _| exchange.reads_body()) != Some(true) {
        return request_body(context, 0, false);
    }
    let body = host::body(Buffer::Request).unwrap_or_default();
    let (now, random) = (host::now(), vm::with(vm::Vm::random).unwrap_or(0));
    act(context, vm::exchange(context, |exchange, ledger, _| exchange.request_body(&body, random, ledger, now)), None)
}

/// The answer's head.
pub fn answer_head(context: u32, end: bool) -> Action {
    let status = || host::status(Map::Response).unwrap_or(0);
    replace(vm::exchange(context, |exchange, _, _| exchange.answer_head(end, status, host::code_details)), end)
}

/// More of the answer's body, or its trailers.
pub fn answer_body(context: u32, end: bool) -> Action {
    replace(vm::exchange(context, |exchange, _, _| exchange.answer_body(end)), false)
}

/// Puts the exchange's reply in the place of an answer; one without a body can only be answered anew.
fn replace(answer: Option<ClientAnswer>, bodiless: bool) -> Action {
    match answer {
        None | Some(ClientAnswer::Continue) => Action::Continue,
        Some(ClientAnswer::Hold) => Action::Pause,
        Some(ClientAnswer::Replace(reply)) => {
            let write = || host::set_headers(Map::Response, &Headers::of_reply(&reply, true));
            if bodiless || host::set_body(Buffer::Response, Some(&reply.body)).and_then(|()| write()).is_none() {
                return host::reply(&reply);
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
        Some(Verdict::Reply(LocalReply { reply, worded })) => {
            if worded {
                // Where this is set, Envoy's mapper leaves replies alone: they are Weir's.
                mark(context);
            }
            host::reply(&reply)
        }
        Some(Verdict::Release(release)) => {
            if let_go(context, &release).is_none() {
                // The client's credentials stand in the headers that could not be written.
                return host::refuse(b"the gateway could not write the request");
            }
            if resume.is_some_and(|direction| report(abi::continue_stream(direction)).is_none()) {
                return host::refuse(b"the gateway could not let the request go");
            }
            Action::Continue
        }
    };
    root::sync(context);
    action
}

/// Filter state first, headers last: the edit of the headers makes Envoy pick the route anew, once.
fn let_go(context: u32, release: &Release) -> Option<()> {
    mark(context);
    report(abi::set_property(names::STATE_NEXT, release.next.as_bytes()));
    host::set_headers(Map::Request, &release.headers)
}

fn mark(context: u32) {
    if let Some(key) = vm::stream(context, |stream| stream.key) {
        report(abi::set_property(names::STATE_EXCHANGE, key.to_string().as_bytes()));
    }
}
