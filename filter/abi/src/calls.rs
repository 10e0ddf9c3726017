//! Host calls with slices and results instead of pointers and statuses.
#![expect(unsafe_code, reason = "imported functions take pointers and lengths")]
#![expect(clippy::as_conversions, reason = "the ABI's enumerations are numbers")]

use crate::host;
use crate::{Buffer, Direction, HostError, Level, Map, MetricKind};
use core::ptr::null_mut;
use core::time::Duration;

/// `proxy_status_t`: there is no such property, header or buffer.
const NOT_FOUND: u32 = 1;
/// `proxy_status_t`: shared data has another version by now.
const CAS_MISMATCH: u32 = 8;
/// A header map without headers in the host's form.
const NO_PAIRS: [u8; 4] = [0; 4];

/// Calls a host function and makes its status a result.
///
/// Every pointer that is handed over comes from a slice of the length beside it or from a local that outlives the call, and the host
/// keeps none of them.
macro_rules! call {
    ($name:ident($($argument:expr),*)) => {{
        // SAFETY: as said above: valid for their lengths, for the time of the call.
        match unsafe { host::$name($($argument),*) } {
            0 => Ok(()),
            status => Err(HostError { call: stringify!($name), status }),
        }
    }};
}

/// Takes over what the host wrote into memory that [`crate::allocate`] gave it.
fn taken(bytes: *mut u8, size: usize) -> Vec<u8> {
    if bytes.is_null() || size == 0 {
        return Vec::new();
    }
    // SAFETY: the host returns memory that `allocate` handed out for exactly this size, filled, and gives it up.
    unsafe { Vec::from_raw_parts(bytes, size, size) }
}

/// Writes a line to the host's log. A host that can't log can't be told so either.
pub fn log(level: Level, text: &str) {
    let _unloggable: Result<(), HostError> = call!(proxy_log(level as u32, text.as_ptr(), text.len()));
}

/// Nanoseconds since the epoch.
///
/// # Errors
/// The host's status, here and below.
pub fn time() -> Result<u64, HostError> {
    let mut now = 0;
    call!(proxy_get_current_time_nanoseconds(&raw mut now))?;
    Ok(now)
}

/// How often the root is woken, in milliseconds.
pub fn set_tick_period(milliseconds: u32) -> Result<(), HostError> {
    call!(proxy_set_tick_period_milliseconds(milliseconds))
}

/// A property; the segments of its path are joined by zero bytes.
pub fn property(path: &str) -> Result<Vec<u8>, HostError> {
    let (mut bytes, mut size) = (null_mut(), 0);
    call!(proxy_get_property(path.as_ptr(), path.len(), &raw mut bytes, &raw mut size))?;
    Ok(taken(bytes, size))
}

/// Writes a property of the module's own: in Envoy filter state with the prefix `wasm.`.
pub fn set_property(path: &str, value: &[u8]) -> Result<(), HostError> {
    call!(proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()))
}

/// Calls a function of the host's own, which gives nothing back.
pub fn call_foreign(name: &str, argument: &[u8]) -> Result<(), HostError> {
    let (mut bytes, mut size) = (null_mut(), 0);
    call!(proxy_call_foreign_function(name.as_ptr(), name.len(), argument.as_ptr(), argument.len(), &raw mut bytes, &raw mut size))?;
    taken(bytes, size);
    Ok(())
}

/// A whole header map, as pairs.
pub fn header_pairs(map: Map) -> Result<Vec<u8>, HostError> {
    let (mut bytes, mut size) = (null_mut(), 0);
    call!(proxy_get_header_map_pairs(map as u32, &raw mut bytes, &raw mut size))?;
    Ok(taken(bytes, size))
}

/// Replaces a whole header map.
pub fn set_header_pairs(map: Map, pairs: &[u8]) -> Result<(), HostError> {
    call!(proxy_set_header_map_pairs(map as u32, pairs.as_ptr(), pairs.len()))
}

/// The value of one header.
pub fn header(map: Map, name: &str) -> Result<String, HostError> {
    let (mut bytes, mut size) = (null_mut(), 0);
    call!(proxy_get_header_map_value(map as u32, name.as_ptr(), name.len(), &raw mut bytes, &raw mut size))?;
    Ok(String::from_utf8_lossy(&taken(bytes, size)).into_owned())
}

