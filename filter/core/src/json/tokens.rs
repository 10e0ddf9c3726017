//! What a cursor passes one by one: strings, numbers, words and white space.

use super::{Cursor, JsonError, JsonFault};

impl<'b> Cursor<'b> {
    /// Moves behind the closing quote; the cursor stands at the opening one.
    #[inline]
    pub(super) fn pass_string(&mut self) -> Result<(), JsonError> {
        // Names and words are short, and end where the scan has looked already.
        if let Some(quote) = self.specials.near_quote(self.text.as_bytes(), self.at + 1) {
            self.at = quote + 1;
            self.fresh = false;
            return Ok(());
        }
        self.pass_long_string()
    }

    #[inline(never)]
    fn pass_long_string(&mut self) -> Result<(), JsonError> {
        match self.specials.string_end(self.text.as_bytes(), self.at + 1) {
            Ok(quote) => {
                self.at = quote + 1;
                self.fresh = false;
                Ok(())
            }
            Err(at) => {
                self.at = at;
                Err(self.unexpected())
            }
        }
    }

    /// Moves behind a number (RFC 8259 section 6).
    pub(super) fn pass_number(&mut self) -> Result<(), JsonError> {
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.unexpected()),
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        self.fresh = false;
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        if !self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected());
        }
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    pub(super) fn literal(&mut self, word: &str) -> Result<(), JsonError> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            self.fresh = false;
            return Ok(());
        }
        if word.as_bytes().starts_with(rest) {
            self.at = self.text.len();
            return Err(self.fault(JsonFault::Truncated));
        }
        Err(self.fault(JsonFault::Syntax))
    }

    #[inline]
    pub(super) fn space(&mut self) {
        // Most bodies have none.
        if self.byte().is_some_and(|byte| byte <= b' ') {
            self.pass_space();
        }
    }

    #[inline(never)]
    fn pass_space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    #[inline]
    pub(super) fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn slice(&self, start: usize, end: usize) -> &'b str {
        self.text.get(start..end).unwrap_or_default()
    }

    pub(super) fn unexpected(&self) -> JsonError {
        self.fault(if self.byte().is_none() { JsonFault::Truncated } else { JsonFault::Syntax })
    }

    pub(super) const fn fault(&self, fault: JsonFault) -> JsonError {
        JsonError { at: self.at, fault }
    }
}
