//! Log, clock, ticks, properties, and what moves a stream.

use super::call;
use crate::abi::{LOG_LEVELS, Status, Way, decode_pairs};
use crate::callout::nanos;
use crate::error::Stop;
use crate::properties;
use crate::state::{Deferred, State};
use crate::stream::LocalReply;
use std::time::Duration;
use wasmtime::{Caller, Linker};

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    log_and_time(linker)?;
    property(linker)?;
    streams(linker)?;
    local_response(linker)?;
    contexts(linker)?;
    foreign(linker)?;
    emscripten(linker)
}

/// What modules of Emscripten's C++ ask for beside the ABI. Neither is a call about a stream.
fn emscripten(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "emscripten_notify_memory_growth", |_: u32| {})?;
    linker.func_wrap("env", "pthread_equal", |left: u32, right: u32| u32::from(left == right))?;
    Ok(())
}

fn log_and_time(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "proxy_log", |c: Caller<'_, State>, level: u32, text: u32, size: u32| {
        call(c, "proxy_log", |g| {
            let name = LOG_LEVELS.get(level as usize).ok_or(Status::BadArgument)?;
            let text = String::from_utf8_lossy(&g.read(text, size)?).into_owned();
            g.say(format!("{name}: {text}"));
            g.state().logs.push((level, text));
            Ok(())
        })
    })?;
    linker.func_wrap("env", "proxy_get_log_level", |c: Caller<'_, State>, at: u32| {
        call(c, "proxy_get_log_level", |g| {
            let level = g.state().log_level;
            g.write_u32(at, level)
        })
    })?;
    linker.func_wrap("env", "proxy_get_current_time_nanoseconds", |c: Caller<'_, State>, at: u32| {
        call(c, "proxy_get_current_time_nanoseconds", |g| {
            let now = g.state().now;
            g.write(at, &now.to_le_bytes())
        })
    })?;
    linker.func_wrap("env", "proxy_set_tick_period_milliseconds", |c: Caller<'_, State>, period: u32| {
        call(c, "proxy_set_tick_period_milliseconds", |g| {
            g.say(period.to_string());
            let state = g.state();
            let (now, period) = (state.now, nanos(Duration::from_millis(u64::from(period))));
            // A stream sets the timer of its root.
            let subject = state.subject();
            let id = state.root_of(subject);
            let root = state.root(id).ok_or(Status::BadArgument)?;
            root.tick = (period > 0).then_some((period, now.saturating_add(period)));
            Ok(())
        })
    })?;
    linker.func_wrap("env", "proxy_get_status", |c: Caller<'_, State>, code_at: u32, at: u32, size_at: u32| {
        call(c, "proxy_get_status", |g| {
            let (code, text) = g.state().status.clone();
            g.write_u32(code_at, code)?;
            g.give(text.as_bytes(), at, size_at)
        })
    })?;
    Ok(())
}

fn property(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "proxy_get_property", |c: Caller<'_, State>, path: u32, path_size: u32, at: u32, size_at: u32| {
        call(c, "proxy_get_property", |g| {
            let path = g.text(path, path_size)?;
            let value = properties::read(g.state(), &path)?;
            g.say(format!("= {}", crate::transcript::show(&value)));
            g.give(&value, at, size_at)
        })
    })?;
    linker.func_wrap("env", "proxy_set_property", |c: Caller<'_, State>, path: u32, path_size: u32, value: u32, value_size: u32| {
        call(c, "proxy_set_property", |g| {
            let (path, value) = (g.text(path, path_size)?, g.value(value, value_size)?);
            let state = g.state();
            let id = state.subject();
            let stream = state.stream(id).ok_or(Status::NotFound)?;
            stream.info.borrow_mut().filter_state.insert(format!("wasm.{path}"), value);
            Ok(())
        })
    })?;
    Ok(())
}

