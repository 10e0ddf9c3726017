//! A filter that stands in for Weir where the rendered wiring is tested: it accepts every document, and sends every request to the first
//! provider that stands in it. Compiled by the test itself.
#![crate_type = "cdylib"]

use std::sync::Mutex;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, size: usize, data: *mut *mut u8, length: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_length: usize, value: *const u8, length: usize) -> u32;
    fn proxy_call_foreign_function(name: *const u8, length: usize, value: *const u8, value_length: usize, data: *mut *mut u8, size: *mut usize) -> u32;
}

static NEXT: Mutex<String> = Mutex::new(String::new());

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    Vec::leak(vec![0; size]).as_mut_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(_context: u32, _parent: u32) {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_context: u32, _size: usize) -> u32 {
    1
}

/// Buffer 7 is the plugin's configuration.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(_context: u32, size: usize) -> u32 {
    let (mut data, mut length) = (std::ptr::null_mut(), 0);
    if unsafe { proxy_get_buffer_bytes(7, 0, size, &mut data, &mut length) } != 0 {
        return 0;
    }
    let document = String::from_utf8_lossy(unsafe { std::slice::from_raw_parts(data, length) }).into_owned();
    let name = document.split("\"providers\":{\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("").to_owned();
    *NEXT.lock().unwrap() = name;
    1
}

/// In the upstream position there is no route to choose any more, and to say the same again does no harm.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(_context: u32, _count: u32, _end: u32) -> u32 {
    let next = NEXT.lock().unwrap();
    let (path, again) = ("weir.next", "clear_route_cache");
    let (mut data, mut length) = (std::ptr::null_mut(), 0);
    unsafe {
        proxy_set_property(path.as_ptr(), path.len(), next.as_ptr(), next.len());
        proxy_call_foreign_function(again.as_ptr(), again.len(), std::ptr::null(), 0, &mut data, &mut length);
    }
    0
}
