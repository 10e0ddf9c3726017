//! The official SDKs, unmodified, through Envoy: text, streams, tools, errors of the right classes, a used-up budget.
pub mod bedrock;
mod carried;

mod everywhere;
pub mod gemini;
pub mod responses;
pub mod typescript;
mod vendor_types;

use std::path::PathBuf;
use std::process::Command;

use weir_integration::{fetch, matrix, process};

use crate::world::{ANTHROPIC_KEY, World};

pub const PARTS: &[&str] = &[
    "text",
    "cached",
    "stream",
    "stream_usage",
    "helper",
    "tools",
    "forced",
    "stream_tools",
    "image",
    "limits",
    "sampling",
    "structured",
    "reasoning",
    "errors",
    "error_in_stream",
    "bad_request",
    "unknown_model",
    "models",
];

/// What the Anthropic SDK does, whatever the provider.
const MESSAGES: &[&str] = &[
    "text",
    "stream",
    "tools",
    "forced",
    "stream_tools",
    "image",
    "limits",
    "structured",
    "errors",
    "error_in_stream",
    "bad_request",
    "unknown_model",
    "models",
];

/// What AWS's SDK does, whatever the provider.
const CONVERSE: &[&str] = &[
    "text",
    "stream",
    "tools",
    "forced",
    "stream_tools",
    "image",
    "document",
    "structured",
    "limits",
    "errors",
    "error_in_stream",
    "bad_request",
    "unknown_model",
    "unknown_action",
    "models",
];

/// Runs parts of the script; panics with its words if one fails.
pub fn run(base: &str, model: &str, parts: &[&str]) {
    run_with(&[], &[], base, model, parts);
}

/// The same with options of the script and more environment.
pub fn run_with(options: &[&str], environment: &[(&str, &str)], base: &str, model: &str, parts: &[&str]) {
    let mut command = Command::new(fetch::python::openai_sdk().unwrap_or_else(|trouble| panic!("{trouble}")));
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/chat.py")).args(options).envs(environment.iter().copied());
    script(command, "Python `openai`, chat", base, model, parts);
}

/// Runs parts of the Anthropic SDK's script.
pub fn run_messages(world: &World, model: &str, parts: &[&str]) {
    run_messages_with(&[], world, model, parts);
}

/// The same with options of the script; AWS's SDK is on its path.
fn run_messages_with(options: &[&str], world: &World, model: &str, parts: &[&str]) {
    let interpreter = |fetched: Result<PathBuf, weir_integration::trouble::Trouble>| fetched.unwrap_or_else(|trouble| panic!("{trouble}"));
    let mut command = Command::new(interpreter(fetch::python::anthropic_sdk()));
    if options.contains(&"--bedrock") {
        let home = interpreter(fetch::python::aws_sdk());
        let libraries = std::fs::read_dir(home.ancestors().nth(2).unwrap().join("lib")).unwrap();
        command.env("PYTHONPATH", libraries.map(|entry| entry.unwrap().path().join("site-packages")).find(|path| path.is_dir()).unwrap());
    }
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/messages.py")).args(options);
    let sdk = match options {
        [] => "Python `anthropic`",
        ["--vertex"] => "Python `anthropic`, for Vertex AI",
        _ => "Python `anthropic`, for Bedrock",
    };
    script(command, sdk, &format!("http://{}", world.gateway.listener), model, parts);
}

/// Lets the SDK of one format, in Python, talk with a model that nobody scripted.
pub fn talk(sdk: &str, base: &str, model: &str, parts: &[&str]) {
    let python = match sdk {
        "messages" => fetch::python::anthropic_sdk(),
        "gemini" => fetch::python::google_sdk(),
        "converse" => fetch::python::aws_sdk(),
        _ => fetch::python::openai_sdk(),
    };
    let mut command = Command::new(python.unwrap_or_else(|trouble| panic!("{trouble}")));
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/real.py")).arg(sdk);
    script(command, sdk, base, model, parts);
}

