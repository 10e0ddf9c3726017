//! Raw JSON: a one-pass cursor over borrowed text, escaped strings and a writer; no tree.
//!
//! Text stays *escaped*: the inside of a JSON string is valid in every vendor's JSON, concatenates, and keeps half surrogates
//! across stream deltas. So [`Str`] borrows it and nobody unescapes it to escape it again.

mod cursor;
mod inner;
mod kind;
mod out;
mod path;
mod ruler;
mod scan;
mod splices;
mod text;
mod tokens;

pub use cursor::Cursor;
pub use inner::Inner;
pub use kind::Kind;
pub use out::Out;
pub use path::path_of;
pub use ruler::{Ruler, characters};
pub use splices::Splices;
pub use text::{Json, Raw, Str, on_one_line};

use core::fmt;

/// A body as text.
///
/// # Errors
/// [`JsonFault::Utf8`] with the first bad byte.
pub fn utf8(body: &[u8]) -> Result<&str, JsonError> {
    simdutf8::basic::from_utf8(body).map_err(|_somewhere| {
        let at = core::str::from_utf8(body).map_or_else(|error| error.valid_up_to(), str::len);
        JsonError { at, fault: JsonFault::Utf8 }
    })
}

/// Deepest nesting that a body may have (formats.md of the vendors name no limit; 128 is what their own parsers accept).
pub const MAX_DEPTH: usize = 128;

/// Why a text is not the JSON that was expected, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Offset in bytes of the place where reading stopped.
    pub at: usize,
    /// What is wrong there.
    pub fault: JsonFault,
}

/// What can be wrong with a text that should be JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonFault {
    /// The text ends inside a value.
    Truncated,
    /// The byte can't stand here.
    Syntax,
    /// The bytes are not UTF-8.
    Utf8,
    /// Nested deeper than [`MAX_DEPTH`].
    Depth,
    /// Something follows the value.
    Trailing,
    /// The value is JSON, but of another kind than the reader needs.
    Expected(Kind),
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            JsonFault::Truncated => write!(f, "the JSON text ends early, at byte {}", self.at),
            JsonFault::Syntax => write!(f, "invalid JSON at byte {}", self.at),
            JsonFault::Utf8 => write!(f, "invalid UTF-8 at byte {}", self.at),
            JsonFault::Depth => write!(f, "JSON nested deeper than {MAX_DEPTH} at byte {}", self.at),
            JsonFault::Trailing => write!(f, "something follows the JSON value at byte {}", self.at),
            JsonFault::Expected(kind) => write!(f, "expected {kind} at byte {}", self.at),
        }
    }
}
