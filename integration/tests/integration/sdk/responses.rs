//! The official OpenAI SDK's Responses, unmodified, through Envoy to providers of every format.
use std::process::Command;

use weir_integration::fetch;

use super::script;
use crate::world::World;

/// What the SDK does, whatever the provider.
pub const PARTS: &[&str] = &[
    "text",
    "items",
    "stream",
    "helper",
    "tools",
    "forced",
    "stream_tools",
    "image",
    "limits",
    "structured",
    "thinking",
    "state",
    "errors",
    "error_in_stream",
    "hang_up",
];

/// Runs parts of the script.
pub fn run(base: &str, model: &str, parts: &[&str]) {
    let python = fetch::python::openai_sdk().unwrap_or_else(|trouble| panic!("{trouble}"));
    let script_file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/responses.py");
    let mut command = Command::new(python);
    command.arg(script_file);
    script(command, "Python `openai`, responses", base, model, parts);
}

#[test]
fn the_sdk_talks_to_every_provider() {
    let world = World::start("responses", "");
    let base = format!("http://{}/v1", world.gateway.listener);
    for model in ["gpt", "newer", "claude", "chat-only"] {
        run(&base, model, PARTS);
    }
    for model in ["gpt", "newer", "claude"] {
        run(&base, model, &["count"]);
    }
    run(&base, "chat-only", &["count_refused"]);
    run(&base, "claude", &["bad_request", "unknown_model"]);
    run(&format!("http://{}/openai/v1", world.gateway.listener), "gpt", &["text", "stream"]);
}
