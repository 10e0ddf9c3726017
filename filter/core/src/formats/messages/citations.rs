//! The sources of a text as the format has them: in answers, and in the history of requests.

use super::answer::text;
use crate::hub::{Citation, Cited, Unit};
use crate::json::{Cursor, JsonError, Kind, Out, Raw, Str};

/// Reads one source; `None` where nobody else has such a thing.
pub(super) fn read<'b>(source: Raw<'b>) -> Result<Option<Citation<'b>>, JsonError> {
    let mut found = Found::default();
    if source.kind() != Kind::Object {
        return Ok(None);
    }
    let mut cursor = source.cursor();
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match &*name.plain() {
            "type" => found.kind = text(&mut cursor)?.unwrap_or_default(),
            "cited_text" => found.quote = text(&mut cursor)?.filter(|text| !text.is_empty()),
            "document_title" | "title" => found.title = text(&mut cursor)?,
            "url" | "source" => found.address = text(&mut cursor)?,
            "document_index" | "search_result_index" => found.index = number(&mut cursor)?,
            "start_char_index" | "start_page_number" | "start_block_index" => found.from = number(&mut cursor)?,
            "end_char_index" | "end_page_number" | "end_block_index" => found.to = number(&mut cursor)?,
            _ => cursor.skip()?,
        }
    }
    Ok(found.citation())
}

/// The members of a source.
#[derive(Default)]
struct Found<'b> {
    kind: Str<'b>,
    title: Option<Str<'b>>,
    quote: Option<Str<'b>>,
    address: Option<Str<'b>>,
    index: Option<u64>,
    from: Option<u64>,
    to: Option<u64>,
}

impl<'b> Found<'b> {
    fn citation(self) -> Option<Citation<'b>> {
        let (index, from, to) = (self.index.unwrap_or(0), self.from.unwrap_or(0), self.to.unwrap_or(0));
        let in_document = |unit| Some(Cited::Document { index, unit, from, to });
        let source = match &*self.kind.plain() {
            "char_location" => in_document(Unit::Characters),
            "page_location" => in_document(Unit::Pages),
            "content_block_location" => in_document(Unit::Blocks),
            "search_result_location" => self.address.map(|source| Cited::SearchResult { index, source, from, to }),
            "web_search_result_location" => self.address.map(Cited::Page),
            _ => None,
        };
        source.map(|source| Citation { span: None, source, title: self.title, quote: self.quote })
    }
}

/// Whether the format has a place for the source.
pub(super) const fn is_expressible(citation: &Citation<'_>) -> bool {
    !matches!(citation.source, Cited::File(_))
}

/// Writes a source; nothing where the format has no place for it.
pub(super) fn encode(citation: &Citation<'_>, out: &mut Out) {
    let (kind, places) = match &citation.source {
        Cited::Page(_) => ("web_search_result_location", ["", ""]),
        Cited::Document { unit: Unit::Characters, .. } => ("char_location", ["start_char_index", "end_char_index"]),
        Cited::Document { unit: Unit::Pages, .. } => ("page_location", ["start_page_number", "end_page_number"]),
        Cited::Document { unit: Unit::Blocks, .. } => ("content_block_location", ["start_block_index", "end_block_index"]),
        Cited::SearchResult { .. } => ("search_result_location", ["start_block_index", "end_block_index"]),
        Cited::File(_) => return,
    };
    out.open_object();
    out.key("type");
    out.plain(kind);
    out.key("cited_text");
    out.string(&citation.quote.as_ref().map_or_else(Str::default, Str::reborrow));
    let title = match &citation.source {
        Cited::Page(address) => {
            out.key("url");
            out.string(address);
            // Clients demand it. Empty, it says that no search of Anthropic's stands behind the page.
            out.key("encrypted_index");
            out.plain("");
            "title"
        }
        Cited::Document { index, from, to, .. } => {
            numbers(&["document_index", places[0], places[1]], &[*index, *from, *to], out);
            "document_title"
        }
        Cited::SearchResult { index, source, from, to } => {
            out.key("source");
            out.string(source);
            numbers(&["search_result_index", places[0], places[1]], &[*index, *from, *to], out);
            "title"
        }
        Cited::File(_) => "",
    };
    out.key(title);
    match &citation.title {
        Some(title) => out.string(title),
        None => out.null(),
    }
    out.close_object();
}

fn numbers(names: &[&str], values: &[u64], out: &mut Out) {
    for (name, value) in names.iter().zip(values) {
        out.key(name);
        out.number(*value);
    }
}

/// The number that comes next; any other value is none.
fn number(cursor: &mut Cursor<'_>) -> Result<Option<u64>, JsonError> {
    if cursor.peek()? == Kind::Number {
        return Ok(cursor.number()?.as_str().parse().ok());
    }
    cursor.skip()?;
    Ok(None)
}
