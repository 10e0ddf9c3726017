//! The roots: configuration, the tick that watches deadlines, and the callouts to the rate-limit service.

use crate::host::{self, report};
use crate::vm::{self, Stream, Vm};
use crate::{attempt, gateway, platform};
use std::rc::Rc;
use weir_abi::{self as abi, Buffer, Level, Map};
use weir_core::config::LimitService;
use weir_core::exchange::{Configured, Exchange, Headers, Position, Table, Verdict};
use weir_core::limits::{CallFault, Ledger, SyncCall, Synced};
use weir_core::names;
use weir_core::telemetry::health_metrics;

/// How often deadlines are looked at and owed amounts leave, in milliseconds.
const TICK: u32 = 100;
/// Counters in one callout.
const KEYS_PER_CALL: usize = 64;
/// Callouts in one tick: behind a refused call each of its keys is asked alone.
const CALLS_AT_ONCE: usize = 32;

/// One root context.
#[derive(Default)]
pub struct Root {
    /// Its position, by `root_id`; `None` before it is configured.
    pub position: Option<Position>,
    /// What its streams begin with.
    configured: Option<Rc<Configured>>,
    /// The host wants to end it; it stays for the answers of its calls.
    going: bool,
}

/// Reads the document. A wrong one is refused, and the host keeps the old one or does not start.
pub fn configure(root: u32, size: usize) -> bool {
    let document = report(abi::buffer(Buffer::Configuration, 0, size)).unwrap_or_default();
    match Configured::at(abi::property("plugin_root_id").ok().as_deref(), document, platform::env) {
        Ok((position, mut configured)) => {
            for name in configured.missing() {
                abi::log(Level::Warn, &format!("weir: the environment variable {name} is not set; its provider is left out of plans"));
            }
            vm::with(|vm| {
                configured.take_seats(&mut vm.health);
                vm.roots.insert(root, Root { position: Some(position), configured: Some(Rc::new(configured)), going: false });
            });
            report(abi::set_tick_period(TICK));
            true
        }
        Err(fault) => {
            abi::log(Level::Error, &format!("weir: {fault}"));
            false
        }
    }
}

/// What a stream's root is configured with.
pub fn configured(context: u32) -> Option<Rc<Configured>> {
    vm::with(|vm| vm.roots.get(&vm.streams.get(&context)?.root)?.configured.clone()).flatten()
}

/// The rate-limit service of a root's document.
fn service(root: u32) -> Option<LimitService> {
    vm::with(|vm| vm.roots.get(&root)?.configured.as_ref()?.gateway.limit_service.clone()).flatten()
}

/// Deadlines and owed amounts. Only the newest root that has exchanges works: streams and ledger are the VM's.
pub fn tick(root: u32) {
    let has_exchanges = |one: &Root| one.position.is_some_and(Position::has_exchanges);
    if vm::with(|vm| vm.roots.iter().filter(|(_, one)| has_exchanges(one)).map(|(&id, _)| id).max()).flatten() != Some(root) {
        return;
    }
    let now = host::now();
    visit(|stream, _| stream.attempt.as_mut().is_some_and(|attempt| attempt.is_due(now)), attempt::expire);
    decide(|exchange| exchange.deadline().is_some_and(|at| at <= now), |exchange, ledger| exchange.expire(ledger, now));
    report(abi::act_on(root));
    gossip(now);
    if let Some(service) = service(root) {
        give_up_calls(&service, now);
        send_owed(&service);
    }
}

/// What is known of the providers' health is told to the other workers once for each change, and heard from them.
fn gossip(now: u64) {
    let Some((written, version)) = report(abi::shared(names::SHARED_HEALTH)) else { return };
    let news = vm::with(|Vm { health, metrics, .. }| {
        health.meet(&written, now, |provider, model, change| {
            health_metrics(provider, model, &change, |kind, name, value| metrics.bump(kind, name, value));
        })
    });
    if let Some(news) = news.flatten() {
        // Where another worker was first, the next tick tells it.
        report(abi::set_shared(names::SHARED_HEALTH, &news, version));
    }
}

/// Gives up calls whose answer never came, and tells the metrics.
fn give_up_calls(service: &LimitService, now: u64) {
    vm::with(|Vm { ledger, metrics, limit_metrics, .. }| {
        let _given_up = ledger.tick(now, service.patience());
        limit_metrics.losses(ledger, |kind, name, value| metrics.bump(kind, name, value));
    });
    // Not only behind a call that was given up: one that the host refused to send is answered by no callback.
    wake(now);
}

