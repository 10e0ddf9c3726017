//! The host calls that the probe makes.

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    pub fn proxy_log(level: u32, text: *const u8, size: usize) -> u32;
    pub fn proxy_get_buffer_bytes(kind: u32, start: usize, size: usize, at: *mut *mut u8, size_at: *mut usize) -> u32;
    pub fn proxy_set_buffer_bytes(kind: u32, start: usize, size: usize, bytes: *const u8, bytes_size: usize) -> u32;
    pub fn proxy_get_header_map_value(kind: u32, k: *const u8, kn: usize, at: *mut *mut u8, size_at: *mut usize) -> u32;
    pub fn proxy_get_header_map_pairs(kind: u32, at: *mut *mut u8, size_at: *mut usize) -> u32;
    pub fn proxy_add_header_map_value(kind: u32, k: *const u8, kn: usize, v: *const u8, vn: usize) -> u32;
    pub fn proxy_replace_header_map_value(kind: u32, k: *const u8, kn: usize, v: *const u8, vn: usize) -> u32;
    pub fn proxy_remove_header_map_value(kind: u32, k: *const u8, kn: usize) -> u32;
    pub fn proxy_get_property(k: *const u8, kn: usize, at: *mut *mut u8, size_at: *mut usize) -> u32;
    pub fn proxy_set_property(k: *const u8, kn: usize, v: *const u8, vn: usize) -> u32;
    pub fn proxy_get_shared_data(k: *const u8, kn: usize, at: *mut *mut u8, size_at: *mut usize, cas: *mut u32) -> u32;
    pub fn proxy_set_shared_data(k: *const u8, kn: usize, v: *const u8, vn: usize, cas: u32) -> u32;
    pub fn proxy_register_shared_queue(k: *const u8, kn: usize, id: *mut u32) -> u32;
    pub fn proxy_enqueue_shared_queue(id: u32, v: *const u8, vn: usize) -> u32;
    pub fn proxy_dequeue_shared_queue(id: u32, at: *mut *mut u8, size_at: *mut usize) -> u32;
    pub fn proxy_continue_stream(way: u32) -> u32;
    pub fn proxy_close_stream(way: u32) -> u32;
    pub fn proxy_send_local_response(s: u32, d: *const u8, dn: usize, b: *const u8, bn: usize, h: *const u8, hn: usize, g: i32) -> u32;
    pub fn proxy_http_call(
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
    pub fn proxy_done() -> u32;
    pub fn proxy_set_effective_context(id: u32) -> u32;
    pub fn proxy_set_tick_period_milliseconds(ms: u32) -> u32;
    pub fn proxy_get_current_time_nanoseconds(at: *mut u64) -> u32;
    pub fn proxy_define_metric(kind: u32, k: *const u8, kn: usize, id: *mut u32) -> u32;
    pub fn proxy_increment_metric(id: u32, by: i64) -> u32;
    pub fn proxy_record_metric(id: u32, value: u64) -> u32;
    pub fn proxy_get_metric(id: u32, value: *mut u64) -> u32;
    pub fn proxy_resolve_shared_queue(v: *const u8, vn: usize, k: *const u8, kn: usize, id: *mut u32) -> u32;
    pub fn proxy_set_header_map_pairs(kind: u32, at: *const u8, size: usize) -> u32;
    pub fn proxy_call_foreign_function(k: *const u8, kn: usize, v: *const u8, vn: usize, at: *mut *mut u8, size_at: *mut usize) -> u32;
    pub fn proxy_get_log_level(at: *mut u32) -> u32;
    pub fn proxy_get_buffer_status(kind: u32, size_at: *mut usize, flags_at: *mut u32) -> u32;
    pub fn proxy_get_header_map_size(kind: u32, size_at: *mut usize) -> u32;
    pub fn proxy_get_status(code_at: *mut u32, at: *mut *mut u8, size_at: *mut usize) -> u32;
    pub fn proxy_grpc_call(
        c: *const u8,
        cn: usize,
        s: *const u8,
        sn: usize,
        m: *const u8,
        mn: usize,
        h: *const u8,
        hn: usize,
        b: *const u8,
        bn: usize,
        ms: u32,
        token: *mut u32,
    ) -> u32;
    pub fn proxy_grpc_stream(
        c: *const u8,
        cn: usize,
        s: *const u8,
        sn: usize,
        m: *const u8,
        mn: usize,
        h: *const u8,
        hn: usize,
        token: *mut u32,
    ) -> u32;
    pub fn proxy_grpc_send(token: u32, b: *const u8, bn: usize, end: u32) -> u32;
    pub fn proxy_grpc_close(token: u32) -> u32;
    pub fn proxy_grpc_cancel(token: u32) -> u32;
    pub fn emscripten_notify_memory_growth(memory: u32);
    pub fn pthread_equal(left: u32, right: u32) -> u32;
}
