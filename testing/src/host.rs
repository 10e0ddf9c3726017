//! The host: one VM with its plugins, as one worker thread of Envoy has it.

use crate::abi::Status;
use crate::callout::{Answer, Callout, Reply};
use crate::error::Error;
use crate::failure::FailurePolicy;
use crate::fault::Fault;
use crate::metrics::{Metric, Metrics};
use crate::module::Module;
use crate::process::{Process, Thread};
use crate::rpc::Told;
use crate::state::{Plugin, Spent, State};
use crate::transcript::Transcript;
use crate::vm::Vm;
use std::collections::{BTreeMap, BTreeSet};

/// What a host is started with.
#[derive(Clone)]
pub struct Options {
    /// `vm_config.vm_id`.
    pub vm_id: String,
    /// `vm_config.configuration`.
    pub vm_configuration: Vec<u8>,
    /// The VM's environment variables.
    pub environment: Vec<(String, String)>,
    /// The plugins that this VM serves, in the order in which they are started. Several plugins are several positions of one module.
    pub plugins: Vec<Plugin>,
    /// Fuel for one callback, about one unit per instruction. Envoy has no such limit; here it ends an endless loop.
    pub fuel: u64,
    /// Bytes of linear memory; growing beyond fails. Envoy gives about 1 GiB.
    pub memory: usize,
    /// Bytes of a body that may be held (`per_connection_buffer_limit_bytes`; a route's `request_body_buffer_limit` raises it). Beyond:
    /// 413 for a request; 500 for an answer whose headers are held, a reset where they have left.
    pub buffer_limit: usize,
    /// The clock at the start, nanoseconds since 1970.
    pub now: u64,
    /// Seed of WASI's `random_get`.
    pub seed: u64,
    /// Whether WASI preview 1 is there.
    pub wasi: bool,
    /// `proxy_get_log_level`: 0 is trace, 2 info.
    pub log_level: u32,
    /// The Envoy process that this VM is in.
    pub process: Process,
    /// The thread of that process.
    pub thread: Thread,
    /// What a trap is, and what comes after it.
    pub failure: FailurePolicy,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            vm_id: "test".to_owned(),
            vm_configuration: Vec::new(),
            environment: Vec::new(),
            plugins: Vec::new(),
            fuel: 2_000_000_000,
            memory: 1 << 30,
            buffer_limit: 1 << 20,
            now: 1_800_000_000_000_000_000,
            seed: 1,
            wasi: true,
            log_level: 0,
            process: Process::new(),
            thread: Thread::Worker,
            failure: FailurePolicy::Report,
        }
    }
}

impl Options {
    /// The defaults with these plugins.
    pub fn plugins(plugins: impl IntoIterator<Item = Plugin>) -> Options {
        Options { plugins: plugins.into_iter().collect(), ..Options::default() }
    }
}

/// One VM and what Envoy keeps around it.
pub struct Host {
    pub(crate) vm: Vm,
    pub(crate) module: Module,
    /// What it was started with; the plugins' configurations are those of now.
    pub(crate) options: Options,
    pub(crate) failure: FailurePolicy,
    /// Whether the VM has trapped and no new one is there.
    pub(crate) dead: bool,
    /// When a new one may be built.
    pub(crate) reload_at: u64,
    pub(crate) roots: Vec<(String, u32)>,
    next_context: u32,
}

/// A context of one HTTP stream in one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(pub(crate) u32);

impl StreamId {
    /// The context id that the filter knows.
    pub fn context(self) -> u32 {
        self.0
    }
}

impl Host {
    /// Starts the VM: initialises the module, starts it and configures every plugin.
    ///
    /// # Errors
    /// Everything that keeps a module from starting, each by its name.
    pub fn start(module: &Module, options: Options) -> Result<Host, Error> {
        let (plugins, failure) = (options.plugins.clone(), options.failure);
        let vm = Vm::new(module, initial(&options), options.fuel, options.wasi)?;
        let module = module.clone();
        let mut host = Host { vm, module, options, failure, dead: false, reload_at: 0, roots: Vec::new(), next_context: 1 };
        for plugin in plugins {
            host.start_plugin(plugin)?;
        }
        host.settle()?;
        Ok(host)
    }

    pub(crate) fn fresh(&mut self) -> u32 {
        let id = self.next_context;
        self.next_context += 1;
        id
    }

    /// The root context of the plugin with this root id (of the newest, if there are several).
    ///
    /// # Errors
    /// [`Error::Misuse`] if there is none.
    pub fn root(&self, root_id: &str) -> Result<u32, Error> {
        let found = self.roots.iter().rev().find(|(name, _)| name == root_id).map(|(_, id)| *id);
        found.ok_or_else(|| Error::Misuse(format!("no plugin with root id `{root_id}`")))
    }

