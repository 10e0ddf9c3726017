//! Time and what it brings: ticks, answers to callouts, queues.

use crate::abi::Way;
use crate::callout::Pending;
use crate::error::Error;
use crate::host::Host;
use crate::limits::CHAIN;
use crate::rpc::Running;
use crate::state::{Context, Deferred};
use std::time::Duration;

impl Host {
    /// Moves the clock; ticks and answers that fall due on the way come in their order.
    ///
    /// # Errors
    /// Whatever the callbacks do.
    pub fn advance(&mut self, by: Duration) -> Result<(), Error> {
        let end = self.now().saturating_add(crate::callout::nanos(by));
        while let Some(next) = self.next_event().filter(|next| *next <= end) {
            self.move_to(next)?;
        }
        self.move_to(end)
    }

    /// Moves the clock to an instant and runs what is due then.
    pub(crate) fn move_to(&mut self, instant: u64) -> Result<(), Error> {
        let state = self.vm.state();
        state.now = state.now.max(instant);
        self.ticks()?;
        self.settle()
    }

    /// When something will happen by itself: a tick, or the end of a callout.
    pub fn next_event(&self) -> Option<u64> {
        self.next_answer().into_iter().chain(self.next_tick()).min()
    }

    /// When the next callout ends.
    pub(crate) fn next_answer(&self) -> Option<u64> {
        let rpcs = self.vm.seen().running.values().map(Running::due).filter(|due| *due < u64::MAX);
        self.vm.seen().pending.values().map(|pending| pending.due).chain(rpcs).min()
    }

    fn next_tick(&self) -> Option<u64> {
        let ticks = self.vm.seen().contexts.values().filter_map(|context| match context {
            Context::Root(root) => root.tick.map(|(_, due)| due),
            Context::Stream(_) => None,
        });
        ticks.min()
    }

    fn ticks(&mut self) -> Result<(), Error> {
        let now = self.now();
        let ids: Vec<u32> = self.vm.seen().contexts.keys().copied().collect();
        for id in ids {
            let Some(root) = self.vm.state().root(id) else { continue };
            let Some((period, due)) = root.tick else { continue };
            if due <= now {
                root.tick = Some((period, now.saturating_add(period)));
                self.tick(id)?;
            }
        }
        Ok(())
    }

    /// One tick of this root context, due or not.
    ///
    /// # Errors
    /// Whatever the callback does.
    pub fn tick(&mut self, root: u32) -> Result<(), Error> {
        self.call("proxy_on_tick", root, &[root])?;
        self.settle()
    }

    /// Does what host calls asked for, and delivers what is due, until nothing is left.
    pub(crate) fn settle(&mut self) -> Result<(), Error> {
        let mut what = "";
        for _ in 0..CHAIN {
            self.run_deferred()?;
            what = if self.deliver_answer()? {
                "an answer to a callout"
            } else if self.deliver_rpc()? {
                "an answer to a gRPC callout"
            } else if self.deliver_queue()? {
                "an item in a queue"
            } else {
                return Ok(());
            };
        }
        Err(Error::Endless { what, transcript: Box::new(self.transcript().clone()) })
    }

    /// What Envoy does as soon as the callback has returned.
    pub(crate) fn run_deferred(&mut self) -> Result<(), Error> {
        loop {
            let deferred = std::mem::take(&mut self.vm.state().deferred);
            if deferred.is_empty() {
                return Ok(());
            }
            for action in deferred {
                match action {
                    Deferred::Continue(id, way) => self.resume(id, way)?,
                    Deferred::Reply(id, reply) => self.local_reply(id, reply)?,
                    Deferred::Reset(id) => self.mark_reset(id),
                    Deferred::Delete(id) => self.delete_root(id)?,
                }
            }
        }
    }

    fn resume(&mut self, id: u32, way: Way) -> Result<(), Error> {
        let state = self.vm.state();
        let Some(half) = state.stream(id).map(|stream| stream.half(way)) else { return Ok(()) };
        if !half.resume() {
            state.transcript.push(format!("  (there was nothing to continue in context {id}, {way:?})"));
            return Ok(());
        }
        if state.stream(id).is_some_and(|stream| stream.driven) {
            state.ready.push((id, way));
            return Ok(());
        }
        self.deliver_unseen(id, way)
    }

    /// The unseen body of streams whose headers have moved on comes now. Whether there was one.
    pub(crate) fn deliver_ready(&mut self) -> Result<bool, Error> {
        let ready = std::mem::take(&mut self.vm.state().ready);
        for (id, way) in &ready {
            self.deliver_unseen(*id, *way)?;
        }
        Ok(!ready.is_empty())
    }

    fn mark_reset(&mut self, id: u32) {
        if let Some(stream) = self.vm.state().stream(id) {
            stream.reset = true;
            stream.request.aborted = true;
            stream.response.aborted = true;
        }
    }

    fn deliver_answer(&mut self) -> Result<bool, Error> {
        let state = self.vm.state();
        let now = state.now;
        let due = state.pending.iter().filter(|(_, p)| p.due <= now).min_by_key(|(token, p)| (p.due, **token)).map(|(token, _)| *token);
        let Some(Pending { callout, reply, .. }) = due.and_then(|token| state.pending.remove(&token)) else { return Ok(false) };
        let (headers, body, trailers) = reply.as_ref().map_or((0, 0, 0), |r| (r.headers.len(), r.body.len(), r.trailers.len()));
        let Some(root) = state.root(callout.root) else { return Ok(true) };
        root.reply = reply;
        let args = [callout.root, callout.token, headers as u32, body as u32, trailers as u32];
        self.call("proxy_on_http_call_response", callout.root, &args)?;
        // The answer can be read until what the callback asked for is done.
        self.run_deferred()?;
        if let Some(root) = self.vm.state().root(callout.root) {
            root.reply = None;
        }
        Ok(true)
    }

    fn deliver_queue(&mut self) -> Result<bool, Error> {
        let state = self.vm.state();
        let process = state.process.clone();
        let ready = state.contexts.iter_mut().find_map(|(id, context)| {
            let Context::Root(root) = context else { return None };
            let (queue, consumer) = root.queues.iter_mut().find(|(queue, consumer)| process.has_news(**queue, **consumer))?;
            consumer.told += 1;
            Some((*id, *queue))
        });
        let Some((root, queue)) = ready else { return Ok(false) };
        self.call("proxy_on_queue_ready", root, &[root, queue])?;
        Ok(true)
    }
}
