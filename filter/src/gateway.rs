//! The gateway position (D): once per request, in the listener's filter chain.

use crate::root;
use crate::vm::{self, Vm, report};
use weir_abi::{self as abi, Action, Buffer, Direction, Map};
use weir_core::exchange::Key;
use weir_core::exchange::{Begun, ClientAnswer, Exchange, Headers, LocalReply, Release, Verdict};
use weir_core::names;

/// Longest body that is read from the host at once: the host holds no more than its own limit.
const WHOLE: usize = usize::MAX >> 1;

/// The request's head.
pub fn request_head(context: u32, end: bool) -> Action {
    let Some(configured) = root::configured(context) else { return refuse_unconfigured() };
    let Some(head) = report(abi::header_pairs(Map::Request)).map(|pairs| Headers::from_pairs(&pairs)) else { return refuse_unconfigured() };
    let now = vm::now();
    let begun = Exchange::begin(&configured, &head, end, now, on_marked_route);
    let Begun::Exchange(exchange, verdict) = begun else { return Action::Continue };
    let verdict = vm::with(|vm| {
        let key = vm.table.insert(exchange);
        vm.streams.get_mut(&context)?.key = Some(key);
        match (vm.table.exchange(key), verdict) {
            (Some(exchange), Verdict::Wait) if exchange.is_deciding() => Some(exchange.decide(&mut vm.ledger, now)),
            (_, verdict) => Some(verdict),
        }
    });
    act(context, verdict.flatten(), None)
}

/// More of the request's body.
pub fn request_body(context: u32, size: usize, end: bool) -> Action {
    if end {
        return request_ended(context);
    }
    let now = vm::now();
    let verdict = with_exchange(context, |exchange, _| exchange.request_progress(size, now));
    act(context, verdict, None)
}

/// The request ended with trailers: a filter that waits for end of stream alone would be passed by.
pub fn request_trailers(context: u32) -> Action {
    let action = request_ended(context);
    if action == Action::Continue && key(context).is_some() {
        report(abi::set_header_pairs(Map::RequestTrailers, &Headers::new().to_pairs()));
    }
    action
}

fn request_ended(context: u32) -> Action {
    if with_exchange(context, |exchange, _| exchange.reads_body()) != Some(true) {
        let now = vm::now();
        let verdict = with_exchange(context, |exchange, _| exchange.request_progress(0, now));
        return act(context, verdict, None);
    }
    let body = report(abi::buffer(Buffer::Request, 0, WHOLE)).unwrap_or_default();
    let now = vm::now();
    let verdict = with_exchange(context, |exchange, vm| exchange.request_body(&body, vm.random(), vm.ledger, now));
    act(context, verdict, None)
}

/// The answer's head.
pub fn answer_head(context: u32, end: bool) -> Action {
    let status = || abi::header(Map::Response, ":status").ok().and_then(|status| status.parse().ok()).unwrap_or(0);
    let answer = with_exchange(context, |exchange, _| exchange.answer_head(end, status, code_details));
    replace(answer, end)
}

/// More of the answer's body, or its trailers.
pub fn answer_body(context: u32, end: bool) -> Action {
    let answer = with_exchange(context, |exchange, _| exchange.answer_body(end));
    replace(answer, false)
}

/// Puts the exchange's reply in the place of an answer; one without a body can only be answered anew.
fn replace(answer: Option<ClientAnswer>, bodiless: bool) -> Action {
    match answer {
        None | Some(ClientAnswer::Continue) => Action::Continue,
        Some(ClientAnswer::Hold) => Action::Pause,
        Some(ClientAnswer::Replace(reply)) if bodiless => {
            vm::send(&reply);
            Action::Pause
        }
        Some(ClientAnswer::Replace(reply)) => {
            let headers = Headers::of_reply(&reply, true);
            let written = report(abi::set_buffer(Buffer::Response, &reply.body))
                .and_then(|()| report(abi::set_header_pairs(Map::Response, &headers.to_pairs())));
            if written.is_none() {
                vm::send(&reply);
                return Action::Pause;
            }
            Action::Continue
        }
    }
}

/// The exchange is over, however it ended: it is charged and recorded.
pub fn log(context: u32) {
    let now = vm::now();
    let settlement = with_exchange(context, |exchange, vm| exchange.settle(vm.ledger, now, code_details));
    let Some(settlement) = settlement else { return };
    if !settlement.record.is_empty() {
        report(abi::set_property(names::STATE_LOG, settlement.record.as_bytes()));
    }
    for (kind, name, value) in settlement.metrics {
        if let Some(bumped) = vm::with(|vm| vm.metrics.bump(kind, &name, value)) {
            report(bumped);
        }
    }
}

/// Carries out a verdict. `resume`: the stream is held and this is not one of its own callbacks.
pub fn act(context: u32, verdict: Option<Verdict>, resume: Option<Direction>) -> Action {
    let action = match verdict {
        None | Some(Verdict::Continue) => return Action::Continue,
        Some(Verdict::Wait) => Action::Pause,
        Some(Verdict::Reply(LocalReply { reply, worded })) => {
            if worded {
                // Where this is set, Envoy's mapper leaves replies alone: they are Weir's.
                mark(context);
            }
            vm::send(&reply);
            Action::Pause
        }
        Some(Verdict::Release(release)) => {
            if let_go(context, &release).is_none() {
                // The client's credentials stand in the headers that could not be written.
                return refuse(b"the gateway could not write the request");
            }
            if let Some(direction) = resume {
                report(abi::continue_stream(direction));
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
    report(abi::set_header_pairs(Map::Request, &release.headers.to_pairs()))
}

fn mark(context: u32) {
    if let Some(key) = key(context) {
        report(abi::set_property(names::STATE_EXCHANGE, key.to_string().as_bytes()));
    }
}

fn key(context: u32) -> Option<Key> {
    vm::with(|vm| vm.streams.get(&context)?.key).flatten()
}

/// Works on the exchange of a stream, beside the rest of the VM.
pub fn with_exchange<R>(context: u32, work: impl FnOnce(&mut Exchange, &mut Rest<'_>) -> R) -> Option<R> {
    vm::with(|vm| {
        let key = vm.streams.get(&context)?.key?;
        let random = vm.random();
        let Vm { table, ledger, .. } = vm;
        Some(work(table.exchange(key)?, &mut Rest { ledger, random }))
    })
    .flatten()
}

/// What an exchange needs of the VM.
pub struct Rest<'v> {
    /// The budgets.
    pub ledger: &'v mut weir_core::limits::Ledger,
    random: u64,
}

impl Rest<'_> {
    const fn random(&self) -> u64 {
        self.random
    }
}

/// Whether the route's metadata says that it is Weir's.
pub fn on_marked_route() -> bool {
    abi::property("xds\0route_metadata\0filter_metadata\0weir\0route").is_ok_and(|value| value == [1])
}

/// Envoy's word for why an answer is what it is.
fn code_details() -> String {
    abi::property("response\0code_details").map(|details| String::from_utf8_lossy(&details).into_owned()).unwrap_or_default()
}

/// A stream of a root that has no configuration, or a request that can't be read: nothing leaves.
fn refuse_unconfigured() -> Action {
    refuse(b"the gateway can't read the request")
}

/// Answers in the place of what could not be read or written: an error while the head is held, a reset of the stream behind it.
pub fn refuse(sentence: &[u8]) -> Action {
    report(abi::reply(500, &Headers::new().to_pairs(), sentence, "weir"));
    Action::Pause
}
