//! The sources of a choice's text as the format has them: pages, each for some characters of the whole text.

use crate::hub::{Citation, Cited};
use crate::json::{Cursor, JsonError, Kind, Out, Raw, Str};

/// Writes the member that lists the sources, where there are any that the format has a place for, and whether there were.
pub(super) fn encode<'c, 'b: 'c>(placed: impl Iterator<Item = (&'c Citation<'b>, (u32, u32))>, out: &mut Out) -> bool {
    let mut open = false;
    for (citation, (from, to)) in placed {
        let (Cited::Page(address) | Cited::SearchResult { source: address, .. }) = &citation.source else { continue };
        if !open {
            out.key("annotations");
            out.open_array();
            open = true;
        }
        out.constant(r#"{"type":"url_citation","url_citation":{"start_index":"#);
        out.number(u64::from(from));
        out.key("end_index");
        out.number(u64::from(to));
        out.key("url");
        out.string(address);
        out.key("title");
        out.string(citation.title.as_ref().unwrap_or(address));
        out.verbatim("}}");
    }
    if open {
        out.close_array();
    }
    open
}

/// Reads a list of pages: their addresses, or objects that say more of them.
pub(super) fn listed<'b>(list: Raw<'b>) -> Result<Vec<Citation<'b>>, JsonError> {
    let mut pages = Vec::new();
    let mut cursor = list.cursor();
    cursor.enter_array()?;
    while cursor.element()? {
        match cursor.peek()? {
            Kind::String => pages.push(Citation { span: None, source: Cited::Page(cursor.string()?), title: None, quote: None }),
            Kind::Object => pages.extend(page(&mut cursor)?),
            Kind::Null | Kind::Array | Kind::Number | Kind::Boolean => cursor.skip()?,
        }
    }
    Ok(pages)
}

pub(super) fn read<'b>(source: Raw<'b>) -> Result<Option<Citation<'b>>, JsonError> {
    if source.kind() != Kind::Object {
        return Ok(None);
    }
    let mut found = None;
    let mut cursor = source.cursor();
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if name.is("url_citation") && cursor.peek()? == Kind::Object {
            found = page(&mut cursor)?;
        } else {
            cursor.skip()?;
        }
    }
    Ok(found)
}

/// Reads what is said of a page; `None` where its address is not.
fn page<'b>(cursor: &mut Cursor<'b>) -> Result<Option<Citation<'b>>, JsonError> {
    let (mut address, mut title, mut quote, mut from, mut to) = (None, None, None, None, None);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match (name.as_escaped(), cursor.peek()?) {
            ("url", Kind::String) => address = Some(cursor.string()?),
            ("title", Kind::String) => title = Some(cursor.string()?).filter(|title| !title.is_empty()),
            // What OpenRouter adds, and what Perplexity calls it.
            ("content" | "snippet", Kind::String) => quote = Some(cursor.string()?).filter(|quote: &Str<'_>| !quote.is_empty()),
            ("start_index", Kind::Number) => from = cursor.number()?.as_str().parse::<u32>().ok(),
            ("end_index", Kind::Number) => to = cursor.number()?.as_str().parse::<u32>().ok(),
            _ => cursor.skip()?,
        }
    }
    let span = from.zip(to).filter(|(from, to)| from < to);
    Ok(address.map(|address| Citation { span, source: Cited::Page(address), title, quote }))
}
