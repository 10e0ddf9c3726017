//! Google's SDK, unmodified, to providers of each format, and every other SDK to a provider that speaks Gemini.
use std::process::Command;

use weir_integration::fetch;
use weir_integration::providers::{Provider, Vendor};

use super::{MESSAGES, PARTS, run, run_messages, script};
use crate::world::{ANTHROPIC_KEY, World, standard};

/// What Google's SDK does, whatever the provider.
pub const GEMINI: &[&str] =
    &["text", "stream", "tools", "forced", "image", "structured", "limits", "errors", "error_in_stream", "unknown_model", "models"];

/// A document with one more provider and its model `gem`.
pub fn with(google: &Provider, document: &str) -> String {
    let more = format!(
        "  google: {{ kind: gemini, endpoint: \"{}\", auth: {{ api_key: {{ env: TEST_ANTHROPIC_KEY }} }}, cooldown: {{ failures: 0 }} }}\nmodels:\n  - {{ name: gem, targets: [ {{ provider: google, model: gemini-3-flash }} ] }}\n",
        google.endpoint(Vendor::Google)
    );
    document.replace("models:\n", &more)
}

/// The standard world with that.
pub fn world(google: &Provider) -> World {
    World::with("sdk", |openai, anthropic| with(google, &standard(openai, anthropic)))
}

pub fn google() -> Provider {
    Provider::start(Vendor::Google, ANTHROPIC_KEY).unwrap()
}

/// Runs parts of the script of Google's SDK.
pub fn run_gemini(world: &World, model: &str, parts: &[&str]) {
    run_gemini_with(&[], world, model, parts);
}

/// The same with options of the script.
pub fn run_gemini_with(options: &[&str], world: &World, model: &str, parts: &[&str]) {
    let mut command = Command::new(fetch::python::google_sdk().unwrap_or_else(|trouble| panic!("{trouble}")));
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/gemini.py")).args(options);
    let sdk = if options.is_empty() { "Python `google-genai`" } else { "Python `google-genai`, for Vertex AI" };
    script(command, sdk, &format!("http://{}", world.gateway.listener), model, parts);
}

#[test]
fn to_google() {
    let google = google();
    let world = world(&google);
    run_gemini(&world, "gem", GEMINI);
    run_gemini(&world, "gem", &["reasoning", "count"]);
    for seen in google.shared().take() {
        assert_eq!(seen.headers.value("x-goog-api-key"), Some(ANTHROPIC_KEY));
    }
}

#[test]
fn to_the_others() {
    let google = google();
    let world = world(&google);
    for model in ["chat-only", "newer", "claude"] {
        run_gemini(&world, model, GEMINI);
    }
    for model in ["newer", "claude"] {
        run_gemini(&world, model, &["reasoning"]);
    }
}

#[test]
fn the_others_to_google() {
    let google = google();
    let world = world(&google);
    run(&format!("http://{}/v1", world.gateway.listener), "gem", PARTS);
    run_messages(&world, "gem", MESSAGES);
}
