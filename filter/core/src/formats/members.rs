//! The members of a passing request: those that are said twice, and the model's name, which alone is always spliced.

use super::shape::place;
use super::{Onward, Outline, Span};
use crate::json::{Cursor, JsonError, Out, Splices};

/// Notes the splices that every provider needs: its own name of the model, and one value for each member.
pub fn edit(outline: &Outline, body: &[u8], onward: &Onward<'_>, splices: &mut Splices) {
    if let (Some(span), Some(model)) = (outline.model_span, onward.model.filter(|&model| model != outline.model)) {
        let mut name = Out::default();
        name.plain(model);
        splices.replace(span, name.into_string());
    }
    for &span in &outline.repeated {
        splices.replace(with_comma(body, span), "");
    }
}

/// The members of a request that a later one of the same name replaces, name to value. Few requests have any.
///
/// `read` says which members anybody reads: the others may be repeated as they like.
///
/// # Errors
/// The text is not JSON.
pub fn repeated(text: &str, read: impl Fn(&str) -> bool) -> Result<Vec<Span>, JsonError> {
    let all = all(text)?;
    let earlier = |at: usize, name: &str| read(name) && all.iter().skip(at + 1).any(|(later, _)| later == name);
    Ok(all.iter().enumerate().filter(|(at, (name, _))| earlier(*at, name)).map(|(_, (_, span))| *span).collect())
}

/// The members of a request, each name to value.
///
/// # Errors
/// The text is not JSON.
pub fn all(text: &str) -> Result<Vec<(String, Span)>, JsonError> {
    let mut all = Vec::new();
    let mut cursor = Cursor::of_text(text);
    cursor.enter_object()?;
    loop {
        let before = cursor.offset();
        let Some(name) = cursor.member()? else { return Ok(all) };
        let start = before.saturating_add(text.get(before..).and_then(|rest| rest.find('"')).unwrap_or(0));
        cursor.skip()?;
        all.push((name.into_plain().into_owned(), Span { start: place(start), end: place(cursor.passed()) }));
    }
}

/// The place in front of the first member of a request, which is an object.
pub fn begin(text: &str) -> Span {
    let at = place(text.find('{').map_or(0, |brace| brace.saturating_add(1)));
    Span { start: at, end: at }
}

/// Which of the members that a scan knows it has met, one bit each.
#[derive(Debug, Default)]
pub struct Met {
    bits: u64,
    twice: bool,
}

impl Met {
    /// What a scan does with the member `name`; `None` where its table does not have it.
    pub fn meet<A: Copy>(&mut self, table: &[(&'static str, A)], name: &str) -> Option<(&'static str, A)> {
        let (&member, slot) = table.iter().zip(0_u32..).find(|((member, _), _)| *member == name)?;
        let bit = 1_u64.checked_shl(slot).unwrap_or(0);
        self.twice |= self.bits & bit != 0;
        self.bits |= bit;
        Some(member)
    }

    /// Whether a member was met with which a scan does this.
    pub fn has<A: PartialEq>(&self, table: &[(&'static str, A)], action: &A) -> bool {
        let slot = table.iter().zip(0_u32..).find(|((_, one), _)| one == action).and_then(|(_, slot)| 1_u64.checked_shl(slot));
        slot.is_some_and(|bit| self.bits & bit != 0)
    }

    /// The members of the table that a later one of the same name replaces.
    ///
    /// # Errors
    /// The text is not JSON.
    pub fn repeated<A>(&self, table: &[(&'static str, A)], text: &str) -> Result<Vec<Span>, JsonError> {
        if !self.twice {
            return Ok(Vec::new());
        }
        repeated(text, |name| table.iter().any(|(member, _)| *member == name))
    }
}

/// A text's length in bytes.
#[must_use]
pub fn length(text: &str) -> u64 {
    u64::from(place(text.len()))
}

/// Takes members or elements out of their list, in the order in which they stand, each run of them with one of the commas next to it;
/// what stands for a run that is the whole list is `instead`.
pub fn remove(body: &[u8], spans: &[Span], instead: &str, splices: &mut Splices) {
    let between = |from: u32, to: u32| Span { start: from, end: to }.range().and_then(|range| body.get(range)).unwrap_or_default();
    let mut spans = spans.iter().copied().peekable();
    while let Some(mut run) = spans.next() {
        while let Some(next) = spans.next_if(|next| between(run.end, next.start).trim_ascii() == b",") {
            run.end = next.end;
        }
        let behind = with_comma(body, run);
        let before = run.range().and_then(|range| body.get(..range.start)).unwrap_or_default().trim_ascii_end();
        match before.split_last() {
            _ if behind != run => splices.replace(behind, ""),
            Some((b',', rest)) => splices.replace(Span { start: place(rest.len()), end: run.end }, ""),
            Some(_) | None => splices.replace(run, instead),
        }
    }
}

/// A member with the comma behind it: what is deleted always has a later member of its name.
fn with_comma(body: &[u8], span: Span) -> Span {
    let rest = span.range().and_then(|range| body.get(range.end..)).unwrap_or_default();
    match rest.iter().position(|byte| !byte.is_ascii_whitespace()) {
        Some(at) if rest.get(at) == Some(&b',') => Span { start: span.start, end: span.end.saturating_add(place(at)).saturating_add(1) },
        Some(_) | None => span,
    }
}
