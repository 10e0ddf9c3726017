//! A changed document in a running Envoy: in force without a lost request; a wrong one is refused and the old one serves on.
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use weir_integration::client::Connection;
use weir_integration::providers::{Behaviour, Vendor};

use crate::world::{CHAT, World, ask, ask_stream, assert_error, said, standard};

fn document(world: &World) -> String {
    standard(&world.openai.endpoint(Vendor::OpenAi), &world.anthropic.endpoint(Vendor::Anthropic))
}

/// Says that it is over when it goes out of scope.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_new_document_applies_without_a_lost_request() {
    let world = World::start("reload", "");
    assert_error(&world.chat(&ask("new", "hi")), 404, &json!("model_not_found"), "before");
    let ending = AtomicBool::new(false);
    let (served, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        // Also where an assertion below fails: a scope waits for its threads.
        let _end = Ends(&ending);
        for model in ["gpt", "claude"] {
            let (world, ending, served, failed) = (&world, &ending, &served, &failed);
            scope.spawn(move || {
                let mut connection = world.gateway.connect();
                while !ending.load(Ordering::Relaxed) {
                    let good = connection.post(CHAT, &ask(model, "hi")).is_ok_and(|response| response.status == 200);
                    if good {
                        served.fetch_add(1, Ordering::Relaxed);
                    } else {
                        failed.fetch_add(1, Ordering::Relaxed);
                        connection = world.gateway.connect();
                    }
                }
            });
        }
        for turn in 0..6 {
            let target = if turn % 2 == 0 { "openai" } else { "anthropic" };
            let changed =
                document(&world).replace("endpoints:", &format!("  - {{ name: new, targets: [ {{ provider: {target} }} ] }}\nendpoints:"));
            let output = world.gateway.apply(&changed).unwrap();
            assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            let answer = said(&world.chat(&ask("new", "hi")));
            assert!(answer.to_lowercase().contains(target), "{turn}: {answer}");
        }
    });
    let (served, failed) = (served.into_inner(), failed.into_inner());
    assert_eq!(failed, 0, "{failed} of {served} requests were lost");
    assert!(served > 20, "{served}");
}

#[test]
fn a_stream_in_flight_ends_under_its_own_document() {
    let world = World::start("reload", "");
    world.anthropic.shared().behave(Behaviour::Gated);
    let mut connection = Connection::open(world.gateway.listener).unwrap();
    connection
        .send("POST", CHAT, &[("content-type", "application/json")], ask_stream("claude", "count to 20").to_string().as_bytes())
        .unwrap();
    world.anthropic.shared().permit(6);
    assert_eq!(connection.receive_head(false).unwrap().0, 200);
    let output = world.gateway.apply(&document(&world).replace("name: claude,", "name: sonnet,")).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_error(&world.chat(&ask("claude", "hi")), 404, &json!("model_not_found"), "the new document");
    world.anthropic.shared().permit(1000);
    let mut text = String::new();
    while let Some(piece) = connection.piece().unwrap() {
        text.push_str(&String::from_utf8_lossy(&piece));
    }
    assert!(text.contains("[DONE]") && text.contains("20"), "{text}");
    let line = world.gateway.wait_log(2).into_iter().find(|line| line["weir"]["stream"] == true).unwrap();
    assert_eq!(line["weir"]["usage_source"], "reported", "{line}");
}

#[test]
fn a_wrong_document_is_refused_and_the_old_one_serves() {
    let world = World::start("reload", "");
    let output = world.gateway.apply(&document(&world).replace("kind: anthropic", "kind: antropic")).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("providers.anthropic.kind"), "{}", String::from_utf8_lossy(&output.stderr));
    // Past the command: somebody edits what Envoy watches.
    let path = world.gateway.folder.join("xds/gateway.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let rejected = "extension_config_discovery.http_filter.weir.gateway.config_fail";
    let before = world.gateway.stat(rejected).unwrap_or(0);
    let version = text.lines().find(|line| line.starts_with("version_info")).unwrap().to_owned();
    let wrong = text.replace("\"kind\":\"anthropic\"", "\"kind\":\"antropic\"").replace(&version, "version_info: \"wrong\"");
    assert_ne!(wrong, text);
    let draft = world.gateway.folder.join("draft.yaml");
    std::fs::write(&draft, wrong).unwrap();
    std::fs::rename(&draft, &path).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let refused = || world.gateway.stat(rejected).unwrap_or(0) > before;
    while !refused() {
        assert!(std::time::Instant::now() < deadline, "{:?}", world.gateway.stats("extension_config_discovery"));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    for model in ["gpt", "claude"] {
        assert_eq!(world.chat(&ask(model, "hi")).status, 200);
    }
    assert!(world.gateway.words().contains("providers.anthropic.kind"), "{}", world.gateway.words());
}
