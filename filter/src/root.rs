//! The roots: configuration, the tick that watches deadlines, and the callouts to the rate-limit service.

use crate::vm::{self, Position, report};
use crate::{gateway, platform, upstream};
use std::rc::Rc;
use weir_abi::{self as abi, Buffer, Direction, Level, Map};
use weir_core::exchange::{Configured, Headers};
use weir_core::limits::{CallFault, SyncCall, Synced};
use weir_core::names;
use weir_core::telemetry::Metric;

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
    let position = match abi::property("plugin_root_id").as_deref() {
        Ok(id) if id == names::ROOT_GATEWAY.as_bytes() => Position::Gateway,
        Ok(id) if id == names::ROOT_UPSTREAM.as_bytes() => Position::Upstream,
        Ok(_) | Err(_) => {
            abi::log(
                Level::Error,
                "weir: root_id must be weir.gateway or weir.upstream; the standalone position is not supported by this version",
            );
            return false;
        }
    };
    let text = report(abi::buffer(Buffer::Configuration, 0, size)).unwrap_or_default();
    let configured = match core::str::from_utf8(&text) {
        Ok(document) => Configured::new(document, platform::env),
        Err(_) => {
            abi::log(Level::Error, "weir: the configuration is not UTF-8");
            return false;
        }
    };
    match configured {
        Ok(configured) => {
            for name in configured.missing() {
                abi::log(Level::Warn, &format!("weir: the environment variable {name} is not set; its provider is left out of plans"));
            }
            let configured = Rc::new(configured);
            vm::with(|vm| vm.roots.insert(root, Root { position: Some(position), configured: Some(configured), going: false }));
            report(abi::set_tick_period(TICK));
            true
        }
        Err(errors) => {
            abi::log(Level::Error, &format!("weir: the configuration is refused: {errors}"));
            false
        }
    }
}

/// What a stream's root is configured with.
pub fn configured(context: u32) -> Option<Rc<Configured>> {
    vm::with(|vm| vm.roots.get(&vm.streams.get(&context)?.root)?.configured.clone()).flatten()
}

/// Deadlines and owed amounts. Only the newest gateway root works: streams and ledger are the VM's.
pub fn tick(root: u32) {
    let newest = vm::with(|vm| vm.roots.iter().filter(|(_, one)| one.position == Some(Position::Gateway)).map(|(&id, _)| id).max());
    if newest.flatten() != Some(root) {
        return;
    }
    let now = vm::now();
    let due: Vec<(u32, Position)> = vm::with(|vm| {
        let table = &mut vm.table;
        let due = |position: Position, deadline: Option<u64>| deadline.filter(|at| *at <= now).map(|_| position);
        let of = |stream: &vm::Stream| match stream.position {
            Position::Upstream => due(Position::Upstream, stream.attempt.as_ref()?.deadline()),
            Position::Gateway => due(Position::Gateway, table.exchange(stream.key?)?.deadline()),
        };
        let mut of = of;
        vm.streams.iter().filter_map(|(&id, stream)| Some((id, of(stream)?))).collect()
    })
    .unwrap_or_default();
    for (context, position) in due {
        if report(abi::act_on(context)).is_none() {
            continue;
        }
        match position {
            Position::Upstream => upstream::expire(context),
            Position::Gateway => {
                let verdict = gateway::with_exchange(context, |exchange, vm| exchange.expire(vm.ledger, now));
                gateway::act(context, verdict, Some(Direction::Request));
            }
        }
    }
    report(abi::act_on(root));
    settle_calls(root, now);
    send_owed(root);
}

/// Gives up calls whose answer never came, and tells the metrics.
fn settle_calls(root: u32, now: u64) {
    let service = vm::with(|vm| vm.roots.get(&root)?.configured.as_ref()?.gateway.limit_service.clone()).flatten();
    let Some(service) = service else { return };
    // The host answers a call after its timeout by itself; twice that is beyond any answer.
    let patience = u64::try_from(service.timeout.as_nanos()).unwrap_or(u64::MAX).saturating_mul(2);
    let told = vm::with(|vm| {
        let _given_up = vm.ledger.tick(now, patience);
        let mut told = Vec::new();
        vm.limit_metrics.losses(&vm.ledger, |kind, name, value| told.push((kind, name.to_owned(), value)));
        told
    });
    bump_all(told.unwrap_or_default());
    // Not only behind a call that was given up: one that the host refused to send is answered by no callback.
    wake(now);
    let_roots_go();
}

