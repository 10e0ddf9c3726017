//! The sources of a candidate's text, read: what a search found, and where the model repeats what it has learned from.

use crate::hub::{Citation, Cited};
use crate::json::{JsonError, Kind, Raw, Ruler, Str};

/// Most bytes of sources that are taken from one answer: a few of them can be named very often.
const MAX_FOUND: usize = 1 << 20;

/// A source as the provider names it: for bytes of the whole text.
#[derive(Clone, Debug)]
pub(super) struct Found<'b> {
    bytes: Option<(u32, u32)>,
    citation: Citation<'b>,
}

impl<'b> Found<'b> {
    /// The source, for characters of the text that `ruler` measured.
    pub(super) fn placed(self, ruler: &Ruler) -> Citation<'b> {
        let span = self.bytes.and_then(|(from, to)| ruler.character(from).zip(ruler.character(to)));
        Citation { span, ..self.citation }
    }

    /// The same with an owner of its own.
    pub(super) fn into_owned(self) -> Found<'static> {
        Found { bytes: self.bytes, citation: self.citation.into_owned() }
    }
}

/// Reads what a search found. Whether there was more than the sources is what it gives back.
pub(super) fn read_grounding<'b>(metadata: Raw<'b>, found: &mut Vec<Found<'b>>) -> Result<bool, JsonError> {
    let (mut chunks, mut supports, mut more) = (Vec::new(), None, false);
    if metadata.kind() != Kind::Object {
        return Ok(false);
    }
    let mut cursor = metadata.cursor();
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match (name.as_escaped(), cursor.peek()?) {
            ("groundingChunks", Kind::Array) => {
                cursor.enter_array()?;
                while cursor.element()? {
                    chunks.push(read_chunk(cursor.raw()?)?);
                }
            }
            ("groundingSupports", Kind::Array) => supports = Some(cursor.raw()?).filter(|list| !list.is_vacant()),
            // What the vendor wants to be shown beside the answer.
            ("searchEntryPoint", _) => more |= cursor.filled()?,
            _ => cursor.skip()?,
        }
    }
    more |= chunks.iter().any(Option::is_none);
    let mut room = MAX_FOUND;
    let mut take = |bytes, chunk: Option<&Option<Citation<'b>>>| {
        let Some(Some(citation)) = chunk else { return chunk.is_none() };
        room = room.saturating_sub(citation.size());
        if room > 0 {
            found.push(Found { bytes, citation: citation.clone() });
        }
        room == 0
    };
    match supports {
        None => chunks.iter().for_each(|chunk| more |= take(None, Some(chunk))),
        Some(supports) => {
            let mut cursor = supports.cursor();
            cursor.enter_array()?;
            while cursor.element()? {
                let (bytes, indices) = read_support(cursor.raw()?)?;
                for index in indices {
                    more |= take(bytes, chunks.get(index));
                }
            }
        }
    }
    Ok(more)
}

/// Reads where the model repeats what it has learned from. Whether some of these have no address is what it gives back.
pub(super) fn read_recited<'b>(metadata: Raw<'b>, found: &mut Vec<Found<'b>>) -> Result<bool, JsonError> {
    let (mut more, mut room) = (false, MAX_FOUND);
    if metadata.kind() != Kind::Object {
        return Ok(false);
    }
    let mut cursor = metadata.cursor();
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        // The second is Vertex AI's name.
        if !matches!(name.as_escaped(), "citationSources" | "citations") || cursor.peek()? != Kind::Array {
            more |= cursor.filled()?;
            continue;
        }
        cursor.enter_array()?;
        while cursor.element()? {
            match Wire::read(cursor.raw()?)? {
                Wire { address: Some(address), title, place, .. } => {
                    let citation = Citation { span: None, source: Cited::Page(address), title, quote: None };
                    room = room.saturating_sub(citation.size());
                    if room > 0 {
                        found.push(Found { bytes: place.bytes(), citation });
                    }
                    more |= room == 0;
                }
                Wire { address: None, .. } => more = true,
            }
        }
    }
    Ok(more)
}

/// A source that a search found; `None` where it says no address.
fn read_chunk(chunk: Raw<'_>) -> Result<Option<Citation<'_>>, JsonError> {
    let mut source = None;
    if chunk.kind() != Kind::Object {
        return Ok(None);
    }
    let mut cursor = chunk.cursor();
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        let kept = name.is("retrievedContext");
        if !kept && !name.is("web") && !name.is("maps") {
            cursor.skip()?;
            continue;
        }
        let Wire { address, document, title, quote, .. } = Wire::read(cursor.raw()?)?;
        let cited = match (address, document) {
            // What is retrieved may stand in a store that only the provider reads.
            (Some(address), None) if !kept || address.as_escaped().starts_with("http") => Some(Cited::Page(address)),
            (address, document) => document.or(address).map(Cited::File),
        };
        source = cited.map(|source| Citation { span: None, source, title, quote });
    }
    Ok(source)
}

/// For which bytes which sources are named, by their numbers.
type Support = (Option<(u32, u32)>, Vec<usize>);

fn read_support(support: Raw<'_>) -> Result<Support, JsonError> {
    let (mut place, mut indices) = (Place::default(), Vec::new());
    if support.kind() != Kind::Object {
        return Ok((None, indices));
    }
    let mut cursor = support.cursor();
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match (name.as_escaped(), cursor.peek()?) {
            ("segment", Kind::Object) => place = Wire::read(cursor.raw()?)?.place,
            ("groundingChunkIndices", Kind::Array) => {
                cursor.enter_array()?;
                while cursor.element()? {
                    indices.extend(cursor.raw()?.as_str().parse::<usize>().ok());
                }
            }
            _ => cursor.skip()?,
        }
    }
    Ok((place.bytes(), indices))
}

/// Bytes as the wire says them: it does not write a zero.
#[derive(Clone, Copy, Default)]
struct Place {
    from: u32,
    to: Option<u32>,
}

impl Place {
    fn bytes(self) -> Option<(u32, u32)> {
        self.to.map(|to| (self.from, to)).filter(|(from, to)| from < to)
    }
}

/// The members of the objects that say something of a source.
#[derive(Default)]
struct Wire<'b> {
    address: Option<Str<'b>>,
    document: Option<Str<'b>>,
    title: Option<Str<'b>>,
    quote: Option<Str<'b>>,
    place: Place,
}

impl<'b> Wire<'b> {
    fn read(object: Raw<'b>) -> Result<Self, JsonError> {
        let mut wire = Self::default();
        if object.kind() != Kind::Object {
            return Ok(wire);
        }
        let mut cursor = object.cursor();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match (name.as_escaped(), cursor.peek()?) {
                ("uri", Kind::String) => wire.address = Some(cursor.string()?).filter(|text| !text.is_empty()),
                ("documentName", Kind::String) => wire.document = Some(cursor.string()?).filter(|text| !text.is_empty()),
                ("title", Kind::String) => wire.title = Some(cursor.string()?).filter(|text| !text.is_empty()),
                ("text", Kind::String) => wire.quote = Some(cursor.string()?).filter(|text| !text.is_empty()),
                ("startIndex", Kind::Number) => wire.place.from = cursor.number()?.as_str().parse().unwrap_or(0),
                ("endIndex", Kind::Number) => wire.place.to = cursor.number()?.as_str().parse().ok(),
                _ => cursor.skip()?,
            }
        }
        Ok(wire)
    }
}
