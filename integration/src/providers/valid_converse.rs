//! What Bedrock refuses in a Converse request for a Claude model, so that a wrong translation fails here as it would there.
use serde_json::Value;

use super::messages::SIGNATURE;
use super::valid::{Checked, demand, list, name, object, only, range, refuse};
use crate::http::Request;

const TOP: &[&str] = &[
    "messages",
    "system",
    "inferenceConfig",
    "toolConfig",
    "guardrailConfig",
    "additionalModelRequestFields",
    "promptVariables",
    "additionalModelResponseFieldPaths",
    "requestMetadata",
    "performanceConfig",
    "serviceTier",
    "outputConfig",
];
/// The kinds of blocks and the members that each may have.
const BLOCKS: &[(&str, &[&str])] = &[
    ("image", &["format", "source"]),
    ("document", &["format", "name", "source", "context", "citations"]),
    ("video", &["format", "source"]),
    ("audio", &["format", "source"]),
    ("toolUse", &["toolUseId", "name", "input", "type"]),
    ("toolResult", &["toolUseId", "content", "status", "type"]),
    ("reasoningContent", &["reasoningText", "redactedContent"]),
    ("cachePoint", &["type", "ttl"]),
    ("guardContent", &["text", "image"]),
    ("citationsContent", &["content", "citations"]),
    ("searchResult", &["source", "title", "content", "citations"]),
];

/// The request's body, if Bedrock would take it.
pub fn check(request: &Request) -> Checked<Value> {
    let body = object(request)?;
    only(&body, TOP, "")?;
    inference(&body)?;
    let mut names = Vec::new();
    if !body["toolConfig"].is_null() {
        names = tools(&body["toolConfig"])?;
    }
    for (n, block) in body["system"].as_array().into_iter().flatten().enumerate() {
        let at = format!("system.{n}");
        demand(block["cachePoint"].is_object() || block["text"].as_str().is_some_and(|text| !text.trim().is_empty()), &at, "is blank")?;
    }
    messages(list(&body["messages"], "messages")?, !names.is_empty())?;
    let textual = &body["outputConfig"]["textFormat"];
    if !textual.is_null() {
        let schema = textual["structure"]["jsonSchema"]["schema"].as_str().unwrap_or_default();
        demand(serde_json::from_str::<Value>(schema).is_ok_and(|schema| schema.is_object()), "outputConfig.textFormat", "no JSON schema")?;
    }
    Ok(body)
}

fn inference(body: &Value) -> Checked {
    let config = &body["inferenceConfig"];
    if !config.is_null() {
        only(config, &["maxTokens", "temperature", "topP", "stopSequences"], "inferenceConfig")?;
        range(config, "maxTokens", 1.0, 1e9)?;
        range(config, "temperature", 0.0, 1.0)?;
        range(config, "topP", 0.0, 1.0)?;
    }
    let thinking = &body["additionalModelRequestFields"]["thinking"];
    if thinking["type"] == "enabled" {
        let budget = thinking["budget_tokens"].as_u64().unwrap_or_default();
        demand(budget >= 1024, "thinking.budget_tokens", "Input should be greater than or equal to 1024")?;
        demand(
            config["maxTokens"].as_u64().is_some_and(|most| most > budget),
            "max_tokens",
            "must be greater than thinking.budget_tokens",
        )?;
        demand(config["temperature"].is_null(), "temperature", "may only be set to 1 when thinking is enabled")?;
        let choice = &body["toolConfig"]["toolChoice"];
        demand(choice["any"].is_null() && choice["tool"].is_null(), "thinking", "may not be enabled when tool_choice forces tool use")?;
    }
    Ok(())
}

/// The names on offer.
fn tools(config: &Value) -> Checked<Vec<&str>> {
    only(config, &["tools", "toolChoice"], "toolConfig")?;
    let mut names = Vec::new();
    for tool in list(&config["tools"], "toolConfig.tools")? {
        if tool["cachePoint"].is_object() {
            continue;
        }
        only(tool, &["toolSpec"], "toolConfig.tools")?;
        let spec = &tool["toolSpec"];
        only(spec, &["name", "description", "inputSchema", "strict"], "toolSpec")?;
        name(&spec["name"], 64, "toolSpec.name")?;
        demand(spec["inputSchema"]["json"]["type"] == "object", "toolSpec.inputSchema.json.type", "must be object")?;
        demand(spec["description"].as_str().is_none_or(|text| !text.is_empty()), "toolSpec.description", "is blank")?;
        names.extend(spec["name"].as_str());
    }
    let choice = &config["toolChoice"];
    if !choice.is_null() {
        only(choice, &["auto", "any", "tool"], "toolConfig.toolChoice")?;
        let named = choice["tool"]["name"].as_str();
        demand(named.is_none_or(|named| names.contains(&named)), "toolConfig.toolChoice", "names no tool")?;
    }
    Ok(names)
}

