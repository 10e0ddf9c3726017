//! The empty filter: it has every callback of a filter and does nothing in any. `cargo measure` compiles it with rustc; with `--cfg holding` it
//! holds an answer's head until more than `BEFORE` bytes of its body have come, which is when a stream of `cargo measure window` has content.
use std::alloc::{Layout, alloc};

const CONTINUE: u32 = 0;

/// How much of a stream stands before its first content.
#[cfg(holding)]
const BEFORE: usize = match usize::from_str_radix(env!("BEFORE"), 10) {
    Ok(bytes) => bytes,
    Err(_) => 0,
};

/// Which of the last contexts have let go of their answer.
#[cfg(holding)]
static BEGUN: [std::sync::atomic::AtomicU32; 64] = [const { std::sync::atomic::AtomicU32::new(0) }; 64];

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Where the host puts what it passes: the configuration, since nothing else is asked for.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    match Layout::from_size_align(size.max(1), 1) {
        Ok(layout) => unsafe { alloc(layout) },
        Err(_) => std::ptr::null_mut(),
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(_id: u32, _parent: u32) {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_id: u32, _size: usize) -> u32 {
    1
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(_id: u32, _size: usize) -> u32 {
    1
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(_id: u32, _count: usize, _end: u32) -> u32 {
    CONTINUE
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(_id: u32, _size: usize, _end: u32) -> u32 {
    CONTINUE
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(_id: u32, _count: usize, _end: u32) -> u32 {
    u32::from(cfg!(holding))
}

#[cfg(not(holding))]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_body(_id: u32, _size: usize, _end: u32) -> u32 {
    CONTINUE
}

#[cfg(holding)]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_body(id: u32, size: usize, end: u32) -> u32 {
    let begun = &BEGUN[id as usize % BEGUN.len()];
    if size > BEFORE || end != 0 {
        begun.store(id, std::sync::atomic::Ordering::Relaxed);
    }
    u32::from(begun.load(std::sync::atomic::Ordering::Relaxed) != id)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_done(_id: u32) -> u32 {
    1
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_log(_id: u32) {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(_id: u32) {}
