//! How the next token is chosen, as far as a model takes it: Claude models take a temperature up to 1, never beside a nucleus.

use crate::formats::crossing::Crossing;
use crate::hub::{Fate, Field, Rejection, Request};
use crate::json::{Raw, Str};

/// What a model takes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing, or nothing while it thinks.
    Nothing,
    /// A temperature or a nucleus, as Claude models do, whose temperature is 1 by default.
    One,
    /// Both, as models of others do.
    Both,
}

/// What is written.
#[derive(Clone, Debug, Default)]
pub struct Sampling<'r> {
    /// Up to 1.
    pub temperature: Option<Raw<'r>>,
    /// The nucleus.
    pub top_p: Option<Raw<'r>>,
    /// Only the k most likely tokens.
    pub top_k: Option<Raw<'r>>,
    /// Texts that end the answer; none is blank.
    pub stops: Vec<&'r Str<'r>>,
}

impl<'r> Sampling<'r> {
    /// Decides for one request.
    ///
    /// # Errors
    /// The target's fate for something that is left out is to refuse it.
    pub fn of(request: &'r Request<'_>, takes: Takes, crossing: &mut Crossing<'_>) -> Result<Self, Rejection> {
        let asked = &request.sampling;
        let mut chosen = Self::default();
        if let Some(temperature) = asked.temperature {
            chosen.temperature = self::temperature(temperature, takes, crossing)?;
        }
        if let Some(top_p) = asked.top_p {
            // A nucleus of everything is none.
            let whole = number(top_p) == Some(1.0);
            match takes {
                Takes::Both => chosen.top_p = Some(top_p),
                Takes::One if chosen.temperature.is_none() && !whole => chosen.top_p = Some(top_p),
                Takes::Nothing | Takes::One => {
                    crossing.meet(if whole { Field::TopPDefault } else { Field::TopP })?;
                }
            }
        }
        if takes != Takes::Nothing {
            chosen.top_k = asked.top_k;
        } else if asked.top_k.is_some() {
            crossing.meet(Field::TopKModel)?;
        }
        if asked.stop_sequences.iter().any(Str::is_blank) {
            crossing.meet(Field::BlankStop)?;
        }
        chosen.stops = asked.stop_sequences.iter().filter(|stop| !stop.is_blank()).collect();
        Ok(chosen)
    }
}

/// The temperature that is written.
fn temperature<'r>(temperature: Raw<'r>, takes: Takes, crossing: &mut Crossing<'_>) -> Result<Option<Raw<'r>>, Rejection> {
    let value = number(temperature);
    if value == Some(1.0) && takes != Takes::Both {
        // The default. Models that refuse sampling refuse it even then.
        crossing.meet(Field::TemperatureDefault)?;
        return Ok(None);
    }
    if takes == Takes::Nothing {
        crossing.meet(Field::Temperature)?;
        return Ok(None);
    }
    if value.is_some_and(|value| value > 1.0) && crossing.meet(Field::TemperatureRange)? == Fate::Alter {
        return Ok(Raw::parse("1").ok());
    }
    Ok(Some(temperature))
}

/// The value of a number, to compare it; what is written is its text.
fn number(raw: Raw<'_>) -> Option<f64> {
    raw.as_str().parse().ok()
}