/// Runs parts of AWS's SDK's script, whose requests are signed.
pub fn run_converse(world: &World, model: &str, parts: &[&str]) {
    run_converse_with(&[], &format!("http://{}", world.gateway.listener), model, parts);
}

/// The same at any address with more environment.
pub fn run_converse_with(environment: &[(&str, &str)], base: &str, model: &str, parts: &[&str]) {
    let mut command = Command::new(fetch::python::aws_sdk().unwrap_or_else(|trouble| panic!("{trouble}")));
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/converse.py")).envs(environment.iter().copied());
    script(command, "Python `boto3`, `converse`", base, model, parts);
}

/// Runs parts of the script of AWS's SDK in the words of Claude models.
pub fn run_invoke(world: &World, model: &str, parts: &[&str]) {
    let mut command = Command::new(fetch::python::aws_sdk().unwrap_or_else(|trouble| panic!("{trouble}")));
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/invoke.py"));
    script(command, "Python `boto3`, `invoke_model`", &format!("http://{}", world.gateway.listener), model, parts);
}

/// Runs parts of the script of an SDK, and records that they were done.
fn script(mut command: Command, sdk: &str, base: &str, model: &str, parts: &[&str]) {
    let output = command.arg(base).arg(model).args(parts).output().unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{model}:\n{said}{wrong}");
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), parts.len(), "{said}");
    matrix::record(sdk, model, parts);
}

#[test]
fn to_openai() {
    let world = World::start("sdk", "");
    run(&format!("http://{}/v1", world.gateway.listener), "gpt", PARTS);
}

#[test]
fn to_anthropic() {
    let world = World::start("sdk", "");
    run(&format!("http://{}/v1", world.gateway.listener), "claude", PARTS);
}

#[test]
fn messages_to_anthropic() {
    let world = World::start("sdk", "");
    run_messages(&world, "claude", MESSAGES);
    run_messages(&world, "claude", &["count"]);
    for seen in world.anthropic.shared().take() {
        assert_eq!((seen.headers.value("x-api-key"), seen.headers.value("authorization")), (Some(ANTHROPIC_KEY), None));
    }
}

#[test]
fn messages_to_openai() {
    let world = World::start("sdk", "");
    run_messages(&world, "gpt", MESSAGES);
    run_messages(&world, "gpt", &["count"]);
    run_messages(&world, "chat-only", &["count_refused"]);
}

#[test]
fn converse_to_anthropic() {
    let world = World::start("sdk", "");
    run_converse(&world, "claude", CONVERSE);
    run_converse(&world, "claude", &["reasoning"]);
    for seen in world.anthropic.shared().take() {
        assert_eq!((seen.headers.value("x-api-key"), seen.headers.value("authorization")), (Some(ANTHROPIC_KEY), None));
        assert!(["x-amz-date", "x-amz-security-token", "amz-sdk-request"].iter().all(|name| seen.headers.value(name).is_none()));
    }
}

#[test]
fn converse_to_openai() {
    let world = World::start("sdk", "");
    run_converse(&world, "gpt", CONVERSE);
    run_converse(&world, "gpt", &["count", "count_body"]);
    run_converse(&world, "chat-only", &["count_refused"]);
}

#[test]
fn over_budget() {
    let port = process::free_port();
    let more = format!(
        "limits:\n  service: {{ endpoint: \"http://127.0.0.1:{port}/json\" }}\n  budgets: [ {{ name: all, key: [model], tokens: 200, per: hour }} ]\n"
    );
    let world = World::start("sdk", &more);
    let _limiter = world.gateway.limiter(&format!("127.0.0.1:{port}")).unwrap();
    for model in ["gpt", "claude"] {
        run(&format!("http://{}/v1", world.gateway.listener), model, &["over_budget"]);
    }
    run_converse(&world, "gpt", &["over_budget"]);
}
