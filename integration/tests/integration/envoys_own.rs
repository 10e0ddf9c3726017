//! What Envoy itself answers behind the last attempt (502, 503, 504, 413): clients of every format are told in their own, and the log knows why.
use std::path::Path;

use serde_json::{Value, json};
use weir_core::routing::Failover;
use weir_integration::client::Response;
use weir_integration::dns::NameServer;
use weir_integration::gateway::{Gateway, Settings};
use weir_integration::process;
use weir_integration::providers::{Provider, Vendor};

use crate::world::{ANTHROPIC_KEY, CHAT, OPENAI_KEY, ask, assert_error, in_both_forms, said, settings};

in_both_forms! {
    what_envoy_says_of_a_dead_end_is_told_in_each_format,
    a_body_over_envoys_own_limit_is_told_in_each_format,
    a_body_that_grows_over_envoys_limit_blames_no_provider,
}

/// How clients of each API ask for a model.
const CLIENTS: [(&str, &str, bool); 12] = [
    ("chat", "/v1/chat/completions", false),
    ("chat", "/v1/chat/completions", true),
    ("responses", "/v1/responses", false),
    ("responses", "/v1/responses", true),
    ("messages", "/v1/messages", false),
    ("messages", "/v1/messages", true),
    ("gemini", "/v1beta/models/MODEL:generateContent", false),
    ("gemini", "/v1beta/models/MODEL:streamGenerateContent?alt=sse", true),
    ("converse", "/model/MODEL/converse", false),
    ("converse", "/model/MODEL/converse-stream", true),
    ("invoke", "/model/MODEL/invoke", false),
    ("invoke", "/model/MODEL/invoke-with-response-stream", true),
];

fn request(format: &str, stream: bool, model: &str, text: &str) -> Value {
    let turn = json!([{"role": "user", "content": text}]);
    let mut body = match format {
        "chat" => json!({"model": model, "messages": turn}),
        "responses" => json!({"model": model, "store": false, "input": text}),
        "messages" => json!({"model": model, "max_tokens": 9, "messages": turn}),
        "gemini" => json!({"contents": [{"role": "user", "parts": [{"text": text}]}]}),
        "converse" => json!({"messages": [{"role": "user", "content": [{"text": text}]}]}),
        "invoke" => json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": turn}),
        _ => panic!("{format}"),
    };
    if stream && ["chat", "responses", "messages"].contains(&format) {
        body["stream"] = true.into();
    }
    body
}

/// Panics unless it is an error as clients of the format know it.
fn told(format: &str, response: &Response, what: &str) {
    let body = response.json();
    assert!(response.headers.value("content-type").is_some_and(|kind| kind.starts_with("application/json")), "{what}");
    let error = &body["error"];
    let words = match format {
        "chat" | "responses" => {
            assert!(error["type"].is_string() && error.get("param").is_some() && error.get("code").is_some(), "{what}");
            &error["message"]
        }
        "messages" => {
            assert!(body["type"] == "error" && error["type"].is_string(), "{what}");
            &error["message"]
        }
        "gemini" => {
            assert!(error["code"] == response.status && error["status"].is_string(), "{what}");
            &error["message"]
        }
        "converse" | "invoke" => {
            assert!(response.headers.value("x-amzn-errortype").is_some_and(|name| name.ends_with("Exception")), "{what}");
            &body["message"]
        }
        _ => panic!("{format}"),
    };
    assert!(words.as_str().is_some_and(|words| words.len() > 8), "{what}");
}

struct DeadEnds {
    gateway: Gateway,
    openai: Provider,
    anthropic: Provider,
    _names: NameServer,
}

/// What befalls every attempt: the provider, and the words of the record for one attempt.
const ENDS: [(&str, u16, &str); 5] = [
    ("stall", 504, "timeout"),
    ("reset", 503, "unreachable"),
    ("garbage", 503, "unreachable"),
    ("nameless", 503, "unreachable"),
    ("closed", 503, "unreachable"),
];

