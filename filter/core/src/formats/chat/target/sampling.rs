//! How much the model thinks and how the next token is chosen, as far as its family takes it.

use super::pen::Pen;
use crate::formats::crossing::Crossing;
use crate::formats::openai_models::Model;
use crate::hub::{Field, Rejection, Request, Wish};
use crate::json::Out;

/// Most texts that end the answer.
const STOPS: usize = 4;

/// Writes `reasoning_effort`, the members of sampling, and `stop`.
pub(super) fn encode(request: &Request<'_>, model: Model, pen: &mut Pen<'_, '_>) -> Result<(), Rejection> {
    effort(request, model, pen.out, pen.crossing)?;
    let sampling = &request.sampling;
    for (name, value, default, plain, ignored) in [
        ("temperature", sampling.temperature, 1.0, Field::Temperature, Field::TemperatureDefault),
        ("top_p", sampling.top_p, 1.0, Field::TopP, Field::TopPDefault),
    ] {
        let Some(value) = value else { continue };
        if model.sampling {
            pen.raw(name, Some(value))?;
        } else {
            pen.crossing.meet(if value.as_str().parse() == Ok(default) { ignored } else { plain })?;
        }
    }
    if sampling.top_k.is_some() {
        pen.crossing.meet(Field::TopK)?;
    }
    for (name, value) in [
        ("seed", sampling.seed),
        ("frequency_penalty", sampling.frequency_penalty),
        ("presence_penalty", sampling.presence_penalty),
        ("logit_bias", sampling.logit_bias),
    ] {
        pen.raw(name, value)?;
    }
    let top = sampling.top_logprobs.filter(|count| count.as_str() != "0");
    if (sampling.logprobs || top.is_some()) && pen.key("logprobs")? {
        pen.out.boolean(true);
        pen.raw("top_logprobs", top)?;
    }
    stop(request, pen.out, pen.crossing)
}

fn effort(request: &Request<'_>, model: Model, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let Some(reasoning) = &request.reasoning else { return Ok(()) };
    let wished = match reasoning.wish() {
        Some(Wish::On { effort, .. }) => effort,
        Some(Wish::Off) => "none",
        // As it sees fit is what the model does without the member.
        Some(Wish::Free) => return Ok(()),
        None if reasoning.effort.is_none() => return Ok(()),
        None => {
            crossing.meet(Field::ReasoningModel)?;
            return Ok(());
        }
    };
    match model.nearest(wished) {
        Some(effort) => {
            if effort != wished {
                crossing.meet(Field::ReasoningRange)?;
            }
            out.key("reasoning_effort");
            out.plain(effort);
        }
        // A model that never thinks does what was wished.
        None if wished == "none" && model.sampling => {}
        None => {
            crossing.meet(Field::ReasoningModel)?;
        }
    }
    Ok(())
}

fn stop(request: &Request<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let stops = &request.sampling.stop_sequences;
    if stops.len() > STOPS {
        crossing.meet(Field::StopCount)?;
    }
    if !stops.is_empty() {
        out.key("stop");
        out.open_array();
        stops.iter().for_each(|stop| out.string(stop));
        out.close_array();
    }
    Ok(())
}