fn streams(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "proxy_continue_stream", |c: Caller<'_, State>, way: u32| {
        call(c, "proxy_continue_stream", |g| {
            let way = Way::from_abi(way).ok_or(Status::BadArgument)?;
            g.say(format!("{way:?}"));
            let state = g.state();
            let id = state.subject();
            if let Some(stream) = state.stream(id) {
                if way == Way::Response && !stream.response.started() {
                    state.crash = Some("proxy_continue_stream of a response before there is one");
                    return Err(Stop::Trap(wasmtime::Error::msg("the Envoy process crashes")));
                }
                stream.request.hide();
                state.deferred.push(Deferred::Continue(id, way));
            }
            Ok(())
        })
    })?;
    linker.func_wrap("env", "proxy_close_stream", |c: Caller<'_, State>, way: u32| {
        call(c, "proxy_close_stream", |g| {
            let way = Way::from_abi(way).ok_or(Status::BadArgument)?;
            g.say(format!("{way:?}"));
            let state = g.state();
            let id = state.subject();
            if state.stream(id).is_some() {
                state.deferred.push(Deferred::Reset(id));
            }
            Ok(())
        })
    })?;
    Ok(())
}

fn local_response(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_send_local_response",
        |c: Caller<'_, State>,
         status: u32,
         details: u32,
         details_size: u32,
         body: u32,
         body_size: u32,
         heads: u32,
         heads_size: u32,
         _grpc: u32| {
            call(c, "proxy_send_local_response", |g| {
                g.say(status.to_string());
                let details = g.text(details, details_size)?;
                let body = g.value(body, body_size)?;
                let pairs = decode_pairs(&g.read(heads, heads_size)?).unwrap_or_default();
                let headers: Vec<_> = pairs.into_iter().map(|(n, v)| (String::from_utf8_lossy(&n).into_owned(), v)).collect();
                let state = g.state();
                if state.logging() {
                    state.crash = Some("a local reply from proxy_on_log recurses until the process is out of stack");
                    return Err(Stop::Trap(wasmtime::Error::msg("the Envoy process crashes")));
                }
                state.stop_iteration = true;
                let id = state.subject();
                if state.stream(id).is_some() {
                    let details = details.replace(char::is_whitespace, "_");
                    state.deferred.push(Deferred::Reply(id, LocalReply { status, details, headers, body }));
                }
                Ok(())
            })
        },
    )?;
    Ok(())
}

fn contexts(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "proxy_set_effective_context", |c: Caller<'_, State>, id: u32| {
        call(c, "proxy_set_effective_context", |g| {
            g.say(id.to_string());
            let state = g.state();
            if !state.contexts.contains_key(&id) {
                return Err(Status::BadArgument.into());
            }
            state.effective = id;
            Ok(())
        })
    })?;
    linker.func_wrap("env", "proxy_done", |c: Caller<'_, State>| {
        call(c, "proxy_done", |g| {
            let state = g.state();
            let id = state.subject();
            // Only a root that answered proxy_on_done with false is waited for.
            if !state.closing.remove(&id) {
                return Err(Status::NotFound.into());
            }
            state.deferred.push(Deferred::Delete(id));
            Ok(())
        })
    })?;
    Ok(())
}

fn foreign(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_call_foreign_function",
        |c: Caller<'_, State>, name: u32, name_size: u32, argument: u32, argument_size: u32, at: u32, size_at: u32| {
            call(c, "proxy_call_foreign_function", |g| {
                let (name, argument) = (g.text(name, name_size)?, g.value(argument, argument_size)?);
                if name == "clear_route_cache" {
                    let state = g.state();
                    let id = state.subject();
                    state.stream(id).ok_or(Status::BadArgument)?.info.borrow_mut().clear_route();
                    return Ok(());
                }
                let function = g.state().foreign.get_mut(&name).ok_or(Status::NotFound)?;
                let result = function(&argument)?;
                if at == 0 || size_at == 0 {
                    return Ok(());
                }
                g.give(&result, at, size_at)
            })
        },
    )?;
    linker.func_wrap("env", "proxy_clear_route_cache", |c: Caller<'_, State>| {
        call(c, "proxy_clear_route_cache", |g| {
            let state = g.state();
            let id = state.subject();
            state.stream(id).ok_or(Status::BadArgument)?.info.borrow_mut().clear_route();
            Ok(())
        })
    })?;
    Ok(())
}
