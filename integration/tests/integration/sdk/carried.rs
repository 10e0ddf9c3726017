//! SDKs to models that clouds carry: of two makers on Vertex AI, of Anthropic on Bedrock; and Anthropic's clients for both to every provider.
use weir_integration::providers::{Provider, Vendor};

use super::bedrock::{self, without_addresses};
use super::{CONVERSE, MESSAGES, PARTS, gemini, responses, run, run_converse, run_invoke, run_messages, run_messages_with};
use crate::world::{ANTHROPIC_KEY, World, standard};

/// The standard world with one more provider and its models.
fn world(vertex: &Provider) -> World {
    World::with("sdk", |openai, anthropic| with_vertex(vertex, &standard(openai, anthropic)))
}

/// A document with that.
pub(super) fn with_vertex(vertex: &Provider, document: &str) -> String {
    let more = format!(
        "  vertex: {{ kind: vertex, project: acme, location: us-east5, endpoint: \"{}\", auth: {{ bearer: {{ env: TEST_ANTHROPIC_KEY }} }}, cooldown: {{ failures: 0 }} }}\nmodels:\n  - {{ name: cloudy, targets: [ {{ provider: vertex, model: \"claude-sonnet-4@20250514\" }} ] }}\n  - {{ name: sunny, targets: [ {{ provider: vertex, model: gemini-3-flash }} ] }}\n",
        vertex.endpoint(Vendor::Vertex)
    );
    document.replace("models:\n", &more)
}

pub(super) fn vertex() -> Provider {
    Provider::start(Vendor::Vertex, ANTHROPIC_KEY).unwrap()
}

/// What this client has no method for.
pub(super) fn without_a_list<'p>(parts: &[&'p str]) -> Vec<&'p str> {
    parts.iter().copied().filter(|part| *part != "models").collect()
}

#[test]
fn sdks_to_vertex() {
    let vertex = vertex();
    let world = world(&vertex);
    let base = format!("http://{}/v1", world.gateway.listener);
    run_messages(&world, "cloudy", &without_addresses(MESSAGES));
    run_messages(&world, "cloudy", &["count"]);
    run(&base, "cloudy", &without_addresses(PARTS));
    run_converse(&world, "cloudy", &["text", "stream", "tools", "stream_tools", "errors", "error_in_stream"]);
    let seen = vertex.shared().take();
    assert!(seen.iter().all(|request| request.path().contains("/publishers/anthropic/models/")));
    for request in &seen {
        assert_eq!(request.headers.value("authorization"), Some(&*format!("Bearer {ANTHROPIC_KEY}")));
        assert_eq!([request.headers.value("x-api-key"), request.headers.value("anthropic-version")], [None, None]);
    }
    gemini::run_gemini(&world, "sunny", gemini::GEMINI);
    run(&base, "sunny", PARTS);
    assert!(vertex.shared().take().iter().all(|request| request.path().contains("/publishers/google/models/")));
}

#[test]
fn anthropics_client_for_vertex() {
    let vertex = vertex();
    let world = world(&vertex);
    let parts = without_a_list(MESSAGES);
    run_messages_with(&["--vertex"], &world, "claude", &parts);
    run_messages_with(&["--vertex"], &world, "claude", &["count"]);
    run_messages_with(&["--vertex"], &world, "gpt", &parts);
    run_messages_with(&["--vertex"], &world, "cloudy", &without_addresses(&parts));
    run_messages_with(&["--vertex"], &world, "cloudy", &["count"]);
    for seen in [&world.openai, &world.anthropic, &vertex].into_iter().flat_map(|provider| provider.shared().take()) {
        assert!(!format!("{:?}", seen.headers).contains("token-of-the-client"), "{:?}", seen.headers);
    }
}

#[test]
fn anthropics_client_for_bedrock() {
    let bedrock = bedrock::bedrock();
    let world = bedrock_world(&bedrock);
    let parts = ["text", "stream", "tools", "forced", "stream_tools", "image_bytes", "limits", "structured", "errors", "error_in_stream"];
    for model in ["claude", "gpt", "invoked"] {
        run_messages_with(&["--bedrock"], &world, model, &parts);
    }
    for seen in [&world.openai, &world.anthropic, &bedrock].into_iter().flat_map(|provider| provider.shared().take()) {
        assert!(!format!("{:?}", seen.headers).contains("of-the-client"), "{:?}", seen.headers);
    }
}

