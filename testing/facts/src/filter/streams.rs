//! Steps that move streams, send callouts, and ask for the time.

use crate::abi::*;
use crate::maps::pairs;
use crate::world::{WORLD, log};

/// A step that acts on a stream or a root. Whether it is one.
pub fn step(words: &[&str]) -> bool {
    let mut n = 0_u32;
    match words {
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
        ["finish"] => {
            let s = unsafe { proxy_done() };
            log(&format!("finish {s}"));
        }
        _ => return false,
    }
    true
}