/// Sends what is urgent, on behalf of a stream that may wait for it.
pub fn sync(context: u32) {
    let urgent = vm::with(|vm| vm.streams.get(&context).filter(|_| vm.ledger.is_urgent()).map(|stream| stream.root));
    if let Some(service) = urgent.flatten().and_then(service) {
        send_owed(&service);
    }
}

/// Sends the calls that are due.
fn send_owed(service: &LimitService) {
    let now = host::now();
    for _ in 0..CALLS_AT_ONCE {
        let call = vm::with(|vm| vm.ledger.sync_request(&service.domain, now, KEYS_PER_CALL)).flatten();
        let Some(SyncCall { id, body }) = call else { return };
        let headers = Headers::of_call(service, body.len());
        let Some(token) = report(abi::call(names::CLUSTER_LIMITS, &headers.to_pairs(), body.as_bytes(), service.timeout)) else {
            return tell(|vm| vm.ledger.sync_failed(id, CallFault::NeverSent, now));
        };
        vm::with(|vm| vm.calls.insert(token, id));
    }
}

/// The rate-limit service has answered, or the host answers for it (503 without a connection, 504 after the timeout).
pub fn call_answered(token: u32, headers: u32, size: usize) {
    let Some(id) = vm::with(|vm| vm.calls.remove(&token)).flatten() else { return };
    let status = if headers == 0 { None } else { host::status(Map::CallResponse) };
    let body = report(abi::buffer(Buffer::CallResponse, 0, size)).unwrap_or_default();
    let now = host::now();
    tell(|vm| match status {
        None => vm.ledger.sync_failed(id, CallFault::Unanswered, now),
        Some(status) => vm.ledger.sync_answer(id, status, &body, now),
    });
    wake(now);
}

/// Tells the metrics what became of a call.
fn tell(synced: impl FnOnce(&mut Vm) -> Synced) {
    vm::with(|vm| {
        let synced = synced(vm);
        vm.limit_metrics.synced(synced, |kind, name, value| vm.metrics.bump(kind, name, value));
    });
}

/// Asks again for every exchange that waits for its budgets, and lets roots go that waited for answers.
fn wake(now: u64) {
    decide(|exchange| exchange.is_deciding(), |exchange, ledger| exchange.decide(ledger, now));
    let_roots_go();
}

/// Decides anew for the exchanges that `which` picks.
fn decide(which: impl Fn(&Exchange) -> bool, how: impl Fn(&mut Exchange, &mut Ledger) -> Verdict) {
    let waits = |stream: &mut Stream, table: &mut Table| {
        let key = stream.key.filter(|_| stream.position.has_exchanges());
        key.and_then(|key| table.exchange(key)).is_some_and(|exchange| which(exchange))
    };
    visit(waits, |context| gateway::resume(context, &how));
}

/// Turns to those streams that `which` picks, outside of their own callbacks.
fn visit(mut which: impl FnMut(&mut Stream, &mut Table) -> bool, then: impl Fn(u32)) {
    let picked = vm::with(|Vm { streams, table, .. }| {
        streams.iter_mut().filter_map(|(&id, stream)| which(stream, table).then_some(id)).collect::<Vec<_>>()
    });
    for context in picked.unwrap_or_default() {
        if report(abi::act_on(context)).is_some() {
            then(context);
        }
    }
}

/// A context is over. A root waits for the answers of the VM's calls: they carry what others are charged.
pub fn done(context: u32) -> bool {
    let stays = |vm: &mut Vm| vm.roots.get_mut(&context).filter(|_| !vm.calls.is_empty()).map(|root| root.going = true);
    vm::with(stays).flatten().is_none()
}

/// Lets roots go that stayed for answers, once there are none left to wait for.
fn let_roots_go() {
    let going = vm::with(|Vm { roots, calls, .. }| {
        let gone = roots.iter_mut().filter(|_| calls.is_empty());
        gone.filter_map(|(&id, root)| core::mem::take(&mut root.going).then_some(id)).collect::<Vec<_>>()
    });
    for root in going.unwrap_or_default() {
        if report(abi::act_on(root)).is_some() {
            report(abi::done());
        }
    }
}
