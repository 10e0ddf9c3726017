//! What a passing answer says about itself: the same readers look at it that translate it, and change nothing.

use super::answer;
use super::reader::Reader;
use crate::formats::{Keep, Meter, Seen, StreamReader};
use crate::framing::Frame;

/// Reads a stream that passes.
#[derive(Default)]
pub(super) struct EventMeter {
    reader: Reader,
    seen: Seen,
}

impl Meter for EventMeter {
    fn frame(&mut self, frame: &Frame<'_>) -> Keep {
        let seen = &mut self.seen;
        self.reader.frame(frame, &mut |event| seen.note(&event));
        Keep::Whole
    }

    fn seen(&self) -> &Seen {
        &self.seen
    }

    fn end(&mut self) {
        // That the stream was cut is the relay's to say, which knows whether the client can be told.
        let mut reader = core::mem::take(&mut self.reader);
        let seen = &mut self.seen;
        reader.end(&mut |event| {
            if !matches!(event, crate::hub::Event::Error(_)) {
                seen.note(&event);
            }
        });
    }
}

/// What a whole answer says about itself.
pub(super) fn measure(body: &[u8]) -> Seen {
    match answer::decode(body) {
        Ok(answer) => Seen { content: true, complete: true, ..Seen::of(&answer) },
        Err(failure) => Seen { failure: Some(failure), ..Seen::default() },
    }
}
