//! The official TypeScript SDKs, unmodified, through Envoy: a conversation with each provider.
use std::process::Command;

use weir_integration::fetch;

use super::{bedrock, gemini, script};
use crate::world::World;

pub(super) const CHAT: &[&str] = &["text", "stream", "tools", "image", "structured", "reasoning", "errors"];
pub(super) const RESPONSES: &[&str] = &[
    "responses_text",
    "responses_stream",
    "responses_tools",
    "responses_image",
    "responses_structured",
    "responses_reasoning",
    "responses_errors",
];
pub(super) const MESSAGES: &[&str] = &["text", "stream", "tools", "image", "structured", "errors"];
/// Models of the standard document whose providers speak one format each: chat, responses, messages.
const MODELS: &[&str] = &["chat-only", "newer", "claude"];

pub(super) fn run(file: &str, base: &str, model: &str, parts: &[&str]) {
    let sdk = match file {
        "openai.cts" if parts.iter().any(|part| part.starts_with("responses_")) => "TypeScript `openai`, responses",
        "openai.cts" => "TypeScript `openai`, chat",
        "anthropic.cts" => "TypeScript `@anthropic-ai/sdk`",
        _ => "TypeScript `@google/genai`",
    };
    script(node(file), sdk, base, model, parts);
}

/// Lets the SDK of one format talk with a model that nobody scripted.
pub fn talk(sdk: &str, base: &str, model: &str, parts: &[&str]) {
    let mut command = node("real.cts");
    command.arg(sdk);
    script(command, sdk, base, model, parts);
}

fn node(file: &str) -> Command {
    let tools = fetch::node::binary().and_then(|node| Ok((node, fetch::node::sdks()?)));
    let (node, modules) = tools.unwrap_or_else(|trouble| panic!("{trouble}"));
    let mut command = Command::new(node);
    command.env("NODE_PATH", modules).arg(format!("{}/tests/sdk/{file}", env!("CARGO_MANIFEST_DIR")));
    command
}

#[test]
fn openai_chat() {
    let world = World::start("sdk", "");
    for model in MODELS {
        run("openai.cts", &format!("http://{}/v1", world.gateway.listener), model, CHAT);
    }
}

#[test]
fn openai_responses() {
    let world = World::start("sdk", "");
    for model in ["newer", "claude"] {
        run("openai.cts", &format!("http://{}/v1", world.gateway.listener), model, RESPONSES);
    }
    // A provider of chat tells no thoughts.
    let parts: Vec<&str> = RESPONSES.iter().copied().filter(|part| *part != "responses_reasoning").collect();
    run("openai.cts", &format!("http://{}/v1", world.gateway.listener), "chat-only", &parts);
}

#[test]
fn anthropic() {
    let world = World::start("sdk", "");
    for model in MODELS {
        run("anthropic.cts", &format!("http://{}", world.gateway.listener), model, MESSAGES);
    }
    // A provider of chat doesn't tell its thoughts.
    for model in ["newer", "claude"] {
        run("anthropic.cts", &format!("http://{}", world.gateway.listener), model, &["reasoning"]);
    }
}

#[test]
fn google() {
    let google = gemini::google();
    let world = gemini::world(&google);
    let base = format!("http://{}", world.gateway.listener);
    for model in ["chat-only", "newer", "claude", "gem"] {
        run("genai.cts", &base, model, &["text", "stream", "tools", "image", "structured", "errors"]);
    }
    for model in ["newer", "claude", "gem"] {
        run("genai.cts", &base, model, &["reasoning"]);
    }
}

#[test]
fn all_to_bedrock() {
    let bedrock = bedrock::bedrock();
    let world = bedrock::world(&bedrock);
    let base = format!("http://{}", world.gateway.listener);
    for parts in [CHAT, RESPONSES] {
        run("openai.cts", &format!("{base}/v1"), "bed", parts);
    }
    run("anthropic.cts", &base, "bed", MESSAGES);
    run("anthropic.cts", &base, "bed", &["reasoning"]);
    run("genai.cts", &base, "bed", &["text", "stream", "tools", "image", "structured", "errors", "reasoning"]);
}