/// What AWS's SDK does in the words of Claude models, whatever the provider.
pub(super) const INVOKE: &[&str] =
    &["text", "stream", "tools", "forced", "image", "limits", "betas", "structured", "errors", "error_in_stream", "unknown_model"];

#[test]
fn aws_client_in_the_words_of_claude() {
    let (bedrock, google) = (bedrock::bedrock(), gemini::google());
    let world = World::with("sdk", |openai, anthropic| gemini::with(&google, &with_bedrock(&bedrock, &standard(openai, anthropic))));
    for model in ["invoked", "claude", "gpt", "gem"] {
        run_invoke(&world, model, INVOKE);
    }
    // Responses has no sequences that end an answer.
    run_invoke(&world, "newer", &INVOKE.iter().copied().filter(|part| *part != "limits").collect::<Vec<_>>());
    for model in ["invoked", "claude"] {
        run_invoke(&world, model, &["reasoning"]);
    }
    run_invoke(&world, "gpt", &["bad_request"]);
    for seen in [&world.openai, &world.anthropic, &bedrock, &google].into_iter().flat_map(|provider| provider.shared().take()) {
        let headers = format!("{:?}", seen.headers);
        assert!(!headers.contains("AKIACLIENTKEY") && !headers.contains("client-session"), "{headers}");
    }
}

#[test]
fn googles_client_for_vertex() {
    let (vertex, bedrock) = (vertex(), bedrock::bedrock());
    let world = World::with("sdk", |openai, anthropic| with_bedrock(&bedrock, &with_vertex(&vertex, &standard(openai, anthropic))));
    let parts = without_a_list(gemini::GEMINI);
    for model in ["sunny", "cloudy", "claude", "gpt", "newer", "invoked"] {
        gemini::run_gemini_with(&["--vertex"], &world, model, &parts);
    }
    for model in ["sunny", "cloudy"] {
        gemini::run_gemini_with(&["--vertex"], &world, model, &["reasoning", "count"]);
    }
    for seen in [&world.openai, &world.anthropic, &vertex, &bedrock].into_iter().flat_map(|provider| provider.shared().take()) {
        assert!(!format!("{:?}", seen.headers).contains("token-of-the-client"), "{:?}", seen.headers);
    }
}

/// The standard world with a Bedrock and its model `invoked`.
fn bedrock_world(bedrock: &Provider) -> World {
    World::with("sdk", |openai, anthropic| with_bedrock(bedrock, &standard(openai, anthropic)))
}

/// A document with that.
pub(super) fn with_bedrock(bedrock: &Provider, document: &str) -> String {
    let model = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
    let more = format!(
        "  claudes: {{ kind: bedrock, region: eu-central-1, endpoint: \"{}\", auth: {{ aws: {{}} }}, cooldown: {{ failures: 0 }} }}\nmodels:\n  - {{ name: invoked, targets: [ {{ provider: claudes, model: \"{model}\" }} ] }}\n",
        bedrock.endpoint(Vendor::Amazon)
    );
    document.replace("models:\n", &more)
}

/// A Claude model on Bedrock is asked in Anthropic's format by all but AWS's own SDK, unless the document says otherwise.
#[test]
fn sdks_to_claude_on_bedrock() {
    let bedrock = bedrock::bedrock();
    let world = bedrock_world(&bedrock);
    let base = format!("http://{}/v1", world.gateway.listener);
    run(&base, "invoked", &without_addresses(PARTS));
    run_messages(&world, "invoked", &without_addresses(MESSAGES));
    run_messages(&world, "invoked", &["count"]);
    run_messages_with(&["--vertex"], &world, "invoked", &without_addresses(&without_a_list(MESSAGES)));
    responses::run(&base, "invoked", &without_addresses(responses::PARTS));
    gemini::run_gemini(&world, "invoked", gemini::GEMINI);
    gemini::run_gemini(&world, "invoked", &["reasoning"]);
    let called = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let methods: Vec<String> = bedrock.shared().take().iter().map(|request| called(request.path())).collect();
    let known = ["invoke", "invoke-with-response-stream", "count-tokens"];
    assert!(methods.iter().all(|method| known.contains(&&**method)), "{methods:?}");
    run_converse(&world, "invoked", &CONVERSE.iter().copied().filter(|part| *part != "bad_request").collect::<Vec<_>>());
    run_converse(&world, "invoked", &["reasoning"]);
    assert!(bedrock.shared().take().iter().all(|request| called(request.path()).starts_with("converse")));
}
