//! How the next token is chosen, as far as Claude models take it: temperature up to 1, never beside `top_p`.

use crate::formats::crossing::Crossing;
use crate::hub::{Fate, Field, Rejection, Request};
use crate::json::{Out, Raw, Str};

/// Writes `temperature`, `top_p`, `top_k` and `stop_sequences`. `takes`: the model takes the first three.
pub(super) fn encode(request: &Request<'_>, takes: bool, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let sampling = &request.sampling;
    let mut warm = false;
    if let Some(temperature) = sampling.temperature {
        warm = self::temperature(temperature, takes, out, crossing)?;
    }
    if let Some(top_p) = sampling.top_p {
        // A nucleus of everything is none.
        let whole = number(top_p) == Some(1.0);
        if !takes || warm || whole {
            crossing.meet(if whole { Field::TopPDefault } else { Field::TopP })?;
        } else {
            out.key("top_p");
            out.raw(top_p);
        }
    }
    if let Some(top_k) = sampling.top_k {
        if takes {
            out.key("top_k");
            out.raw(top_k);
        } else {
            crossing.meet(Field::TopKModel)?;
        }
    }
    stop(request, out, crossing)
}

/// Writes the temperature; says whether it stands in the request.
fn temperature(temperature: Raw<'_>, takes: bool, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<bool, Rejection> {
    let value = number(temperature);
    if value == Some(1.0) {
        // The default. Models that refuse sampling refuse it even then.
        crossing.meet(Field::TemperatureDefault)?;
        return Ok(false);
    }
    if !takes {
        crossing.meet(Field::Temperature)?;
        return Ok(false);
    }
    out.key("temperature");
    if value.is_some_and(|value| value > 1.0) && crossing.meet(Field::TemperatureRange)? == Fate::Alter {
        out.number(1);
    } else {
        out.raw(temperature);
    }
    Ok(true)
}

fn stop(request: &Request<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let stops = &request.sampling.stop_sequences;
    if stops.iter().any(Str::is_blank) {
        crossing.meet(Field::BlankStop)?;
    }
    let mut stops = stops.iter().filter(|stop| !stop.is_blank()).peekable();
    if stops.peek().is_none() {
        return Ok(());
    }
    out.key("stop_sequences");
    out.open_array();
    stops.for_each(|stop| out.string(stop));
    out.close_array();
    Ok(())
}

/// The value of a number, to compare it; what is written is its text.
fn number(raw: Raw<'_>) -> Option<f64> {
    raw.as_str().parse().ok()
}
