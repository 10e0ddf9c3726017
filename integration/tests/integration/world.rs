//! What most tests stand on: two simulated providers behind a real Envoy with the module in it.
use std::sync::OnceLock;

use serde_json::{Value, json};
use weir_core::routing::Failover;
use weir_integration::client::Response;
use weir_integration::gateway::{Gateway, Settings};
use weir_integration::process;
use weir_integration::providers::{Provider, Vendor};
use weir_integration::wasm;

/// The keys that the simulated providers demand; a client's key is another.
pub const OPENAI_KEY: &str = "sk-openai-of-the-gateway";
pub const ANTHROPIC_KEY: &str = "sk-ant-of-the-gateway";
/// With what the simulated Bedrock demands that requests are signed: id, secret, token. Envoy has it in its environment.
pub const AWS_KEY: &str = "AKIDOFTHEGATEWAY:secret/of+the+gateway:session-of-the-gateway";
pub const CHAT: &str = "/v1/chat/completions";

/// Makes a test of each function for each form of failover.
macro_rules! in_both_forms {
    ($($test:ident),+ $(,)?) => {
        mod clusters {
            $(#[test] fn $test() { super::$test(weir_core::routing::Failover::Clusters); })+
        }
        mod priorities {
            $(#[test] fn $test() { super::$test(weir_core::routing::Failover::Priorities); })+
        }
    };
}
pub(crate) use in_both_forms;

pub struct World {
    pub gateway: Gateway,
    pub openai: Provider,
    pub anthropic: Provider,
}

impl World {
    /// Starts all three with the standard document and more of it.
    pub fn start(name: &str, more: &str) -> Self {
        Self::with(name, |openai, anthropic| format!("{}\n{more}", standard(openai, anthropic)))
    }

    /// Starts all three with the standard document in one form.
    pub fn in_form(form: Failover, name: &str) -> Self {
        Self::with_form(form, name, standard)
    }

    /// Starts all three with a document made from the providers' base URLs.
    pub fn with(name: &str, document: impl Fn(&str, &str) -> String) -> Self {
        Self::with_form(Failover::Clusters, name, document)
    }

    /// The same in one form.
    pub fn with_form(failover: Failover, name: &str, document: impl Fn(&str, &str) -> String) -> Self {
        let openai = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
        let anthropic = Provider::start(Vendor::Anthropic, ANTHROPIC_KEY).unwrap();
        let document = document(&openai.endpoint(Vendor::OpenAi), &anthropic.endpoint(Vendor::Anthropic));
        Self::of(openai, anthropic, &document, &Settings { failover, ..settings(name) })
    }

    /// A gateway with such a document and such settings before two providers.
    pub fn of(openai: Provider, anthropic: Provider, document: &str, settings: &Settings) -> Self {
        let gateway = Gateway::start(document, settings).unwrap_or_else(|trouble| panic!("{trouble}"));
        Self { gateway, openai, anthropic }
    }

    /// Posts a chat request on a connection of its own.
    pub fn chat(&self, body: &Value) -> Response {
        self.gateway.connect().post(CHAT, body).unwrap_or_else(|e| panic!("no answer: {e}\n{}", self.gateway.words()))
    }

    /// The provider whose model a name of the standard document leads to.
    pub fn provider(&self, model: &str) -> &Provider {
        if model.contains("claude") { &self.anthropic } else { &self.openai }
    }
}

/// Two providers, a model at each, one that falls back from either to the other, dead targets, passing endpoints. None is left alone for
/// its failures, so that tests can let one fail again and again.
pub fn standard(openai: &str, anthropic: &str) -> String {
    let closed = process::free_port();
    format!(
        r#"version: 1
providers:
  openai: {{ kind: openai, endpoint: "{openai}", auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }}, cooldown: {{ failures: 0 }} }}
  anthropic: {{ kind: anthropic, endpoint: "{anthropic}", auth: {{ api_key: {{ env: TEST_ANTHROPIC_KEY }} }}, cooldown: {{ failures: 0 }} }}
  chatting: {{ kind: openai-compatible, endpoint: "{openai}", auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }}, cooldown: {{ failures: 0 }} }}
  newer: {{ kind: openai, endpoint: "{openai}", speaks: [responses], auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }}, cooldown: {{ failures: 0 }} }}
  closed: {{ kind: openai-compatible, endpoint: "http://127.0.0.1:{closed}/v1", speaks: [chat], auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }}, cooldown: {{ failures: 0 }} }}
