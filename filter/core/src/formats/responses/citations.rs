//! The sources of a text as the format has them: pages and files, each for some characters of its content part.

use crate::hub::{Citation, Cited};
use crate::json::{JsonError, Kind, Out, Raw, Str, characters};

/// Reads one source; `None` where nobody else has such a thing.
pub(super) fn read<'b>(source: Raw<'b>) -> Result<Option<Citation<'b>>, JsonError> {
    if source.kind() != Kind::Object {
        return Ok(None);
    }
    let (mut kind, mut address, mut file, mut title, mut from, mut to) = (Str::default(), None, None, None, None, None);
    let mut cursor = source.cursor();
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match (name.as_escaped(), cursor.peek()?) {
            ("type", Kind::String) => kind = cursor.string()?,
            ("url", Kind::String) => address = Some(cursor.string()?),
            ("file_id", Kind::String) => file = Some(cursor.string()?),
            ("title" | "filename", Kind::String) => title = Some(cursor.string()?).filter(|title| !title.is_empty()),
            ("start_index", Kind::Number) => from = cursor.number()?.as_str().parse::<u32>().ok(),
            ("end_index", Kind::Number) => to = cursor.number()?.as_str().parse::<u32>().ok(),
            _ => cursor.skip()?,
        }
    }
    let source = match &*kind.plain() {
        "url_citation" => address.map(Cited::Page),
        "file_citation" | "container_file_citation" => file.map(Cited::File),
        _ => None,
    };
    let span = from.zip(to).filter(|(from, to)| from < to);
    Ok(source.map(|source| Citation { span, source, title, quote: None }))
}

/// Whether the format has a place for the source.
pub(super) const fn is_expressible(citation: &Citation<'_>) -> bool {
    !matches!(citation.source, Cited::Document { .. })
}

/// Writes the sources of a text as a list.
pub(super) fn encode_all<'c, 'b: 'c>(sources: impl Iterator<Item = &'c Citation<'b>>, text: &Str<'_>, out: &mut Out) {
    let mut length = None;
    out.open_array();
    for source in sources {
        // Counted once: both a text and the list of its sources may be as long as somebody likes.
        encode(source, *length.get_or_insert_with(|| characters(text)), out);
    }
    out.close_array();
}

/// Writes a source of a text of so many characters; nothing where the format has no place for it.
pub(super) fn encode(citation: &Citation<'_>, length: u32, out: &mut Out) {
    let address = match &citation.source {
        Cited::Page(address) | Cited::SearchResult { source: address, .. } => address,
        Cited::File(id) => {
            out.constant(r#"{"type":"file_citation","index":0"#);
            out.key("file_id");
            out.string(id);
            out.key("filename");
            out.string(citation.title.as_ref().unwrap_or(id));
            return out.close_object();
        }
        Cited::Document { .. } => return,
    };
    let (from, to) = citation.span.unwrap_or((0, length));
    out.constant(r#"{"type":"url_citation","start_index":"#);
    out.number(u64::from(from));
    out.key("end_index");
    out.number(u64::from(to));
    out.key("url");
    out.string(address);
    out.key("title");
    out.string(citation.title.as_ref().unwrap_or(address));
    out.close_object();
}
