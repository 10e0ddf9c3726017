//! Signed thinking in the hands of a client of another format: an opaque text that says where it is valid.
//!
//! A signature means something to the vendor that made it alone. A client gives back what it was given, so what it is given is
//! `weir1.ORIGIN.SIGNATURE`, and only a request into the format ORIGIN gets the signature again.

use crate::json::Str;
use crate::names::FormatId;

/// What begins every envelope.
pub const PREFIX: &str = "weir1.";

/// The signature as a client of another format keeps it.
#[must_use]
pub fn wrap(origin: FormatId, signature: &Str<'_>) -> Str<'static> {
    let mut envelope = Str::from_plain_owned(format!("{PREFIX}{origin}."));
    envelope.push(signature);
    envelope
}

/// The signature in an envelope, where it is valid in `target`.
#[must_use]
pub fn unwrap<'b>(envelope: &Str<'b>, target: FormatId) -> Option<Str<'b>> {
    let (mark, rest) = envelope.split_once('.')?;
    let (origin, signature) = rest.split_once('.')?;
    (mark.is("weir1") && origin.is(target.as_str())).then_some(signature)
}

/// Whether a text is an envelope, whatever its origin: then no provider gets it as it is.
#[must_use]
pub fn is_envelope(text: &Str<'_>) -> bool {
    text.as_escaped().starts_with(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_origin_gets_it_back() {
        let signature = Str::from_plain("a.b\"/+=");
        let envelope = wrap(FormatId::Messages, &signature);
        assert_eq!(envelope.plain(), "weir1.messages.a.b\"/+=");
        assert!(is_envelope(&envelope) && !is_envelope(&signature));
        assert_eq!(unwrap(&envelope, FormatId::Messages), Some(signature.clone()));
        assert_eq!(unwrap(&envelope, FormatId::Gemini), None);
        assert_eq!(unwrap(&signature, FormatId::Messages), None);
    }
}
