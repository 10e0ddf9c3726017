//! What a client is told whose request has no target: the reason that is nearest to an answer.

use std::rc::Rc;
use weir_core::exchange::{Configured, Exchange, Headers, SECOND, Verdict};
use weir_core::health::Health;
use weir_core::limits::Ledger;
use weir_core::routing::Failover;

const DOCUMENT: &str = r#"{"version": 1,
    "providers": {
        "claude": {"kind": "anthropic", "auth": {"api_key": {"env": "CLAUDE"}}},
        "lone": {"kind": "vllm", "endpoint": "http://lone/v1", "concurrency": 1},
        "keyless": {"kind": "openai", "auth": {"bearer": {"env": "NOBODY_HAS_IT"}}}},
    "identity": {"team": {"header": "x-team", "trusted": true}},
    "models": [
        {"name": "hold", "targets": [{"provider": "lone"}]},
        {"name": "either", "targets": [{"provider": "claude", "model": "claude-x"}, {"provider": "lone", "priority": 1}]},
        {"name": "claude", "targets": [{"provider": "claude", "model": "claude-x"}, {"provider": "keyless", "priority": 1}]},
        {"name": "small", "targets": [{"provider": "claude", "model": "claude-x"}, {"provider": "lone", "context_length": 10}]},
        {"name": "blue", "targets": [{"provider": "claude", "model": "claude-x"}, {"provider": "lone", "when": {"team": ["blue"]}}]},
        {"name": "locked", "targets": [{"provider": "keyless"}]}]}"#;

const PATHS: [&str; 2] = ["/v1/chat/completions", "/v1/messages/count_tokens"];

#[test]
fn who_came_furthest_says_why() {
    let (mut health, mut ledger) = (Health::default(), Ledger::default());
    let mut configured = Configured::new(DOCUMENT, Failover::Clusters, |name| (name == "CLAUDE").then(|| "key".to_owned())).unwrap();
    configured.take_seats(&mut health);
    let configured = Rc::new(configured);
    let mut ask = |path: &str, model: &str, more: &str| {
        let mut head = Headers::new();
        head.push(":method", "POST");
        head.push(":path", path);
        let (mut exchange, _) = Exchange::begin(&configured, head, false, SECOND, || true, &mut ledger, &mut health).unwrap();
        let content = "How deep is the sea, and how do you know that nobody has found a deeper place?";
        let body = format!(r#"{{"model": "{model}", "messages": [{{"role": "user", "content": "{content}"}}]{more}}}"#).into_bytes();
        let told = match exchange.request_body(body, 0, &mut ledger, &mut health, SECOND) {
            Verdict::Release => String::new(),
            Verdict::Reply(local) => format!("{} {}", local.reply.status, String::from_utf8(local.reply.body).unwrap()),
            other => panic!("{other:?}"),
        };
        (exchange, told)
    };
    // Anthropic's API gives no probabilities.
    let probable = r#", "logprobs": true"#;
    let (under_way, told) = ask(PATHS[0], "hold", "");
    assert_eq!(told, "");
    for (path, model, more, status, words) in [
        // Who could be asked for it has no room now.
        (PATHS[0], "either", probable, "429", "under way"),
        (PATHS[1], "hold", "", "429", "under way"),
        (PATHS[0], "claude", probable, "400", "can be asked for logprobs"),
        (PATHS[0], "small", probable, "400", "longer than the context"),
        (PATHS[0], "blue", probable, "403", "may be used"),
        (PATHS[0], "locked", probable, "503", "credentials are missing"),
        (PATHS[1], "locked", "", "503", "credentials are missing"),
    ] {
        let (_, told) = ask(path, model, more);
        assert!(told.starts_with(status) && told.contains(words), "{path} {model}: {told}");
    }
    drop(under_way);
    assert_eq!(ask(PATHS[0], "either", probable).1, "");
}
