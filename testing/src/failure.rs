//! What becomes of streams whose VM has trapped, and the VM that is built after it.

use crate::abi::Way;
use crate::callout::nanos;
use crate::error::Error;
use crate::host::{Host, initial};
use crate::state::{Context, State};
use crate::stream::LocalReply;
use crate::vm::Vm;
use std::time::Duration;

/// What a trap is to the test, and what the host does for streams after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// A trap is the test's own failure: an [`Error`]. The VM is dead after it.
    #[default]
    Report,
    /// Envoy's `FAIL_CLOSED`: 503 for the stream that trapped, for those in flight, and for all that come.
    Closed,
    /// Envoy's `FAIL_OPEN`: 503 for the stream that trapped; what comes later passes by the filter.
    Open,
    /// Envoy's `FAIL_RELOAD`: as `Closed`, but the next stream that comes after so long finds a new VM.
    Reload(Duration),
}

/// How the filter stands to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its callbacks are called.
    Served,
    /// The VM is gone, and the stream passes by.
    PassedBy,
    /// The VM is gone, and the stream is answered with 503 as soon as something happens to it.
    Failed,
}

impl Host {
    /// How the filter stands to this context now.
    pub(crate) fn standing(&self, id: u32) -> Standing {
        match self.vm.seen().contexts.get(&id) {
            Some(Context::Stream(stream)) => stream.standing,
            Some(Context::Root(_)) | None if self.dead => Standing::Failed,
            Some(Context::Root(_)) | None => Standing::Served,
        }
    }

    /// Calls the module for a context. `None`: its VM is gone, or went with this call.
    pub(crate) fn call(&mut self, name: &'static str, id: u32, args: &[u32]) -> Result<Option<Option<u32>>, Error> {
        if self.standing(id) != Standing::Served {
            return Ok(None);
        }
        match self.vm.call(name, id, args) {
            Ok(answer) => Ok(Some(answer)),
            Err(Error::Trap { .. } | Error::OutOfFuel { .. } | Error::OutOfMemory { .. } | Error::TooManyCalls { .. })
                if self.failure != FailurePolicy::Report =>
            {
                self.die();
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Every context of the VM ends with it, as far as the filter is concerned; the streams themselves go on.
    fn die(&mut self) {
        self.dead = true;
        self.roots.clear();
        let (policy, now) = (self.failure, self.now());
        let state = self.vm.state();
        let by_current = state.trapped;
        state.pending.clear();
        state.running.clear();
        state.deferred.clear();
        state.closing.clear();
        state.contexts.retain(|_, context| matches!(context, Context::Stream(_)));
        for (id, context) in &mut state.contexts {
            let Context::Stream(stream) = context else { continue };
            let passes = policy == FailurePolicy::Open && *id != by_current;
            stream.standing = if passes { Standing::PassedBy } else { Standing::Failed };
        }
        if let FailurePolicy::Reload(backoff) = policy {
            self.reload_at = now.saturating_add(nanos(backoff));
        }
        self.note("the VM is gone");
    }

    /// Whether a stream that comes now is served. A new VM is built if it is time for one.
    pub(crate) fn admit(&mut self) -> Result<Standing, Error> {
        if !self.dead {
            return Ok(Standing::Served);
        }
        match self.failure {
            FailurePolicy::Open => return Ok(Standing::PassedBy),
            FailurePolicy::Report => return Err(Error::VmDead),
            FailurePolicy::Reload(_) if self.now() >= self.reload_at => {}
            FailurePolicy::Closed | FailurePolicy::Reload(_) => return Ok(Standing::Failed),
        }
        self.note("the VM is built anew");
        // What belongs to Envoy and to the test stays: clock, streams, metrics, clusters, transcript.
        let blank = initial(&self.options);
        let state: State = std::mem::replace(self.vm.state(), blank);
        self.vm = Vm::new(&self.module, state, self.options.fuel, self.options.wasi)?;
        self.dead = false;
        Ok(Standing::Served)
    }

    /// The stream is answered as Envoy answers for a filter that is gone: an empty 503 past its callbacks, or a reset.
    pub(crate) fn fail_stream(&mut self, id: u32) -> Result<(), Error> {
        if let Some(stream) = self.vm.state().stream(id) {
            stream.half(Way::Request).aborted = true;
            let reply = LocalReply { status: 503, details: "wasm_fail_stream".to_owned(), headers: Vec::new(), body: Vec::new() };
            return self.local_reply(id, reply);
        }
        Ok(())
    }
}
