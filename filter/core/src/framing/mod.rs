//! Framing of streams: bytes in any pieces to whole frames, incremental and bounded. It knows no JSON.

mod crc32;
pub mod event_stream;
mod frame;
mod framer;
pub mod inflate;
pub mod sse;

pub use frame::{Frame, FrameKind, FramingError};
pub use framer::Framer;
