//! The host's functions as they are.
#![expect(unsafe_code, reason = "imports are declared as C functions")]

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    pub fn proxy_log(level: u32, text: *const u8, size: usize) -> u32;
    pub fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    pub fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    pub fn proxy_get_property(path: *const u8, path_size: usize, value: *mut *mut u8, size: *mut usize) -> u32;
    pub fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        argument: *const u8,
        argument_size: usize,
        result: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    pub fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, size: usize) -> u32;
    pub fn proxy_get_header_map_pairs(map: u32, pairs: *mut *mut u8, size: *mut usize) -> u32;
    pub fn proxy_set_header_map_pairs(map: u32, pairs: *const u8, size: usize) -> u32;
    pub fn proxy_get_header_map_value(map: u32, name: *const u8, name_size: usize, value: *mut *mut u8, size: *mut usize) -> u32;
    pub fn proxy_get_buffer_bytes(buffer: u32, start: usize, length: usize, bytes: *mut *mut u8, size: *mut usize) -> u32;
    pub fn proxy_set_buffer_bytes(buffer: u32, start: usize, length: usize, bytes: *const u8, size: usize) -> u32;
    pub fn proxy_continue_stream(direction: u32) -> u32;
    pub fn proxy_close_stream(direction: u32) -> u32;
    pub fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        pairs: *const u8,
        pairs_size: usize,
        grpc_status: i32,
    ) -> u32;
    pub fn proxy_http_call(
        cluster: *const u8,
        cluster_size: usize,
        pairs: *const u8,
        pairs_size: usize,
        body: *const u8,
        body_size: usize,
        trailers: *const u8,
        trailers_size: usize,
        timeout: u32,
        token: *mut u32,
    ) -> u32;
    pub fn proxy_set_effective_context(context: u32) -> u32;
    pub fn proxy_done() -> u32;
    pub fn proxy_get_shared_data(key: *const u8, key_size: usize, value: *mut *mut u8, size: *mut usize, cas: *mut u32) -> u32;
    pub fn proxy_set_shared_data(key: *const u8, key_size: usize, value: *const u8, size: usize, cas: u32) -> u32;
    pub fn proxy_define_metric(kind: u32, name: *const u8, size: usize, id: *mut u32) -> u32;
    pub fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    pub fn proxy_record_metric(id: u32, value: u64) -> u32;
}
