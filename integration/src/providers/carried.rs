//! Anthropic's format as two clouds carry it: what of a request stands in the path, what they refuse in the body, and how they frame a stream.
use serde_json::{Value, json};
use weir_core::base64;
use weir_core::framing::event_stream::write_event;

use super::valid::{Checked, demand, object};
use super::valid_messages;
use crate::http::Request;

/// A flag that Bedrock takes; any other one is an error there.
const BETA: &str = "context-1m-2025-08-07";

/// What a path of a project's says: publisher, model and method.
pub fn called(path: &str) -> Option<(&str, &str, &str)> {
    let (publisher, named) = path.strip_prefix("/v1/projects/acme/locations/us-east5/publishers/")?.split_once("/models/")?;
    let (model, method) = named.rsplit_once(':')?;
    Some((publisher, model, method))
}

/// A request by `rawPredict` as Anthropic would have got it, if Vertex AI would take it.
pub fn by_predict(request: &Request, model: &str, stream: bool) -> Checked<Value> {
    let mut body = object(request)?;
    demand(body["model"].is_null(), "model", "Extra inputs are not permitted")?;
    demand((body["stream"] == true) == stream, "stream", "the path says otherwise")?;
    check(&mut body, model, "vertex-2023-10-16")?;
    Ok(body)
}

/// A request by `invoke` as Anthropic would have got it, if Bedrock would take it.
pub fn by_invoke(request: &Request, model: &str, stream: bool) -> Checked<Value> {
    let mut body = object(request)?;
    for member in ["model", "stream"] {
        demand(body[member].is_null(), member, "extraneous key is not permitted")?;
    }
    demand(body["anthropic_beta"].as_array().into_iter().flatten().all(|flag| flag == BETA), "anthropic_beta", "invalid beta flag")?;
    body["stream"] = json!(stream);
    check(&mut body, model, "bedrock-2023-05-31")?;
    Ok(body)
}

fn check(body: &mut Value, model: &str, version: &str) -> Checked {
    demand(!body.to_string().contains(r#"{"type":"url""#), "messages", "URL sources are not supported")?;
    let members = body.as_object_mut().map(std::mem::take).unwrap_or_default();
    let given = members.get("anthropic_version").and_then(Value::as_str).unwrap_or_default().to_owned();
    demand([version, "2026-10-21"].contains(&&*given), "anthropic_version", "Field required")?;
    *body = members.into_iter().filter(|(name, _)| !name.starts_with("anthropic_")).collect();
    body["model"] = json!(model);
    valid_messages::check_body(body, if given == version { "2023-06-01" } else { &given })
}

/// Anthropic's events as Bedrock frames them.
pub fn chunks(events: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let data = |event: &Vec<u8>| String::from_utf8_lossy(event).split_once("data: ").map(|(_, data)| data.trim_end().to_owned());
    let framed = |data: String| {
        let mut bytes = Vec::new();
        write_event("chunk", json!({"bytes": base64::encode(data.as_bytes()), "p": "abcdefgh"}).to_string().as_bytes(), &mut bytes);
        bytes
    };
    events.iter().filter_map(data).map(framed).collect()
}
