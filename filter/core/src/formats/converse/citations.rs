//! The sources of a text as the service has them: in answers, and in the history of requests.

use crate::hub::{Citation, Cited, Unit};
use crate::json::{Cursor, JsonError, Kind, Out, Raw, Str};

/// Reads one source; `None` where it names nothing.
pub(super) fn read<'b>(source: Raw<'b>) -> Result<Option<Citation<'b>>, JsonError> {
    let (mut title, mut origin, mut quote, mut place) = (None, None, Str::default(), None);
    if source.kind() != Kind::Object {
        return Ok(None);
    }
    let mut cursor = source.cursor();
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match (name.as_escaped(), cursor.peek()?) {
            ("title", Kind::String) => title = Some(cursor.string()?),
            ("source", Kind::String) => origin = Some(cursor.string()?),
            ("sourceContent", Kind::Array) => texts(&mut cursor, &mut quote)?,
            ("location", Kind::Object) => place = Place::read(&mut cursor)?,
            _ => cursor.skip()?,
        }
    }
    let quote = Some(quote).filter(|quote| !quote.is_empty());
    let source = match place {
        Some(Place::Page(address)) => Cited::Page(address),
        Some(Place::Document(unit, [index, from, to])) => Cited::Document { index, unit, from, to },
        Some(Place::Result([index, from, to])) => Cited::SearchResult { index, source: origin.unwrap_or_default(), from, to },
        None if title.is_some() || quote.is_some() || origin.is_some() => Cited::File(origin.unwrap_or_default()),
        None => return Ok(None),
    };
    Ok(Some(Citation { span: None, source, title, quote }))
}

/// Appends the texts of a list of blocks.
pub(super) fn texts<'b>(cursor: &mut Cursor<'b>, whole: &mut Str<'b>) -> Result<(), JsonError> {
    cursor.enter_array()?;
    while cursor.element()? {
        if cursor.peek()? != Kind::Object {
            cursor.skip()?;
            continue;
        }
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            if name.is("text") && cursor.peek()? == Kind::String {
                let text = cursor.string()?;
                if whole.is_empty() { *whole = text } else { whole.push(&text) }
            } else {
                cursor.skip()?;
            }
        }
    }
    Ok(())
}

/// The location of a source: a union. The numbers are those of the source, of where it begins, and of what it ends behind.
enum Place<'b> {
    Page(Str<'b>),
    Document(Unit, [u64; 3]),
    Result([u64; 3]),
}

impl<'b> Place<'b> {
    fn read(cursor: &mut Cursor<'b>) -> Result<Option<Self>, JsonError> {
        let mut place = None;
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            if cursor.peek()? != Kind::Object {
                cursor.skip()?;
                continue;
            }
            let (mut address, mut numbers) = (None, [0; 3]);
            cursor.enter_object()?;
            while let Some(member) = cursor.member()? {
                let at = match (member.as_escaped(), cursor.peek()?) {
                    ("url", Kind::String) => {
                        address = Some(cursor.string()?);
                        continue;
                    }
                    ("documentIndex" | "searchResultIndex", Kind::Number) => 0,
                    ("start", Kind::Number) => 1,
                    ("end", Kind::Number) => 2,
                    _ => {
                        cursor.skip()?;
                        continue;
                    }
                };
                let number = cursor.number()?.as_str().parse().unwrap_or(0);
                if let Some(slot) = numbers.get_mut(at) {
                    *slot = number;
                }
            }
            place = match name.as_escaped() {
                "web" => address.map(Self::Page),
                "documentChar" => Some(Self::Document(Unit::Characters, numbers)),
                "documentPage" => Some(Self::Document(Unit::Pages, numbers)),
                "documentChunk" => Some(Self::Document(Unit::Blocks, numbers)),
                "searchResultLocation" => Some(Self::Result(numbers)),
                _ => place,
            };
        }
        Ok(place)
    }
}

/// Writes a list of sources behind a text, as the block that both are; an answer's text may be missing.
pub(super) fn encode_block<'c, 'b: 'c>(text: &Str<'_>, citations: impl Iterator<Item = &'c Citation<'b>>, out: &mut Out) {
    out.constant(r#"{"citationsContent":{"content":["#);
    if !text.is_empty() {
        out.constant(r#"{"text":"#);
        out.string(text);
        out.close_object();
    }
    out.verbatim("]");
    out.key("citations");
    out.open_array();
    for citation in citations {
        encode(citation, out);
    }
    out.verbatim("]}}");
}

/// Writes a source.
pub(super) fn encode(citation: &Citation<'_>, out: &mut Out) {
    out.open_object();
    if let Some(title) = &citation.title {
        out.key("title");
        out.string(title);
    }
    if let Cited::SearchResult { source, .. } | Cited::File(source) = &citation.source
        && !source.is_empty()
    {
        out.key("source");
        out.string(source);
    }
    if let Some(quote) = &citation.quote {
        out.key("sourceContent");
        out.constant(r#"[{"text":"#);
        out.string(quote);
        out.verbatim("}]");
    }
    let (place, index, numbers) = match &citation.source {
        Cited::Page(address) => {
            out.key("location");
            out.constant(r#"{"web":{"url":"#);
            out.string(address);
            out.verbatim("}}");
            return out.close_object();
        }
        Cited::File(_) => return out.close_object(),
        Cited::Document { index, unit, from, to } => {
            let place = match unit {
                Unit::Characters => "documentChar",
                Unit::Pages => "documentPage",
                Unit::Blocks => "documentChunk",
            };
            (place, "documentIndex", [index, from, to])
        }
        Cited::SearchResult { index, from, to, .. } => ("searchResultLocation", "searchResultIndex", [index, from, to]),
    };
    out.key("location");
    out.open_object();
    out.key(place);
    out.open_object();
    for (name, value) in [index, "start", "end"].into_iter().zip(numbers) {
        out.key(name);
        out.number(*value);
    }
    out.verbatim("}}}");
}
