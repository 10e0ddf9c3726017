//! A filter that does what its plugin configuration says: one line per callback, `callback: step; step; …`.
//!
//! It is compiled by the tests themselves, and speaks the ABI without an SDK. What host calls answer is logged. With a line `trace`
//! every callback is logged too, and each log line says whose it is: `probe> down.2 request_body 3 false` is the second stream of `down`.

use std::cell::RefCell;
use std::collections::BTreeSet;

mod abi {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        pub fn proxy_log(level: u32, text: *const u8, size: usize) -> u32;
        pub fn proxy_get_buffer_bytes(kind: u32, start: usize, size: usize, at: *mut *mut u8, size_at: *mut usize) -> u32;
        pub fn proxy_set_buffer_bytes(kind: u32, start: usize, size: usize, bytes: *const u8, bytes_size: usize) -> u32;
        pub fn proxy_get_header_map_value(kind: u32, k: *const u8, kn: usize, at: *mut *mut u8, size_at: *mut usize) -> u32;
        pub fn proxy_get_header_map_pairs(kind: u32, at: *mut *mut u8, size_at: *mut usize) -> u32;
        pub fn proxy_add_header_map_value(kind: u32, k: *const u8, kn: usize, v: *const u8, vn: usize) -> u32;
        pub fn proxy_replace_header_map_value(kind: u32, k: *const u8, kn: usize, v: *const u8, vn: usize) -> u32;
        pub fn proxy_remove_header_map_value(kind: u32, k: *const u8, kn: usize) -> u32;
        pub fn proxy_get_property(k: *const u8, kn: usize, at: *mut *mut u8, size_at: *mut usize) -> u32;
        pub fn proxy_set_property(k: *const u8, kn: usize, v: *const u8, vn: usize) -> u32;
        pub fn proxy_get_shared_data(k: *const u8, kn: usize, at: *mut *mut u8, size_at: *mut usize, cas: *mut u32) -> u32;
        pub fn proxy_set_shared_data(k: *const u8, kn: usize, v: *const u8, vn: usize, cas: u32) -> u32;
        pub fn proxy_register_shared_queue(k: *const u8, kn: usize, id: *mut u32) -> u32;
        pub fn proxy_enqueue_shared_queue(id: u32, v: *const u8, vn: usize) -> u32;
        pub fn proxy_dequeue_shared_queue(id: u32, at: *mut *mut u8, size_at: *mut usize) -> u32;
        pub fn proxy_continue_stream(way: u32) -> u32;
        pub fn proxy_close_stream(way: u32) -> u32;
        pub fn proxy_send_local_response(s: u32, d: *const u8, dn: usize, b: *const u8, bn: usize, h: *const u8, hn: usize, g: i32) -> u32;
        pub fn proxy_http_call(
            c: *const u8,
            cn: usize,
            h: *const u8,
            hn: usize,
            b: *const u8,
            bn: usize,
            t: *const u8,
            tn: usize,
            ms: u32,
            token: *mut u32,
        ) -> u32;
        pub fn proxy_done() -> u32;
        pub fn proxy_set_effective_context(id: u32) -> u32;
        pub fn proxy_set_tick_period_milliseconds(ms: u32) -> u32;
        pub fn proxy_get_current_time_nanoseconds(at: *mut u64) -> u32;
        pub fn proxy_define_metric(kind: u32, k: *const u8, kn: usize, id: *mut u32) -> u32;
        pub fn proxy_increment_metric(id: u32, by: i64) -> u32;
        pub fn proxy_record_metric(id: u32, value: u64) -> u32;
        pub fn proxy_get_metric(id: u32, value: *mut u64) -> u32;
        pub fn proxy_resolve_shared_queue(v: *const u8, vn: usize, k: *const u8, kn: usize, id: *mut u32) -> u32;
        pub fn proxy_set_header_map_pairs(kind: u32, at: *const u8, size: usize) -> u32;
        pub fn proxy_call_foreign_function(k: *const u8, kn: usize, v: *const u8, vn: usize, at: *mut *mut u8, size_at: *mut usize) -> u32;
    }
}
use abi::*;

