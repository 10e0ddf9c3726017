//! The sources of a candidate's text, written: chunks, and supports that name them for some bytes of the whole text.

use crate::hub::{Citation, Cited};
use crate::json::{Out, Ruler, Str};

/// Writes the member with the sources, each for some characters of the text that `ruler` measured; nothing where there are none.
pub(super) fn encode<'c, 'b: 'c>(placed: impl Iterator<Item = (&'c Citation<'b>, (u32, u32))> + Clone, ruler: &Ruler, out: &mut Out) {
    if placed.clone().next().is_none() {
        return;
    }
    out.key("groundingMetadata");
    out.constant(r#"{"groundingChunks":["#);
    placed.clone().for_each(|(citation, _)| chunk(citation, out));
    out.close_array();
    out.key("groundingSupports");
    out.open_array();
    for ((_, (from, to)), number) in placed.zip(0_u64..) {
        out.constant(r#"{"segment":{"#);
        // Zero is not written, as in all that this API says.
        for (name, character) in [("startIndex", from), ("endIndex", to)] {
            if let Some(byte) = ruler.byte(character).filter(|byte| *byte > 0) {
                out.key(name);
                out.number(u64::from(byte));
            }
        }
        out.verbatim(r#"},"groundingChunkIndices":["#);
        out.number(number);
        out.verbatim("]}");
    }
    out.close_array();
    out.close_object();
}

fn chunk(citation: &Citation<'_>, out: &mut Out) {
    let (kind, address) = match &citation.source {
        Cited::Page(address) => ("web", Some(("uri", address))),
        Cited::SearchResult { source, .. } => ("retrievedContext", Some(("uri", source))),
        Cited::File(id) => ("retrievedContext", Some(("documentName", id)).filter(|(_, id)| !id.is_empty())),
        Cited::Document { .. } => ("retrievedContext", None),
    };
    out.open_object();
    out.key(kind);
    out.open_object();
    let quote = ("text", citation.quote.as_ref().filter(|_| kind != "web"));
    let (name, address): (_, Option<&Str<'_>>) = address.map_or(("", None), |(name, text)| (name, Some(text)));
    for (name, value) in [(name, address), ("title", citation.title.as_ref()), quote] {
        if let Some(value) = value {
            out.key(name);
            out.string(value);
        }
    }
    out.verbatim("}}");
}
