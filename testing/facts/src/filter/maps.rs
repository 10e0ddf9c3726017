//! Steps about header maps and bodies.

use crate::abi::*;
use crate::world::{got, log, owned};

fn map(name: &str) -> u32 {
    match name {
        "request" => 0,
        "request_trailers" => 1,
        "response" => 2,
        "response_trailers" => 3,
        "rpc" => 4,
        "rpc_trailers" => 5,
        "answer" => 6,
        other => panic!("no map {other}"),
    }
}

/// A name and its values as the ABI passes them.
pub fn pairs(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut out = (pairs.len() as u32).to_le_bytes().to_vec();
    for (k, v) in pairs {
        out.extend((k.len() as u32).to_le_bytes());
        out.extend((v.len() as u32).to_le_bytes());
    }
    for (k, v) in pairs {
        out.extend([k.as_bytes(), b"\0", v.as_bytes(), b"\0"].concat());
    }
    out
}

/// A step about a header map. Whether it is one.
pub fn step(words: &[&str]) -> bool {
    let (mut at, mut size) = (std::ptr::null_mut(), 0_usize);
    match words {
        ["get", m, k] => {
            let s = unsafe { proxy_get_header_map_value(map(m), k.as_ptr(), k.len(), &mut at, &mut size) };
            got("get", s, at, size);
        }
        ["pairs", m] => {
            let s = unsafe { proxy_get_header_map_pairs(map(m), &mut at, &mut size) };
            log(&format!("pairs {s} {}", owned(at, size).first().unwrap_or(&0)));
        }
        ["size", m] => {
            let s = unsafe { proxy_get_header_map_size(map(m), &mut size) };
            log(&format!("size {s} {size}"));
        }
        ["set", m, k, v] => {
            let v = if *v == "-" { "" } else { v };
            let s = unsafe { proxy_replace_header_map_value(map(m), k.as_ptr(), k.len(), v.as_ptr(), v.len()) };
            log(&format!("set {s}"));
        }
        ["add", m, k, v] => {
            let s = unsafe { proxy_add_header_map_value(map(m), k.as_ptr(), k.len(), v.as_ptr(), v.len()) };
            log(&format!("add {s}"));
        }
        ["remove", m, k] => {
            let s = unsafe { proxy_remove_header_map_value(map(m), k.as_ptr(), k.len()) };
            log(&format!("remove {s}"));
        }
        ["set_pairs", m, words @ ..] => {
            let all: Vec<_> = words.chunks(2).map(|pair| (pair[0], pair[1])).collect();
            let block = pairs(&all);
            let s = unsafe { proxy_set_header_map_pairs(map(m), block.as_ptr(), block.len()) };
            log(&format!("set_pairs {s}"));
        }
        _ => return false,
    }
    true
}

fn buffer(name: &str) -> u32 {
    match name {
        "request" => 0,
        "response" => 1,
        "answer" => 4,
        "rpc" => 5,
        "vm" => 6,
        "plugin" => 7,
        other => panic!("no buffer {other}"),
    }
}

/// A step about a body or a configuration. Whether it is one.
pub fn body(words: &[&str]) -> bool {
    let (mut at, mut size) = (std::ptr::null_mut(), 0_usize);
    match words {
        ["read", b] => {
            let s = unsafe { proxy_get_buffer_bytes(buffer(b), 0, usize::MAX >> 1, &mut at, &mut size) };
            got("read", s, at, size);
        }
        ["length", b] => {
            let mut flags = 0;
            let s = unsafe { proxy_get_buffer_status(buffer(b), &mut size, &mut flags) };
            log(&format!("length {s} {size} {flags}"));
        }
        ["part", b, start, length] => {
            let s = unsafe { proxy_get_buffer_bytes(buffer(b), start.parse().unwrap(), length.parse().unwrap(), &mut at, &mut size) };
            got("part", s, at, size);
        }
        ["fill", b, count] => {
            let text = vec![b'y'; count.parse().unwrap()];
            let s = unsafe { proxy_set_buffer_bytes(buffer(b), 0, usize::MAX >> 1, text.as_ptr(), text.len()) };
            log(&format!("fill {s}"));
        }
        ["write", b, start, length, text] => {
            let (start, length) = (start.parse().unwrap(), length.parse().unwrap_or(usize::MAX >> 1));
            let text = if *text == "-" { "" } else { text };
            let s = unsafe { proxy_set_buffer_bytes(buffer(b), start, length, text.as_ptr(), text.len()) };
            log(&format!("write {s}"));
        }
        _ => return false,
    }
    true
}
