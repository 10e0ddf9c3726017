//! The sources that an answer names for what it says.

use super::Field;
use crate::json::Str;

/// A source, and for what of a text it is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation<'b> {
    /// The characters of its part's text that it is named for, as code points: the first, and the one behind the last. `None` where it is
    /// named for all of the part.
    pub span: Option<(u32, u32)>,
    /// Where the words come from.
    pub source: Cited<'b>,
    /// The title of the page, the document or the file.
    pub title: Option<Str<'b>>,
    /// What the source says.
    pub quote: Option<Str<'b>>,
}

/// Where cited words come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cited<'b> {
    /// A page of the web, by its address.
    Page(Str<'b>),
    /// A document of the request.
    Document {
        /// Its number among the request's documents, from 0.
        index: u64,
        /// In what `from` and `to` count.
        unit: Unit,
        /// Where the words begin.
        from: u64,
        /// Behind what they end.
        to: u64,
    },
    /// A search result that the request brought.
    SearchResult {
        /// Its number among the request's search results, from 0.
        index: u64,
        /// Where the client found it.
        source: Str<'b>,
        /// The first of its blocks.
        from: u64,
        /// The block behind the last one.
        to: u64,
    },
    /// A file in the provider's store, by its id there; empty where the provider does not say it.
    File(Str<'b>),
}

/// What places in a document are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Characters, from 0.
    Characters,
    /// Pages, from 1.
    Pages,
    /// Blocks of its content, from 0.
    Blocks,
}

/// The sources of one text in a list of them, each with the place of its text, in the order of these.
#[must_use]
pub fn cited<'s, 'b, P: Ord>(sources: &'s [(P, Citation<'b>)], place: P) -> &'s [(P, Citation<'b>)] {
    let begin = sources.partition_point(|(one, _)| *one < place);
    let end = sources.partition_point(|(one, _)| *one <= place);
    sources.get(begin..end).unwrap_or_default()
}

impl Citation<'_> {
    /// What of it not every format can express; a page that is named for a whole part, without its words, every format can.
    pub fn elements(&self) -> impl Iterator<Item = Field> {
        let quoted = matches!(self.source, Cited::Page(_)) && self.quote.is_some();
        let kind = match (&self.source, self.span) {
            (Cited::Page(_), None) => None,
            (Cited::Page(_), Some(_)) => Some(Field::CitationPlace),
            (Cited::Document { .. }, _) => Some(Field::DocumentCitation),
            (Cited::SearchResult { .. }, _) => Some(Field::ResultCitation),
            (Cited::File(_), _) => Some(Field::FileCitation),
        };
        kind.into_iter().chain(quoted.then_some(Field::CitationQuote))
    }

    /// The characters that it is named for in a text in which its part begins behind `before` characters and ends at `end`.
    #[must_use]
    pub const fn place(&self, before: u32, end: u32) -> (u32, u32) {
        match self.span {
            Some((from, to)) => (before.saturating_add(from), before.saturating_add(to)),
            None => (before, end),
        }
    }

    /// How many bytes it takes to keep it, about.
    #[must_use]
    pub fn size(&self) -> usize {
        let named = match &self.source {
            Cited::Page(text) | Cited::SearchResult { source: text, .. } | Cited::File(text) => Some(text),
            Cited::Document { .. } => None,
        };
        let texts = [named, self.title.as_ref(), self.quote.as_ref()];
        texts.into_iter().flatten().fold(size_of::<Self>(), |sum, text| sum.saturating_add(text.as_escaped().len()))
    }

    /// The same with an owner of its own.
    #[must_use]
    pub fn into_owned(self) -> Citation<'static> {
        let source = match self.source {
            Cited::Page(address) => Cited::Page(address.into_owned()),
            Cited::Document { index, unit, from, to } => Cited::Document { index, unit, from, to },
            Cited::SearchResult { index, source, from, to } => Cited::SearchResult { index, source: source.into_owned(), from, to },
            Cited::File(id) => Cited::File(id.into_owned()),
        };
        Citation { span: self.span, source, title: self.title.map(Str::into_owned), quote: self.quote.map(Str::into_owned) }
    }
}
