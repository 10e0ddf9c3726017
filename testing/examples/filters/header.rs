//! A header filter: whoever has no credential is refused; the client's goes, the API's own (the configuration) comes; requests are counted.

mod sdk;

use sdk::{Buffer, CONTINUE, Map, PAUSE};
use std::cell::RefCell;

thread_local! {
    static KEY: RefCell<String> = RefCell::default();
    static REQUESTS: u32 = sdk::counter("example.requests");
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(_root: u32, _size: usize) -> bool {
    let key = sdk::body(Buffer::Configuration).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let given = !key.is_empty();
    if !given {
        sdk::warn("the configuration is the API's key, and there is none");
    }
    KEY.set(key);
    given
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(_context: u32, _count: u32, _end: bool) -> u32 {
    if sdk::header(Map::Request, "authorization").is_none() {
        sdk::reply(401, "a credential is needed");
        return PAUSE;
    }
    if !KEY.with_borrow(|key| sdk::set_header(Map::Request, "authorization", &format!("Bearer {key}"))) {
        sdk::reply(500, "the credential could not be set");
        return PAUSE;
    }
    REQUESTS.with(|counter| sdk::count(*counter, 1));
    CONTINUE
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(_context: u32, _count: u32, _end: bool) -> u32 {
    sdk::remove_header(Map::Response, "server");
    CONTINUE
}
