//! The upstream position (U): once per attempt, in the router's upstream filter chain.

use crate::host::{self, report};
use crate::{attempt, vm};
use weir_abi::{self as abi, Action, Map};
use weir_core::exchange::headers::stays_in_gateway;
use weir_core::exchange::{Bound, Key};
use weir_core::names;

/// The request's head: which provider did Envoy pick, and whose exchange is it?
pub fn request_head(context: u32, end: bool) -> Action {
    let Some(key) = abi::property(names::STATE_EXCHANGE).ok().and_then(|text| Key::parse(&text)) else {
        // A mirror, another listener's route, a VM rebuilt after a trap: on a route of Weir's nothing leaves unread.
        return if host::on_marked_route() { host::refuse(host::UNKNOWN) } else { Action::Continue };
    };
    // The endpoint says it where the cluster has the endpoints of several.
    let of_cluster = abi::property("xds\0cluster_metadata\0filter_metadata\0weir\0provider");
    let provider = of_cluster.or_else(|_| abi::property("xds\0upstream_host_metadata\0filter_metadata\0weir\0provider"));
    let Ok(provider) = provider else { return host::refuse(b"the gateway does not know this provider") };
    let bound = vm::with(|vm| Some(vm.table.exchange(key)?.bind(&String::from_utf8_lossy(&provider), host::now)));
    let Some((bound, next)) = bound.flatten() else { return host::refuse(host::UNKNOWN) };
    next.and_then(|next| report(abi::set_property(names::STATE_NEXT, next.as_bytes())));
    match bound {
        Bound::Tombstone => {
            if let Some(mut headers) = host::headers(Map::Request) {
                headers.retain(|name| !stays_in_gateway(name));
                host::set_headers(Map::Request, &headers);
            }
            Action::Continue
        }
        Bound::Refuse(local) => host::reply(&local.reply),
        Bound::Attempt(attempt) => {
            let server = attempt.asks_server().then(host::server);
            vm::stream(context, |stream| {
                stream.key = Some(key);
                stream.attempt.replace(attempt)
            });
            let verdict = vm::attempt(context, |attempt, exchange| {
                let refused = server.and_then(|server| attempt.at_server(exchange, server.as_deref()));
                refused.unwrap_or_else(|| attempt.request_head(exchange, end))
            });
            attempt::act(context, verdict)
        }
    }
}
