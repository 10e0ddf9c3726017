//! Host calls as the positions use them: whole header maps and bodies, replies; a status that nobody expects is counted, never fatal.

use crate::vm;
use std::cell::Cell;
use weir_abi::{self as abi, Action, Buffer, HostError, Map};
use weir_core::exchange::Headers;
use weir_core::formats::Reply;

/// Longer than any buffer, and too short to overflow the host's arithmetic.
const WHOLE: usize = usize::MAX >> 1;

/// What is told where an exchange can't be found.
pub const UNKNOWN: &[u8] = b"the gateway does not know this request";

/// Counts an unexpected status; the exchange goes on as well as it can.
pub fn report<T>(result: Result<T, HostError>) -> Option<T> {
    result.map_err(|error| vm::with(|vm| vm.metrics.fault(error))).ok()
}

thread_local! {
    static LAST: Cell<u64> = const { Cell::new(0) };
}

/// Nanoseconds since the epoch; while the host has no clock, time stands still.
pub fn now() -> u64 {
    let now = abi::time().unwrap_or(LAST.get());
    LAST.set(now);
    now
}

/// A whole header map.
pub fn headers(map: Map) -> Option<Headers> {
    report(abi::header_pairs(map)).map(Headers::from_pairs)
}

/// Replaces a whole header map.
pub fn set_headers(map: Map, headers: &Headers) -> Option<()> {
    report(abi::set_header_pairs(map, &headers.to_pairs()))
}

/// The authority of the server that Envoy has picked, as its endpoint's metadata says; empty where they don't (status 1), `None` if nobody knows.
pub fn server() -> Option<Vec<u8>> {
    let server = abi::property("xds\0upstream_host_metadata\0filter_metadata\0weir\0server");
    server.or_else(|error| (error.status == 1).then(Vec::new).ok_or(error)).ok()
}

/// A whole body.
pub fn body(buffer: Buffer) -> Option<Vec<u8>> {
    report(abi::buffer(buffer, 0, WHOLE))
}

/// Replaces a whole body; `None` leaves what is there.
pub fn set_body(buffer: Buffer, body: Option<&[u8]>) -> Option<()> {
    body.map_or(Some(()), |body| report(abi::set_buffer(buffer, body)))
}

/// The status of an answer.
pub fn status(map: Map) -> Option<u16> {
    abi::header(map, ":status").ok()?.parse().ok()
}

/// Whether the route's metadata says that it is Weir's.
pub fn on_marked_route() -> bool {
    abi::property("xds\0route_metadata\0filter_metadata\0weir\0route").is_ok_and(|value| value == [1])
}

/// Whether the route can lead to direct twins, whatever path and host the request has then. The mark is an empty text.
pub fn knows_twins() -> bool {
    abi::property("xds\0route_metadata\0filter_metadata\0weir\0direct").is_ok()
}

/// Envoy's word for why an answer is what it is.
pub fn code_details() -> String {
    abi::property("response\0code_details").map(|details| String::from_utf8_lossy(&details).into_owned()).unwrap_or_default()
}

/// Answers in the place of the request or of an answer whose head is held.
pub fn reply(reply: &Reply) -> Action {
    answer(reply.status, &Headers::of_reply(reply, false), &reply.body)
}

/// Answers in the place of what could not be read or written: an error while the head is held, a reset of the stream behind it.
pub fn refuse(sentence: &[u8]) -> Action {
    answer(500, &Headers::new(), sentence)
}

/// A reply that the host does not take is sent once more, without headers: a stream that nobody answers would be held for ever.
fn answer(status: u16, headers: &Headers, body: &[u8]) -> Action {
    if report(abi::reply(status, &headers.to_pairs(), body, "weir")).is_none() {
        report(abi::reply(status, &Headers::new().to_pairs(), body, "weir"));
    }
    Action::Pause
}
