//! How a Converse request is read: the structures and unions of the service's model, strictly; members that it does not know are noted.

use crate::formats::shape::{Fault, place, within};
use crate::hub::{Citation, Extension, Field, Request, uncite};
use crate::json::{Cursor, Raw, Str};

/// Reads a member's value, which begins at the given byte.
pub(super) type Read<'r, 'b> = &'r mut dyn FnMut(&mut Scan<'b>, &'static str, usize) -> Result<(), Fault>;

/// A request while it is read.
pub(super) struct Scan<'b> {
    /// Where the next value stands.
    pub cursor: Cursor<'b>,
    /// What only this format has.
    pub extensions: Vec<Extension>,
    /// The sources that the block which is read names.
    pub cited: Vec<Citation<'b>>,
    /// Those that a turn of the model's names, each with the place of its block.
    pub citations: Vec<(u32, Citation<'b>)>,
}

impl<'b> Scan<'b> {
    /// Begins to read a request.
    pub(super) fn of(text: &'b str) -> Self {
        Self { cursor: Cursor::of_text(text), extensions: Vec::new(), cited: Vec::new(), citations: Vec::new() }
    }

    /// Reads the structure that comes next: each of its members that is known and not null. A second value for one is refused,
    /// because servers differ in which they take.
    pub(super) fn structure(&mut self, names: &[&'static str], read: Read<'_, 'b>) -> Result<(), Fault> {
        let mut seen = 0_u32;
        self.cursor.enter_object()?;
        while let Some(name) = self.cursor.member()? {
            let at = self.cursor.offset();
            let Some((known, place)) = names.iter().zip(0_u32..).find(|(one, _)| name.is(one)) else {
                self.note(at, Field::Extension)?;
                continue;
            };
            let bit = 1_u32.checked_shl(place).unwrap_or(0);
            if seen & bit != 0 {
                return Err(Fault::wrong(at, "the member is there twice"));
            }
            seen |= bit;
            if !self.cursor.null()? {
                read(self, known, at)?;
            }
        }
        Ok(())
    }

    /// Reads the union that comes next, of whose members exactly one must be there; `None` where nobody knows which that is.
    pub(super) fn union<T>(
        &mut self,
        names: &[&'static str],
        read: &mut dyn FnMut(&mut Self, &'static str, usize) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        const ONE: &str = "exactly one of its members must be set";
        let whole = self.cursor.offset();
        let (mut found, mut set) = (None, false);
        self.cursor.enter_object()?;
        while let Some(name) = self.cursor.member()? {
            let at = self.cursor.offset();
            if self.cursor.null()? {
                continue;
            }
            if set {
                return Err(Fault::wrong(whole, ONE));
            }
            set = true;
            match names.iter().find(|one| name.is(one)) {
                Some(known) => found = Some(read(self, known, at)?),
                None => self.cursor.skip()?,
            }
        }
        if set { Ok(found) } else { Err(Fault::wrong(whole, ONE)) }
    }

    /// Reads the list that comes next.
    pub(super) fn list(&mut self, read: &mut dyn FnMut(&mut Self, usize) -> Result<(), Fault>) -> Result<(), Fault> {
        self.cursor.enter_array()?;
        while self.cursor.element()? {
            let at = self.cursor.offset();
            read(self, at)?;
        }
        Ok(())
    }

    /// What was found beside the members that others have.
    pub(super) fn settle(self, request: &mut Request<'b>) {
        (request.extensions, request.citations) = (self.extensions, self.citations);
    }

    /// The sources behind the first so many are not of a turn of the model's.
    pub(super) fn uncite(&mut self, first: usize) {
        uncite(&mut self.citations, first, &mut self.extensions);
    }

    /// Passes over a value that only this format has, and notes it unless it says nothing.
    pub(super) fn note(&mut self, at: usize, field: Field) -> Result<(), Fault> {
        if !matches!(self.cursor.raw()?.as_str(), "null" | "[]" | "{}") {
            self.extensions.push(Extension { at: place(at), field });
        }
        Ok(())
    }

    /// The word that comes next, one of these.
    pub(super) fn word(&mut self, words: &[&'static str]) -> Result<&'static str, Fault> {
        let at = self.cursor.offset();
        let word = self.cursor.string()?;
        let known = words.iter().find(|one| word.is(one)).copied();
        known.ok_or_else(|| Fault::wrong(at, format!("it must be one of {}", words.join(", "))))
    }

    /// The text that comes next, which must not be empty.
    pub(super) fn filled(&mut self) -> Result<Str<'b>, Fault> {
        let at = self.cursor.offset();
        let text = self.cursor.string()?;
        if text.is_empty() { Err(Fault::wrong(at, "it must not be empty")) } else { Ok(text) }
    }

    /// The id or name that comes next: up to 64 letters, digits and some other characters.
    pub(super) fn name(&mut self, others: &str) -> Result<Str<'b>, Fault> {
        let at = self.cursor.offset();
        let name = self.cursor.string()?;
        let fits = |name: &str| (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c));
        if fits(&name.plain()) { Ok(name) } else { Err(Fault::wrong(at, format!("it must be 1 to 64 letters, digits or any of {others}"))) }
    }

    /// The number that comes next, from 0 to 1.
    pub(super) fn fraction(&mut self) -> Result<Raw<'b>, Fault> {
        within(&mut self.cursor, 0.0, 1.0)
    }
}
