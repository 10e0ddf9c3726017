//! Steps about properties, shared data, queues and metrics.

use crate::abi::*;
use crate::world::{WORLD, got, log};

/// A step about what outlives a callback. Whether it is one.
pub fn step(words: &[&str]) -> bool {
    let (mut at, mut size, mut n) = (std::ptr::null_mut(), 0_usize, 0_u32);
    match words {
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
        ["level"] => {
            let s = unsafe { proxy_get_log_level(&mut n) };
            log(&format!("level {s} {n}"));
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
        ["emscripten"] => {
            unsafe { emscripten_notify_memory_growth(0) };
            log(&format!("threads {} {}", unsafe { pthread_equal(7, 7) }, unsafe { pthread_equal(7, 8) }));
        }
        _ => return false,
    }
    true
}