impl DeadEnds {
    fn start(failover: Failover, caps: &str, change: impl FnOnce(&Path)) -> Self {
        let names = NameServer::start().unwrap();
        let openai = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
        let anthropic = Provider::start(Vendor::Anthropic, ANTHROPIC_KEY).unwrap();
        let (first, second) = (openai.endpoint(Vendor::OpenAi), anthropic.endpoint(Vendor::Anthropic));
        let rest = "cooldown: { failures: 0 }";
        let nobody = [("nameless", "nowhere.test:80".to_owned()), ("closed", format!("127.0.0.1:{}", process::free_port()))];
        let mut document = format!(
            "version: 1\n{caps}\nproviders:\n  openai: {{ kind: openai, endpoint: \"{first}\", auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }}, {rest} }}\n  anthropic: {{ kind: anthropic, endpoint: \"{second}\", auth: {{ api_key: {{ env: TEST_ANTHROPIC_KEY }} }}, {rest} }}\n"
        );
        for (name, authority) in &nobody {
            document.push_str(&format!(
                "  {name}: {{ kind: openai-compatible, endpoint: \"http://{authority}/v1\", speaks: [chat], {rest} }}\n  {name}-too: {{ kind: anthropic, endpoint: \"http://{authority}\", auth: {{ api_key: {{ env: TEST_ANTHROPIC_KEY }} }}, {rest} }}\n"
            ));
        }
        document.push_str("models:\n");
        for (end, _, _) in ENDS {
            let absent = nobody.iter().any(|(name, _)| *name == end);
            let (one, other) = if absent { (end.to_owned(), format!("{end}-too")) } else { ("openai".into(), "anthropic".into()) };
            let target = |provider: &str| format!("provider: {provider}, model: sim-{end}, first_content: 1s, answer: 1s");
            let (one, other) = (target(&one), target(&other));
            document.push_str(&format!(
                "  - {{ name: {end}-1, targets: [ {{ {one} }} ] }}\n  - {{ name: {end}-2, targets: [ {{ {one}, answer_timeout: next }}, {{ {other}, priority: 1 }} ] }}\n"
            ));
        }
        document.push_str("  - { name: well, targets: [ { provider: openai, model: gpt-5 } ] }\n");
        document.push_str("  - { name: other, targets: [ { provider: anthropic, model: claude-sonnet-5 } ] }\n");
        document.push_str("  - { name: both, targets: [ { provider: openai, model: sim-500 }, { provider: anthropic, model: claude-sonnet-5, priority: 1 } ] }\n");
        let settings = Settings { failover, resolver: Some(names.address()), ..settings("envoys-own") };
        let gateway = Gateway::start_changed(&document, &settings, change).unwrap_or_else(|trouble| panic!("{trouble}"));
        Self { gateway, openai, anthropic, _names: names }
    }

    fn ask(&self, client: (&str, &str, bool), model: &str, text: &str) -> Response {
        let (format, path, stream) = client;
        let mut headers = vec![("content-type", "application/json"), ("x-api-key", "client-key")];
        headers.extend((format == "messages").then_some(("anthropic-version", "2023-06-01")));
        let mut connection = self.gateway.connect();
        // Envoy may answer and close before it has read everything.
        let _ =
            connection.send("POST", &path.replace("MODEL", model), &headers, request(format, stream, model, text).to_string().as_bytes());
        connection.receive().unwrap_or_else(|e| panic!("no answer: {format} {model}: {e}\n{}", self.gateway.words()))
    }
}

