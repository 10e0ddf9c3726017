//! Counting the tokens of a request without an answer: what a format's own operation takes and tells.

use super::messages::Carrier;
use super::{chat, converse, gemini, messages, responses};
use crate::json::{Cursor, JsonError, Out};
use crate::names::FormatId;

/// How a format counts. Its operation takes what a model would be asked, or part of it.
#[derive(Clone, Copy, Debug)]
pub struct Counting {
    /// The members of a request for an answer that the operation takes too; where none stands here it takes all.
    pub takes: &'static [&'static str],
    /// The objects in which they stand, the outermost first.
    pub within: &'static [&'static str],
    /// What the name of the model begins with where the body has to say it.
    pub model: Option<&'static str>,
    /// The member of the answer that is the count.
    pub total: &'static str,
    /// What stands before it in an answer, and behind it.
    pub around: [&'static str; 2],
}

/// How this format counts, at its vendor's own service or at the one that carries it.
#[must_use]
pub const fn counting(format: FormatId, carrier: Carrier) -> &'static Counting {
    match format {
        FormatId::Gemini if matches!(carrier, Carrier::Vertex) => &gemini::COUNTING_ON_VERTEX,
        FormatId::Chat => &chat::COUNTING,
        FormatId::Responses => &responses::COUNTING,
        FormatId::Messages => &messages::COUNTING,
        FormatId::Converse => &converse::COUNTING,
        FormatId::Gemini => &gemini::COUNTING,
    }
}

impl Counting {
    /// The question for this count, from a request for an answer as [`super::Translation::encode`] writes it.
    ///
    /// # Errors
    /// The request is no JSON object.
    pub fn question(&self, request: &str, model: &str, out: &mut Out) -> Result<(), JsonError> {
        out.open_object();
        for name in self.within {
            out.key(name);
            out.open_object();
        }
        if let Some(prefix) = self.model {
            out.key("model");
            out.plain(&format!("{prefix}{model}"));
        }
        let mut cursor = Cursor::of_text(request);
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            let (name, value) = (name.into_plain(), cursor.raw()?);
            if self.takes.is_empty() || self.takes.contains(&&*name) {
                out.key(&name);
                out.raw(value);
            }
        }
        for _ in self.within {
            out.close_object();
        }
        out.close_object();
        Ok(())
    }

    /// The count in an answer; `None` where it holds none.
    #[must_use]
    pub fn read(&self, answer: &[u8]) -> Option<u64> {
        let mut cursor = Cursor::of_text(core::str::from_utf8(answer).ok()?);
        let mut total = None;
        cursor.enter_object().ok()?;
        while let Some(name) = cursor.member().ok()? {
            let value = cursor.raw().ok()?;
            if name.is(self.total) {
                total = value.as_str().parse().ok();
            }
        }
        cursor.end().ok()?;
        total
    }

    /// The answer that tells a client this count.
    #[must_use]
    pub fn answer(&self, total: u64) -> Vec<u8> {
        let [before, behind] = self.around;
        format!("{{{before}\"{}\":{total}{behind}}}", self.total).into_bytes()
    }
}
