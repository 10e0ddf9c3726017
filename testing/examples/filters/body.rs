//! A body filter: the word of the configuration is blackened in requests, and answers are counted byte by byte as they flow.
//!
//! It needs Envoy's `allow_on_headers_stop_iteration`: the headers wait until the body is known, because its length stands in them.

mod sdk;

use sdk::{Buffer, CONTINUE, Map, PAUSE};
use std::cell::RefCell;

thread_local! {
    static WORD: RefCell<String> = RefCell::default();
    static BYTES: u32 = sdk::counter("example.answer_bytes");
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(_root: u32, _size: usize) -> bool {
    let word = sdk::body(Buffer::Configuration).and_then(|bytes| String::from_utf8(bytes).ok());
    WORD.set(word.unwrap_or_default());
    true
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(_context: u32, _count: u32, end: bool) -> u32 {
    // No body callback ever comes behind headers that are the whole request.
    if end { CONTINUE } else { PAUSE }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(_context: u32, _size: usize, end: bool) -> u32 {
    if end { blacken() } else { PAUSE }
}

/// A body may end with trailers, and then no body callback says so.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(_context: u32, _count: u32) -> u32 {
    blacken()
}

fn blacken() -> u32 {
    let body = sdk::body(Buffer::Request).unwrap_or_default();
    let text = String::from_utf8_lossy(&body);
    let black = WORD.with_borrow(|word| if word.is_empty() { text.to_string() } else { text.replace(word, &"*".repeat(word.len())) });
    // Envoy does not correct the length: a wrong one would let a client smuggle a second request in.
    if black.as_bytes() != body
        && !(sdk::set_body(Buffer::Request, black.as_bytes()) && sdk::set_header(Map::Request, "content-length", &black.len().to_string()))
    {
        sdk::reply(500, "the request could not be rewritten");
        return PAUSE;
    }
    CONTINUE
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_body(_context: u32, size: usize, _end: bool) -> u32 {
    BYTES.with(|counter| sdk::count(*counter, size as i64));
    CONTINUE
}
