//! The small checks from which both vendors' validation is made.
use serde_json::Value;

use super::Refusal;
use crate::http::Request;

pub type Checked<T = ()> = Result<T, Refusal>;

/// A refusal with 400.
pub fn refuse<T>(message: impl Into<String>, param: &str) -> Checked<T> {
    Err(Refusal { status: 400, message: message.into(), param: (!param.is_empty()).then(|| param.to_owned()) })
}

/// Refuses unless `holds`.
pub fn demand(holds: bool, param: &str, message: &str) -> Checked {
    if holds { Ok(()) } else { refuse(format!("{param}: {message}"), param) }
}

/// The body of a request that says it is JSON and is a JSON object. A length that does not fit would have hung or been cut before.
pub fn object(request: &Request) -> Checked<Value> {
    let content_type = request.headers.value("content-type").unwrap_or_default();
    if !content_type.starts_with("application/json") {
        return refuse(format!("content-type must be application/json, not {content_type:?}"), "");
    }
    match serde_json::from_slice::<Value>(&request.body) {
        Ok(body) if body.is_object() => Ok(body),
        Ok(_) => refuse("the body must be a JSON object", ""),
        Err(error) => refuse(format!("We could not parse the JSON body of your request: {error}"), ""),
    }
}

/// Refuses any member that the vendor does not know.
pub fn only(value: &Value, known: &[&str], at: &str) -> Checked {
    let Some(object) = value.as_object() else { return refuse(format!("{at}: must be an object"), at) };
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(unknown) => refuse(format!("{at}{}{unknown}: Extra inputs are not permitted", if at.is_empty() { "" } else { "." }), unknown),
        None => Ok(()),
    }
}

/// A number within a range, where it is given.
pub fn range(body: &Value, name: &str, low: f64, high: f64) -> Checked {
    match &body[name] {
        Value::Null => Ok(()),
        value => demand(value.as_f64().is_some_and(|number| (low..=high).contains(&number)), name, "number out of range"),
    }
}

/// The name of a tool: letters, digits, `_` and `-`, at most `most`.
pub fn name(value: &Value, most: usize, at: &str) -> Checked {
    let fits =
        |name: &str| !name.is_empty() && name.len() <= most && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    demand(value.as_str().is_some_and(fits), at, "not a valid name")
}

/// A non-empty list.
pub fn list<'v>(value: &'v Value, at: &str) -> Checked<&'v Vec<Value>> {
    match value.as_array() {
        Some(list) if !list.is_empty() => Ok(list),
        _ => refuse(format!("{at}: must be a list with at least one element"), at),
    }
}
