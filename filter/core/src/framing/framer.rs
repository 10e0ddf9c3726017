//! The framing of one streamed answer, whichever it is.

use super::{Frame, FramingError, event_stream, sse};

/// Finds the frames of one stream.
#[derive(Clone, Debug)]
pub enum Framer {
    /// Server-sent events.
    Events(sse::Reader),
    /// An AWS event stream.
    Messages(event_stream::Reader),
}

impl Framer {
    /// A framer of a body of this media type, with frames of at most `limit` bytes; `None` where it is no stream.
    #[must_use]
    pub fn of_media(media: &str, limit: usize) -> Option<Self> {
        let is = |prefix: &str| media.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if is("text/event-stream") {
            Some(Self::Events(sse::Reader::new(limit)))
        } else if is(event_stream::MEDIA_TYPE) {
            Some(Self::Messages(event_stream::Reader::new(limit)))
        } else {
            None
        }
    }

    /// Takes the next bytes and hands out each frame that they complete.
    ///
    /// # Errors
    /// The stream can't be framed any further.
    pub fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(Frame<'_>)) -> Result<(), FramingError> {
        match self {
            Self::Events(reader) => reader.push(bytes, each),
            Self::Messages(reader) => reader.push(bytes, each),
        }
    }

    /// The body ended: hands out what only its end completes.
    ///
    /// # Errors
    /// It was cut inside a frame, where the framing shows that.
    pub fn finish(&mut self, each: &mut dyn FnMut(Frame<'_>)) -> Result<(), FramingError> {
        match self {
            Self::Events(reader) => reader.finish(each),
            Self::Messages(reader) if reader.mid_message() => return Err(FramingError::Cut),
            Self::Messages(_) => {}
        }
        Ok(())
    }

    /// Whether a frame has begun and not ended.
    #[must_use]
    pub fn mid_frame(&self) -> bool {
        match self {
            Self::Events(reader) => reader.mid_event(),
            Self::Messages(reader) => reader.mid_message(),
        }
    }

    /// Whether a frame that was cut can be ended, so that its bytes may go on as they come.
    #[must_use]
    pub const fn can_be_cut(&self) -> bool {
        match self {
            Self::Events(_) => true,
            Self::Messages(_) => false,
        }
    }

    /// What ends the frame that has begun, if one has, so that what follows is a frame of its own.
    #[must_use]
    pub fn end_of_cut(&self) -> &'static [u8] {
        if self.can_be_cut() && self.mid_frame() { sse::EVENT_END } else { b"" }
    }
}
