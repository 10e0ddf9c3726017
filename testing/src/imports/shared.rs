//! Shared data and queues.

use super::call;
use crate::abi::Status;
use crate::state::State;
use wasmtime::{Caller, Linker};

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    data(linker)?;
    queues(linker)
}

fn data(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_shared_data",
        |c: Caller<'_, State>, key: u32, key_size: u32, at: u32, size_at: u32, cas_at: u32| {
            call(c, "proxy_get_shared_data", |g| {
                let key = g.text(key, key_size)?;
                let state = g.state();
                let (value, cas) = state.process.data(&state.vm_id, &key).ok_or(Status::NotFound)?;
                g.give(&value, at, size_at)?;
                g.write_u32(cas_at, cas)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_shared_data",
        |c: Caller<'_, State>, key: u32, key_size: u32, value: u32, value_size: u32, cas: u32| {
            call(c, "proxy_set_shared_data", |g| {
                let (key, value) = (g.text(key, key_size)?, g.value(value, value_size)?);
                let state = g.state();
                Ok(state.process.set_data(&state.vm_id, &key, &value, cas)?)
            })
        },
    )?;
    Ok(())
}

fn queues(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "proxy_register_shared_queue", |c: Caller<'_, State>, name: u32, name_size: u32, id_at: u32| {
        call(c, "proxy_register_shared_queue", |g| {
            let name = g.text(name, name_size)?;
            let state = g.state();
            let (id, consumer) = state.process.register_queue(&state.vm_id, &name);
            let subject = state.subject();
            let root = state.root_of(subject);
            state.root(root).ok_or(Status::BadArgument)?.queues.insert(id, consumer);
            g.write_u32(id_at, id)
        })
    })?;
    linker.func_wrap(
        "env",
        "proxy_resolve_shared_queue",
        |c: Caller<'_, State>, vm: u32, vm_size: u32, name: u32, name_size: u32, id_at: u32| {
            call(c, "proxy_resolve_shared_queue", |g| {
                let (vm, name) = (g.text(vm, vm_size)?, g.text(name, name_size)?);
                let id = g.state().process.resolve_queue(&vm, &name)?;
                g.write_u32(id_at, id)
            })
        },
    )?;
    linker.func_wrap("env", "proxy_enqueue_shared_queue", |c: Caller<'_, State>, id: u32, value: u32, value_size: u32| {
        call(c, "proxy_enqueue_shared_queue", |g| {
            let value = g.value(value, value_size)?;
            Ok(g.state().process.enqueue(id, value)?)
        })
    })?;
    linker.func_wrap("env", "proxy_dequeue_shared_queue", |c: Caller<'_, State>, id: u32, at: u32, size_at: u32| {
        call(c, "proxy_dequeue_shared_queue", |g| {
            let value = g.state().process.dequeue(id)?;
            g.give(&value, at, size_at)
        })
    })?;
    Ok(())
}
