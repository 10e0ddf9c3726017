//! Steps that send gRPC callouts, and what comes of them.

use crate::abi::*;
use crate::maps::pairs;
use crate::world::{WORLD, got, log, run};

/// A step about gRPC. Whether it is one.
pub fn step(words: &[&str]) -> bool {
    let (mut at, mut size, mut n) = (std::ptr::null_mut(), 0_usize, 0_u32);
    let h = pairs(&[("x-mine", "1")]);
    let (service, method) = ("probe.Service", "Do");
    match words {
        ["rpc", cluster, message, ms] => {
            let s = unsafe {
                proxy_grpc_call(
                    cluster.as_ptr(),
                    cluster.len(),
                    service.as_ptr(),
                    service.len(),
                    method.as_ptr(),
                    method.len(),
                    h.as_ptr(),
                    h.len(),
                    message.as_ptr(),
                    message.len(),
                    ms.parse().unwrap(),
                    &mut n,
                )
            };
            WORLD.with_borrow_mut(|w| w.rpc = n);
            log(&format!("rpc {s} {n}"));
        }
        ["rpc_stream", cluster] => {
            let s = unsafe {
                proxy_grpc_stream(
                    cluster.as_ptr(),
                    cluster.len(),
                    service.as_ptr(),
                    service.len(),
                    method.as_ptr(),
                    method.len(),
                    h.as_ptr(),
                    h.len(),
                    &mut n,
                )
            };
            WORLD.with_borrow_mut(|w| w.rpc = n);
            log(&format!("rpc_stream {s} {n}"));
        }
        ["send", message, end] => {
            let s = unsafe { proxy_grpc_send(WORLD.with_borrow(|w| w.rpc), message.as_ptr(), message.len(), u32::from(*end == "end")) };
            log(&format!("send {s}"));
        }
        ["rpc_close"] => {
            let s = unsafe { proxy_grpc_close(WORLD.with_borrow(|w| w.rpc)) };
            log(&format!("rpc_close {s}"));
        }
        ["rpc_cancel"] => {
            let s = unsafe { proxy_grpc_cancel(WORLD.with_borrow(|w| w.rpc)) };
            log(&format!("rpc_cancel {s}"));
        }
        ["status"] => {
            let s = unsafe { proxy_get_status(&mut n, &mut at, &mut size) };
            got(&format!("status {n}"), s, at, size);
        }
        _ => return false,
    }
    true
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_grpc_receive_initial_metadata(id: u32, token: u32, _: usize) {
    run(id, "rpc_headers", &token.to_string(), true);
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_grpc_receive(id: u32, token: u32, size: usize) {
    run(id, "rpc_message", &format!("{token} {size}"), true);
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_grpc_receive_trailing_metadata(id: u32, token: u32, _: usize) {
    run(id, "rpc_trailers", &token.to_string(), true);
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_grpc_close(id: u32, token: u32, status: u32) {
    run(id, "rpc_closed", &format!("{token} {status}"), true);
}
