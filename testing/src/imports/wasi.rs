//! The few functions of WASI preview 1 that Envoy offers: clock, environment, random bytes, standard output.

use super::Guest;
use crate::error::Stop;
use crate::limits::{HOST_BYTES, HOST_CALLS};
use crate::state::State;
use wasmtime::{Caller, FuncType, Linker, Val, ValType};

const SUCCESS: u32 = 0;
const BAD_FILE: u32 = 8;
const FAULT: u32 = 21;
const NOT_SUPPORTED: u32 = 58;
const NO_SYSTEM_CALL: u32 = 52;
const NO_DEVICE: u32 = 20;
const INVALID: u32 = 28;
const NO_SUCH_FILE: u32 = 44;

/// What `random_get` fills at a time.
const RANDOM: u32 = 64 << 10;

/// Functions that Envoy offers and does nothing in: name, arguments (`i` 32 bits, `l` 64), what they answer.
const ABSENT: [(&str, &str, u32); 33] = [
    ("clock_res_get", "ii", SUCCESS),
    ("fd_advise", "illi", SUCCESS),
    ("fd_allocate", "ill", SUCCESS),
    ("fd_datasync", "i", SUCCESS),
    ("fd_fdstat_set_flags", "ii", NO_SYSTEM_CALL),
    ("fd_fdstat_set_rights", "ill", SUCCESS),
    ("fd_filestat_get", "ii", BAD_FILE),
    ("fd_filestat_set_size", "il", SUCCESS),
    ("fd_filestat_set_times", "illi", SUCCESS),
    ("fd_pread", "iiili", NO_SYSTEM_CALL),
    ("fd_prestat_dir_name", "iii", NO_SYSTEM_CALL),
    ("fd_pwrite", "iiili", SUCCESS),
    ("fd_readdir", "iiili", NO_DEVICE),
    ("fd_renumber", "ii", NOT_SUPPORTED),
    ("fd_sync", "i", SUCCESS),
    ("fd_tell", "ii", SUCCESS),
    ("path_create_directory", "iii", NOT_SUPPORTED),
    ("path_filestat_get", "iiiii", NOT_SUPPORTED),
    ("path_filestat_set_times", "iiiilli", NOT_SUPPORTED),
    // One argument less than the specification has: a module that imports it is refused.
    ("path_link", "iiiiii", NOT_SUPPORTED),
    ("path_open", "iiiiillii", NO_SUCH_FILE),
    ("path_readlink", "iiiiii", NOT_SUPPORTED),
    ("path_remove_directory", "iii", NOT_SUPPORTED),
    ("path_rename", "iiiiii", NOT_SUPPORTED),
    // Again one less.
    ("path_symlink", "iiii", NOT_SUPPORTED),
    ("path_unlink_file", "iii", NOT_SUPPORTED),
    ("poll_oneoff", "iiii", SUCCESS),
    ("proc_raise", "i", NOT_SUPPORTED),
    ("sock_accept", "iii", NOT_SUPPORTED),
    ("sock_recv", "iiiiii", NOT_SUPPORTED),
    ("sock_send", "iiiii", NOT_SUPPORTED),
    ("sock_shutdown", "ii", NOT_SUPPORTED),
    ("fd_read", "iiii", NO_SYSTEM_CALL),
];

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    for module in ["wasi_snapshot_preview1", "wasi_unstable"] {
        environment(linker, module)?;
        clock_and_random(linker, module)?;
        files(linker, module)?;
        absent(linker, module)?;
    }
    Ok(())
}

/// Runs one WASI call; it has its own error numbers.
fn wasi(
    mut caller: Caller<'_, State>,
    name: &'static str,
    body: impl FnOnce(&mut Guest<'_, '_>) -> Result<u32, Stop>,
) -> wasmtime::Result<u32> {
    let state = caller.data_mut();
    let current = state.current;
    state.calls += 1;
    if state.calls > HOST_CALLS || state.moved > HOST_BYTES {
        return Err(wasmtime::Error::msg("host calls without end"));
    }
    *state.spent.entry(current).or_default().calls.entry(name).or_default() += 1;
    let mut guest = Guest { caller: &mut caller, said: String::new() };
    match body(&mut guest) {
        Ok(errno) => Ok(errno),
        Err(Stop::Status(_)) => Ok(FAULT),
        Err(Stop::Trap(error)) => Err(error),
    }
}

