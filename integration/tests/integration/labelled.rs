//! Labels of targets, and requests that demand them: who lacks one gets nothing of the request, and the record says why.
use serde_json::{Value, json};
use weir_core::routing::Failover;
use weir_integration::client::Response;
use weir_integration::dns::NameServer;
use weir_integration::gateway::{Gateway, Settings};
use weir_integration::providers::{Behaviour, Provider, Vendor};

use crate::world::{ANTHROPIC_KEY, CHAT, OPENAI_KEY, ask, ask_stream, assert_error, in_both_forms, said, settings};

in_both_forms! {
    who_lacks_a_demanded_label_is_left_out_and_the_log_says_so,
    a_demand_holds_behind_failures_and_where_nobody_is_left,
}

/// Three providers: one labelled for the US, one for the EU, one of which nothing is said; and one for the EU whose name nobody has.
struct Labelled {
    gateway: Gateway,
    us: Provider,
    eu: Provider,
    unsaid: Provider,
    _names: NameServer,
}

impl Labelled {
    fn start(failover: Failover) -> Self {
        let names = NameServer::start().unwrap();
        let (us, unsaid) = (Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap(), Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap());
        let eu = Provider::start(Vendor::Anthropic, ANTHROPIC_KEY).unwrap();
        let document = format!(
            r#"version: 1
providers:
  us: {{ kind: openai, endpoint: "{us}", auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }}, labels: {{ residency: us }}, cooldown: {{ failures: 0 }} }}
  unsaid: {{ kind: openai, endpoint: "{unsaid}", auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }}, cooldown: {{ failures: 0 }} }}
  eu: {{ kind: anthropic, endpoint: "{eu}", auth: {{ api_key: {{ env: TEST_ANTHROPIC_KEY }} }}, labels: {{ residency: eu }}, cooldown: {{ failures: 0 }} }}
  lost: {{ kind: openai-compatible, endpoint: "http://nowhere.test/v1", labels: {{ residency: eu }}, cooldown: {{ failures: 0 }} }}
identity: {{ team: {{ header: x-team, trusted: true }} }}
demands:
  - {{ when: {{ team: [ blue ] }}, labels: {{ residency: [ eu, ch ] }} }}
  - {{ header: x-residency, label: residency }}
models:
  - {{ name: all, targets: [ {{ provider: us, model: gpt-5 }}, {{ provider: unsaid, model: gpt-5, priority: 1 }}, {{ provider: eu, model: claude-sonnet-5, priority: 2 }} ] }}
  - {{ name: eu-first, targets: [ {{ provider: eu, model: claude-sonnet-5 }}, {{ provider: us, model: gpt-5, priority: 1 }} ] }}
  - {{ name: own, demands: {{ residency: [ ch ] }}, targets: [ {{ provider: us, model: gpt-5 }}, {{ provider: unsaid, model: gpt-5, labels: {{ residency: ch }}, priority: 1 }} ] }}
  - {{ name: lost-first, targets: [ {{ provider: lost, model: m }}, {{ provider: eu, model: claude-sonnet-5, priority: 1 }}, {{ provider: us, model: gpt-5, priority: 2 }} ] }}
  - {{ name: lost-between, targets: [ {{ provider: eu, model: claude-sonnet-5 }}, {{ provider: lost, model: m, priority: 1 }}, {{ provider: us, model: gpt-5, priority: 2 }} ] }}
endpoints: [ {{ prefix: /v1/embeddings, provider: us }} ]
"#,
            us = us.endpoint(Vendor::OpenAi),
            unsaid = unsaid.endpoint(Vendor::OpenAi),
            eu = eu.endpoint(Vendor::Anthropic),
        );
        let settings = Settings { failover, resolver: Some(names.address()), ..settings("labelled") };
        let gateway = Gateway::start(&document, &settings).unwrap_or_else(|trouble| panic!("{trouble}"));
        Self { gateway, us, eu, unsaid, _names: names }
    }

    /// The answer, and the line of the log.
    fn ask(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> (Response, Value) {
        let lines = self.gateway.log().len();
        let all: Vec<(&str, &str)> = [("content-type", "application/json")].iter().chain(headers).copied().collect();
        let response = self.gateway.connect().request("POST", path, &all, body.to_string().as_bytes()).unwrap();
        (response, self.gateway.wait_log(lines + 1).swap_remove(lines))
    }

    /// How many requests the US, the EU and the one without labels have had since.
    fn asked(&self) -> [usize; 3] {
        [&self.us, &self.eu, &self.unsaid].map(|provider| provider.shared().take().len())
    }
}