fn what_envoy_says_of_a_dead_end_is_told_in_each_format(form: Failover) {
    let world = DeadEnds::start(form, "", |_| ());
    // All at once, since some wait.
    std::thread::scope(|scope| {
        for client in CLIENTS {
            for (end, status, _) in ENDS {
                let world = &world;
                scope.spawn(move || {
                    for targets in 1..=2 {
                        let model = format!("{end}-{targets}");
                        let response = world.ask(client, &model, "hi");
                        let what = format!("{client:?} {model}: {} {:?} {}", response.status, response.headers, response.text());
                        // Bedrock's own timeout of a model.
                        let status = if status == 504 && ["converse", "invoke"].contains(&client.0) { 408 } else { status };
                        assert_eq!(response.status, status, "{what}");
                        told(client.0, &response, &what);
                    }
                });
            }
        }
    });
    let lines = world.gateway.wait_log(CLIENTS.len() * ENDS.len() * 2);
    for line in lines {
        let (end, targets) = line["weir"]["route"].as_str().unwrap().rsplit_once('-').unwrap();
        let outcome = ENDS.iter().find(|(name, _, _)| *name == end).unwrap().2;
        let outcomes: Vec<&str> =
            line["weir"]["attempts"].as_array().unwrap().iter().map(|attempt| attempt["outcome"].as_str().unwrap()).collect();
        // Where Envoy goes on by itself nobody is there to be asked.
        let count = if end == "nameless" && targets == "2" && form == Failover::Priorities { 0 } else { targets.parse().unwrap() };
        assert_eq!(outcomes, vec![outcome; count], "{line}");
    }
}

fn a_body_over_envoys_own_limit_is_told_in_each_format(form: Failover) {
    const LIMIT: usize = 100_000;
    let lower = |folder: &Path| {
        // The larger of both counts.
        for (file, limit) in [("envoy.yaml", "per_connection_buffer_limit_bytes: "), ("xds/routes.yaml", "request_body_buffer_limit: ")] {
            let file = folder.join(file);
            let text = std::fs::read_to_string(&file).unwrap();
            let (before, rest) = text.split_once(limit).unwrap();
            let rest = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
            std::fs::write(file, format!("{before}{limit}{LIMIT}{rest}")).unwrap();
        }
    };
    let world = DeadEnds::start(form, "", lower);
    for client in CLIENTS {
        for model in ["well", "other", "both"] {
            let response = world.ask(client, model, &"x".repeat(LIMIT + 50_000));
            let what = format!("{client:?} {model}: {} {:?} {}", response.status, response.headers, response.text());
            assert_eq!(response.status, 413, "{what}");
            told(client.0, &response, &what);
        }
    }
    assert!(world.openai.shared().take().is_empty() && world.anthropic.shared().take().is_empty());
    for line in world.gateway.wait_log(3 * CLIENTS.len()) {
        assert_eq!((&line["weir"]["reason"], &line["weir"]["attempts"]), (&json!("too_large"), &json!([])), "{line}");
    }
    // What is just held is sent, and sent again to the next target.
    let frame = request("chat", false, "both", "count to 3 ").to_string().len();
    let response = world.ask(CLIENTS[0], "both", &format!("count to 3 {}", "x".repeat(LIMIT - frame - 1)));
    assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{}", response.text());
    assert_eq!((world.openai.shared().take().len(), world.anthropic.shared().take().len()), (1, 1));
}

/// Many small turns of one API are more bytes in another's. Envoy would refuse them, and the provider be blamed for it.
fn a_body_that_grows_over_envoys_limit_blames_no_provider(form: Failover) {
    let world = DeadEnds::start(form, "caps: { request_body: 1MiB, answer: 1MiB }", |_| ());
    let mut body = ask("other", "");
    body["messages"] = (0..28_001).map(|n| json!({"role": (if n % 2 == 0 { "user" } else { "assistant" }), "content": "x"})).collect();
    for model in ["other", "both"] {
        body["model"] = model.into();
        assert!(body.to_string().len() < 1 << 20);
        let response = world.gateway.connect().post(CHAT, &body).unwrap();
        assert_error(&response, 413, &json!("request_too_large"), model);
        let line = world.gateway.wait_line(model, |line| line["weir"]["route"] == model);
        assert_eq!(line["weir"]["attempts"].as_array().unwrap().last().unwrap()["outcome"], "not_sent", "{line}");
        assert!(world.anthropic.shared().take().is_empty(), "{model}");
    }
    assert_eq!(world.openai.shared().take().len(), 1);
}