/// So many bytes of a buffer from `start` on; fewer where it ends before. An absent buffer is an empty one.
pub fn buffer(buffer: Buffer, start: usize, length: usize) -> Result<Vec<u8>, HostError> {
    if length == 0 {
        return Ok(Vec::new());
    }
    let (mut bytes, mut size) = (null_mut(), 0);
    match call!(proxy_get_buffer_bytes(buffer as u32, start, length, &raw mut bytes, &raw mut size)) {
        Ok(()) => Ok(taken(bytes, size)),
        Err(HostError { status: NOT_FOUND, .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Replaces a buffer's whole content.
pub fn set_buffer(buffer: Buffer, bytes: &[u8]) -> Result<(), HostError> {
    // Half of the address space covers every buffer and can't overflow the host's arithmetic.
    const ALL: usize = usize::MAX >> 1;
    call!(proxy_set_buffer_bytes(buffer as u32, 0, ALL, bytes.as_ptr(), bytes.len()))
}

/// Lets a held stream go on, after the callback.
pub fn continue_stream(direction: Direction) -> Result<(), HostError> {
    call!(proxy_continue_stream(direction as u32))
}

/// Cuts a stream.
pub fn reset(direction: Direction) -> Result<(), HostError> {
    call!(proxy_close_stream(direction as u32))
}

/// Answers the client, after the callback. `details` is the word for the host's own logs.
pub fn reply(status: u16, pairs: &[u8], body: &[u8], details: &str) -> Result<(), HostError> {
    /// No gRPC status of our own: the host derives one where the client speaks gRPC.
    const NO_GRPC: i32 = -1;
    call!(proxy_send_local_response(
        u32::from(status),
        details.as_ptr(),
        details.len(),
        body.as_ptr(),
        body.len(),
        pairs.as_ptr(),
        pairs.len(),
        NO_GRPC
    ))
}

/// Sends an HTTP callout to a cluster; its answer comes to the root under the token.
pub fn call(cluster: &str, pairs: &[u8], body: &[u8], timeout: Duration) -> Result<u32, HostError> {
    let milliseconds = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
    let mut token = 0;
    call!(proxy_http_call(
        cluster.as_ptr(),
        cluster.len(),
        pairs.as_ptr(),
        pairs.len(),
        body.as_ptr(),
        body.len(),
        NO_PAIRS.as_ptr(),
        NO_PAIRS.len(),
        milliseconds,
        &raw mut token
    ))?;
    Ok(token)
}

/// Makes the following host calls concern another context.
pub fn act_on(context: u32) -> Result<(), HostError> {
    call!(proxy_set_effective_context(context))
}

/// The context that the host calls concern was kept after `on_done` and is done now.
pub fn done() -> Result<(), HostError> {
    call!(proxy_done())
}

/// Data that the VMs of a proxy share, and its version for [`set_shared`]; nothing is empty data.
pub fn shared(key: &str) -> Result<(Vec<u8>, u32), HostError> {
    let (mut bytes, mut size, mut version) = (null_mut(), 0, 0);
    match call!(proxy_get_shared_data(key.as_ptr(), key.len(), &raw mut bytes, &raw mut size, &raw mut version)) {
        Ok(()) => Ok((taken(bytes, size), version)),
        Err(HostError { status: NOT_FOUND, .. }) => Ok((Vec::new(), 0)),
        Err(error) => Err(error),
    }
}

/// Replaces shared data of this version; `Ok(false)` where another VM was first.
pub fn set_shared(key: &str, value: &[u8], version: u32) -> Result<bool, HostError> {
    match call!(proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), version)) {
        Ok(()) => Ok(true),
        Err(HostError { status: CAS_MISMATCH, .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Defines a metric. Each call makes a new id for ever, so ids are to be kept.
pub fn define_metric(kind: MetricKind, name: &str) -> Result<u32, HostError> {
    let mut id = 0;
    call!(proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id))?;
    Ok(id)
}

/// Adds to a counter; zero is refused by hosts.
pub fn increment_metric(id: u32, by: i64) -> Result<(), HostError> {
    call!(proxy_increment_metric(id, by))
}

/// Records a value in a histogram, or sets a gauge.
pub fn record_metric(id: u32, value: u64) -> Result<(), HostError> {
    call!(proxy_record_metric(id, value))
}
