//! Signed thinking in the hands of a client of another format: an opaque text that says where it is valid.
//!
//! A signature means something to the vendor that made it alone. A client gives back what it was given, so what it is given is
//! `weir1.ORIGIN.SIGNATURE`, and only a request into the format ORIGIN gets the signature again. Thinking that only the vendor can read
//! is `weir1x.ORIGIN.DATA`: some formats keep both in the same place.

use super::PartKind;
use crate::json::Str;
use crate::names::FormatId;

/// What every envelope begins with, the quote of its string included: where a text does not have it, there is none.
pub const MARK: &str = "\"weir1";

/// The mark of a signature.
const SIGNED: &str = "weir1";

/// The mark of thinking that only the vendor can read.
const SEALED: &str = "weir1x";

/// The signature as a client of another format keeps it.
#[must_use]
pub fn wrap(origin: FormatId, signature: &Str<'_>) -> Str<'static> {
    marked(SIGNED, origin, signature)
}

/// Thinking that only the vendor can read, as a client of another format keeps it.
#[must_use]
pub fn seal(origin: FormatId, data: &Str<'_>) -> Str<'static> {
    marked(SEALED, origin, data)
}

fn marked(mark: &str, origin: FormatId, text: &Str<'_>) -> Str<'static> {
    let mut envelope = Str::from_plain_owned(format!("{mark}.{origin}."));
    envelope.push(text);
    envelope
}

/// The signature in an envelope, where it is valid in `target`.
#[must_use]
pub fn unwrap<'b>(envelope: &Str<'b>, target: FormatId) -> Option<Str<'b>> {
    opened(SIGNED, envelope, target)
}

/// The thinking in an envelope that only the vendor can read, where that is the vendor of `target`.
#[must_use]
pub fn unseal<'b>(envelope: &Str<'b>, target: FormatId) -> Option<Str<'b>> {
    opened(SEALED, envelope, target)
}

/// What only the vendor of `target` reads of its own thinking: a part's signature, or all of it.
#[must_use]
pub fn proof<'b>(part: &PartKind<'b>, target: FormatId) -> Option<Str<'b>> {
    match part {
        PartKind::Reasoning { signature: Some(signature), .. } => unwrap(signature, target),
        PartKind::RedactedReasoning(data) => unseal(data, target),
        PartKind::Reasoning { signature: None, .. }
        | PartKind::Text(_)
        | PartKind::Refusal(_)
        | PartKind::Media { .. }
        | PartKind::ToolCall { .. }
        | PartKind::ToolCallResponse { .. }
        | PartKind::Opaque(_) => None,
    }
}

fn opened<'b>(expected: &str, envelope: &Str<'b>, target: FormatId) -> Option<Str<'b>> {
    let (mark, rest) = envelope.split_once('.')?;
    let (origin, text) = rest.split_once('.')?;
    (mark.is(expected) && origin.is(target.as_str())).then_some(text)
}

/// Whether an envelope holds thinking that only the vendor can read.
#[must_use]
pub fn is_sealed(text: &Str<'_>) -> bool {
    text.split_once('.').is_some_and(|(mark, _)| mark.is(SEALED))
}

/// Whether a text is an envelope, whatever its origin: then no provider gets it as it is.
#[must_use]
pub fn is_envelope(text: &Str<'_>) -> bool {
    text.split_once('.').is_some_and(|(mark, _)| mark.is(SIGNED) || mark.is(SEALED))
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
        let sealed = seal(FormatId::Messages, &signature);
        assert!(is_envelope(&sealed) && is_sealed(&sealed) && !is_sealed(&envelope));
        assert_eq!((unwrap(&sealed, FormatId::Messages), unseal(&envelope, FormatId::Messages)), (None, None));
        assert_eq!((unseal(&sealed, FormatId::Messages), unseal(&sealed, FormatId::Gemini)), (Some(signature), None));
    }
}