fn messages(messages: &[Value], tools: bool) -> Checked {
    let mut owed: Vec<&Value> = Vec::new();
    let mut documents: Vec<&Value> = Vec::new();
    for (n, message) in messages.iter().enumerate() {
        let at = format!("messages.{n}");
        only(message, &["role", "content"], &at)?;
        let expected = if n % 2 == 0 { "user" } else { "assistant" };
        demand(
            message["role"] == expected,
            &at,
            "A conversation must alternate between user and assistant roles, and start with a user message",
        )?;
        let blocks = list(&message["content"], &at)?;
        for block in blocks {
            check_block(block, &at)?;
        }
        let inside = |member: &str| blocks.iter().map(|block| block[member].clone()).filter(|value| !value.is_null()).count();
        demand(
            tools || inside("toolUse") + inside("toolResult") == 0,
            "toolConfig",
            "must be defined when using toolUse and toolResult blocks",
        )?;
        let results: Vec<&Value> = blocks.iter().map(|block| &block["toolResult"]["toolUseId"]).filter(|id| !id.is_null()).collect();
        demand(
            results.len() == owed.len() && owed.iter().all(|id| results.contains(id)),
            &at,
            "Expected toolResult blocks for the toolUse blocks before",
        )?;
        owed = blocks.iter().map(|block| &block["toolUse"]["toolUseId"]).filter(|id| !id.is_null()).collect();
        for document in blocks.iter().map(|block| &block["document"]).filter(|document| !document.is_null()) {
            demand(!documents.contains(&&document["name"]), &at, "Messages can not contain duplicate document names")?;
            documents.push(&document["name"]);
            demand(blocks.iter().any(|block| block["text"].is_string()), &at, "A document needs a text block beside it")?;
        }
    }
    demand(messages.last().is_some_and(|last| last["role"] == "user"), "messages", "The model does not support assistant message prefill")
}

fn check_block(block: &Value, at: &str) -> Checked {
    let Some((kind, inside)) = block.as_object().filter(|members| members.len() == 1).and_then(|members| members.iter().next()) else {
        return refuse(format!("{at}: a content block has exactly one member"), at);
    };
    if kind == "text" {
        return demand(
            inside.as_str().is_some_and(|text| !text.trim().is_empty()),
            at,
            "The text field in the ContentBlock object is blank.",
        );
    }
    let Some((_, members)) = BLOCKS.iter().find(|(name, _)| name == kind) else {
        return refuse(format!("{at}: extraneous key [{kind}] is not permitted"), at);
    };
    only(inside, members, at)?;
    match kind.as_str() {
        "image" => {
            let known = ["png", "jpeg", "gif", "webp"].contains(&inside["format"].as_str().unwrap_or_default());
            demand(known && inside["source"]["bytes"].is_string(), at, "no image")
        }
        "toolUse" => {
            name(&inside["name"], 64, at)?;
            name(&inside["toolUseId"], 64, at)?;
            demand(
                inside["input"].is_object(),
                at,
                "The format of the value at toolUse.input is invalid. Provide a json object for the field",
            )
        }
        "toolResult" => {
            let kinds = ["text", "json", "image", "document", "video", "searchResult"];
            let blocks = inside["content"].as_array().cloned().unwrap_or_default();
            let single = |block: &Value| kinds.iter().filter(|kind| !block[**kind].is_null()).count() == 1;
            demand(blocks.iter().all(single), at, "a toolResult's block has exactly one member")
        }
        "reasoningContent" => {
            let signature = &inside["reasoningText"]["signature"];
            demand(inside["reasoningText"].is_null() || signature == SIGNATURE, at, "Invalid `signature` in `thinking` block")
        }
        _ => Ok(()),
    }
}
