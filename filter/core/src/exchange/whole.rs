//! Whole answers: held until their end, then read, and written in the client's words.

use super::answer::AnswerVerdict;
use super::attempt::{Attempt, AttemptState, Hold};
use super::coded::{coding, replacing};
use super::headers::Headers;
use super::machine::Exchange;
use super::planned::Speak;
use crate::formats::messages::Carrier;
use crate::formats::{self, Asked, ClientSide, Seen};
use crate::framing::inflate::Coding;
use crate::hub::{Answer, ErrorKind, Failure, Field, replay};
use crate::json::Out;
use crate::operations::Operation;
use crate::telemetry::AttemptOutcome;
use std::borrow::Cow;

/// A translated answer, and its media type.
pub(super) type Translated = (&'static str, Vec<u8>);
/// Why an answer is none, and what its attempt came to.
pub(super) type NoAnswer = Box<(Failure, AttemptOutcome)>;

impl Attempt {
    /// A whole answer or an error whose end has not come yet.
    pub(super) fn held_whole(&mut self, exchange: &mut Exchange, since: u64, hold: Hold, head: Headers, size: usize) -> AnswerVerdict {
        if size <= exchange.configured().gateway.caps.answer {
            self.state = AttemptState::Held { since, hold, head };
            return AnswerVerdict::Hold;
        }
        if self.same() && matches!(hold, Hold::Whole) && coding(&head) == Coding::Identity {
            // Bytes pass whatever their size; only the meter gives up.
            self.outcome(exchange, AttemptOutcome::Complete);
            return self.commit(exchange, head.passing(), None, None);
        }
        self.fail(exchange, too_large(), AttemptOutcome::Broken, false)
    }

    /// A whole answer at its end; `bodiless`: nothing is there that a body could replace.
    pub(super) fn whole(&mut self, exchange: &mut Exchange, head: &Headers, body: Cow<'_, [u8]>, bodiless: bool) -> AnswerVerdict {
        match self.read_whole(exchange, &body) {
            Err(none) => self.fail(exchange, none.0, none.1, bodiless),
            Ok(None) => self.pass(exchange, head, body),
            Ok(Some((_, out))) if out.len() > exchange.configured().gateway.caps.buffer() => {
                self.fail(exchange, too_large(), AttemptOutcome::Broken, bodiless)
            }
            Ok(Some((media, out))) => {
                let mut headers = self.client_head(exchange.client(), head);
                headers.set(":status", "200");
                headers.set("content-type", media);
                self.commit(exchange, headers, Some(out), None)
            }
        }
    }

    /// Reads a whole answer, notes what it says of itself, and translates it where the client reads another format.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn read_whole(&self, exchange: &mut Exchange, body: &[u8]) -> Result<Option<Translated>, NoAnswer> {
        let counts = matches!(exchange.operation, Operation::CountTokens(_));
        let translated = match self.target.speak {
            // A count is no answer, and nothing in it was used.
            Speak::Same(_) if counts => None,
            Speak::Translated(format) if counts => {
                let total =
                    formats::counting(format, Carrier::Own).read(body).ok_or_else(|| Box::new((uncounted(), AttemptOutcome::Broken)))?;
                Some(("application/json", formats::counting(exchange.operation.format(), Carrier::Own).answer(total)))
            }
            Speak::Same(format) => {
                let seen = formats::named(format).measure(body);
                self.take_note(exchange, &seen);
                if let Some(failure) = seen.failure {
                    return Err(Box::new((failure, AttemptOutcome::Error)));
                }
                None
            }
            Speak::Translated(format) => {
                let read = formats::named(format).decode_answer(body);
                let mut answer = read.map_err(|failure| Box::new((failure, AttemptOutcome::Broken)))?;
                self.homeward.answer(&mut answer);
                let seen = Seen {
                    usage: answer.usage,
                    model: answer.model.as_ref().map(|model| model.plain().into_owned()),
                    finish: answer.choices.first().map(|choice| choice.finish.as_str()),
                    ..Seen::default()
                };
                self.take_note(exchange, &seen);
                exchange.note_losses(answer.elements());
                let (written, left) = written(exchange.client(), &exchange.asked(exchange.began), &answer, body.len());
                exchange.note_losses(left.into_iter());
                Some(written)
            }
        };
        self.outcome(exchange, AttemptOutcome::Complete);
        Ok(translated)
    }

    /// Commits a whole answer in the provider's words.
    fn pass(&mut self, exchange: &mut Exchange, head: &Headers, body: Cow<'_, [u8]>) -> AnswerVerdict {
        let mut headers = head.passing();
        if exchange.outline().stream {
            headers.set(":status", "200");
        }
        let body = replacing(body, &mut headers);
        self.commit(exchange, headers, body, None)
    }
}

/// The answer is over the document's cap.
pub(super) fn too_large() -> Failure {
    Failure::new(ErrorKind::BadGateway, "the provider's answer is larger than the gateway holds")
}

/// The answer to a request for a count does not hold one.
fn uncounted() -> Failure {
    Failure::new(ErrorKind::BadGateway, "the provider's answer holds no count of tokens")
}

/// Room for what a format says around the words of an answer; Responses says most. A buffer that is outgrown is doubled and copied.
const AROUND: usize = 2048;

/// A whole answer as the client reads it, its media type, and what of it could not be written as it was said: a client that asked for a
/// stream gets one, whatever the provider sent.
fn written(client: &dyn ClientSide, asked: &Asked, answer: &Answer<'_>, size: usize) -> (Translated, Vec<Field>) {
    if asked.stream {
        let (mut writer, mut out) = (client.writer(asked), Vec::new());
        replay(answer, &mut |event| writer.write(&event, &mut out));
        return ((client.stream_type(asked), out), writer.left().to_vec());
    }
    let mut out = Out::with_capacity(size.saturating_add(AROUND));
    let left = client.encode_answer(answer, asked, &mut out);
    (("application/json", out.into_bytes()), left)
}
