//! What one host knows: contexts, callouts, metrics, clock, transcript. Nothing here is global.

use crate::abi::{MapKind, Status, Way};
use crate::callout::{Answer, Callout, Pending};
use crate::failure::Standing;
use crate::fault::Fault;
use crate::headers::HeaderMap;
use crate::metrics::Metrics;
use crate::process::{Consumer, Process};
use crate::rpc::{Rpc, Running, Services, Told};
use crate::stream::{Half, LocalReply, StreamInfo};
use crate::transcript::Transcript;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use wasmtime::{Memory, TypedFunc};

/// A value that several contexts hold, as Envoy's positions hold one header map.
pub(crate) type Shared<T> = Rc<RefCell<T>>;

/// A plugin: one entry in a filter chain, one root context in the VM.
#[derive(Clone, Debug, Default)]
pub struct Plugin {
    /// `root_id` of the plugin.
    pub root_id: String,
    /// The plugin's name (property `plugin_name`).
    pub name: String,
    /// The plugin's configuration.
    pub configuration: Vec<u8>,
    /// Envoy's `allow_on_headers_stop_iteration`: Pause in a headers callback stops the headers only, and the body is still delivered.
    /// Without it Pause there stops everything. Off by default, as in Envoy.
    pub stop_iteration: bool,
}

impl Plugin {
    /// A plugin of this `root_id` and configuration.
    pub fn new(root_id: &str, configuration: impl AsRef<[u8]>) -> Plugin {
        Plugin {
            root_id: root_id.to_owned(),
            name: root_id.to_owned(),
            configuration: configuration.as_ref().to_vec(),
            stop_iteration: false,
        }
    }

    /// The same with `allow_on_headers_stop_iteration: true`.
    #[must_use]
    pub fn stop_iteration(mut self) -> Plugin {
        self.stop_iteration = true;
        self
    }
}

pub(crate) struct Root {
    pub(crate) plugin: Rc<Plugin>,
    /// Nanoseconds between ticks, and when the next one is due.
    pub(crate) tick: Option<(u64, u64)>,
    /// The answer that is delivered at this moment.
    pub(crate) reply: Option<crate::callout::Reply>,
    /// Whether the plugin's configuration can be read.
    pub(crate) configuring: bool,
    /// Queues that it registered, and what it has been told of each.
    pub(crate) queues: BTreeMap<u32, Consumer>,
    /// Another configuration has taken its place: it ends with its last stream.
    pub(crate) replaced: bool,
}

pub(crate) struct Stream {
    pub(crate) root: u32,
    pub(crate) info: Shared<StreamInfo>,
    /// Properties that only this position sees.
    pub(crate) own: BTreeMap<String, Vec<u8>>,
    pub(crate) request: Half,
    pub(crate) response: Half,
    pub(crate) logging: bool,
    /// A position whose local replies are another's business (upstream): they are handed up, not run through its own response callbacks.
    pub(crate) hands_up: bool,
    pub(crate) handed: Vec<LocalReply>,
    pub(crate) reset: bool,
    /// Something else moves what leaves this position, and says when the next thing may come.
    pub(crate) driven: bool,
    pub(crate) standing: Standing,
}

impl Stream {
    pub(crate) fn half(&mut self, way: Way) -> &mut Half {
        match way {
            Way::Request => &mut self.request,
            Way::Response => &mut self.response,
        }
    }
}

pub(crate) enum Context {
    Root(Box<Root>),
    Stream(Box<Stream>),
}

/// What a host call asked for and Envoy does only when the callback has returned.
pub(crate) enum Deferred {
    Continue(u32, Way),
    Reply(u32, LocalReply),
    Reset(u32),
    /// A closing root is done.
    Delete(u32),
}

/// A foreign function: argument in, result out.
pub(crate) type Foreign = Box<dyn FnMut(&[u8]) -> Result<Vec<u8>, Status>>;

