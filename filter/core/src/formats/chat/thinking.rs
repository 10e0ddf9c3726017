//! Signed thinking in the hands of chat clients: two members beside the format's own, which clients give back as they got them.

use crate::formats::shape::{Fault, place, string_member};
use crate::hub::{Part, PartKind, envelope};
use crate::json::{Cursor, Kind, Out, Str};
use crate::names::FormatId;

/// The member of a message that lists its blocks of thinking, in Anthropic's words.
pub(super) const BLOCKS: &str = "thinking_blocks";

/// The same in the words of some resellers.
pub(super) const DETAILS: &str = "reasoning_details";

/// The member of a call that holds the signature of the thinking behind it, as Google's own API of this format has it.
pub(super) const OF_CALL: &str = "extra_content";

/// Whether the signature of thinking belongs to the call behind it: Gemini's does where the thinking has no words.
pub(super) fn is_of_call(text: &Str<'_>, signature: &Str<'_>) -> bool {
    text.is_empty() && envelope::unwrap(signature, FormatId::Gemini).is_some()
}

/// Writes the signature of the thinking behind a call into its object.
pub(super) fn encode_of_call(signature: &Str<'_>, out: &mut Out) {
    out.key(OF_CALL);
    out.constant(r#"{"google":{"thought_signature":""#);
    out.verbatim(signature.as_escaped());
    out.verbatim(r#""}}"#);
}

/// A block of thinking.
#[derive(Clone, Copy, Debug)]
pub(super) enum Block<'p> {
    /// Its text, and the vendor's proof of it.
    Signed(&'p Str<'p>, &'p Str<'p>),
    /// What only the vendor can read.
    Sealed(&'p Str<'p>),
}

impl Block<'_> {
    /// Writes the block; in a stream, clients put blocks together by their number.
    pub(super) fn encode(self, number: Option<u32>, out: &mut Out) {
        out.open_object();
        if let Some(number) = number {
            out.key("index");
            out.number(u64::from(number));
        }
        out.key("type");
        match self {
            Self::Signed(text, signature) => {
                out.plain("thinking");
                out.key("thinking");
                out.string(text);
                out.key("signature");
                out.string(signature);
            }
            Self::Sealed(data) => {
                out.plain("redacted_thinking");
                out.key("data");
                out.string(data);
            }
        }
        out.close_object();
    }
}

/// Reads the blocks that a client gives back. What nobody signed says nothing beyond the message's own text of thoughts.
pub(super) fn decode_blocks<'b>(cursor: &mut Cursor<'b>) -> Result<Vec<Part<'b>>, Fault> {
    let mut blocks = Vec::new();
    if cursor.peek()? != Kind::Array {
        cursor.skip()?;
        return Ok(blocks);
    }
    cursor.enter_array()?;
    while cursor.element()? {
        let at = place(cursor.offset());
        if cursor.peek()? != Kind::Object {
            cursor.skip()?;
            continue;
        }
        let (mut text, mut signature, mut data) = (Str::default(), None, None);
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            if cursor.peek()? != Kind::String {
                cursor.skip()?;
                continue;
            }
            match &*name.into_plain() {
                "thinking" | "text" | "summary" => text = cursor.string()?,
                "signature" => signature = Some(cursor.string()?),
                "data" => data = Some(cursor.string()?),
                _ => cursor.skip()?,
            }
        }
        let kind = match (signature, data) {
            (Some(signature), _) => PartKind::Reasoning { text, signature: Some(signature) },
            (None, Some(data)) => PartKind::RedactedReasoning(data),
            (None, None) => continue,
        };
        blocks.push(Part { at, cache: None, kind });
    }
    Ok(blocks)
}

/// Reads what a call has beside the format's own members: the signature of the thinking behind it.
pub(super) fn decode_of_call<'b>(cursor: &mut Cursor<'b>) -> Result<Option<Str<'b>>, Fault> {
    let mut signature = None;
    if cursor.peek()? != Kind::Object {
        cursor.skip()?;
        return Ok(None);
    }
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if name.is("google") && cursor.peek()? == Kind::Object {
            signature = string_member(cursor, "thought_signature")?;
        } else {
            cursor.skip()?;
        }
    }
    Ok(signature)
}
