//! Signatures in the hands of Gemini clients. The API's own are base64, and its SDKs fail on anything else; so another vendor's, which
//! comes in an envelope, is put into base64 once more.

use crate::base64;
use crate::hub::{PartKind, envelope};
use crate::json::Str;

/// How the base64 of every envelope begins: of a signature's, and of thinking that only its vendor can read.
const MARKS: [&str; 2] = ["d2VpcjEu", "d2VpcjF4"];

/// The value of `thoughtSignature` for a signature, or for thinking that only its vendor can read, on its way to the client.
pub(super) fn written<'s>(signature: &'s Str<'_>) -> Str<'s> {
    if envelope::is_envelope(signature) {
        Str::from_plain_owned(base64::encode(signature.plain().as_bytes()))
    } else {
        signature.reborrow()
    }
}

/// Whether a client's `thoughtSignature` is another vendor's.
pub(super) fn is_foreign(value: &Str<'_>) -> bool {
    MARKS.iter().any(|mark| value.as_escaped().starts_with(mark))
}

/// The thinking that a client's `thoughtSignature` stands for; its text stands before, if the client kept it.
pub(super) fn read(value: Str<'_>) -> PartKind<'_> {
    let inside = if is_foreign(&value) { base64::decode(&value.plain()).and_then(|bytes| String::from_utf8(bytes).ok()) } else { None };
    let signature = match inside {
        Some(inside) => Str::from_plain_owned(inside),
        None => value,
    };
    if envelope::is_sealed(&signature) {
        return PartKind::RedactedReasoning(signature);
    }
    PartKind::Reasoning { text: Str::default(), signature: Some(signature) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::FormatId;

    #[test]
    fn envelopes_survive_the_round_trip() {
        let own = Str::from_plain("CpMB+/Q==");
        assert_eq!(written(&own), own);
        let envelope = envelope::wrap(FormatId::Messages, &Str::from_plain("Eq\"AB/+=="));
        for spelled in [written(&envelope).plain().into_owned(), written(&envelope).plain().replace('+', "-").replace('/', "_")] {
            assert!(base64::decode(&spelled).is_some());
            assert!(matches!(read(Str::from_plain_owned(spelled)), PartKind::Reasoning { signature: Some(back), .. } if back == envelope));
        }
        let sealed = envelope::seal(FormatId::Messages, &Str::from_plain("x"));
        assert!(is_foreign(&written(&sealed)));
        assert!(
            matches!(read(Str::from_plain_owned(written(&sealed).plain().into_owned())), PartKind::RedactedReasoning(data) if data == sealed)
        );
        assert!(matches!(read(own.clone()), PartKind::Reasoning { signature: Some(back), .. } if back == own));
    }
}
