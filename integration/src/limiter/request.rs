//! A call as the service reads it: protobuf's JSON mapping with its two spellings of names, numbers in strings and strictness.
use serde_json::{Map, Value};

use super::rules::{Limit, Unit};

/// One call.
#[derive(Debug)]
pub struct Call {
    pub domain: String,
    pub descriptors: Vec<Descriptor>,
}

/// One descriptor of a call.
#[derive(Debug)]
pub struct Descriptor {
    pub entries: Vec<(String, String)>,
    pub addend: u64,
    pub limit: Override,
}

/// A limit that a call brings along.
#[derive(Debug, Clone, Copy)]
pub enum Override {
    None,
    Limit(Limit),
    /// A unit that the service does not know: its handler panics and the connection closes without an answer.
    Panics,
}

/// The body is no call; the service says no more than `Bad Request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bad;

impl Call {
    pub fn decode(body: &[u8]) -> Result<Self, Bad> {
        let value: Value = serde_json::from_slice(body).map_err(|_| Bad)?;
        let mut call = Members::of(&value)?;
        let domain = call.text("domain")?.filter(|domain| !domain.is_empty()).ok_or(Bad)?;
        let addend = match call.take(&["hitsAddend", "hits_addend"]).map(number).transpose()? {
            None | Some(0) => 1,
            Some(addend) => u64::from(u32::try_from(addend).map_err(|_| Bad)?),
        };
        let descriptors = call.list("descriptors")?;
        if descriptors.is_empty() {
            return Err(Bad);
        }
        let descriptors = descriptors.iter().map(|value| Descriptor::decode(value, addend)).collect::<Result<_, _>>()?;
        call.end()?;
        Ok(Self { domain, descriptors })
    }

    /// Whether the service's handler panics over it.
    pub fn panics(&self) -> bool {
        self.descriptors.iter().any(|descriptor| matches!(descriptor.limit, Override::Panics))
    }
}

impl Descriptor {
    fn decode(value: &Value, default: u64) -> Result<Self, Bad> {
        let mut members = Members::of(value)?;
        let entry = |value: &Value| {
            let mut entry = Members::of(value)?;
            let pair = (entry.text("key")?.unwrap_or_default(), entry.text("value")?.unwrap_or_default());
            entry.end().map(|()| pair)
        };
        let entries = members.list("entries")?.iter().map(entry).collect::<Result<_, _>>()?;
        let addend = members.take(&["hitsAddend", "hits_addend"]).map(number).transpose()?.unwrap_or(default);
        let limit = members.take(&["limit"]).map_or(Ok(Override::None), Override::decode)?;
        members.end()?;
        Ok(Self { entries, addend, limit })
    }
}

impl Override {
    fn decode(value: &Value) -> Result<Self, Bad> {
        let mut members = Members::of(value)?;
        let most = members.take(&["requestsPerUnit", "requests_per_unit"]).map(number).transpose()?.unwrap_or(0);
        let requests_per_unit = u32::try_from(most).map_err(|_| Bad)?;
        let unit = match members.take(&["unit"]) {
            None => None,
            Some(Value::String(name)) => match name.as_str() {
                "UNKNOWN" => None,
                // Its name is missing in the protocol of overrides.
                "WEEK" => return Err(Bad),
                name => Some((1..=6).filter_map(Unit::numbered).find(|unit| unit.name() == name).ok_or(Bad)?),
            },
            Some(other) => Unit::numbered(number(other)?),
        };
        members.end()?;
        let limit = |unit| Self::Limit(Limit { unit, requests_per_unit, unlimited: false, shadow: false });
        Ok(unit.map_or(Self::Panics, limit))
    }
}

/// An object whose members are taken one after the other; what nobody takes is an unknown field, and `null` is nothing.
struct Members<'v>(Vec<(&'v str, &'v Value)>);

impl<'v> Members<'v> {
    fn of(value: &'v Value) -> Result<Self, Bad> {
        let object: &Map<String, Value> = value.as_object().ok_or(Bad)?;
        Ok(Self(object.iter().map(|(name, value)| (name.as_str(), value)).collect()))
    }

    fn take(&mut self, names: &[&str]) -> Option<&'v Value> {
        let place = self.0.iter().position(|(name, _)| names.contains(name))?;
        let (_, value) = self.0.swap_remove(place);
        (!value.is_null()).then_some(value)
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, Bad> {
        self.take(&[name]).map(|value| value.as_str().map(str::to_owned).ok_or(Bad)).transpose()
    }

    fn list(&mut self, name: &str) -> Result<&'v [Value], Bad> {
        self.take(&[name]).map_or(Ok(&[]), |value| value.as_array().map(Vec::as_slice).ok_or(Bad))
    }

    fn end(&self) -> Result<(), Bad> {
        if self.0.is_empty() { Ok(()) } else { Err(Bad) }
    }
}

/// An unsigned number as protobuf's JSON takes it: `3`, `"3"`, `3.0`, `1e1`.
fn number(value: &Value) -> Result<u64, Bad> {
    match value {
        Value::String(digits) => digits.parse().map_err(|_| Bad),
        Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            (Some(whole), _) => Ok(whole),
            (None, Some(float)) if float >= 0.0 && float.fract() == 0.0 && float < 9.0e15 => Ok(float as u64),
            _ => Err(Bad),
        },
        _ => Err(Bad),
    }
}