/// Decides what comes of a callout.
pub(crate) type Answers = Box<dyn FnMut(&Callout) -> Answer>;

/// Fuel and host calls spent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Fuel: about one unit per WebAssembly instruction.
    pub fuel: u64,
    /// Bytes by which the linear memory grew. (It never shrinks.)
    pub memory: u64,
    /// Host calls by name.
    pub calls: BTreeMap<&'static str, u64>,
    /// Callbacks into the module by name.
    pub callbacks: BTreeMap<&'static str, u64>,
}

impl Spent {
    /// All host calls together.
    pub fn host_calls(&self) -> u64 {
        self.calls.values().sum()
    }

    pub(crate) fn add(&mut self, other: &Spent) {
        self.fuel += other.fuel;
        self.memory += other.memory;
        for (name, n) in &other.calls {
            *self.calls.entry(name).or_default() += n;
        }
        for (name, n) in &other.callbacks {
            *self.callbacks.entry(name).or_default() += n;
        }
    }
}

pub(crate) struct State {
    pub(crate) vm_id: String,
    pub(crate) vm_configuration: Vec<u8>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) process: Process,
    pub(crate) contexts: BTreeMap<u32, Context>,
    /// The context whose callback runs, and the one that `proxy_set_effective_context` put in its place (0: none).
    pub(crate) current: u32,
    pub(crate) effective: u32,
    pub(crate) callback: &'static str,
    /// The context in whose callback the VM trapped (0: none).
    pub(crate) trapped: u32,
    /// `proxy_send_local_response` stops the iteration whatever the callback answers.
    pub(crate) stop_iteration: bool,
    pub(crate) next_token: u32,
    pub(crate) pending: BTreeMap<u32, Pending>,
    pub(crate) callouts: Vec<Callout>,
    pub(crate) clusters: BTreeMap<String, Answers>,
    /// gRPC services by their clusters, every callout to them, and those under way.
    pub(crate) services: BTreeMap<String, Services>,
    pub(crate) rpcs: Vec<Rpc>,
    /// How many calls and how many streams there were.
    pub(crate) rpcs_begun: (u32, u32),
    pub(crate) running: BTreeMap<u32, Running>,
    pub(crate) told: Told,
    /// `proxy_get_status`: how the last gRPC callout ended.
    pub(crate) status: (u32, String),
    pub(crate) metrics: Metrics,
    pub(crate) buffer_limit: usize,
    pub(crate) now: u64,
    pub(crate) random: u64,
    pub(crate) log_level: u32,
    pub(crate) logs: Vec<(u32, String)>,
    pub(crate) foreign: BTreeMap<String, Foreign>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) deferred: Vec<Deferred>,
    /// Streams whose unseen body may come as soon as what left before it has moved on.
    pub(crate) ready: Vec<(u32, Way)>,
    /// Roots that answered `proxy_on_done` with false and have not called `proxy_done` yet.
    pub(crate) closing: BTreeSet<u32>,
    pub(crate) spent: BTreeMap<u32, Spent>,
    pub(crate) transcript: Transcript,
    pub(crate) crash: Option<&'static str>,
    pub(crate) limits: crate::limits::Memory,
    /// Host calls of the callback that runs, and bytes that they moved.
    pub(crate) calls: u64,
    pub(crate) moved: u64,
    pub(crate) memory: Option<Memory>,
    pub(crate) allocate: Option<TypedFunc<u32, u32>>,
}

impl State {
    /// The context that host calls are about.
    pub(crate) fn subject(&self) -> u32 {
        if self.effective != 0 && self.contexts.contains_key(&self.effective) { self.effective } else { self.current }
    }

    pub(crate) fn root_of(&self, id: u32) -> u32 {
        match self.contexts.get(&id) {
            Some(Context::Stream(stream)) => stream.root,
            Some(Context::Root(_)) | None => id,
        }
    }

