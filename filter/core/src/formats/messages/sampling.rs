//! How the next token is chosen, and what ends the answer.

use crate::formats::claude::{Sampling, Takes};
use crate::formats::crossing::Crossing;
use crate::hub::{Rejection, Request};
use crate::json::Out;

/// Writes `temperature`, `top_p`, `top_k` and `stop_sequences`.
pub(super) fn encode(request: &Request<'_>, takes: Takes, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let sampling = Sampling::of(request, takes, crossing)?;
    for (name, value) in [("temperature", sampling.temperature), ("top_p", sampling.top_p), ("top_k", sampling.top_k)] {
        if let Some(value) = value {
            out.key(name);
            out.raw(value);
        }
    }
    if !sampling.stops.is_empty() {
        out.key("stop_sequences");
        out.open_array();
        sampling.stops.iter().for_each(|stop| out.string(stop));
        out.close_array();
    }
    Ok(())
}
