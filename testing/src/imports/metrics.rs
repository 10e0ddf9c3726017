//! Metrics.

use super::call;
use crate::state::State;
use wasmtime::{Caller, Linker};

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "proxy_define_metric", |c: Caller<'_, State>, kind: u32, name: u32, name_size: u32, id_at: u32| {
        call(c, "proxy_define_metric", |g| {
            let name = g.text(name, name_size)?;
            let id = g.state().metrics.define(kind, &name)?;
            g.write_u32(id_at, id)
        })
    })?;
    linker.func_wrap("env", "proxy_increment_metric", |c: Caller<'_, State>, id: u32, by: i64| {
        call(c, "proxy_increment_metric", |g| {
            g.say(format!("{id}, {by}"));
            Ok(g.state().metrics.increment(id, by)?)
        })
    })?;
    linker.func_wrap("env", "proxy_record_metric", |c: Caller<'_, State>, id: u32, value: u64| {
        call(c, "proxy_record_metric", |g| {
            g.say(format!("{id}, {value}"));
            Ok(g.state().metrics.record(id, value)?)
        })
    })?;
    linker.func_wrap("env", "proxy_get_metric", |c: Caller<'_, State>, id: u32, value_at: u32| {
        call(c, "proxy_get_metric", |g| {
            let value = g.state().metrics.read(id)?;
            g.write(value_at, &value.to_le_bytes())
        })
    })?;
    Ok(())
}
