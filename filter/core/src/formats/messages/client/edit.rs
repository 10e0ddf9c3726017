//! What a passing Messages request must say otherwise: the model, and thinking that another vendor made.

use crate::formats::shape::place;
use crate::formats::{Onward, Outline, Span, members};
use crate::json::Splices;

/// What stands in a turn that held nothing but another vendor's thinking: the format has no empty turns.
const NOTHING: &str = r#"{"type":"text","text":"(no text)"}"#;

/// Notes the splices of one request.
pub(in super::super) fn edit(outline: &Outline, body: &[u8], onward: &Onward<'_>, splices: &mut Splices) {
    members::edit(outline, body, onward, splices);
    // A provider refuses a turn with a signature that is not its own; an earlier turn may have been another vendor's.
    let mut foreign = outline.foreign.iter().copied().peekable();
    while let Some(mut run) = foreign.next() {
        while let Some(next) = foreign.next_if(|next| between(body, run.end, next.start).trim_ascii() == b",") {
            run.end = next.end;
        }
        match (neighbour(body, run, false), neighbour(body, run, true)) {
            (_, Some((b',', comma))) => splices.replace(Span { start: run.start, end: place(comma.saturating_add(1)) }, ""),
            (Some((b',', comma)), _) => splices.replace(Span { start: place(comma), end: run.end }, ""),
            (Some(_) | None, Some(_) | None) => splices.replace(run, NOTHING),
        }
    }
}

/// The byte that is no space next to a range, behind or before it, and where it stands.
fn neighbour(body: &[u8], span: Span, behind: bool) -> Option<(u8, usize)> {
    let range = span.range()?;
    let at = if behind {
        let rest = body.get(range.end..)?;
        range.end.checked_add(rest.iter().position(|byte| !byte.is_ascii_whitespace())?)?
    } else {
        body.get(..range.start)?.iter().rposition(|byte| !byte.is_ascii_whitespace())?
    };
    Some((*body.get(at)?, at))
}

fn between(body: &[u8], from: u32, to: u32) -> &[u8] {
    Span { start: from, end: to }.range().and_then(|range| body.get(range)).unwrap_or_default()
}