models:
  - {{ name: gpt, targets: [ {{ provider: openai, model: gpt-5 }} ] }}
  - {{ name: claude, targets: [ {{ provider: anthropic, model: claude-sonnet-5 }} ] }}
  - {{ name: chat-only, targets: [ {{ provider: chatting, model: gpt-4o }} ] }}
  - {{ name: newer, targets: [ {{ provider: newer, model: gpt-5 }} ] }}
  - {{ name: "gpt-*", targets: [ {{ provider: openai }} ] }}
  - {{ name: "claude-*", targets: [ {{ provider: anthropic }} ] }}
  - {{ name: smart, targets: [ {{ provider: openai, model: gpt-5 }}, {{ provider: anthropic, model: claude-sonnet-5, priority: 1 }} ] }}
  - {{ name: clever, targets: [ {{ provider: anthropic, model: claude-sonnet-5 }}, {{ provider: openai, model: gpt-5, priority: 1 }} ] }}
  - {{ name: dead-first, targets: [ {{ provider: closed }}, {{ provider: anthropic, model: claude-sonnet-5, priority: 1 }} ] }}
  - {{ name: dead, targets: [ {{ provider: closed }} ] }}
  - {{ name: shared, targets: [ {{ provider: openai, model: gpt-5, weight: 3 }}, {{ provider: anthropic, model: claude-sonnet-5, weight: 1 }} ] }}
endpoints:
  - {{ prefix: /v1/files, provider: openai }}
  - {{ prefix: /v1/embeddings, provider: openai }}
"#
    )
}

/// The settings of a test's gateway.
pub fn settings(name: &str) -> Settings {
    static BUILT: OnceLock<(std::path::PathBuf, std::path::PathBuf)> = OnceLock::new();
    let (module, weir) = BUILT
        .get_or_init(|| {
            let built = wasm::build().and_then(|module| Ok((module, wasm::weir()?)));
            built.unwrap_or_else(|trouble| panic!("{trouble}"))
        })
        .clone();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let aws = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].into_iter().zip(AWS_KEY.split(':'));
    let mut environment = vec![pair("TEST_OPENAI_KEY", OPENAI_KEY), pair("TEST_ANTHROPIC_KEY", ANTHROPIC_KEY)];
    // Nothing here is a machine of AWS's.
    environment.extend(aws.map(|(name, value)| pair(name, value)).chain([pair("AWS_EC2_METADATA_DISABLED", "true")]));
    Settings {
        name: name.into(),
        module,
        weir,
        environment,
        ports: None,
        workers: 1,
        listen: String::new(),
        authorities: None,
        failover: Failover::Clusters,
        resolver: None,
        standalone: false,
    }
}

/// A chat request of one turn.
pub fn ask(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

/// The same, streamed.
pub fn ask_stream(model: &str, text: &str) -> Value {
    json!({"model": model, "stream": true, "messages": [{"role": "user", "content": text}]})
}

/// The text of a chat answer, whole or streamed.
pub fn said(response: &Response) -> String {
    if response.headers.value("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
        let events = response.events();
        let parsed = events.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
        return parsed.filter_map(|event| event["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect();
    }
    response.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
}

/// Panics unless the answer is an error in the chat format with this status and code (`null` where there is none).
pub fn assert_error(response: &Response, status: u16, code: &Value, what: &str) {
    assert_eq!(response.status, status, "{what}: {}", response.text());
    let error = &response.json()["error"];
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{what}: {}", response.text());
    assert!(error["type"].is_string(), "{what}: {}", response.text());
    assert!(error.get("param").is_some(), "{what}: {}", response.text());
    assert_eq!(error["code"], *code, "{what}: {}", response.text());
    let kind = response.headers.value("content-type").unwrap_or_default();
    assert!(kind.starts_with("application/json"), "{what}: {kind}");
}