fn environment(linker: &mut Linker<State>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(module, "environ_sizes_get", |c: Caller<'_, State>, count_at: u32, size_at: u32| {
        wasi(c, "environ_sizes_get", |g| {
            let sizes: Vec<usize> = g.state().environment.iter().map(|(k, v)| k.len() + v.len() + 2).collect();
            g.write_u32(count_at, sizes.len() as u32)?;
            g.write_u32(size_at, sizes.iter().sum::<usize>() as u32)?;
            Ok(SUCCESS)
        })
    })?;
    linker.func_wrap(module, "environ_get", |c: Caller<'_, State>, mut pointers: u32, mut bytes: u32| {
        wasi(c, "environ_get", |g| {
            for (key, value) in g.state().environment.clone() {
                let entry = format!("{key}={value}\0");
                g.write_u32(pointers, bytes)?;
                g.write(bytes, entry.as_bytes())?;
                pointers = pointers.wrapping_add(4);
                bytes = bytes.wrapping_add(entry.len() as u32);
            }
            Ok(SUCCESS)
        })
    })?;
    linker.func_wrap(module, "args_sizes_get", |c: Caller<'_, State>, count_at: u32, size_at: u32| {
        wasi(c, "args_sizes_get", |g| {
            g.write_u32(count_at, 0)?;
            g.write_u32(size_at, 0)?;
            Ok(SUCCESS)
        })
    })?;
    linker.func_wrap(module, "args_get", |c: Caller<'_, State>, _: u32, _: u32| wasi(c, "args_get", |_| Ok(SUCCESS)))?;
    linker.func_wrap(module, "proc_exit", |mut c: Caller<'_, State>, code: u32| {
        // Envoy logs this and returns; a filter that meant it runs into its own `unreachable`.
        c.data_mut().transcript.push(format!("    proc_exit({code})"));
    })?;
    Ok(())
}

fn clock_and_random(linker: &mut Linker<State>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(module, "clock_time_get", |c: Caller<'_, State>, clock: u32, _: u64, at: u32| {
        wasi(c, "clock_time_get", |g| {
            if clock > 1 {
                return Ok(NOT_SUPPORTED);
            }
            let now = g.state().now;
            g.write(at, &now.to_le_bytes())?;
            Ok(SUCCESS)
        })
    })?;
    linker.func_wrap(module, "random_get", |c: Caller<'_, State>, at: u32, size: u32| {
        wasi(c, "random_get", |g| {
            if size > RANDOM {
                return Ok(INVALID);
            }
            let random = &mut g.state().random;
            let bytes: Vec<u8> = (0..size).map(|_| crate::cuts::step(random).to_le_bytes()[3]).collect();
            g.write(at, &bytes)?;
            Ok(SUCCESS)
        })
    })?;
    linker.func_wrap(module, "sched_yield", || SUCCESS)?;
    Ok(())
}

fn files(linker: &mut Linker<State>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(module, "fd_write", |c: Caller<'_, State>, file: u32, vectors: u32, count: u32, written_at: u32| {
        wasi(c, "fd_write", |g| {
            let level = match file {
                1 => 2,
                2 => 4,
                _ => return Ok(BAD_FILE),
            };
            let mut text = Vec::new();
            for i in 0..count {
                let vector = g.read(vectors.wrapping_add(i.wrapping_mul(8)), 8)?;
                let word = |at: usize| vector.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
                text.extend(g.read(word(0), word(4))?);
            }
            let line = String::from_utf8_lossy(text.strip_suffix(b"\n").unwrap_or(&text)).into_owned();
            g.state().transcript.push(format!("    fd_write({file}): {line}"));
            g.state().logs.push((level, line));
            g.write_u32(written_at, text.len() as u32)?;
            Ok(SUCCESS)
        })
    })?;
    linker.func_wrap(module, "fd_close", |c: Caller<'_, State>, _: u32| wasi(c, "fd_close", |_| Ok(SUCCESS)))?;
    linker.func_wrap(module, "fd_seek", |c: Caller<'_, State>, _: u32, _: u64, _: u32, _: u32| wasi(c, "fd_seek", |_| Ok(SUCCESS)))?;
    linker.func_wrap(module, "fd_fdstat_get", |c: Caller<'_, State>, file: u32, at: u32| {
        wasi(c, "fd_fdstat_get", |g| {
            if file != 1 && file != 2 {
                return Ok(BAD_FILE);
            }
            let mut status = [0_u8; 24];
            status[8] = 64; // fs_rights_base: may be written
            g.write(at, &status)?;
            Ok(SUCCESS)
        })
    })?;
    linker.func_wrap(module, "fd_prestat_get", |c: Caller<'_, State>, _: u32, _: u32| wasi(c, "fd_prestat_get", |_| Ok(BAD_FILE)))?;
    Ok(())
}

fn absent(linker: &mut Linker<State>, module: &str) -> wasmtime::Result<()> {
    for (name, arguments, errno) in ABSENT {
        let params = arguments.chars().map(|kind| if kind == 'l' { ValType::I64 } else { ValType::I32 });
        let shape = FuncType::new(linker.engine(), params, [ValType::I32]);
        linker.func_new(module, name, shape, move |caller, _, results| {
            let errno = wasi(caller, name, |_| Ok(errno))?;
            results[0] = Val::I32(errno as i32);
            Ok(())
        })?;
    }
    Ok(())
}