/// Provider and reason of each target that was left out.
fn left_out(line: &Value) -> Vec<(&str, &str)> {
    let out = line["weir"]["left_out"].as_array().into_iter().flatten();
    out.map(|target| (target["provider"].as_str().unwrap(), target["reason"].as_str().unwrap())).collect()
}

fn who_lacks_a_demanded_label_is_left_out_and_the_log_says_so(form: Failover) {
    let world = Labelled::start(form);
    let (us, unsaid) = (("us", "labels"), ("unsaid", "labels"));
    for (headers, model, asked, out) in [
        (&[][..], "all", [1, 0, 0], &[][..]),
        (&[("x-team", "red")], "all", [1, 0, 0], &[]),
        (&[("x-team", "blue")], "all", [0, 1, 0], &[us, unsaid]),
        (&[("x-residency", "eu")], "all", [0, 1, 0], &[us, unsaid]),
        (&[("x-team", "blue"), ("x-residency", "us, eu")], "all", [0, 1, 0], &[us, unsaid]),
        (&[], "own", [0, 0, 1], &[us]),
    ] {
        for body in [ask(model, "count to 3"), ask_stream(model, "count to 3")] {
            let (response, line) = world.ask(CHAT, headers, &body);
            assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{headers:?} {model}: {}", response.text());
            assert_eq!(world.asked(), asked, "{headers:?} {model}");
            assert_eq!(left_out(&line), out, "{headers:?} {model}: {line}");
        }
    }
    // Whoever is left out behind the first choice.
    let (_, line) = world.ask(CHAT, &[("x-residency", "us")], &ask("all", "hi"));
    assert_eq!(world.asked(), [1, 0, 0]);
    assert_eq!(left_out(&line), [unsaid, ("eu", "labels")], "{line}");
    // Nobody is left.
    let (refused, line) = world.ask(CHAT, &[("x-residency", "mars")], &ask("all", "hi"));
    assert_error(&refused, 400, &json!("label_demanded"), "mars");
    assert!(refused.text().contains("residency: mars"), "{}", refused.text());
    assert_eq!((left_out(&line), &line["weir"]["reason"]), (vec![us, unsaid, ("eu", "labels")], &json!("unsupported")), "{line}");
    // A path that passes unread.
    let embed = json!({"model": "e", "input": "hi"});
    let (refused, _) = world.ask("/v1/embeddings", &[("x-team", "blue")], &embed);
    assert_error(&refused, 400, &json!("label_demanded"), "a passing path");
    assert_eq!(world.asked(), [0, 0, 0]);
    assert_eq!(world.ask("/v1/embeddings", &[("x-residency", "us")], &embed).0.status, 200);
    assert_eq!(world.asked(), [1, 0, 0]);
}

fn a_demand_holds_behind_failures_and_where_nobody_is_left(form: Failover) {
    let world = Labelled::start(form);
    for failure in [Behaviour::Status(503), Behaviour::Reset, Behaviour::ErrorFirst] {
        for (model, attempts) in [("eu-first", 1), ("lost-first", 2), ("lost-between", 2)] {
            for team in ["red", "blue"] {
                world.eu.shared().behave(failure.clone());
                let (response, line) = world.ask(CHAT, &[("x-team", team)], &ask_stream(model, "count to 3"));
                let what = format!("{failure:?} {model} {team}: {} {line}", response.text());
                if team == "red" {
                    assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{what}");
                    assert_eq!(world.asked(), [1, 1, 0], "{what}");
                    continue;
                }
                assert!(response.status >= 500 && response.json()["error"]["message"].is_string(), "{what}");
                assert_eq!(world.asked(), [0, 1, 0], "{what}");
                assert_eq!(left_out(&line), [("us", "labels")], "{what}");
                // Where Envoy goes on by itself it has nobody at a name that nobody has.
                let attempts = if form == Failover::Priorities { 1 } else { attempts };
                assert_eq!(line["weir"]["attempts"].as_array().map(Vec::len), Some(attempts), "{what}");
            }
        }
    }
}
