//! What a Gemini request must say otherwise: to a provider that speaks it, and before it is read for one that does not.

use super::schema;
use crate::formats::gemini::models::Model;
use crate::formats::gemini::parts::NO_SIGNATURE;
use crate::formats::{Onward, Outline};
use crate::json::{Out, Raw, Splices};

/// Notes the splices of one request: the model where the body repeats it, and signatures of other vendors. A model that demands some is
/// told that there are none; an empty one is none.
pub(in super::super) fn edit(outline: &Outline, onward: &Onward<'_>, splices: &mut Splices) {
    let quoted = |text: &str| {
        let mut out = Out::default();
        out.plain(text);
        out.into_string()
    };
    let model = onward.model.unwrap_or(&outline.model);
    if let Some(span) = outline.model_span.filter(|_| model != outline.model) {
        splices.replace(span, quoted(&format!("models/{model}")));
    }
    let none = if Model::of(model).demands_signatures() { NO_SIGNATURE } else { "" };
    for &span in &outline.foreign {
        splices.replace(span, quoted(none));
    }
}

/// The request with all its schemas in the words of JSON Schema; `None` where they are.
pub(in super::super) fn plain(outline: &Outline, body: &[u8]) -> Option<Vec<u8>> {
    let mut splices = Splices::default();
    for &span in &outline.schemas {
        let text = span.range().and_then(|range| body.get(range)).and_then(|text| core::str::from_utf8(text).ok());
        if let Some(plain) = text.and_then(|text| Raw::parse(text).ok()).and_then(schema::plain) {
            splices.replace(span, plain);
        }
    }
    (!splices.is_empty()).then(|| splices.apply(body))
}
