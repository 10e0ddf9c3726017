//! Clients that speak HTTP/2: the same answers as over HTTP/1.1, one after another and many at once on one connection.
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use weir_integration::gateway::Settings;
use weir_integration::providers::{Provider, Vendor};
use weir_integration::{fetch, paths};

use crate::tls::authority::Authority;
use crate::world::{ANTHROPIC_KEY, CHAT, OPENAI_KEY, World, ask, ask_stream, settings, standard};

/// One request, sent over both versions.
struct Asked {
    what: &'static str,
    method: &'static str,
    path: &'static str,
    body: String,
}

fn requests() -> Vec<Asked> {
    let chat = |what, body: Value| Asked { what, method: "POST", path: CHAT, body: body.to_string() };
    let other = |what, method, path| Asked { what, method, path, body: String::new() };
    vec![
        chat("whole", ask("gpt", "count to 3")),
        chat("whole, translated", ask("claude", "count to 3")),
        chat("streamed", ask_stream("gpt", "count to 9 [sim:slow]")),
        chat("streamed, translated", ask_stream("claude", "count to 9 [sim:slow]")),
        chat("a provider's error", ask("gpt", "[sim:429]")),
        chat("a provider's error, translated", ask_stream("claude", "[sim:429]")),
        chat("an error inside a stream", ask_stream("claude", "[sim:error-in-stream]")),
        chat("half a stream", ask_stream("gpt", "[sim:half-stream]")),
        chat("another provider's answer", ask("dead-first", "count to 3")),
        chat("nobody's answer", ask("dead", "hi")),
        chat("no model", json!({"messages": []})),
        chat("an unknown model", ask("nothing", "hi")),
        Asked { what: "no JSON", method: "POST", path: CHAT, body: "{".to_owned() },
        other("no body", "POST", CHAT),
        other("another method", "GET", CHAT),
        other("what is allowed", "OPTIONS", CHAT),
        other("models", "GET", "/v1/models"),
        other("models without a body", "HEAD", "/v1/models"),
        other("health", "GET", "/healthz"),
        other("an unknown path", "GET", "/v1/nothing"),
        other("a passed path", "GET", "/v1/files"),
        chat("too long, and the last since the script sends it alone", ask("gpt", &"x".repeat(70_000))),
    ]
}

/// What must be the same: not ids, times and what each version of HTTP says of itself.
fn essence(status: u64, headers: BTreeMap<String, String>, body: &str, broken: bool) -> Value {
    const OWN: [&str; 7] =
        ["date", "server", "content-length", "transfer-encoding", "connection", "x-request-id", "x-envoy-upstream-service-time"];
    let kept: BTreeMap<String, String> = headers
        .into_iter()
        .filter(|(name, _)| !OWN.contains(&name.as_str()))
        .map(|(name, value)| (name, without_numbers(&value)))
        .collect();
    json!({"status": status, "headers": kept, "body": without_numbers(body), "broken": broken})
}

/// Runs of digits are one mark: ids and times count up.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' if out.ends_with('#') => {}
            '0'..='9' => out.push('#'),
            other => out.push(other),
        }
    }
    out
}

#[test]
fn each_answer_is_the_same_as_over_http_1() {
    let world = World::start("http2", "caps: { request_body: 64KiB }\n");
    let headers = [("content-type", "application/json"), ("authorization", "Bearer client-key")];
    let asked = requests();
    let expected: Vec<Value> = asked
        .iter()
        .map(|asked| {
            let response = world.gateway.connect().request(asked.method, asked.path, &headers, asked.body.as_bytes()).unwrap();
            essence(response.status.into(), response.headers.0.iter().cloned().collect(), &response.text(), response.broken.is_some())
        })
        .collect();
    let input: Vec<Value> = asked
        .iter()
        .map(|a| json!({"method": a.method, "path": a.path, "body": a.body, "headers": headers.into_iter().collect::<BTreeMap<_, _>>()}))
        .collect();
    let answers = over_http_2(&format!("http://{}", world.gateway.listener), &Value::from(input));
    for way in ["alone", "together"] {
        assert!(answers[way].as_array().unwrap().len() >= asked.len() - 1);
        for ((asked, expected), answer) in asked.iter().zip(&expected).zip(answers[way].as_array().unwrap()) {
            let what = format!("{}, {way}", asked.what);
            assert_eq!(answer["version"], "HTTP/2", "{what}");
            let headers = serde_json::from_value(answer["headers"].clone()).unwrap();
            let (status, body) = (answer["status"].as_u64().unwrap(), answer["body"].as_str().unwrap());
            assert_eq!(&essence(status, headers, body, answer["broken"] == true), expected, "{what}");
            if asked.what.starts_with("streamed") && way == "alone" {
                assert!(answer["pieces"].as_u64().unwrap() > 3, "{what}: {answer}");
            }
        }
    }
}

fn over_http_2(base: &str, requests: &Value) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/http2.py");
    let mut python = Command::new(fetch::python::openai_sdk().unwrap());
    python.arg(script).arg(base).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = python.spawn().unwrap();
    child.stdin.take().unwrap().write_all(requests.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_sdk_without_tls() {
    let world = World::start("http2", "");
    for model in ["gpt", "claude"] {
        crate::sdk::run_with(&["--http2"], &[], &format!("http://{}/v1", world.gateway.listener), model, crate::sdk::PARTS);
    }
}

#[test]
fn the_sdk_with_tls() {
    let folder = paths::fresh_run("http2").unwrap();
    let authority = Authority::new("Trusted here");
    let certificate = authority.certify("localhost", &folder);
    let (chain, key) = (certificate.chain.display(), certificate.key.display());
    let openai = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
    let anthropic = Provider::start(Vendor::Anthropic, ANTHROPIC_KEY).unwrap();
    let document = standard(&openai.endpoint(Vendor::OpenAi), &anthropic.endpoint(Vendor::Anthropic));
    let listen = format!("tls: {{ certificate: \"{chain}\", key: \"{key}\" }}");
    let world = World::of(openai, anthropic, &document, &Settings { listen, ..settings("http2") });
    let base = format!("https://localhost:{}/v1", world.gateway.listener.port());
    let trust = authority.write(&folder.join("ca.pem")).display().to_string();
    let parts = ["text", "stream", "stream_tools", "errors", "unknown_model"];
    // The first over what is agreed on in the handshake, which is HTTP/2; the second over HTTP/1.1.
    for options in [&["--http2"][..], &[]] {
        crate::sdk::run_with(options, &[("SSL_CERT_FILE", &trust)], &base, "claude", &parts);
    }
    // AWS's SDK sends a token over TLS alone.
    crate::sdk::run_converse_with(&[("AWS_CA_BUNDLE", &trust)], base.trim_end_matches("/v1"), "claude", &["text", "stream", "errors"]);
    for seen in world.anthropic.shared().take() {
        assert_eq!((seen.headers.value("x-api-key"), seen.headers.value("authorization")), (Some(ANTHROPIC_KEY), None));
    }
    let stat = |name: &str| world.gateway.stat(&format!("http.weir.downstream_cx_{name}_total")).unwrap_or(0);
    assert!(stat("ssl") >= 2 && stat("http2") >= 1 && stat("http1") >= 1);
}
