//! A stream in one position: what comes in, what the filter makes of it, what goes on.

use crate::abi::{Action, Way};
use crate::error::Error;
use crate::failure::Standing;
use crate::headers::HeaderMap;
use crate::host::{Host, StreamId};
use crate::process::Thread;
use crate::state::{Context, Deferred, Shared, Stream};
use crate::stream::{Flow, Half, LocalReply, StreamInfo};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

impl Host {
    /// A new stream in the position of this plugin: `proxy_on_context_create`.
    ///
    /// # Errors
    /// No such plugin, or whatever the callback does.
    pub fn open(&mut self, root_id: &str) -> Result<StreamId, Error> {
        let id = self.open_with(root_id, Rc::default(), false)?;
        self.stream(id)?.driven = false;
        Ok(id)
    }

    /// The same with a stream info that several positions share.
    pub(crate) fn open_with(&mut self, root_id: &str, info: Shared<StreamInfo>, hands_up: bool) -> Result<StreamId, Error> {
        if self.options.thread == Thread::Main {
            return Err(Error::Misuse("the main thread has no streams: open them on a worker".to_owned()));
        }
        let standing = self.admit()?;
        let root = if standing == Standing::Served { self.root_for_stream(root_id)? } else { 0 };
        let id = self.fresh();
        let stream = Stream {
            root,
            info,
            own: BTreeMap::new(),
            request: Half::default(),
            response: Half::default(),
            logging: false,
            hands_up,
            handed: Vec::new(),
            reset: false,
            driven: true,
            standing,
        };
        self.vm.state().contexts.insert(id, Context::Stream(Box::new(stream)));
        self.call("proxy_on_context_create", id, &[id, root])?;
        self.settle()?;
        Ok(StreamId(id))
    }

    fn stream(&mut self, id: StreamId) -> Result<&mut Stream, Error> {
        self.vm.state().stream(id.0).ok_or_else(|| Error::Misuse(format!("there is no stream {}", id.0)))
    }

    /// Sets a property for this position alone (`["xds", "cluster_name"]` …).
    ///
    /// # Errors
    /// [`Error::Misuse`].
    pub fn set_property(&mut self, id: StreamId, path: &[&str], value: impl AsRef<[u8]>) -> Result<(), Error> {
        self.stream(id)?.own.insert(path.join("\0"), value.as_ref().to_vec());
        Ok(())
    }

