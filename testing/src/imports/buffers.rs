//! Bodies and configurations.

use super::{Guest, call};
use crate::abi::{BufferKind, Status};
use crate::error::Stop;
use crate::state::State;
use crate::transcript::show;
use wasmtime::{Caller, Linker};

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_buffer_bytes",
        |c: Caller<'_, State>, kind: u32, start: u32, size: u32, at: u32, size_at: u32| {
            call(c, "proxy_get_buffer_bytes", |g| {
                let kind = BufferKind::from_abi(kind).ok_or(Status::BadArgument)?;
                g.say(format!("{kind}, {start}, {size}"));
                let buffer = buffer(g, kind)?;
                let rest = buffer.get(start as usize..).unwrap_or_default();
                let bytes = rest.get(..size as usize).unwrap_or(rest);
                if bytes.is_empty() {
                    // Envoy leaves the two results as they are.
                    return Ok(());
                }
                g.say(format!("= {}", show(bytes)));
                g.give(bytes, at, size_at)
            })
        },
    )?;
    linker.func_wrap("env", "proxy_get_buffer_status", |c: Caller<'_, State>, kind: u32, size_at: u32, flags_at: u32| {
        call(c, "proxy_get_buffer_status", |g| {
            let kind = BufferKind::from_abi(kind).ok_or(Status::BadArgument)?;
            let size = buffer(g, kind)?.len();
            g.say(format!("{kind} = {size}"));
            g.write_u32(size_at, size as u32)?;
            g.write_u32(flags_at, 0)
        })
    })?;
    linker.func_wrap(
        "env",
        "proxy_set_buffer_bytes",
        |c: Caller<'_, State>, kind: u32, start: u32, size: u32, bytes: u32, bytes_size: u32| {
            call(c, "proxy_set_buffer_bytes", |g| {
                let kind = BufferKind::from_abi(kind).ok_or(Status::BadArgument)?;
                g.say(format!("{kind}, {start}, {size}"));
                let bytes = g.value(bytes, bytes_size)?;
                let id = g.state().subject();
                let (start, size) = (start as usize, size as usize);
                let stream = g.state().stream(id).ok_or(Status::BadArgument)?;
                match kind {
                    BufferKind::RequestBody => stream.request.write_body(start, size, &bytes)?,
                    BufferKind::ResponseBody => stream.response.write_body(start, size, &bytes)?,
                    BufferKind::CalloutBody | BufferKind::RpcMessage | BufferKind::VmConfiguration | BufferKind::PluginConfiguration => {
                        return Err(Status::BadArgument.into());
                    }
                }
                Ok(())
            })
        },
    )?;
    Ok(())
}

fn buffer(g: &mut Guest<'_, '_>, kind: BufferKind) -> Result<Vec<u8>, Stop> {
    let state = g.state();
    let id = state.subject();
    let root = state.root_of(id);
    let bytes = match kind {
        // A body that is not there reads as an empty buffer.
        BufferKind::RequestBody => state.stream(id).and_then(|s| s.request.body().map(<[u8]>::to_vec)).unwrap_or_default(),
        BufferKind::ResponseBody => state.stream(id).and_then(|s| s.response.body().map(<[u8]>::to_vec)).unwrap_or_default(),
        BufferKind::CalloutBody => {
            state.root(root).and_then(|r| r.reply.as_ref()).map(|reply| reply.body.clone()).ok_or(Status::NotFound)?
        }
        BufferKind::RpcMessage => state.told.message.clone().ok_or(Status::NotFound)?,
        BufferKind::VmConfiguration => state.vm_configuration.clone(),
        BufferKind::PluginConfiguration => {
            let root = state.root(root).filter(|r| r.configuring).ok_or(Status::NotFound)?;
            root.plugin.configuration.clone()
        }
    };
    Ok(bytes)
}
