//! Operations beside the conversation, and the table of methods, paths, headers and ends.
use serde_json::json;
use weir_integration::client::Response;

use weir_integration::gateway::Settings;
use weir_integration::providers::{Provider, Vendor};

use crate::world::{ANTHROPIC_KEY, CHAT, OPENAI_KEY, World, ask, said, settings, standard};

fn get(world: &World, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    world.gateway.connect().request(method, path, headers, b"").unwrap()
}

#[test]
fn models_are_listed_and_health_is_told() {
    let world = World::start("operations", "");
    let list = get(&world, "GET", "/v1/models", &[]);
    assert_eq!(list.status, 200, "{}", list.text());
    let list = list.json();
    assert_eq!(list["object"], "list");
    let ids: Vec<&str> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"gpt") && ids.contains(&"claude") && ids.contains(&"smart"), "{ids:?}");
    assert!(!ids.iter().any(|id| id.contains('*')), "{ids:?}");
    assert_eq!(get(&world, "GET", "/healthz", &[]).status, 200);
    assert!(world.openai.shared().take().is_empty() && world.anthropic.shared().take().is_empty());
}

#[test]
fn endpoints_pass_with_the_credential_and_nothing_else_does() {
    let world = World::start("operations", "");
    let files = get(&world, "GET", "/v1/files?limit=2", &[("authorization", "Bearer client")]);
    assert_eq!(files.status, 200, "{}", files.text());
    let embeddings = world.gateway.connect().post("/v1/embeddings", &json!({"model": "text-embedding-3", "input": "x"})).unwrap();
    assert_eq!(embeddings.status, 200, "{}", embeddings.text());
    let seen = world.openai.shared().take();
    assert_eq!(seen[0].target, "/v1/files?limit=2");
    assert_eq!(seen[1].json()["input"], "x");
    for path in ["/v1/audio/speech", "/v1/filesystem", "/", "/v1/chat/completionsX", "/favicon.ico"] {
        let response = get(&world, "GET", path, &[]);
        assert_eq!(response.status, 404, "{path}: {}", response.text());
    }
    let lines = world.gateway.wait_log(7);
    assert!(lines.iter().filter(|line| line["weir"]["attempts"][0]["provider"] == "openai").count() == 2, "{lines:?}");
}

#[test]
fn methods_and_ends_have_their_answers() {
    let world = World::start("operations", "");
    assert_eq!(get(&world, "GET", CHAT, &[]).status, 405);
    let empty = world.gateway.connect().request("POST", CHAT, &[("content-type", "application/json")], b"").unwrap();
    assert_eq!((empty.status, empty.json()["error"]["type"].as_str()), (400, Some("invalid_request_error")));
    let head = get(&world, "HEAD", "/v1/models", &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    let grpc =
        world.gateway.connect().request("POST", CHAT, &[("content-type", "application/grpc"), ("te", "trailers")], b"\0\0\0\0\0").unwrap();
    assert!(grpc.status >= 400 || grpc.headers.has("grpc-status"), "{}", grpc.status);
    let upgrade = get(&world, "GET", "/v1/realtime", &[("connection", "upgrade"), ("upgrade", "websocket")]);
    assert!((400..500).contains(&upgrade.status), "{}", upgrade.status);
    assert!(matches!(get(&world, "OPTIONS", CHAT, &[]).status, 200 | 204 | 405));
    assert!(world.openai.shared().take().is_empty());
    assert!(said(&world.chat(&ask("gpt", "still"))).contains("still"));
}

#[test]
fn the_longest_glob_wins_and_weights_share() {
    let world = World::start("operations", "");
    let response = world.chat(&ask("gpt-4o-mini", "hi"));
    assert!(said(&response).contains("model gpt-4o-mini"), "{}", response.text());
    assert!(said(&world.chat(&ask("claude-haiku", "hi"))).contains("Anthropic, model claude-haiku"));
    let (mut openai, mut anthropic) = (0, 0);
    for _ in 0..80 {
        if said(&world.chat(&ask("shared", "hi"))).contains("OpenAI") { openai += 1 } else { anthropic += 1 }
    }
    // Three to one: far outside of these bounds once in a million runs.
    assert!((38..=77).contains(&openai) && anthropic > 0, "{openai} and {anthropic}");
}

#[test]
fn the_log_and_the_statistics_tell_the_exchange() {
    let world = World::start("operations", "");
    let answer = world.chat(&ask("claude", "count to 10")).json();
    let line = world.gateway.wait_log(1).remove(0);
    assert_eq!(line["status"], 200);
    let (gen_ai, weir) = (&line["gen_ai"], &line["weir"]);
    assert_eq!(gen_ai["request.model"], "claude", "{line}");
    assert_eq!(gen_ai["provider.name"], "anthropic", "{line}");
    assert_eq!(gen_ai["response.model"], "claude-sonnet-5", "{line}");
    assert_eq!(gen_ai["usage.input_tokens"], answer["usage"]["prompt_tokens"], "{line}");
    assert_eq!(gen_ai["usage.output_tokens"], answer["usage"]["completion_tokens"], "{line}");
    assert_eq!(weir["path"], CHAT, "{line}");
    assert_eq!(weir["attempts"][0]["provider"], "anthropic", "{line}");
    let text: Vec<(String, String)> = world.gateway.stats("wasmcustom.weir.");
    let count =
        |part: &str| text.iter().filter(|(name, _)| name.contains(part)).filter_map(|(_, value)| value.parse::<u64>().ok()).sum::<u64>();
    assert_eq!(count("weir.requests;"), 1, "{text:?}");
    let prometheus = weir_integration::client::text(world.gateway.admin, "/stats/prometheus");
    assert!(prometheus.contains("weir_requests{") && prometheus.contains("model=\"claude\""), "{prometheus}");
    assert!(prometheus.contains("weir_duration_ms_bucket"), "a latency histogram");
}

#[test]
fn cors_is_answered_by_envoy_for_the_documents_origins() {
    let world = World::start("operations", "");
    let headers = [("origin", "https://app.example"), ("access-control-request-method", "POST")];
    let without = get(&world, "OPTIONS", CHAT, &headers);
    assert!(!without.headers.has("access-control-allow-origin"), "{:?}", without.headers);
    let openai = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
    let anthropic = Provider::start(Vendor::Anthropic, ANTHROPIC_KEY).unwrap();
    let document = standard(&openai.endpoint(Vendor::OpenAi), &anthropic.endpoint(Vendor::Anthropic));
    let settings = Settings { listen: "cors: [ \"https://app.example\" ]".into(), ..settings("operations") };
    let world = World::of(openai, anthropic, &document, &settings);
    let preflight = get(&world, "OPTIONS", CHAT, &headers);
    assert_eq!(preflight.status, 200, "{}", preflight.text());
    assert_eq!(preflight.headers.value("access-control-allow-origin"), Some("https://app.example"));
    let other = get(&world, "OPTIONS", CHAT, &[("origin", "https://evil.example"), ("access-control-request-method", "POST")]);
    assert!(!other.headers.has("access-control-allow-origin"), "{:?}", other.headers);
    let body = ask("gpt", "hi").to_string();
    let from_page = [("content-type", "application/json"), ("origin", "https://app.example")];
    let answer = world.gateway.connect().request("POST", CHAT, &from_page, body.as_bytes()).unwrap();
    assert_eq!((answer.status, answer.headers.value("access-control-allow-origin")), (200, Some("https://app.example")));
}
