//! What a passing Messages request must say otherwise: the model, and thinking that another vendor made.

use crate::formats::{Onward, Outline, members};
use crate::json::Splices;

/// What stands in a turn that held nothing but another vendor's thinking: the format has no empty turns.
const NOTHING: &str = r#"{"type":"text","text":"(no text)"}"#;

/// Notes the splices of one request.
pub(in super::super) fn edit(outline: &Outline, body: &[u8], onward: &Onward<'_>, splices: &mut Splices) {
    members::edit(outline, body, onward, splices);
    // A provider refuses a turn with a signature that is not its own; an earlier turn may have been another vendor's.
    members::remove(body, &outline.foreign, NOTHING, splices);
}
