//! What one VM and one callback may take of the test process, so that a module without an end is an error and no hang.

use wasmtime::ResourceLimiter;

/// Host calls of one callback. A module that makes more is in a loop that its fuel would end much later.
pub(crate) const HOST_CALLS: u64 = 500_000;

/// Bytes that one callback may hand to the host or take from it: what is kept of them must fit into the test process.
pub(crate) const HOST_BYTES: u64 = 1 << 30;

/// Callbacks that follow from one event without any time going by: answers that send callouts, queues that fill themselves.
pub(crate) const CHAIN: u32 = 100_000;

/// Elements of tables; a module of a megabyte has some thousands.
const TABLE: usize = 1_000_000;

/// The linear memory that a VM may have, and whether it wanted more.
pub(crate) struct Memory {
    pub(crate) limit: usize,
    pub(crate) denied: bool,
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.denied |= desired > self.limit;
        Ok(desired <= self.limit)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE)
    }
}
