//! Every SDK to a provider that speaks Converse and takes signed requests alone, and AWS's own SDK to that provider without a gateway.
use weir_integration::providers::{Provider, Vendor};

use super::{CONVERSE, MESSAGES, PARTS, gemini, responses, run, run_converse, run_converse_with, run_messages};
use crate::world::{AWS_KEY, World, standard};

/// The key with which AWS's SDK signs in its script.
const CLIENT_KEY: &str = "AKIACLIENTKEY:client-secret:client-session";
const MODEL: &str = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";

/// A simulated Bedrock whose requests the gateway signs.
pub fn bedrock() -> Provider {
    Provider::start(Vendor::Amazon, AWS_KEY).unwrap()
}

/// A document with one more provider and its models: `bed`, and `sure` that goes on to the standard document's OpenAI.
pub fn with(bedrock: &Provider, document: &str) -> String {
    let target = format!("{{ provider: bedrock, model: \"{MODEL}\" }}");
    let more = format!(
        "  bedrock: {{ kind: bedrock, region: eu-central-1, endpoint: \"{}\", speaks: [converse], auth: {{ aws: {{}} }}, cooldown: {{ failures: 0 }} }}\n\
         models:\n  - {{ name: bed, targets: [ {target} ] }}\n  - {{ name: sure, targets: [ {target}, {{ provider: openai, model: gpt-5, priority: 1 }} ] }}\n",
        bedrock.endpoint(Vendor::Amazon)
    );
    document.replace("models:\n", &more)
}

/// The standard world with that.
pub fn world(bedrock: &Provider) -> World {
    World::with("sdk", |openai, anthropic| with(bedrock, &standard(openai, anthropic)))
}

/// What Bedrock has no way for, and what stands in its place.
pub fn without_addresses<'p>(parts: &[&'p str]) -> Vec<&'p str> {
    parts.iter().map(|part| if *part == "image" { "image_bytes" } else { part }).collect()
}

#[test]
fn the_simulation_is_what_its_own_sdk_takes_it_for() {
    let bedrock = Provider::start(Vendor::Amazon, CLIENT_KEY).unwrap();
    let parts = ["text", "stream", "tools", "forced", "stream_tools", "image", "document", "structured", "limits", "reasoning", "count"];
    run_converse_with(&[], &bedrock.endpoint(Vendor::Amazon), MODEL, &parts);
    assert!(bedrock.shared().take().len() > parts.len());
}

#[test]
fn converse_to_bedrock() {
    let bedrock = bedrock();
    let world = world(&bedrock);
    // A provider of the client's own format takes what other formats have no word for.
    run_converse(&world, "bed", &CONVERSE.iter().copied().filter(|part| *part != "bad_request").collect::<Vec<_>>());
    run_converse(&world, "bed", &["reasoning", "count"]);
}

#[test]
fn the_other_sdks_of_python_to_bedrock() {
    let bedrock = bedrock();
    let world = world(&bedrock);
    let base = format!("http://{}/v1", world.gateway.listener);
    run(&base, "bed", &without_addresses(PARTS));
    run_messages(&world, "bed", &without_addresses(MESSAGES));
    responses::run(&base, "bed", &without_addresses(responses::PARTS));
    gemini::run_gemini(&world, "bed", gemini::GEMINI);
    gemini::run_gemini(&world, "bed", &["reasoning", "count"]);
    run_messages(&world, "bed", &["count"]);
    responses::run(&base, "bed", &["count"]);
    for seen in bedrock.shared().take() {
        let names: Vec<&str> = seen.headers.0.iter().map(|(name, _)| &**name).filter(|name| name.starts_with("x-amz-")).collect();
        assert_eq!(names, ["x-amz-content-sha256", "x-amz-security-token", "x-amz-date"]);
    }
}
