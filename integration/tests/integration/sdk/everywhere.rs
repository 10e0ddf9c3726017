//! The rest of the table of SDKs and providers: what no other test holds, in one world with every kind of provider.
use weir_integration::providers::Provider;

use super::bedrock::{self, without_addresses};
use super::{
    CONVERSE, MESSAGES, PARTS, carried, gemini, responses, run, run_converse, run_invoke, run_messages, run_messages_with, typescript,
};
use crate::world::{World, standard};

/// All providers, and a gateway before them.
struct Everything {
    world: World,
    _others: [Provider; 4],
}

impl Everything {
    fn start() -> Self {
        let others = [gemini::google(), carried::vertex(), bedrock::bedrock(), bedrock::bedrock()];
        let world = World::with("sdk", |openai, anthropic| {
            let document = gemini::with(&others[0], &standard(openai, anthropic));
            let document = carried::with_vertex(&others[1], &document);
            carried::with_bedrock(&others[3], &bedrock::with(&others[2], &document))
        });
        Self { world, _others: others }
    }

    fn base(&self) -> String {
        format!("http://{}", self.world.gateway.listener)
    }

    /// The path that OpenAI's SDKs begin at.
    fn v1(&self) -> String {
        format!("{}/v1", self.base())
    }
}

/// What a provider of responses has: no texts that end an answer, and no sampling beside a temperature.
fn without_stops<'p>(parts: &[&'p str]) -> Vec<&'p str> {
    parts.iter().copied().filter(|part| *part != "limits").collect()
}

#[test]
fn openai_of_python() {
    let all = Everything::start();
    run(&all.v1(), "chat-only", PARTS);
    run(&all.v1(), "newer", &without_stops(PARTS));
    for model in ["gem", "sunny"] {
        responses::run(&all.v1(), model, responses::PARTS);
    }
    responses::run(&all.v1(), "cloudy", &without_addresses(responses::PARTS));
}

#[test]
fn anthropic_of_python() {
    let all = Everything::start();
    run_messages(&all.world, "chat-only", MESSAGES);
    run_messages(&all.world, "newer", &without_stops(MESSAGES));
    run_messages(&all.world, "sunny", MESSAGES);
    for model in ["claude", "newer", "gem", "sunny", "cloudy", "bed", "invoked"] {
        run_messages(&all.world, model, &["reasoning"]);
    }
    let parts = without_addresses(&carried::without_a_list(MESSAGES));
    for cloud in ["--vertex", "--bedrock"] {
        let parts: Vec<&str> =
            parts.iter().copied().filter(|part| cloud == "--vertex" || !matches!(*part, "bad_request" | "unknown_model")).collect();
        for model in ["chat-only", "gem", "sunny", "bed", "cloudy"] {
            run_messages_with(&[cloud], &all.world, model, &parts);
        }
        run_messages_with(&[cloud], &all.world, "newer", &without_stops(&parts));
        for model in ["claude", "newer", "gem", "sunny", "cloudy", "bed", "invoked"] {
            run_messages_with(&[cloud], &all.world, model, &["reasoning"]);
        }
    }
}

#[test]
fn boto3() {
    let all = Everything::start();
    run_converse(&all.world, "chat-only", CONVERSE);
    run_converse(&all.world, "newer", &without_stops(CONVERSE));
    for model in ["gem", "sunny", "cloudy"] {
        run_converse(&all.world, model, CONVERSE);
    }
    for model in ["gem", "sunny", "cloudy", "newer"] {
        run_converse(&all.world, model, &["reasoning"]);
    }
    for model in ["chat-only", "sunny", "cloudy", "bed"] {
        run_invoke(&all.world, model, carried::INVOKE);
    }
    for model in ["newer", "gem", "sunny", "cloudy", "bed"] {
        run_invoke(&all.world, model, &["reasoning"]);
    }
}

#[test]
fn google_genai() {
    let all = Everything::start();
    for model in ["gpt", "cloudy"] {
        gemini::run_gemini(&all.world, model, gemini::GEMINI);
    }
    for model in ["sunny", "cloudy"] {
        gemini::run_gemini(&all.world, model, &["reasoning"]);
    }
    for model in ["chat-only", "gem", "bed"] {
        gemini::run_gemini_with(&["--vertex"], &all.world, model, &carried::without_a_list(gemini::GEMINI));
    }
    for model in ["claude", "newer", "gem", "bed", "invoked"] {
        gemini::run_gemini_with(&["--vertex"], &all.world, model, &["reasoning"]);
    }
}

#[test]
fn typescript() {
    let all = Everything::start();
    for model in ["gpt", "gem", "sunny", "cloudy", "invoked"] {
        typescript::run("openai.cts", &all.v1(), model, typescript::CHAT);
        typescript::run("openai.cts", &all.v1(), model, typescript::RESPONSES);
        typescript::run("anthropic.cts", &all.base(), model, typescript::MESSAGES);
        typescript::run("genai.cts", &all.base(), model, &["text", "stream", "tools", "image", "structured", "errors"]);
    }
    for model in ["gem", "sunny", "cloudy", "invoked"] {
        typescript::run("anthropic.cts", &all.base(), model, &["reasoning"]);
        typescript::run("genai.cts", &all.base(), model, &["reasoning"]);
    }
}