    pub(crate) fn root(&mut self, id: u32) -> Option<&mut Root> {
        match self.contexts.get_mut(&id) {
            Some(Context::Root(root)) => Some(root),
            Some(Context::Stream(_)) | None => None,
        }
    }

    pub(crate) fn stream(&mut self, id: u32) -> Option<&mut Stream> {
        match self.contexts.get_mut(&id) {
            Some(Context::Stream(stream)) => Some(stream),
            Some(Context::Root(_)) | None => None,
        }
    }

    /// What a change of this map changes, or `BadArgument` where Envoy has no such map now.
    pub(crate) fn edit_map(&mut self, kind: MapKind, edit: impl FnOnce(&mut HeaderMap)) -> Result<(), Status> {
        let id = self.subject();
        let stream = self.stream(id).ok_or(Status::BadArgument)?;
        match kind {
            MapKind::RequestHeaders => edit(&mut stream.request.headers_in_sight().ok_or(Status::BadArgument)?.borrow_mut()),
            MapKind::ResponseHeaders => edit(&mut stream.response.headers_in_sight().ok_or(Status::BadArgument)?.borrow_mut()),
            MapKind::RequestTrailers => edit(stream.request.trailers_in_sight().ok_or(Status::BadArgument)?),
            MapKind::ResponseTrailers => edit(stream.response.trailers_in_sight().ok_or(Status::BadArgument)?),
            MapKind::CalloutHeaders | MapKind::CalloutTrailers | MapKind::RpcMetadata | MapKind::RpcTrailers => {
                return Err(Status::BadArgument);
            }
        }
        // Upstream the route is behind: a retry asks it for a cluster again, and does not look for another route.
        if kind == MapKind::RequestHeaders && !stream.hands_up {
            stream.info.borrow_mut().clear_route();
        }
        Ok(())
    }

    /// Reads a map that there is, or `None`.
    pub(crate) fn read_map<T>(&mut self, kind: MapKind, read: impl FnOnce(&HeaderMap) -> T) -> Option<T> {
        let id = self.subject();
        if matches!(kind, MapKind::CalloutHeaders | MapKind::CalloutTrailers) {
            let root = self.root_of(id);
            let reply = self.root(root)?.reply.as_ref()?;
            return Some(read(if kind == MapKind::CalloutHeaders { &reply.headers } else { &reply.trailers }));
        }
        if matches!(kind, MapKind::RpcMetadata | MapKind::RpcTrailers) {
            let map = if kind == MapKind::RpcMetadata { &self.told.headers } else { &self.told.trailers };
            return map.as_ref().map(read);
        }
        let stream = self.stream(id)?;
        let logging = stream.logging;
        match kind {
            MapKind::RequestHeaders if logging => stream.info.borrow().request_headers.as_ref().map(|m| read(&m.borrow())),
            MapKind::ResponseHeaders if logging => stream.info.borrow().response_headers.as_ref().map(|m| read(&m.borrow())),
            MapKind::RequestHeaders => stream.request.headers_in_sight().map(|m| read(&m.borrow())),
            MapKind::ResponseHeaders => stream.response.headers_in_sight().map(|m| read(&m.borrow())),
            MapKind::RequestTrailers => stream.request.trailers_in_sight().map(|m| read(m)),
            MapKind::ResponseTrailers => stream.response.trailers_in_sight().map(|m| read(m)),
            MapKind::CalloutHeaders | MapKind::CalloutTrailers | MapKind::RpcMetadata | MapKind::RpcTrailers => None,
        }
    }

    pub(crate) fn logging(&mut self) -> bool {
        let id = self.subject();
        self.stream(id).is_some_and(|s| s.logging)
    }

    /// The rule that decides this call, if one does.
    pub(crate) fn fault(&mut self, call: &'static str) -> Option<Status> {
        let callback = self.callback;
        self.faults.iter_mut().find_map(|fault| fault.hit(call, callback))
    }
}
