//! Framing of streams: bytes in any pieces to whole frames, incremental and bounded. It knows no JSON.

pub mod inflate;
pub mod sse;
