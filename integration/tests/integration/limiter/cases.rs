//! Runs `cases.json` against a service: each step is a call and what must come of it.
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use weir_integration::client::{Connection, Response};

/// The rules that the service must have.
pub const RULES: &str = include_str!("rules.yaml");
const CASES: &str = include_str!("cases.json");

/// Runs every case and tells all failures together. Each case has counters of its own: `{id}` stands for its number and `run`.
pub fn run(address: SocketAddr, run: &str) {
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    assert!(cases.len() > 20);
    let mut failures = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let id = format!("{run}{number}");
        for (place, step) in case["steps"].as_array().unwrap().iter().enumerate() {
            if let Err(what) = check(address, step, &id) {
                failures.push(format!("{}, step {}: {what}", case["name"], place + 1));
                break;
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn check(address: SocketAddr, step: &Value, id: &str) -> Result<(), String> {
    let body = match &step["raw"] {
        Value::String(raw) => raw.clone(),
        _ => step["send"].to_string().replace("{id}", id),
    };
    let method = step["method"].as_str().unwrap_or("POST");
    let mut connection = Connection::open(address).map_err(|error| error.to_string())?;
    let response = connection.request(method, "/json", &[("content-type", "application/json")], body.as_bytes());
    let response = match (response, step["closed"] == true) {
        (Err(_), true) => return Ok(()),
        (Ok(response), true) => return Err(format!("answered {} instead of closing", response.status)),
        (response, false) => response.map_err(|error| error.to_string())?,
    };
    if step["status"] != response.status {
        return Err(format!("status {} instead of {}: {}", response.status, step["status"], response.text()));
    }
    match step["statuses"].as_array() {
        Some(expected) => statuses(&response, expected),
        None => Ok(()),
    }
}

/// Compares what the answer says of each descriptor, written as `CODE REMAINING/LIMIT`, or `CODE none` where there is no rule.
fn statuses(response: &Response, expected: &[Value]) -> Result<(), String> {
    let answer = response.json();
    let found = answer["statuses"].as_array().ok_or("no statuses")?;
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    for status in found.iter().filter(|status| status["currentLimit"].is_object()) {
        window(status)?;
    }
    let word = |status: &Value| {
        let code = status["code"].as_str().unwrap_or("?");
        match &status["currentLimit"] {
            Value::Null => format!("{code} none"),
            limit => format!("{code} {}/{}", number(&status["limitRemaining"]), number(&limit["requestsPerUnit"])),
        }
    };
    let found: Vec<Value> = found.iter().map(|status| Value::from(word(status))).collect();
    let overall = if response.status == 429 { "OVER_LIMIT" } else { "OK" };
    if found == expected && answer["overallCode"] == overall { Ok(()) } else { Err(format!("{found:?} instead of {expected:?}")) }
}

/// The time to the end of a window that is aligned to 1970, in whole seconds.
fn window(status: &Value) -> Result<(), String> {
    const DAY: u64 = 86_400;
    let length = match status["currentLimit"]["unit"].as_str() {
        Some("HOUR") => 3_600,
        Some("DAY") => DAY,
        Some("WEEK") => 7 * DAY,
        Some("MONTH") => 30 * DAY,
        Some("YEAR") => 365 * DAY,
        other => return Err(format!("unit {other:?}")),
    };
    let told = status["durationUntilReset"].as_str().and_then(|text| text.strip_suffix('s')?.parse::<u64>().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let left = length - now % length;
    // The answer is a moment old.
    match told {
        Some(told) if told >= left && told <= left + 5 => Ok(()),
        other => Err(format!("window ends in {other:?}, should be {left} s")),
    }
}
