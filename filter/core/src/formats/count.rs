//! A count of tokens on the wire, read leniently, whatever the format.

use core::fmt;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A count, or nothing: what is negative, no whole number or no number at all says nothing, and spoils nothing beside it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count(pub Option<u64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}

struct CountVisitor;

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count of tokens")
    }

    fn visit_u64<E>(self, count: u64) -> Result<Count, E> {
        Ok(Count(Some(count)))
    }

    fn visit_i64<E>(self, count: i64) -> Result<Count, E> {
        Ok(Count(u64::try_from(count).ok()))
    }

    fn visit_f64<E>(self, count: f64) -> Result<Count, E> {
        // Printing is the one exact way from a float to an integer; counts are far below where floats lose units.
        Ok(Count(format!("{count}").parse().ok()))
    }

    fn visit_str<E>(self, _text: &str) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_bool<E>(self, _flag: bool) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_unit<E>(self) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Count, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Count(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Count, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Count(None))
    }
}

/// A value, or its default where it is of another kind: what a provider says beside the counts spoils none of them.
///
/// # Errors
/// The text is not JSON.
pub fn lenient<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(wire: D) -> Result<T, D::Error> {
    Ok(serde_json::from_str(<&RawValue>::deserialize(wire)?.get()).unwrap_or_default())
}

/// The output tokens with those of thinking among them, as the hub counts. A server whose total is the sum of all three counts its
/// thinking beside its output (xAI does).
pub fn whole_output(input: Option<u64>, output: Option<u64>, reasoning: Option<u64>, total: Option<u64>) -> Option<u64> {
    match (input, output, reasoning, total) {
        (Some(input), Some(output), Some(reasoning), Some(total))
            if reasoning > 0 && total == input.saturating_add(output).saturating_add(reasoning) =>
        {
            Some(output.saturating_add(reasoning))
        }
        _ => output,
    }
}
