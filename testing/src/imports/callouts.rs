//! HTTP callouts.

use super::{Guest, call};
use crate::abi::{Status, decode_pairs};
use crate::callout::{Callout, Pending};
use crate::error::Stop;
use crate::headers::HeaderMap;
use crate::state::State;
use std::time::Duration;
use wasmtime::{Caller, Linker};

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_http_call",
        |c: Caller<'_, State>,
         name: u32,
         name_size: u32,
         heads: u32,
         heads_size: u32,
         body: u32,
         body_size: u32,
         trails: u32,
         trails_size: u32,
         timeout: u32,
         token_at: u32| {
            call(c, "proxy_http_call", |g| {
                let cluster = g.text(name, name_size)?;
                let headers = map(g, heads, heads_size)?;
                g.say(headers.to_string());
                let body = g.value(body, body_size)?;
                let trailers = map(g, trails, trails_size)?;
                g.say(format!("{timeout} ms"));
                // Envoy writes the token before it knows it, to try the memory.
                g.write_u32(token_at, 0)?;
                let token = dispatch(g.state(), cluster, (headers, body, trailers), timeout)?;
                g.say(format!("= token {token}"));
                g.write_u32(token_at, token)
            })
        },
    )?;
    Ok(())
}

pub(super) fn map(g: &mut Guest<'_, '_>, at: u32, size: u32) -> Result<HeaderMap, Stop> {
    let pairs = decode_pairs(&g.read(at, size)?).unwrap_or_default();
    Ok(pairs.iter().map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value)).collect())
}

fn dispatch(state: &mut State, cluster: String, message: (HeaderMap, Vec<u8>, HeaderMap), timeout: u32) -> Result<u32, Status> {
    let (headers, body, trailers) = message;
    if i32::try_from(timeout).is_err() || !state.clusters.contains_key(&cluster) {
        return Err(Status::BadArgument);
    }
    if [":path", ":method", ":authority"].iter().any(|name| !headers.contains(name)) {
        return Err(Status::BadArgument);
    }
    // Envoy's tokens are numbers of calls with two bits of kind behind them, and a call that fails inside has used its number.
    let token = state.next_token << 2;
    let subject = state.subject();
    let callout = Callout {
        token,
        cluster: cluster.clone(),
        headers,
        body,
        trailers,
        timeout: Duration::from_millis(u64::from(timeout)),
        root: state.root_of(subject),
        from: state.current,
        at: state.now,
    };
    let answer = state.clusters.get_mut(&cluster).map(|answers| answers(&callout)).ok_or(Status::BadArgument)?;
    state.next_token += 1;
    let pending = Pending::new(callout.clone(), answer)?;
    state.callouts.push(callout);
    state.pending.insert(token, pending);
    Ok(token)
}
