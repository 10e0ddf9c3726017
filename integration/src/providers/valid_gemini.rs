//! What Google refuses in a `generateContent` request, so that a wrong translation fails here as it would there.
use serde_json::Value;

use super::gemini::SIGNATURE;
use super::valid::{Checked, demand, list, object, only, range, refuse};
use crate::http::Request;

const TOP: &[&str] = &[
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "generationConfig",
    "safetySettings",
    "cachedContent",
    "labels",
    "serviceTier",
];
const CONFIG: &[&str] = &[
    "temperature",
    "topP",
    "topK",
    "candidateCount",
    "maxOutputTokens",
    "stopSequences",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseLogprobs",
    "logprobs",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "response_json_schema",
    "responseModalities",
    "thinkingConfig",
    "speechConfig",
    "mediaResolution",
];
const PART: &[&str] = &[
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "thought",
    "thoughtSignature",
    "videoMetadata",
    "mediaResolution",
];

/// The request's body, if Google would take it.
pub fn check(request: &Request) -> Checked<Value> {
    let body = object(request)?;
    only(&body, TOP, "")?;
    let config = &body["generationConfig"];
    if !config.is_null() {
        only(config, CONFIG, "generationConfig")?;
        range(config, "temperature", 0.0, 2.0)?;
        range(config, "topP", 0.0, 1.0)?;
        range(config, "candidateCount", 1.0, 8.0)?;
        range(config, "maxOutputTokens", 1.0, 1e9)?;
        let stops = config["stopSequences"].as_array().map_or(0, Vec::len);
        demand(stops <= 5, "generationConfig.stopSequences", "at most 5")?;
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        for function in tool["functionDeclarations"].as_array().into_iter().flatten() {
            only(
                function,
                &[
                    "name",
                    "description",
                    "parameters",
                    "parametersJsonSchema",
                    "parameters_json_schema",
                    "response",
                    "responseJsonSchema",
                    "behavior",
                ],
                "tools",
            )?;
            demand(function["name"].as_str().is_some_and(is_name), "tools[].functionDeclarations[].name", "Invalid function name")?;
        }
    }
    if !body["systemInstruction"].is_null() {
        content(&body["systemInstruction"], "systemInstruction")?;
    }
    let mut owed = 0;
    for (n, turn) in list(&body["contents"], "contents")?.iter().enumerate() {
        let at = format!("contents[{n}]");
        demand(["user", "model"].contains(&turn["role"].as_str().unwrap_or("user")), &at, "Please use a valid role: user, model.")?;
        content(turn, &at)?;
        let count = |member: &str| turn["parts"].as_array().into_iter().flatten().filter(|part| part[member].is_object()).count();
        demand(count("functionResponse") == owed, &at, "function response parts must equal the function call parts of the turn before")?;
        owed = count("functionCall");
    }
    Ok(body)
}

fn content(content: &Value, at: &str) -> Checked {
    only(content, &["role", "parts"], at)?;
    for part in list(&content["parts"], at)? {
        only(part, PART, at)?;
        let payloads = ["text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult"];
        demand(
            payloads.iter().filter(|name| !part[**name].is_null()).count() == 1,
            at,
            "required oneof field 'data' must have one initialized field",
        )?;
        let signature = &part["thoughtSignature"];
        // Calls of another model's come without a signature of Google's; these words stand in its place.
        if !(signature.is_null() || signature == SIGNATURE || signature == "skip_thought_signature_validator") {
            return refuse(format!("{at}: Thought signature is not valid."), at);
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.:-".contains(c))
}
