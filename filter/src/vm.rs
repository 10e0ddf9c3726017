//! The state of this VM: all positions of a worker share it, so what the gateway position decides the upstream position knows.

use crate::host;
use crate::metrics::Metrics;
use crate::root::Root;
use core::cell::RefCell;
use std::collections::BTreeMap;
use weir_core::exchange::{Attempt, Exchange, Key, Position, Table};
use weir_core::health::Health;
use weir_core::limits::{CallId, Ledger};
use weir_core::telemetry::LimitMetrics;

/// One stream context.
pub struct Stream {
    pub root: u32,
    pub position: Position,
    /// Its exchange, once there is one.
    pub key: Option<Key>,
    /// The attempt of an upstream position.
    pub attempt: Option<Box<Attempt>>,
}

/// Everything that lives as long as the VM.
#[derive(Default)]
pub struct Vm {
    pub roots: BTreeMap<u32, Root>,
    pub streams: BTreeMap<u32, Stream>,
    pub table: Table,
    pub ledger: Ledger,
    pub health: Health,
    pub calls: BTreeMap<u32, CallId>,
    pub metrics: Metrics,
    pub limit_metrics: LimitMetrics,
    random: u64,
}

thread_local! {
    static VM: RefCell<Option<Vm>> = const { RefCell::new(None) };
}

impl Vm {
    fn new() -> Self {
        let seed = host::now();
        Self { table: Table::new(seed), random: seed, ..Self::default() }
    }

    /// The next random number (an additive sequence, which the plan mixes): fair, not secret.
    pub const fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random
    }
}

/// Works on the VM's state. A host call inside must not be one that re-enters; what re-enters all the same finds nothing and does nothing.
pub fn with<R>(work: impl FnOnce(&mut Vm) -> R) -> Option<R> {
    VM.with(|vm| vm.try_borrow_mut().ok().map(|mut vm| work(vm.get_or_insert_with(Vm::new))))
}

/// Works on a stream; `None` for roots and for streams of a root that is no position of Weir's.
pub fn stream<R>(context: u32, work: impl FnOnce(&mut Stream) -> Option<R>) -> Option<R> {
    with(|vm| vm.streams.get_mut(&context).and_then(work)).flatten()
}

/// Works on the exchange of a stream that has one of its own, beside the budgets and the metrics.
pub fn exchange<R>(context: u32, work: impl FnOnce(&mut Exchange, &mut Ledger, &mut Metrics) -> R) -> Option<R> {
    with(|vm| {
        let key = vm.streams.get(&context).filter(|stream| stream.position.has_exchanges())?.key?;
        Some(work(vm.table.exchange(key)?, &mut vm.ledger, &mut vm.metrics))
    })
    .flatten()
}

/// Works on the attempt of a stream and on its exchange; what it teaches is learnt.
pub fn attempt<R>(context: u32, work: impl FnOnce(&mut Attempt, &mut Exchange) -> R) -> Option<R> {
    with(|vm| {
        let stream = vm.streams.get_mut(&context)?;
        let attempt = stream.attempt.as_deref_mut()?;
        let result = work(attempt, vm.table.exchange(stream.key?)?);
        if let Some((seats, lesson)) = attempt.take_lesson() {
            vm.health.learn(seats, lesson);
        }
        Some(result)
    })
    .flatten()
}

/// A new context: a root where it has no parent.
pub fn create(context: u32, parent: u32) {
    with(|vm| {
        if parent == 0 {
            vm.roots.insert(context, Root::default());
        } else if let Some(position) = vm.roots.get(&parent).and_then(|root| root.position) {
            vm.streams.insert(context, Stream { root: parent, position, key: None, attempt: None });
        }
    });
}

/// A context is gone.
pub fn delete(context: u32) {
    with(|vm| {
        vm.roots.remove(&context);
        if let Some(stream) = vm.streams.remove(&context)
            && let Some(key) = stream.key.filter(|_| stream.position.has_exchanges())
        {
            vm.table.remove(key);
        }
    });
}
