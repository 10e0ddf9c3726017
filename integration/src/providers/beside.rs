//! Endpoints beside the conversation: what clients list, upload, embed and count.
use serde_json::Value;

use super::Vendor;
use crate::http::Request;

/// The answer, where a vendor has such an endpoint.
pub fn answer(vendor: Vendor, request: &Request, path: &str) -> Option<Value> {
    let model = |id: &str| match vendor {
        Vendor::OpenAi => serde_json::json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "sim"}),
        Vendor::Anthropic => serde_json::json!({"type": "model", "id": id, "display_name": id, "created_at": "2026-01-01T00:00:00Z"}),
        Vendor::Amazon => serde_json::json!({"modelId": id}),
        Vendor::Google | Vendor::Vertex => serde_json::json!({"name": format!("models/{id}"), "version": "001", "displayName": id}),
    };
    match (vendor, request.method.as_str(), path) {
        (Vendor::OpenAi, "GET", "/v1/models") => Some(serde_json::json!({"object": "list", "data": [model("gpt-5")]})),
        (Vendor::Anthropic, "GET", "/v1/models") => Some(serde_json::json!({"data": [model("claude-sonnet-5")], "has_more": false})),
        (Vendor::OpenAi, "GET", "/v1/files") => Some(serde_json::json!({"object": "list", "data": []})),
        (Vendor::OpenAi, "POST", "/v1/embeddings") => {
            Some(serde_json::json!({"object": "list", "model": request.json()["model"], "usage": {"prompt_tokens": 2, "total_tokens": 2},
                "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}]}))
        }
        (Vendor::OpenAi, "POST", "/v1/responses/input_tokens") => {
            let takes = ["model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning"];
            Some(serde_json::json!({"object": "response.input_tokens", "input_tokens": count(&request.json(), &takes)?}))
        }
        // vLLM's, beside its versions.
        (Vendor::OpenAi, "POST", "/tokenize") => {
            let count = count(&request.json(), &["model", "messages", "tools", "add_generation_prompt"])?;
            Some(serde_json::json!({"count": count, "max_model_len": 4096, "tokens": vec![7; count]}))
        }
        (Vendor::Google, "GET", "/v1beta/models") => Some(serde_json::json!({"models": [model("gemini-3-flash")]})),
        (Vendor::Vertex, "POST", path) if path.ends_with("/count-tokens:rawPredict") => {
            let takes =
                ["model", "anthropic_version", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control"];
            let body = request.json();
            let taken = body["model"].is_string() && body["anthropic_version"].is_string();
            Some(serde_json::json!({"input_tokens": count(&body, &takes).filter(|_| taken)?}))
        }
        (Vendor::Google | Vendor::Vertex, "POST", path) if path.ends_with(":countTokens") => {
            let body = request.json();
            let takes = ["model", "contents", "systemInstruction", "tools", "toolConfig", "generationConfig"];
            let whole = &body["generateContentRequest"];
            Some(serde_json::json!({"totalTokens": count(if whole.is_null() { &body } else { whole }, &takes)?}))
        }
        (Vendor::Anthropic, "POST", "/v1/messages/count_tokens") => {
            let takes = ["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control"];
            Some(serde_json::json!({"input_tokens": count(&request.json(), &takes)?}))
        }
        (Vendor::Amazon, "POST", path) if path.ends_with("/count-tokens") => {
            let takes = ["messages", "system", "toolConfig", "additionalModelRequestFields"];
            Some(serde_json::json!({"inputTokens": count(&request.json()["input"]["converse"], &takes)?}))
        }
        _ => None,
    }
}

/// A number that grows with what is counted; `None` where that has a member which an operation that counts does not take.
fn count(body: &Value, takes: &[&str]) -> Option<usize> {
    let takes_all = body.as_object()?.keys().all(|name| takes.contains(&name.as_str()));
    takes_all.then(|| body.to_string().len() / 4)
}
