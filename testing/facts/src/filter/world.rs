//! What the probe remembers, how it logs, and how it runs the lines of a callback.

use crate::abi::proxy_log;
use crate::steps::step;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// One root context: its script, and how a trace calls it.
pub struct Root {
    pub id: u32,
    pub script: String,
    pub name: String,
    pub label: String,
}

/// One stream: its root, and which of the streams under that name it is.
pub struct Stream {
    pub id: u32,
    pub root: u32,
    pub ordinal: usize,
    pub label: String,
}

/// Roots, streams, the newest stream (which ticks and answers act on), and what stands before each log line now.
#[derive(Default)]
pub struct World {
    pub roots: Vec<Root>,
    pub streams: Vec<Stream>,
    pub opened: Vec<String>,
    pub newest: u32,
    pub calls: Vec<(u32, String)>,
    pub cas: u32,
    pub rpc: u32,
    pub kept: String,
    pub metric: u32,
    pub metrics: BTreeSet<u32>,
    pub prefix: String,
}

thread_local! {
    pub static WORLD: RefCell<World> = RefCell::default();
}

pub fn log(text: &str) {
    let line = WORLD.with_borrow(|w| if w.prefix.is_empty() { text.to_owned() } else { format!("{}{}", w.prefix, text.trim_end()) });
    unsafe { proxy_log(2, line.as_ptr(), line.len()) };
}

pub fn owned(at: *mut u8, size: usize) -> Vec<u8> {
    if at.is_null() { Vec::new() } else { unsafe { Vec::from_raw_parts(at, size, size) } }
}

pub fn got(what: &str, status: u32, at: *mut u8, size: usize) {
    let value = owned(at, size);
    if value.len() > 160 {
        return log(&format!("{what} {status} {} bytes", value.len()));
    }
    let traced = WORLD.with_borrow(|w| !w.prefix.is_empty());
    let text = if traced { value.escape_ascii().to_string() } else { String::from_utf8_lossy(&value).into_owned() };
    log(&format!("{what} {status} {text}"));
}

/// Whether this is the context's callback of this number among those of its name.
pub fn nth(context: u32, n: &str) -> bool {
    WORLD.with_borrow(|w| {
        w.calls.last().is_some_and(|last| last.0 == context && w.calls.iter().filter(|call| *call == last).count().to_string() == n)
    })
}

/// Whether this context is the stream of this number.
pub fn only(context: u32, ordinal: &str) -> bool {
    WORLD.with_borrow(|w| w.streams.iter().any(|stream| stream.id == context && stream.ordinal.to_string() == ordinal))
}

/// Runs the lines of this callback; any `pause…` counts. `said` is what a trace adds to the callback's name.
pub fn run(context: u32, callback: &str, said: &str, end: bool) -> bool {
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
