//! Header maps and trailers.

use super::call;
use crate::abi::{MapKind, Status, decode_pairs, encode_pairs};
use crate::headers::HeaderMap;
use crate::state::State;
use crate::transcript::show;
use wasmtime::{Caller, Linker};

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    pairs(linker)?;
    single(linker)
}

fn pairs(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "proxy_get_header_map_pairs", |c: Caller<'_, State>, kind: u32, at: u32, size_at: u32| {
        call(c, "proxy_get_header_map_pairs", |g| {
            let kind = MapKind::from_abi(kind).ok_or(Status::BadArgument)?;
            g.say(kind.to_string());
            // A map that is not there reads as empty, unlike a single value of it.
            let block = g.state().read_map(kind, |map| if map.is_empty() { Vec::new() } else { encode_pairs(byte_pairs(map)) });
            g.give(&block.unwrap_or_default(), at, size_at)
        })
    })?;
    linker.func_wrap("env", "proxy_set_header_map_pairs", |c: Caller<'_, State>, kind: u32, at: u32, size: u32| {
        call(c, "proxy_set_header_map_pairs", |g| {
            let kind = MapKind::from_abi(kind).ok_or(Status::BadArgument)?;
            let pairs = decode_pairs(&g.read(at, size)?).unwrap_or_default();
            let fresh: HeaderMap = pairs.iter().map(|(n, v)| (String::from_utf8_lossy(n).into_owned(), v)).collect();
            g.say(kind.to_string());
            g.say(fresh.to_string());
            Ok(g.state().edit_map(kind, |map| *map = fresh)?)
        })
    })?;
    linker.func_wrap("env", "proxy_get_header_map_size", |c: Caller<'_, State>, kind: u32, size_at: u32| {
        call(c, "proxy_get_header_map_size", |g| {
            let kind = MapKind::from_abi(kind).ok_or(Status::BadArgument)?;
            let size = g.state().read_map(kind, |map| map.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>());
            g.write_u32(size_at, size.ok_or(Status::BadArgument)? as u32)
        })
    })?;
    Ok(())
}

fn byte_pairs(map: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    map.iter().map(|(name, value)| (name.as_bytes(), value))
}

fn single(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_header_map_value",
        |c: Caller<'_, State>, kind: u32, name: u32, name_size: u32, at: u32, size_at: u32| {
            call(c, "proxy_get_header_map_value", |g| {
                let kind = MapKind::from_abi(kind).ok_or(Status::BadArgument)?;
                g.say(kind.to_string());
                let name = g.text(name, name_size)?;
                let value = match g.state().read_map(kind, |map| map.get_bytes(&name).map(<[u8]>::to_vec)) {
                    Some(value) => value.ok_or(Status::NotFound)?,
                    None if g.state().logging() => return Err(Status::NotFound.into()),
                    None => return Err(Status::BadArgument.into()),
                };
                g.say(format!("= {}", show(&value)));
                g.give(&value, at, size_at)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_add_header_map_value",
        |c: Caller<'_, State>, kind: u32, name: u32, name_size: u32, value: u32, value_size: u32| {
            call(c, "proxy_add_header_map_value", |g| {
                let kind = MapKind::from_abi(kind).ok_or(Status::BadArgument)?;
                g.say(kind.to_string());
                let (name, value) = (g.text(name, name_size)?, g.value(value, value_size)?);
                Ok(g.state().edit_map(kind, |map| map.add(&name, value))?)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_replace_header_map_value",
        |c: Caller<'_, State>, kind: u32, name: u32, name_size: u32, value: u32, value_size: u32| {
            call(c, "proxy_replace_header_map_value", |g| {
                let kind = MapKind::from_abi(kind).ok_or(Status::BadArgument)?;
                g.say(kind.to_string());
                let (name, value) = (g.text(name, name_size)?, g.value(value, value_size)?);
                Ok(g.state().edit_map(kind, |map| map.set(&name, value))?)
            })
        },
    )?;
    linker.func_wrap("env", "proxy_remove_header_map_value", |c: Caller<'_, State>, kind: u32, name: u32, name_size: u32| {
        call(c, "proxy_remove_header_map_value", |g| {
            let kind = MapKind::from_abi(kind).ok_or(Status::BadArgument)?;
            g.say(kind.to_string());
            let name = g.text(name, name_size)?;
            Ok(g.state().edit_map(kind, |map| map.remove(&name))?)
        })
    })?;
    Ok(())
}