/// One root context: its script, and how a trace calls it.
struct Root {
    id: u32,
    script: String,
    name: String,
    label: String,
}

/// One stream: its root, and which of the streams under that name it is.
struct Stream {
    id: u32,
    root: u32,
    ordinal: usize,
    label: String,
}

/// Roots, streams, the newest stream (which ticks and answers act on), and what stands before each log line now.
#[derive(Default)]
struct World {
    roots: Vec<Root>,
    streams: Vec<Stream>,
    opened: Vec<String>,
    newest: u32,
    calls: Vec<(u32, String)>,
    cas: u32,
    kept: String,
    metric: u32,
    metrics: BTreeSet<u32>,
    prefix: String,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

fn log(text: &str) {
    let line = WORLD.with_borrow(|w| if w.prefix.is_empty() { text.to_owned() } else { format!("{}{}", w.prefix, text.trim_end()) });
    unsafe { proxy_log(2, line.as_ptr(), line.len()) };
}

fn owned(at: *mut u8, size: usize) -> Vec<u8> {
    if at.is_null() { Vec::new() } else { unsafe { Vec::from_raw_parts(at, size, size) } }
}

fn got(what: &str, status: u32, at: *mut u8, size: usize) {
    let value = owned(at, size);
    if value.len() > 160 {
        return log(&format!("{what} {status} {} bytes", value.len()));
    }
    let traced = WORLD.with_borrow(|w| !w.prefix.is_empty());
    let text = if traced { value.escape_ascii().to_string() } else { String::from_utf8_lossy(&value).into_owned() };
    log(&format!("{what} {status} {text}"));
}

fn map(name: &str) -> u32 {
    match name {
        "request" => 0,
        "request_trailers" => 1,
        "response" => 2,
        "response_trailers" => 3,
        "answer" => 6,
        other => panic!("no map {other}"),
    }
}

fn buffer(name: &str) -> u32 {
    match name {
        "request" => 0,
        "response" => 1,
        "answer" => 4,
        "vm" => 6,
        "plugin" => 7,
        other => panic!("no buffer {other}"),
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<u8> {
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

/// One step. The answer is whether the callback pauses.
fn step(context: u32, words: &[&str], end: bool) -> bool {
    let (mut at, mut size, mut n) = (std::ptr::null_mut(), 0_usize, 0_u32);
    match words {
        ["pause"] => return true,
        ["pause_unless_end"] => return !end,
        ["continue"] => {}
        ["nth", n, rest @ ..] => return nth(context, n).then(|| step(context, rest, end)).unwrap_or_default(),
        ["only", ordinal, rest @ ..] => return only(context, ordinal).then(|| step(context, rest, end)).unwrap_or_default(),
        ["get", m, k] => {
            let s = unsafe { proxy_get_header_map_value(map(m), k.as_ptr(), k.len(), &mut at, &mut size) };
            got("get", s, at, size);
        }
        ["pairs", m] => {
            let s = unsafe { proxy_get_header_map_pairs(map(m), &mut at, &mut size) };
            log(&format!("pairs {s} {}", owned(at, size).first().unwrap_or(&0)));
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
        ["read", b] => {
            let s = unsafe { proxy_get_buffer_bytes(buffer(b), 0, usize::MAX >> 1, &mut at, &mut size) };
            got("read", s, at, size);
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
        ["property", path] => {
            let path = path.replace('/', "\0");
            let s = unsafe { proxy_get_property(path.as_ptr(), path.len(), &mut at, &mut size) };
            got("property", s, at, size);
        }
        ["set_property", path, v] => {
            let s = unsafe { proxy_set_property(path.as_ptr(), path.len(), v.as_ptr(), v.len()) };
            log(&format!("set_property {s}"));
        }
        ["shared", k] => {
            let s = unsafe { proxy_get_shared_data(k.as_ptr(), k.len(), &mut at, &mut size, &mut n) };
            WORLD.with_borrow_mut(|w| w.cas = n);
            got("shared", s, at, size);
        }
        ["set_shared", k, v] => {
            let s = unsafe { proxy_set_shared_data(k.as_ptr(), k.len(), v.as_ptr(), v.len(), 0) };
            log(&format!("set_shared {s}"));
        }
        ["set_shared_cas", k, v, cas] => {
            let s = unsafe { proxy_set_shared_data(k.as_ptr(), k.len(), v.as_ptr(), v.len(), cas.parse().unwrap()) };
            log(&format!("set_shared_cas {s}"));
        }
        // With the cas that was read last.
        ["set_shared_read", k, v] => {
            let cas = WORLD.with_borrow(|w| w.cas);
            let s = unsafe { proxy_set_shared_data(k.as_ptr(), k.len(), v.as_ptr(), v.len(), cas) };
            log(&format!("set_shared_read {s}"));
        }
        ["keep", text] => WORLD.with_borrow_mut(|w| w.kept = (*text).to_owned()),
        ["kept"] => log(&format!("kept {}", WORLD.with_borrow(|w| w.kept.clone()))),
        ["define", kind, k] => {
            let s = unsafe { proxy_define_metric(kind.parse().unwrap(), k.as_ptr(), k.len(), &mut n) };
            let fresh = WORLD.with_borrow_mut(|w| w.metrics.insert(n));
            WORLD.with_borrow_mut(|w| w.metric = n);
            log(&format!("define {s} {}", if fresh { "new" } else { "known" }));
        }
        ["move", by] => {
            let s = unsafe { proxy_increment_metric(WORLD.with_borrow(|w| w.metric), by.parse().unwrap()) };
            log(&format!("move {s}"));
        }
        ["record", value] => {
            let s = unsafe { proxy_record_metric(WORLD.with_borrow(|w| w.metric), value.parse().unwrap()) };
            log(&format!("record {s}"));
        }
        ["value"] => {
            let mut value = 0;
            let s = unsafe { proxy_get_metric(WORLD.with_borrow(|w| w.metric), &mut value) };
            log(&format!("value {s} {value}"));
        }
        ["resolve", vm, k] => {
            let s = unsafe { proxy_resolve_shared_queue(vm.as_ptr(), vm.len(), k.as_ptr(), k.len(), &mut n) };
            log(&format!("resolve {s}"));
        }
        ["set_pairs", m, words @ ..] => {
            let all: Vec<_> = words.chunks(2).map(|pair| (pair[0], pair[1])).collect();
            let block = pairs(&all);
            let s = unsafe { proxy_set_header_map_pairs(map(m), block.as_ptr(), block.len()) };
            log(&format!("set_pairs {s}"));
        }
        ["queue", k] => {
            let s = unsafe { proxy_register_shared_queue(k.as_ptr(), k.len(), &mut n) };
            log(&format!("queue {s} {n}"));
        }
        ["enqueue", v] => {
            let s = unsafe { proxy_enqueue_shared_queue(1, v.as_ptr(), v.len()) };
            log(&format!("enqueue {s}"));
        }
        ["dequeue"] => {
            let s = unsafe { proxy_dequeue_shared_queue(1, &mut at, &mut size) };
            got("dequeue", s, at, size);
        }
        ["resume", way] => {
            let s = unsafe { proxy_continue_stream(u32::from(*way == "response")) };
            log(&format!("resume {s}"));
        }
        ["reset"] => {
            let s = unsafe { proxy_close_stream(1) };
            log(&format!("reset {s}"));
        }
        ["reply", status, body] => {
            let h = pairs(&[("x-reply", "local")]);
            let status = status.parse().unwrap();
            let body = if *body == "-" { "" } else { body };
            let s = unsafe { proxy_send_local_response(status, b"why".as_ptr(), 3, body.as_ptr(), body.len(), h.as_ptr(), h.len(), -1) };
            log(&format!("reply {s}"));
        }
        ["call", cluster, path, ms] => {
            let h = pairs(&[(":method", "POST"), (":path", path), (":authority", "a")]);
            let s = unsafe {
                proxy_http_call(
                    cluster.as_ptr(),
                    cluster.len(),
                    h.as_ptr(),
                    h.len(),
                    b"q".as_ptr(),
                    1,
                    h.as_ptr(),
                    0,
                    ms.parse().unwrap(),
                    &mut n,
                )
            };
            log(&format!("call {s} {n}"));
        }
        ["effective"] => {
            let s = unsafe { proxy_set_effective_context(WORLD.with_borrow(|w| w.newest)) };
            log(&format!("effective {s}"));
        }
        ["tick", ms] => {
            unsafe { proxy_set_tick_period_milliseconds(ms.parse().unwrap()) };
        }
        ["time"] => {
            let mut now = 0;
            unsafe { proxy_get_current_time_nanoseconds(&mut now) };
            let wasi = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
            log(&format!("time {now} {}", u128::from(now) == wasi));
        }
        ["env", k] => log(&format!("env {}", std::env::var(k).unwrap_or_default())),
        ["count", k] => {
            let s = unsafe { proxy_define_metric(0, k.as_ptr(), k.len(), &mut n) };
            let t = unsafe { proxy_increment_metric(n, 1) };
            log(&format!("count {s} {t}"));
        }
        ["foreign", k, v] => {
            let s = unsafe { proxy_call_foreign_function(k.as_ptr(), k.len(), v.as_ptr(), v.len(), &mut at, &mut size) };
            got("foreign", s, at, size);
        }
        ["log", text] => log(text),
        ["finish"] => {
            let s = unsafe { proxy_done() };
            log(&format!("finish {s}"));
        }
        ["refuse"] => return false,
        ["trap"] => std::process::abort(),
        ["loop"] => loop {
            std::hint::black_box(0);
        },
        ["chatter"] => loop {
            unsafe { proxy_log(2, b"x".as_ptr(), 1) };
        },
        ["flood"] => {
            let value = vec![b'x'; 16 << 20];
            loop {
                unsafe { proxy_set_property(b"x".as_ptr(), 1, value.as_ptr(), value.len()) };
            }
        }
        ["eat"] => {
            let mut all = Vec::new();
            loop {
                all.push(vec![1_u8; 1 << 20]);
                std::hint::black_box(&all);
            }
        }
        other => panic!("no step {other:?}"),
    }
    false
}

/// Whether this is the context's callback of this number among those of its name.
fn nth(context: u32, n: &str) -> bool {
    WORLD.with_borrow(|w| w.calls.last().is_some_and(|last| last.0 == context && w.calls.iter().filter(|call| *call == last).count().to_string() == n))
}

/// Whether this context is the stream of this number.
fn only(context: u32, ordinal: &str) -> bool {
    WORLD.with_borrow(|w| w.streams.iter().any(|stream| stream.id == context && stream.ordinal.to_string() == ordinal))
}

/// Runs the lines of this callback; any `pause…` counts. `said` is what a trace adds to the callback's name.
fn run(context: u32, callback: &str, said: &str, end: bool) -> bool {
    let script = WORLD.with_borrow_mut(|w| {
        let stream = w.streams.iter().find(|stream| stream.id == context);
        let root = stream.map_or(context, |stream| stream.root);
        let root = w.roots.iter().find(|one| one.id == root)?;
        let label = stream.map_or(&root.label, |stream| &stream.label);
        let (script, label) = (root.script.clone(), label.clone());
        let traced = script.lines().any(|line| line == "trace");
        w.prefix = if traced { format!("probe> {label} ") } else { String::new() };
        w.calls.push((context, callback.to_owned()));
        Some(script)
    });
    let Some(script) = script else { return false };
    let traced = WORLD.with_borrow(|w| !w.prefix.is_empty());
    if traced || matches!(callback, "request_body" | "response_headers" | "response_body" | "answer") {
        log(format!("{callback} {said}").trim());
    }
    if traced {
        WORLD.with_borrow_mut(|w| w.prefix.push_str("  "));
    }
    let mut pause = false;
    for line in script.lines() {
        let Some((name, steps)) = line.split_once(':') else { continue };
        if name.trim() != callback {
            continue;
        }
        for one in steps.split(';').map(str::trim).filter(|one| !one.is_empty()) {
            pause |= step(context, &one.split(' ').collect::<Vec<_>>(), end);
        }
    }
    pause
}

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
pub extern "C" fn proxy_on_vm_start(_: u32, _: usize) -> bool {
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
