//! How probable the tokens of an answer were.

use crate::json::{Cursor, JsonError, Kind, Out, Raw, Str, on_one_line};
use std::borrow::Cow;

/// Tokens with their log probabilities, in the order of the text: JSON objects with commas between them, each with `token`, `logprob`,
/// `bytes` and `top_logprobs`, where those are said. Whoever can only hand them on, does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Likelihood<'b>(Cow<'b, str>);

/// A token, and how probable it was; one of an alternative has no alternatives.
#[derive(Clone, Debug, Default)]
pub struct Token<'b> {
    /// Its text.
    pub text: Str<'b>,
    /// The logarithm of its probability.
    pub logprob: Option<Raw<'b>>,
    /// What else could have stood there.
    pub others: Option<Raw<'b>>,
}

impl<'b> Likelihood<'b> {
    /// What a list of such objects says; `None` where it is none, or empty.
    #[must_use]
    pub fn of(list: Raw<'b>) -> Option<Self> {
        let inside = list.as_str().strip_prefix('[')?.strip_suffix(']')?.trim();
        (!inside.is_empty()).then(|| Self(on_one_line(inside)))
    }

    /// What was written for it.
    #[must_use]
    pub const fn written(objects: String) -> Self {
        Self(Cow::Owned(objects))
    }

    /// The objects, commas between them.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds more tokens behind these.
    pub fn push(&mut self, more: &Likelihood<'_>) {
        if !more.is_empty() {
            let whole = self.0.to_mut();
            if !whole.is_empty() {
                whole.push(',');
            }
            whole.push_str(&more.0);
        }
    }

    /// The same with an owner of its own.
    #[must_use]
    pub fn into_owned(self) -> Likelihood<'static> {
        Likelihood(Cow::Owned(self.0.into_owned()))
    }

    /// Reads its tokens.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn tokens(&self, each: &mut dyn FnMut(Token<'_>)) -> Result<(), JsonError> {
        read(&mut Cursor::of_text(&format!("[{}]", self.0)), "logprob", each)
    }

    /// Writes it as a list.
    pub fn encode(&self, out: &mut Out) {
        out.verbatim("[");
        out.verbatim(&self.0);
        out.verbatim("]");
    }
}

/// Reads a list of tokens, whose probabilities stand in their member `logprob`.
///
/// # Errors
/// It is not JSON.
pub fn read<'b>(cursor: &mut Cursor<'b>, logprob: &str, each: &mut dyn FnMut(Token<'b>)) -> Result<(), JsonError> {
    if cursor.peek()? != Kind::Array {
        return cursor.skip();
    }
    cursor.enter_array()?;
    while cursor.element()? {
        let mut token = Token::default();
        if cursor.peek()? != Kind::Object {
            cursor.skip()?;
            continue;
        }
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match (name.as_escaped(), cursor.peek()?) {
                ("token", Kind::String) => token.text = cursor.string()?,
                (name, Kind::Number) if name == logprob => token.logprob = Some(cursor.number()?),
                ("top_logprobs", Kind::Array) => token.others = Some(cursor.raw()?),
                _ => cursor.skip()?,
            }
        }
        each(token);
    }
    Ok(())
}