/// Sends what is urgent, on behalf of a stream that may wait for it.
pub fn sync(context: u32) {
    let root = vm::with(|vm| vm.streams.get(&context).map(|stream| stream.root)).flatten();
    if let Some(root) = root
        && vm::with(|vm| vm.ledger.is_urgent()) == Some(true)
    {
        send_owed(root);
    }
}

/// Sends the calls that are due.
fn send_owed(root: u32) {
    let service = vm::with(|vm| vm.roots.get(&root)?.configured.as_ref()?.gateway.limit_service.clone()).flatten();
    let Some(service) = service else { return };
    let now = vm::now();
    for _ in 0..CALLS_AT_ONCE {
        let call = vm::with(|vm| vm.ledger.sync_request(&service.domain, now, KEYS_PER_CALL)).flatten();
        let Some(SyncCall { id, body }) = call else { return };
        let mut headers = Headers::new();
        headers.push(":method", "POST");
        headers.push(":path", &*service.endpoint.base_path);
        headers.push(":authority", &*service.endpoint.authority);
        headers.push("content-type", "application/json");
        headers.push("content-length", body.len().to_string());
        match report(abi::call(names::CLUSTER_LIMITS, &headers.to_pairs(), body.as_bytes(), service.timeout)) {
            Some(token) => {
                vm::with(|vm| vm.calls.insert(token, id));
            }
            None => {
                let synced = vm::with(|vm| vm.ledger.sync_failed(id, CallFault::NeverSent, now));
                tell(synced);
                return;
            }
        }
    }
}

/// The rate-limit service has answered, or the host answers for it (503 without a connection, 504 after the timeout).
pub fn call_answered(token: u32, headers: u32, size: usize) {
    let Some(id) = vm::with(|vm| vm.calls.remove(&token)).flatten() else { return };
    let status =
        if headers == 0 { None } else { abi::header(Map::CallResponse, ":status").ok().and_then(|status| status.parse::<u16>().ok()) };
    let body = if size == 0 { Vec::new() } else { report(abi::buffer(Buffer::CallResponse, 0, size)).unwrap_or_default() };
    let now = vm::now();
    let synced = vm::with(|vm| match status {
        None => vm.ledger.sync_failed(id, CallFault::Unanswered, now),
        Some(status) => vm.ledger.sync_answer(id, status, &body, now),
    });
    tell(synced);
    wake(now);
    let_roots_go();
}

fn tell(synced: Option<Synced>) {
    let Some(synced) = synced else { return };
    let told = vm::with(|vm| {
        let mut told = Vec::new();
        vm.limit_metrics.synced(synced, |kind, name, value| told.push((kind, name.to_owned(), value)));
        told
    });
    bump_all(told.unwrap_or_default());
}

fn bump_all(metrics: Vec<(Metric, String, u64)>) {
    for (kind, name, value) in metrics {
        if let Some(bumped) = vm::with(|vm| vm.metrics.bump(kind, &name, value)) {
            report(bumped);
        }
    }
}

/// Asks again for every exchange that waits for its budgets.
fn wake(now: u64) {
    let waiting: Vec<u32> = vm::with(|vm| {
        let table = &mut vm.table;
        let mut waits = |stream: &vm::Stream| {
            stream.position == Position::Gateway
                && stream.key.and_then(|key| table.exchange(key)).is_some_and(|exchange| exchange.is_deciding())
        };
        vm.streams.iter().filter(|(_, stream)| waits(stream)).map(|(&id, _)| id).collect()
    })
    .unwrap_or_default();
    for context in waiting {
        if report(abi::act_on(context)).is_some() {
            let verdict = gateway::with_exchange(context, |exchange, vm| exchange.decide(vm.ledger, now));
            gateway::act(context, verdict, Some(Direction::Request));
        }
    }
}

/// A context is over. A root waits for the answers of the VM's calls: they carry what others are charged.
pub fn done(context: u32) -> bool {
    vm::with(|vm| match vm.roots.get_mut(&context) {
        Some(root) if !vm.calls.is_empty() => {
            root.going = true;
            false
        }
        Some(_) | None => true,
    })
    .unwrap_or(true)
}

/// Lets roots go that stayed for answers, once there are none left to wait for.
fn let_roots_go() {
    let going: Vec<u32> = vm::with(|vm| match vm.calls.is_empty() {
        true => vm.roots.iter_mut().filter_map(|(&id, root)| core::mem::take(&mut root.going).then_some(id)).collect(),
        false => Vec::new(),
    })
    .unwrap_or_default();
    for root in going {
        if report(abi::act_on(root)).is_some() {
            report(abi::done());
        }
    }
}