    /// The filter state of the stream's request, by its full key (`wasm.x` for a property `x` that a filter set).
    ///
    /// # Errors
    /// [`Error::Misuse`].
    pub fn filter_state(&mut self, id: StreamId, key: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.stream(id)?.info.borrow().filter_state.get(key).cloned())
    }

    /// Sets filter state, as a native filter in front would.
    ///
    /// # Errors
    /// [`Error::Misuse`].
    pub fn set_filter_state(&mut self, id: StreamId, key: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        self.stream(id)?.info.borrow_mut().filter_state.insert(key.to_owned(), value.as_ref().to_vec());
        Ok(())
    }

    /// How often the filter made Envoy pick the route again for this request.
    ///
    /// # Errors
    /// [`Error::Misuse`].
    pub fn route_clears(&mut self, id: StreamId) -> Result<u64, Error> {
        Ok(self.stream(id)?.info.borrow().route_clears)
    }

    /// Headers arrive.
    ///
    /// # Errors
    /// Whatever the callback does.
    pub fn feed_headers(&mut self, id: StreamId, way: Way, headers: HeaderMap, end: bool) -> Result<(), Error> {
        self.feed_shared_headers(id, way, Rc::new(RefCell::new(headers)), end)
    }

    /// Headers arrive in a map that other positions hold too.
    pub(crate) fn feed_shared_headers(&mut self, id: StreamId, way: Way, map: Shared<HeaderMap>, end: bool) -> Result<(), Error> {
        let count = map.borrow().len() as u32;
        let stream = self.stream(id)?;
        match way {
            Way::Request => stream.info.borrow_mut().request_headers = Some(map.clone()),
            Way::Response => stream.info.borrow_mut().response_headers = Some(map.clone()),
        }
        if stream.half(way).aborted {
            return Ok(());
        }
        stream.half(way).begin_headers(map, end);
        let root = stream.root;
        let all = self.vm.state().root(root).is_some_and(|root| !root.plugin.stop_iteration);
        let name = match way {
            Way::Request => "proxy_on_request_headers",
            Way::Response => "proxy_on_response_headers",
        };
        let pause = self.ask(name, id, &[id.0, count, u32::from(end)])?;
        let continued = self.continued(id, way);
        let stream = self.stream(id)?;
        let half = stream.half(way);
        if continued {
            half.resume_in_headers();
        }
        half.end_headers(pause, all);
        if continued && !pause && way == Way::Response && !stream.hands_up {
            stream.half(way).repeat_headers();
            self.note(format!("the headers of the response in context {} go out twice: it was continued, and not paused", id.0));
        }
        self.settle()
    }

    /// A part of the body arrives.
    ///
    /// # Errors
    /// Whatever the callback does.
    pub fn feed_data(&mut self, id: StreamId, way: Way, bytes: &[u8], end: bool) -> Result<(), Error> {
        let half = self.stream(id)?.half(way);
        if half.aborted {
            return Ok(());
        }
        if half.stop_all && half.stopped {
            half.unseen.get_or_insert_with(|| (Vec::new(), false)).0.extend_from_slice(bytes);
            half.unseen = half.unseen.take().map(|(bytes, _)| (bytes, end));
            return Ok(());
        }
        let size = half.begin_data(bytes, end) as u32;
        // What is paused already and too long now is not shown to the filter, but for a request in the gateway position.
        if (way == Way::Response || self.stream(id)?.hands_up) && self.keep_limit(id, way)? {
            return self.settle();
        }
        let name = match way {
            Way::Request => "proxy_on_request_body",
            Way::Response => "proxy_on_response_body",
        };
        let pause = self.ask(name, id, &[id.0, size, u32::from(end)])?;
        let continued = self.continued(id, way);
        let half = self.stream(id)?.half(way);
        let gone = continued && half.resume_in_data();
        half.end_data(pause, gone);
        self.keep_limit(id, way)?;
        self.settle()
    }

    /// What is held may not be longer than the buffer limit. Whether it was.
    fn keep_limit(&mut self, id: StreamId, way: Way) -> Result<bool, Error> {
        let limit = self.vm.seen().buffer_limit;
        let half = self.stream(id)?.half(way);
        if half.held() <= limit {
            return Ok(false);
        }
        let (status, details, body) = match way {
            Way::Request => (413, "request_payload_too_large", "Payload Too Large"),
            Way::Response => (500, "response_payload_too_large", "Internal Server Error"),
        };
        half.aborted = true;
        self.note(format!("more than {limit} bytes are held in context {}: {details}", id.0));
        let reply = LocalReply { status, details: details.to_owned(), headers: Vec::new(), body: body.as_bytes().to_vec() };
        self.local_reply(id.0, reply)?;
        Ok(true)
    }

    /// Trailers arrive.
    ///
    /// # Errors
    /// Whatever the callback does.
    pub fn feed_trailers(&mut self, id: StreamId, way: Way, trailers: HeaderMap) -> Result<(), Error> {
        let count = trailers.len() as u32;
        let half = self.stream(id)?.half(way);
        if half.aborted {
            return Ok(());
        }
        half.begin_trailers(trailers);
        if half.stop_all && half.stopped {
            half.trailers_unseen = true;
            return Ok(());
        }
        let name = match way {
            Way::Request => "proxy_on_request_trailers",
            Way::Response => "proxy_on_response_trailers",
        };
        let pause = self.ask(name, id, &[id.0, count])?;
        self.stream(id)?.half(way).end_trailers(pause);
        self.settle()
    }

    /// What the filter answers; a local reply stops the iteration whatever that is.
    fn ask(&mut self, name: &'static str, id: StreamId, args: &[u32]) -> Result<bool, Error> {
        if let Some(answer) = self.call(name, id.0, args)? {
            let action = answer.map_or(Action::Continue, Action::from_abi);
            return Ok(action == Action::Pause || self.vm.seen().stop_iteration);
        }
        // Its VM is gone.
        let failed = self.standing(id.0) == Standing::Failed;
        if failed {
            self.fail_stream(id.0)?;
        }
        Ok(failed)
    }

    /// Whether the callback that has just returned continued its own message: that comes before its answer.
    fn continued(&mut self, id: StreamId, way: Way) -> bool {
        let deferred = &mut self.vm.state().deferred;
        let before = deferred.len();
        deferred.retain(|action| !matches!(action, Deferred::Continue(of, there) if *of == id.0 && *there == way));
        deferred.len() < before
    }

    /// Body and trailers that came while everything was stopped reach the filter now.
    pub(crate) fn deliver_unseen(&mut self, id: u32, way: Way) -> Result<(), Error> {
        let Some(half) = self.vm.state().stream(id).map(|stream| stream.half(way)) else { return Ok(()) };
        let trailers = std::mem::take(&mut half.trailers_unseen).then(|| half.take_trailers()).flatten();
        if let Some((bytes, end)) = half.unseen.take() {
            self.feed_data(StreamId(id), way, &bytes, end)?;
        }
        match trailers {
            Some(trailers) => self.feed_trailers(StreamId(id), way, trailers),
            None => Ok(()),
        }
    }

    /// What left this position since the last time it was asked.
    ///
    /// # Errors
    /// [`Error::Misuse`].
    pub fn take(&mut self, id: StreamId, way: Way) -> Result<Vec<Flow>, Error> {
        Ok(self.stream(id)?.half(way).take_out())
    }

    /// The headers of this direction as they stand.
    ///
    /// # Errors
    /// [`Error::Misuse`].
    pub fn headers(&mut self, id: StreamId, way: Way) -> Result<HeaderMap, Error> {
        Ok(self.stream(id)?.half(way).headers().map(|map| map.borrow().clone()).unwrap_or_default())
    }

    pub(crate) fn shared_headers(&mut self, id: StreamId, way: Way) -> Result<Shared<HeaderMap>, Error> {
        let map = self.stream(id)?.half(way).headers();
        map.ok_or_else(|| Error::Misuse(format!("stream {} has no {way:?} headers", id.0)))
    }

    /// Replies that this position made and another has to send.
    pub(crate) fn take_handed(&mut self, id: StreamId) -> Result<Vec<LocalReply>, Error> {
        Ok(std::mem::take(&mut self.stream(id)?.handed))
    }

    /// Whether the filter reset the stream.
    ///
    /// # Errors
    /// [`Error::Misuse`].
    pub fn was_reset(&mut self, id: StreamId) -> Result<bool, Error> {
        Ok(self.stream(id)?.reset)
    }

    /// What both directions of the stream wait with.
    pub fn waiting(&mut self, id: StreamId) -> String {
        self.stream(id).map(|s| format!("request {}, response {}", s.request.waiting(), s.response.waiting())).unwrap_or_default()
    }

    /// A reply that Envoy or the filter makes: through the response callbacks if no response has come yet,
    /// past them if one is held, and a reset if its headers have left.
    pub(crate) fn local_reply(&mut self, id: u32, reply: LocalReply) -> Result<(), Error> {
        let Some(stream) = self.vm.state().stream(id) else { return Ok(()) };
        stream.request.aborted = true;
        if stream.hands_up {
            stream.response.aborted = true;
            stream.handed.push(reply);
            return Ok(());
        }
        let mut info = stream.info.borrow_mut();
        info.properties.insert("response\0code_details".to_owned(), reply.details.clone().into_bytes());
        info.replied = true;
        let attempt = info.attempt.take();
        drop(info);
        // The attempt ends before anything is seen of the reply.
        if let Some(upstream) = attempt {
            self.end(upstream)?;
        }
        let Some(stream) = self.vm.state().stream(id) else { return Ok(()) };
        if stream.response.headers_out() {
            stream.reset = true;
            stream.response.aborted = true;
            return Ok(());
        }
        let map = Rc::new(RefCell::new(reply.head()));
        if stream.response.started() || stream.standing == Standing::Failed {
            stream.info.borrow_mut().response_headers = Some(map.clone());
            stream.response.emit_directly(map, reply.body);
            return Ok(());
        }
        let end = reply.body.is_empty();
        self.feed_shared_headers(StreamId(id), Way::Response, map, end)?;
        if !end {
            self.feed_data(StreamId(id), Way::Response, &reply.body, true)?;
        }
        Ok(())
    }

    /// A reply that is given before this position has seen the request, and goes past it.
    pub(crate) fn answer_past(&mut self, id: StreamId, request: Shared<HeaderMap>, reply: &LocalReply) -> Result<(), Error> {
        let map = Rc::new(RefCell::new(reply.head()));
        let stream = self.stream(id)?;
        let mut info = stream.info.borrow_mut();
        (info.request_headers, info.response_headers) = (Some(request), Some(map.clone()));
        drop(info);
        stream.request.aborted = true;
        stream.response.emit_directly(map, reply.body.clone());
        Ok(())
    }

    /// The access log: `proxy_on_log`, in the gateway position only.
    ///
    /// # Errors
    /// Whatever the callback does.
    pub fn log(&mut self, id: StreamId) -> Result<(), Error> {
        self.stream(id)?.logging = true;
        self.call("proxy_on_log", id.0, &[id.0])?;
        self.stream(id)?.logging = false;
        self.settle()
    }

    /// The end of the context: `proxy_on_done`, then `proxy_on_delete`.
    ///
    /// # Errors
    /// Whatever the callbacks do.
    pub fn close(&mut self, id: StreamId) -> Result<(), Error> {
        self.end(id)?;
        self.settle()
    }

    fn end(&mut self, id: StreamId) -> Result<(), Error> {
        let root = self.stream(id)?.root;
        self.call("proxy_on_done", id.0, &[id.0])?;
        self.call("proxy_on_delete", id.0, &[id.0])?;
        self.vm.state().contexts.remove(&id.0);
        self.retire(root)
    }
}
