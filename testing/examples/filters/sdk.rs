//! As much of an SDK as the examples need. Yours is the crate `proxy-wasm`, or any other: a test looks at the built module alone.
#![allow(dead_code)]

use std::ptr::null_mut;

pub const CONTINUE: u32 = 0;
pub const PAUSE: u32 = 1;

#[derive(Clone, Copy)]
pub enum Map {
    Request = 0,
    Response = 2,
    CallAnswer = 6,
}

#[derive(Clone, Copy)]
pub enum Buffer {
    Request = 0,
    Response = 1,
    Configuration = 7,
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_buffer_bytes(kind: u32, start: usize, size: usize, at: *mut *mut u8, size_at: *mut usize) -> u32;
    fn proxy_set_buffer_bytes(kind: u32, start: usize, size: usize, bytes: *const u8, n: usize) -> u32;
    fn proxy_get_header_map_value(kind: u32, k: *const u8, kn: usize, at: *mut *mut u8, size_at: *mut usize) -> u32;
    fn proxy_replace_header_map_value(kind: u32, k: *const u8, kn: usize, v: *const u8, vn: usize) -> u32;
    fn proxy_remove_header_map_value(kind: u32, k: *const u8, kn: usize) -> u32;
    fn proxy_send_local_response(s: u32, d: *const u8, dn: usize, b: *const u8, bn: usize, h: *const u8, hn: usize, g: i32) -> u32;
    fn proxy_http_call(
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
    fn proxy_set_effective_context(id: u32) -> u32;
    fn proxy_continue_stream(way: u32) -> u32;
    fn proxy_define_metric(kind: u32, k: *const u8, kn: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
    fn proxy_log(level: u32, text: *const u8, n: usize) -> u32;
}

fn taken(at: *mut u8, size: usize) -> Vec<u8> {
    if at.is_null() { Vec::new() } else { unsafe { Vec::from_raw_parts(at, size, size) } }
}

pub fn body(buffer: Buffer) -> Option<Vec<u8>> {
    let (mut at, mut size) = (null_mut(), 0);
    let status = unsafe { proxy_get_buffer_bytes(buffer as u32, 0, usize::MAX >> 1, &mut at, &mut size) };
    (status == 0).then(|| taken(at, size))
}

pub fn set_body(buffer: Buffer, bytes: &[u8]) -> bool {
    unsafe { proxy_set_buffer_bytes(buffer as u32, 0, usize::MAX >> 1, bytes.as_ptr(), bytes.len()) == 0 }
}

pub fn header(map: Map, name: &str) -> Option<String> {
    let (mut at, mut size) = (null_mut(), 0);
    let status = unsafe { proxy_get_header_map_value(map as u32, name.as_ptr(), name.len(), &mut at, &mut size) };
    (status == 0).then(|| String::from_utf8_lossy(&taken(at, size)).into_owned())
}

pub fn set_header(map: Map, name: &str, value: &str) -> bool {
    unsafe { proxy_replace_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len()) == 0 }
}

pub fn remove_header(map: Map, name: &str) -> bool {
    unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) == 0 }
}

pub fn reply(status: u32, body: &str) -> bool {
    let none = [0_u8; 4];
    unsafe { proxy_send_local_response(status, "example".as_ptr(), 7, body.as_ptr(), body.len(), none.as_ptr(), 4, -1) == 0 }
}

/// Sends a callout; the answer is its token.
pub fn call(cluster: &str, headers: &[(&str, &str)], millis: u32) -> Option<u32> {
    let mut pairs = (headers.len() as u32).to_le_bytes().to_vec();
    headers.iter().for_each(|(k, v)| pairs.extend([(k.len() as u32).to_le_bytes(), (v.len() as u32).to_le_bytes()].concat()));
    headers.iter().for_each(|(k, v)| pairs.extend([k.as_bytes(), b"\0", v.as_bytes(), b"\0"].concat()));
    let (none, mut token) = ([0_u8; 4], 0);
    let status = unsafe {
        proxy_http_call(
            cluster.as_ptr(),
            cluster.len(),
            pairs.as_ptr(),
            pairs.len(),
            none.as_ptr(),
            0,
            none.as_ptr(),
            4,
            millis,
            &mut token,
        )
    };
    (status == 0).then_some(token)
}

/// From here on host calls are about this stream. `false`: it is gone.
pub fn act_on(context: u32) -> bool {
    unsafe { proxy_set_effective_context(context) == 0 }
}

pub fn resume_request() -> bool {
    unsafe { proxy_continue_stream(0) == 0 }
}

/// Defines a counter.
pub fn counter(name: &str) -> u32 {
    let mut id = 0;
    unsafe { proxy_define_metric(0, name.as_ptr(), name.len(), &mut id) };
    id
}

pub fn count(counter: u32, by: i64) {
    unsafe { proxy_increment_metric(counter, by) };
}

pub fn warn(text: &str) {
    unsafe { proxy_log(3, text.as_ptr(), text.len()) };
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    std::mem::ManuallyDrop::new(Vec::<u8>::with_capacity(size)).as_mut_ptr()
}
