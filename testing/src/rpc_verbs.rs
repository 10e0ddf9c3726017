//! The verbs for gRPC: callouts that the filter makes are expected, what comes of them is called.

use crate::error::Error;
use crate::headers::HeaderMap;
use crate::rpc::{Rpc, RpcPlay};
use crate::verbs::{Verbs, fail};

/// A cluster whose callouts are answered by these verbs says so: `verbs.host().rpc(cluster, |_| RpcPlay::silence())`.
impl Verbs {
    /// Initial metadata comes on a stream. (A call is told of none.)
    ///
    /// # Errors
    /// [`Error::Misuse`] if no gRPC callout of this token is under way; whatever the callback does. So it is below.
    pub fn call_proxy_on_grpc_receive_initial_metadata(&mut self, token: u32, metadata: HeaderMap) -> Result<(), Error> {
        self.host.tell(token, RpcPlay::silence().metadata(metadata))
    }

    /// A message comes: one of a stream, or the answer to a call, which ends with it.
    ///
    /// # Errors
    /// See above.
    pub fn call_proxy_on_grpc_receive(&mut self, token: u32, message: impl AsRef<[u8]>) -> Result<(), Error> {
        let play = RpcPlay::silence().message(message);
        let stream = self.host.rpcs().iter().any(|rpc| rpc.token == token && rpc.stream);
        self.host.tell(token, if stream { play } else { play.close(0, "") })
    }

    /// Trailing metadata comes on a stream. (A call is told of none.)
    ///
    /// # Errors
    /// See above.
    pub fn call_proxy_on_grpc_receive_trailing_metadata(&mut self, token: u32, trailers: HeaderMap) -> Result<(), Error> {
        self.host.tell(token, RpcPlay::silence().trailers(trailers))
    }

    /// The callout ends with this status and message, which `proxy_get_status` gives. A call that ends well without a message is told of
    /// status 13, as Envoy does it.
    ///
    /// # Errors
    /// See above.
    pub fn call_proxy_on_grpc_close(&mut self, token: u32, status: u32, message: &str) -> Result<(), Error> {
        self.host.tell(token, RpcPlay::status(status, message))
    }

    /// The filter made a gRPC call with one message to this cluster, since the last expected one.
    ///
    /// # Panics
    /// When it did not, as below.
    #[track_caller]
    pub fn expect_grpc_call(&mut self, cluster: &str, service: &str, method: &str) -> Rpc {
        self.expect_rpc(false, [cluster, service, method])
    }

    /// The filter began a gRPC stream with this cluster, since the last expected one.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn expect_grpc_stream(&mut self, cluster: &str, service: &str, method: &str) -> Rpc {
        self.expect_rpc(true, [cluster, service, method])
    }

    #[track_caller]
    fn expect_rpc(&mut self, stream: bool, names: [&str; 3]) -> Rpc {
        let fresh = &self.host.rpcs()[self.rpcs..];
        let fits = |rpc: &Rpc| rpc.stream == stream && [rpc.cluster.as_str(), rpc.service.as_str(), rpc.method.as_str()] == names;
        match fresh.iter().position(fits) {
            Some(place) => {
                self.rpcs += place + 1;
                self.host.rpcs()[self.rpcs - 1].clone()
            }
            None => fail(&format!("no gRPC {} to {names:?}, but {fresh:?}", if stream { "stream" } else { "call" })),
        }
    }

    /// The filter sent exactly these messages on the callout so far.
    ///
    /// # Panics
    /// When it sent others.
    #[track_caller]
    pub fn expect_grpc_messages(&mut self, token: u32, messages: &[&[u8]]) {
        let sent = &self.rpc(token).messages;
        if sent != messages {
            let shown: Vec<String> = sent.iter().map(|message| message.escape_ascii().to_string()).collect();
            fail(&format!("other messages were sent: {shown:?}"));
        }
    }

    /// The filter has said that it sends no more: with its last message, or by `proxy_grpc_close`.
    ///
    /// # Panics
    /// When it has not.
    #[track_caller]
    pub fn expect_grpc_close(&mut self, token: u32) {
        if !self.rpc(token).ended {
            fail(&format!("the gRPC callout {token} is still open"));
        }
    }

    /// The filter has cancelled the callout.
    ///
    /// # Panics
    /// When it has not.
    #[track_caller]
    pub fn expect_grpc_cancel(&mut self, token: u32) {
        if !self.rpc(token).cancelled {
            fail(&format!("the gRPC callout {token} is not cancelled"));
        }
    }

    #[track_caller]
    fn rpc(&self, token: u32) -> &Rpc {
        match self.host.rpcs().iter().find(|rpc| rpc.token == token) {
            Some(rpc) => rpc,
            None => fail(&format!("there was no gRPC callout {token}")),
        }
    }
}
