//! What a module exports: the ABI's callbacks as one trait, and the macro that makes exports of an implementation.

/// What a callback tells the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Go on.
    Continue,
    /// Hold here.
    Pause,
}

impl Action {
    /// `proxy_action_t`.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Continue => 0,
            Self::Pause => 1,
        }
    }
}

/// The callbacks of a module. A context is the host's number for a root or a stream; `end` says that nothing of the kind follows.
pub trait Module {
    /// A context is made; a root has no parent (0).
    fn create(context: u32, parent: u32);
    /// The plugin's configuration, of so many bytes, is to be read; `false` refuses it.
    fn configure(root: u32, size: usize) -> bool;
    /// The tick period has passed.
    fn tick(root: u32);
    /// A callout was answered; no headers: it failed.
    fn call_answered(root: u32, token: u32, headers: u32, body_size: usize);
    /// The request's head.
    fn request_head(context: u32, end: bool) -> Action;
    /// The request's body; while it is held, `size` counts all of it.
    fn request_body(context: u32, size: usize, end: bool) -> Action;
    /// The request's trailers: its end.
    fn request_trailers(context: u32) -> Action;
    /// The answer's head.
    fn answer_head(context: u32, end: bool) -> Action;
    /// The answer's body; while it is held, `size` counts all of it.
    fn answer_body(context: u32, size: usize, end: bool) -> Action;
    /// The answer's trailers: its end.
    fn answer_trailers(context: u32) -> Action;
    /// The context is over; `false` keeps it until [`crate::done`].
    fn done(context: u32) -> bool;
    /// The stream is to be recorded.
    fn log(context: u32);
    /// The context is gone.
    fn delete(context: u32);
}

/// Memory for the host to write into; what it returns is taken over by [`crate::property`] and its like.
#[must_use]
pub fn allocate(size: usize) -> *mut u8 {
    core::mem::ManuallyDrop::new(Vec::<u8>::with_capacity(size)).as_mut_ptr()
}

/// Makes the exports of a type that implements [`Module`].
#[macro_export]
macro_rules! export {
    ($module:ty) => {
        #[expect(unsafe_code, reason = "exports have fixed names")]
        mod exports {
            use $crate::Module as _;
            use super::*;

            $crate::export! { @functions
                fn proxy_abi_version_0_2_1() { }
                fn proxy_on_memory_allocate(size: usize) -> *mut u8 { $crate::allocate(size) }
                fn proxy_on_vm_start(_root: u32, _size: usize) -> i32 { 1 }
                fn proxy_on_context_create(context: u32, parent: u32) { <$module>::create(context, parent) }
                fn proxy_on_configure(root: u32, size: usize) -> i32 { i32::from(<$module>::configure(root, size)) }
                fn proxy_on_tick(root: u32) { <$module>::tick(root) }
                fn proxy_on_http_call_response(root: u32, token: u32, headers: u32, size: usize, _trailers: u32) {
                    <$module>::call_answered(root, token, headers, size)
                }
                fn proxy_on_request_headers(context: u32, _count: u32, end: u32) -> i32 { <$module>::request_head(context, end != 0).code() }
                fn proxy_on_request_body(context: u32, size: usize, end: u32) -> i32 { <$module>::request_body(context, size, end != 0).code() }
                fn proxy_on_request_trailers(context: u32, _count: u32) -> i32 { <$module>::request_trailers(context).code() }
                fn proxy_on_response_headers(context: u32, _count: u32, end: u32) -> i32 { <$module>::answer_head(context, end != 0).code() }
                fn proxy_on_response_body(context: u32, size: usize, end: u32) -> i32 { <$module>::answer_body(context, size, end != 0).code() }
                fn proxy_on_response_trailers(context: u32, _count: u32) -> i32 { <$module>::answer_trailers(context).code() }
                fn proxy_on_done(context: u32) -> i32 { i32::from(<$module>::done(context)) }
                fn proxy_on_log(context: u32) { <$module>::log(context) }
                fn proxy_on_delete(context: u32) { <$module>::delete(context) }
            }
        }
    };
    (@functions $( fn $name:ident($($argument:ident: $kind:ty),*) $(-> $out:ty)? $body:block )*) => {
        $( #[unsafe(no_mangle)] extern "C" fn $name($($argument: $kind),*) $(-> $out)? $body )*
    };
}
