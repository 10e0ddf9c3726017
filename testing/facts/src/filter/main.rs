//! A filter that does what its plugin configuration says: one line per callback, `callback: step; step; …`.
//!
//! It is compiled by the tests themselves, and speaks the ABI without an SDK. What host calls answer is logged. With a line `trace`
//! every callback is logged too, and each log line says whose it is: `probe> down.2 request_body 3 false` is the second stream of `down`.

mod abi;
mod maps;
mod rpc;
mod state;
mod steps;
mod streams;
mod wasi;
mod world;

use abi::{proxy_get_buffer_bytes, proxy_get_property};
use world::{Root, Stream, WORLD, log, owned, run};

#[unsafe(no_mangle)]
pub extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    let mut bytes = Vec::<u8>::with_capacity(size);
    let at = bytes.as_mut_ptr();
    std::mem::forget(bytes);
    at
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_context_create(id: u32, root: u32) {
    if root == 0 {
        return;
    }
    WORLD.with_borrow_mut(|w| {
        let name = w.roots.iter().find(|one| one.id == root).map(|one| one.name.clone()).unwrap_or_default();
        w.opened.push(name.clone());
        let ordinal = w.opened.iter().filter(|opened| **opened == name).count();
        w.streams.push(Stream { id, root, ordinal, label: format!("{name}.{ordinal}") });
        w.newest = id;
    });
    run(id, "create", "", true);
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_vm_start(_: u32, size: usize) -> bool {
    if size > 0 {
        let (mut at, mut size) = (std::ptr::null_mut(), 0_usize);
        let s = unsafe { proxy_get_buffer_bytes(6, 0, usize::MAX >> 1, &mut at, &mut size) };
        log(&format!("probe> vm start {s} {}", String::from_utf8_lossy(&owned(at, size))));
    }
    true
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_configure(id: u32, _: usize) -> bool {
    let (mut at, mut size) = (std::ptr::null_mut(), 0_usize);
    unsafe { proxy_get_buffer_bytes(7, 0, usize::MAX >> 1, &mut at, &mut size) };
    let script = String::from_utf8(owned(at, size)).unwrap();
    unsafe { proxy_get_property(b"plugin_root_id".as_ptr(), 14, &mut at, &mut size) };
    let name = String::from_utf8(owned(at, size)).unwrap();
    let refuse = script.contains("configure: refuse");
    WORLD.with_borrow_mut(|w| {
        let before = w.roots.iter().filter(|root| root.name == name).count();
        let label = if before == 0 { name.clone() } else { format!("{name}/{}", before + 1) };
        w.roots.push(Root { id, script, name, label });
    });
    run(id, "configure", "", true);
    !refuse
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_tick(id: u32) {
    run(id, "tick", "", true);
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_queue_ready(id: u32, _: u32) {
    run(id, "queue_ready", "", true);
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_http_call_response(id: u32, token: u32, headers: usize, body: usize, _: usize) {
    // A real Envoy adds headers of its own: a trace leaves their number out.
    let traced = WORLD.with_borrow(|w| w.roots.iter().any(|root| root.id == id && root.script.lines().any(|line| line == "trace")));
    let said = if traced { format!("{token} {body}") } else { format!("{token} {headers} {body} to {id}") };
    run(id, "answer", &said, true);
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_request_headers(id: u32, _: usize, end: bool) -> u32 {
    u32::from(run(id, "request_headers", &end.to_string(), end))
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_request_body(id: u32, size: usize, end: bool) -> u32 {
    u32::from(run(id, "request_body", &format!("{size} {end}"), end))
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_request_trailers(id: u32, _: usize) -> u32 {
    u32::from(run(id, "request_trailers", "", true))
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_response_headers(id: u32, _: usize, end: bool) -> u32 {
    u32::from(run(id, "response_headers", &end.to_string(), end))
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_response_body(id: u32, size: usize, end: bool) -> u32 {
    u32::from(run(id, "response_body", &format!("{size} {end}"), end))
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_response_trailers(id: u32, _: usize) -> u32 {
    u32::from(run(id, "response_trailers", "", true))
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_log(id: u32) {
    run(id, "log", "", true);
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_done(id: u32) -> bool {
    let root = WORLD.with_borrow(|w| w.roots.iter().any(|root| root.id == id));
    !run(id, if root { "root_done" } else { "done" }, "", true)
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_delete(id: u32) {
    run(id, "delete", "", true);
}
