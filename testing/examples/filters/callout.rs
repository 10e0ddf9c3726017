//! A callout filter: the service `guard` is asked about every request, and what it does not allow does not pass.

mod sdk;

use sdk::{CONTINUE, Map, PAUSE};
use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local! {
    /// The streams that wait, by the token of their callout.
    static WAITING: RefCell<BTreeMap<u32, u32>> = RefCell::default();
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, _count: u32, _end: bool) -> u32 {
    let path = sdk::header(Map::Request, ":path").unwrap_or_default();
    let who = sdk::header(Map::Request, "x-user").unwrap_or_default();
    let question = [(":method", "GET"), (":path", path.as_str()), (":authority", "guard"), ("x-user", who.as_str())];
    match sdk::call("guard", &question, 100) {
        Some(token) => WAITING.with_borrow_mut(|waiting| {
            waiting.insert(token, context);
        }),
        None => {
            sdk::reply(503, "the guard can't be asked");
        }
    }
    PAUSE
}

/// Without `allow_on_headers_stop_iteration` Envoy keeps the body back by itself; with it, it has to be held here.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(context: u32, _size: usize, _end: bool) -> u32 {
    if WAITING.with_borrow(|waiting| waiting.values().any(|waits| *waits == context)) { PAUSE } else { CONTINUE }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(_root: u32, token: u32, headers: u32, _body: usize, _trailers: u32) {
    let Some(context) = WAITING.with_borrow(|waiting| waiting.get(&token).copied()) else { return };
    let status = if headers == 0 { None } else { sdk::header(Map::CallAnswer, ":status") };
    if !sdk::act_on(context) {
        return;
    }
    match status.as_deref() {
        // Only this ends the waiting: a reply that does not get through lets nobody pass either.
        Some("200") => {
            WAITING.with_borrow_mut(|waiting| waiting.remove(&token));
            sdk::resume_request();
        }
        Some("403") => {
            sdk::reply(403, "the guard says no");
        }
        _ => {
            sdk::reply(503, "the guard does not answer");
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    WAITING.with_borrow_mut(|waiting| waiting.retain(|_, waits| *waits != context));
}
