//! gRPC callouts: calls, streams, and what a filter does with them.

use super::callouts::map;
use super::{Guest, call};
use crate::abi::Status;
use crate::error::Stop;
use crate::rpc::{Rpc, RpcPlay, Running};
use crate::state::State;
use std::time::Duration;
use wasmtime::{Caller, Linker};

/// Where the two kinds of callouts have their kind in the token.
const CALL: u32 = 1;
const STREAM: u32 = 2;
const KIND: u32 = 3;

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    begin(linker)?;
    go_on(linker)
}

fn begin(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_grpc_call",
        |c: Caller<'_, State>,
         cluster: u32,
         cluster_size: u32,
         service: u32,
         service_size: u32,
         method: u32,
         method_size: u32,
         heads: u32,
         heads_size: u32,
         message: u32,
         message_size: u32,
         timeout: u32,
         token_at: u32| {
            call(c, "proxy_grpc_call", |g| {
                let names = [(cluster, cluster_size), (service, service_size), (method, method_size), (heads, heads_size)];
                let mut rpc = read(g, names)?;
                rpc.messages.push(g.value(message, message_size)?);
                rpc.ended = true;
                rpc.timeout = Some(Duration::from_millis(u64::from(timeout)));
                g.say(format!("{timeout} ms"));
                let token = start(g.state(), rpc)?;
                g.say(format!("= token {token}"));
                g.write_u32(token_at, token)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_grpc_stream",
        |c: Caller<'_, State>,
         cluster: u32,
         cluster_size: u32,
         service: u32,
         service_size: u32,
         method: u32,
         method_size: u32,
         heads: u32,
         heads_size: u32,
         token_at: u32| {
            call(c, "proxy_grpc_stream", |g| {
                let names = [(cluster, cluster_size), (service, service_size), (method, method_size), (heads, heads_size)];
                let mut rpc = read(g, names)?;
                rpc.stream = true;
                let token = start(g.state(), rpc)?;
                g.say(format!("= token {token}"));
                g.write_u32(token_at, token)
            })
        },
    )?;
    Ok(())
}

/// What both kinds begin with: cluster, service, method, metadata.
fn read(g: &mut Guest<'_, '_>, [cluster, service, method, heads]: [(u32, u32); 4]) -> Result<Rpc, Stop> {
    let (cluster, service, method) = (g.text(cluster.0, cluster.1)?, g.text(service.0, service.1)?, g.text(method.0, method.1)?);
    let metadata = map(g, heads.0, heads.1)?;
    g.say(metadata.to_string());
    let state = g.state();
    let subject = state.subject();
    let (root, from, at) = (state.root_of(subject), state.current, state.now);
    let (messages, ended, cancelled, stream, timeout, token) = (Vec::new(), false, false, false, None, 0);
    Ok(Rpc { token, cluster, service, method, metadata, messages, ended, cancelled, stream, timeout, root, from, at })
}

fn start(state: &mut State, mut rpc: Rpc) -> Result<u32, Status> {
    if !state.services.contains_key(&rpc.cluster) {
        return Err(Status::ParseFailure);
    }
    let kind = if rpc.stream { STREAM } else { CALL };
    let (stream, before) = (rpc.stream, state.rpcs_begun);
    let number = if stream { &mut state.rpcs_begun.1 } else { &mut state.rpcs_begun.0 };
    *number += 1;
    rpc.token = *number << 2 | kind;
    let RpcPlay { steps, fails } = ask(state, &rpc);
    let (token, wake) = (rpc.token, rpc.at);
    if fails.is_some() && steps.is_empty() {
        state.rpcs_begun = before;
    } else {
        state.rpcs.push(rpc.clone());
        state.running.insert(token, Running { rpc, steps, wake, message: None, local_closed: false, remote_closed: false });
    }
    fails.map_or(Ok(token), Err)
}

fn ask(state: &mut State, rpc: &Rpc) -> RpcPlay {
    state.services.get_mut(&rpc.cluster).map(|service| service(rpc)).unwrap_or_default()
}

/// Changes a stream as the filter wants, and asks the service what comes of it.
fn change(state: &mut State, token: u32, change: impl FnOnce(&mut Rpc)) -> Result<(), Status> {
    let running = state.running.get_mut(&token).ok_or(Status::NotFound)?;
    if running.remote_closed || running.local_closed {
        // What goes to nobody is sent all the same.
        return Ok(());
    }
    change(&mut running.rpc);
    let rpc = running.rpc.clone();
    if let Some(known) = state.rpcs.iter_mut().find(|known| known.token == token) {
        *known = rpc.clone();
    }
    let play = ask(state, &rpc);
    if let Some(running) = state.running.get_mut(&token) {
        running.steps.extend(play.steps);
    }
    Ok(())
}

fn go_on(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "proxy_grpc_send", |c: Caller<'_, State>, token: u32, message: u32, size: u32, end: u32| {
        call(c, "proxy_grpc_send", |g| {
            g.say(token.to_string());
            let message = g.value(message, size)?;
            if token & KIND != STREAM {
                return Err(Status::BadArgument.into());
            }
            Ok(change(g.state(), token, |rpc| {
                rpc.messages.push(message);
                rpc.ended = end != 0;
            })?)
        })
    })?;
    linker.func_wrap("env", "proxy_grpc_close", |c: Caller<'_, State>, token: u32| {
        call(c, "proxy_grpc_close", |g| {
            g.say(token.to_string());
            let state = g.state();
            if token & KIND == STREAM && state.running.get(&token).is_some_and(|running| !running.remote_closed) {
                change(state, token, |rpc| rpc.ended = true)?;
                state.running.get_mut(&token).ok_or(Status::NotFound)?.local_closed = true;
                return Ok(());
            }
            // A call, and a stream that the service has closed, end here.
            state.running.remove(&token).map(|_| ()).ok_or(Status::NotFound.into())
        })
    })?;
    linker.func_wrap("env", "proxy_grpc_cancel", |c: Caller<'_, State>, token: u32| {
        call(c, "proxy_grpc_cancel", |g| {
            g.say(token.to_string());
            let state = g.state();
            state.running.remove(&token).ok_or(Status::NotFound)?;
            state.rpcs.iter_mut().filter(|rpc| rpc.token == token).for_each(|rpc| rpc.cancelled = true);
            Ok(())
        })
    })?;
    Ok(())
}