    /// What happened so far.
    pub fn transcript(&self) -> &Transcript {
        &self.vm.seen().transcript
    }

    /// Adds a line of the test's own.
    pub fn note(&mut self, line: impl Into<String>) {
        self.vm.state().transcript.push(line.into());
    }

    /// What the filter logged, with levels (0 trace to 5 critical).
    pub fn logs(&self) -> &[(u32, String)] {
        &self.vm.seen().logs
    }

    /// Every metric by its name.
    pub fn metrics(&self) -> &BTreeMap<String, Metric> {
        self.vm.seen().metrics.all()
    }

    /// The value of a counter or gauge; 0 if it was never defined.
    pub fn metric(&self, name: &str) -> u64 {
        match self.metrics().get(name) {
            Some(Metric::Counter(value) | Metric::Gauge(value)) => *value,
            Some(Metric::Histogram(values)) => values.len() as u64,
            None => 0,
        }
    }

    /// How often metrics were defined. Each time costs Envoy an id, so this must not grow with traffic.
    pub fn metric_definitions(&self) -> usize {
        self.vm.seen().metrics.definitions()
    }

    /// Bytes of linear memory.
    pub fn memory(&mut self) -> usize {
        self.vm.memory_size()
    }

    /// What was spent so far, all contexts together.
    pub fn spent(&self) -> Spent {
        let mut all = Spent::default();
        self.vm.seen().spent.values().for_each(|spent| all.add(spent));
        all
    }

    /// What was spent in callbacks of this context.
    pub fn spent_by(&self, context: u32) -> Spent {
        self.vm.seen().spent.get(&context).cloned().unwrap_or_default()
    }

    /// From now on these host calls answer as the rule says.
    pub fn fail(&mut self, fault: Fault) {
        self.vm.state().faults.push(fault);
    }

    /// The host answers by itself again.
    pub fn heal(&mut self) {
        self.vm.state().faults.clear();
    }

    /// A cluster that callouts may go to, and what comes of them.
    pub fn cluster(&mut self, name: &str, answers: impl FnMut(&Callout) -> Answer + 'static) {
        self.vm.state().clusters.insert(name.to_owned(), Box::new(answers));
    }

    /// A foreign function. (`clear_route_cache` is there already.)
    pub fn foreign(&mut self, name: &str, function: impl FnMut(&[u8]) -> Result<Vec<u8>, Status> + 'static) {
        self.vm.state().foreign.insert(name.to_owned(), Box::new(function));
    }

    /// Every callout that was dispatched, in order.
    pub fn callouts(&self) -> &[Callout] {
        &self.vm.seen().callouts
    }

    /// Answers a callout that waits.
    ///
    /// # Errors
    /// [`Error::Misuse`] if it does not wait; whatever the callback does.
    pub fn answer(&mut self, token: u32, reply: Reply) -> Result<(), Error> {
        let pending = self.vm.state().pending.get_mut(&token);
        let pending = pending.ok_or_else(|| Error::Misuse(format!("no callout {token} waits")))?;
        pending.due = 0;
        pending.reply = Some(reply);
        self.settle()
    }

    /// Nanoseconds since 1970.
    pub fn now(&self) -> u64 {
        self.vm.seen().now
    }
}

pub(crate) fn initial(options: &Options) -> State {
    State {
        vm_id: options.vm_id.clone(),
        vm_configuration: options.vm_configuration.clone(),
        environment: options.environment.clone(),
        process: options.process.clone(),
        contexts: BTreeMap::new(),
        current: 0,
        effective: 0,
        callback: "",
        trapped: 0,
        stop_iteration: false,
        next_token: 1,
        pending: BTreeMap::new(),
        callouts: Vec::new(),
        clusters: BTreeMap::new(),
        services: BTreeMap::new(),
        rpcs: Vec::new(),
        rpcs_begun: (0, 0),
        running: BTreeMap::new(),
        told: Told::default(),
        status: (0, String::new()),
        metrics: Metrics::default(),
        buffer_limit: options.buffer_limit,
        now: options.now,
        random: options.seed,
        log_level: options.log_level,
        logs: Vec::new(),
        foreign: BTreeMap::new(),
        faults: Vec::new(),
        deferred: Vec::new(),
        ready: Vec::new(),
        closing: BTreeSet::new(),
        spent: BTreeMap::new(),
        transcript: Transcript::default(),
        crash: None,
        limits: crate::limits::Memory { limit: options.memory, denied: false },
        calls: 0,
        moved: 0,
        memory: None,
        allocate: None,
    }
}
