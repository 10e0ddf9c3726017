//! Every failure at every place of a plan of three providers with three APIs, plain and over TLS: one answer, from the first that is well.
use std::path::Path;

use serde_json::Value;
use weir_core::routing::Failover;
use weir_integration::client::Response;
use weir_integration::gateway::{Gateway, Settings};
use weir_integration::paths;
use weir_integration::providers::{Behaviour, Provider, Vendor};

use crate::tls::authority::Authority;
use crate::tls::front::{Door, Front};
use crate::world::{ANTHROPIC_KEY, CHAT, OPENAI_KEY, ask, ask_stream, in_both_forms, said, settings};

in_both_forms! {
    each_failure_moves_on_from_each_place,
    a_stream_that_breaks_behind_content_ends_there_at_each_place,
    a_silent_provider_is_left_at_each_place,
    a_slow_provider_answers_at_each_place,
}

/// The providers by their APIs; the models are named by the order in which they are asked.
pub const NAMES: [&str; 3] = ["chat", "responses", "messages"];
pub const ORDERS: [[usize; 3]; 3] = [[0, 1, 2], [1, 2, 0], [2, 0, 1]];

pub struct Three {
    pub gateway: Gateway,
    pub providers: [Provider; 3],
    _front: Option<Front>,
}

impl Three {
    fn start(failover: Failover, secure: bool) -> Self {
        Self::beside(secure, "", &[], &Settings { failover, ..settings("positions") }, |_| ())
    }

    /// The same with more providers, as the document has them, each of which stands at each place of models of its own, `NAME-PLACE-FIRST`.
    pub fn beside(secure: bool, more: &str, names: &[&str], settings: &Settings, change: impl FnOnce(&Path)) -> Self {
        let providers = [(Vendor::OpenAi, OPENAI_KEY), (Vendor::OpenAi, OPENAI_KEY), (Vendor::Anthropic, ANTHROPIC_KEY)]
            .map(|(vendor, key)| Provider::start(vendor, key).unwrap());
        let folder = paths::fresh_run(&settings.name).unwrap();
        let mut urls = providers.each_ref().map(|provider| format!("http://{}", provider.address()));
        let (mut front, mut authorities) = (None, None);
        if secure {
            let authority = Authority::new("Trusted here");
            // The last one speaks HTTP/1.1 alone.
            let protocols = [r#""h2""#, r#""h2", "http/1.1""#, r#""http/1.1""#];
            let doors: Vec<Door> = (0..3)
                .map(|at| {
                    let certificate = authority.certify("localhost", &folder.join(NAMES[at]));
                    Door::new(NAMES[at], certificate, protocols[at], providers[at].address())
                })
                .collect();
            front = Some(Front::start(&folder, &doors));
            authorities = Some(authority.write(&folder.join("ca.pem")));
            urls = [0, 1, 2].map(|at: usize| format!("https://localhost:{}", doors[at].port));
        }
        let settings = Settings { authorities, ..settings.clone() };
        let document = document(&urls, more, names);
        let mut gateway = Gateway::start_changed(&document, &settings, change).unwrap_or_else(|trouble| panic!("{trouble}"));
        if secure {
            gateway.wait_resolved(&NAMES).unwrap();
        }
        Self { gateway, providers, _front: front }
    }

    pub fn ask(&self, body: &Value) -> Response {
        self.gateway.connect().post(CHAT, body).unwrap_or_else(|e| panic!("no answer: {e}\n{}", self.gateway.words()))
    }

    /// How many requests each provider has had since the last call.
    pub fn asked(&self) -> [usize; 3] {
        self.providers.each_ref().map(|provider| provider.shared().take().len())
    }
}

/// Providers of each API, more of them, and models that go through them in each order.
fn document(urls: &[String; 3], more: &str, others: &[&str]) -> String {
    let [chat, responses, messages] = urls;
    let rest = "cooldown: { failures: 0 }";
    let mut text = format!(
        r#"version: 1
providers:
  chat: {{ kind: openai-compatible, endpoint: "{chat}/v1", speaks: [chat], auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }}, {rest} }}
  responses: {{ kind: openai, endpoint: "{responses}/v1", speaks: [responses], auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }}, {rest} }}
  messages: {{ kind: anthropic, endpoint: "{messages}", auth: {{ api_key: {{ env: TEST_ANTHROPIC_KEY }} }}, {rest} }}
{more}models:
"#
    );
    let target = |provider: &str, place: usize| {
        let model = match provider {
            "messages" => "claude-sonnet-5",
            "responses" => "gpt-5.1",
            _ => "gpt-5",
        };
        format!("{{ provider: {provider}, model: {model}, priority: {place}, first_content: 1s }}")
    };
    let mut model = |name: &str, providers: &[&str]| {
        let targets: Vec<String> = providers.iter().enumerate().map(|(place, provider)| target(provider, place)).collect();
        text.push_str(&format!("  - {{ name: {name}, targets: [ {} ] }}\n", targets.join(", ")));
    };
    for order in ORDERS {
        let names = order.map(|at| NAMES[at]);
        model(names[0], &names);
        for (place, one) in (0..3).flat_map(|place| others.iter().map(move |one| (place, *one))) {
            let mut with = vec![names[0], names[1]];
            with.insert(place, one);
            model(&format!("{one}-{place}-{}", names[0]), &with);
        }
    }
    text
}

pub fn outcomes(line: &Value) -> Vec<&str> {
    line["weir"]["attempts"].as_array().unwrap().iter().map(|attempt| attempt["outcome"].as_str().unwrap()).collect()
}

fn each_failure_moves_on_from_each_place(form: Failover) {
    let failures = [Behaviour::Status(429), Behaviour::Status(500), Behaviour::Status(529), Behaviour::Reset, Behaviour::Html(502)];
    for secure in [false, true] {
        let three = Three::start(form, secure);
        let mut lines = 0;
        for order in ORDERS {
            for failure in failures.iter().chain([&Behaviour::ErrorFirst]) {
                for failing in 1..=3 {
                    for body in [ask(NAMES[order[0]], "count to 3"), ask_stream(NAMES[order[0]], "count to 3")] {
                        if *failure == Behaviour::ErrorFirst && body["stream"] != true {
                            continue;
                        }
                        let what = format!("{order:?} {failing} {failure:?} {secure}");
                        order[..failing].iter().for_each(|at| three.providers[*at].shared().behave(failure.clone()));
                        let response = three.ask(&body);
                        lines += 1;
                        let line = three.gateway.wait_log(lines)[lines - 1].clone();
                        let asked = three.asked();
                        let expected = (0..3).map(|at| usize::from(order.iter().position(|one| *one == at) <= Some(failing)));
                        assert!(asked.into_iter().eq(expected), "{what}: {asked:?}");
                        if failing == 3 {
                            assert!(response.status >= 429 && response.status != 598, "{what}: {}", response.status);
                            assert!(response.json()["error"]["message"].is_string(), "{what}: {}", response.text());
                            assert!(outcomes(&line).len() == 3 && !outcomes(&line).contains(&"complete"), "{what}: {line}");
                        } else {
                            assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{what}: {}", response.text());
                            assert_eq!((outcomes(&line).len(), outcomes(&line).last()), (failing + 1, Some(&"complete")), "{what}: {line}");
                        }
                    }
                }
            }
        }
    }
}

fn a_stream_that_breaks_behind_content_ends_there_at_each_place(form: Failover) {
    for secure in [false, true] {
        let three = Three::start(form, secure);
        for order in ORDERS {
            for place in 0..3 {
                order[..place].iter().for_each(|at| three.providers[*at].shared().behave(Behaviour::Status(503)));
                three.providers[order[place]].shared().behave(Behaviour::ResetMidStream);
                let response = three.ask(&ask_stream(NAMES[order[0]], "count to 30"));
                let told = response.text();
                assert!(response.broken.is_some() || told.contains("\"error\""), "{order:?} {place} {secure}: {told}");
                assert!(!told.contains("[DONE]") && said(&response).starts_with("1 2"), "{order:?} {place} {secure}: {told}");
                assert_eq!(three.asked().iter().sum::<usize>(), place + 1, "{order:?} {place} {secure}");
            }
        }
    }
}

/// Without a word, and behind its headers and an event that says nothing yet.
fn a_silent_provider_is_left_at_each_place(form: Failover) {
    for (secure, silence, said_before) in [(true, Behaviour::Stall, 0), (false, Behaviour::Gated, 1)] {
        let three = Three::start(form, secure);
        for silent in 1..=3 {
            let order = ORDERS[silent - 1];
            for at in &order[..silent] {
                three.providers[*at].shared().behave(silence.clone());
                three.providers[*at].shared().permit(said_before);
            }
            let lines = three.gateway.log().len();
            let response = three.ask(&ask_stream(NAMES[order[0]], "count to 3"));
            let what = format!("{order:?} {silent} {silence:?}: {}", response.text());
            assert_eq!(three.asked().iter().sum::<usize>(), (silent + 1).min(3), "{what}");
            let line = three.gateway.wait_log(lines + 1)[lines].clone();
            let timed_out = outcomes(&line).iter().filter(|outcome| **outcome == "timeout").count();
            assert_eq!(timed_out, silent, "{what}: {line}");
            if silent == 3 {
                assert!(response.status == 504 && response.json()["error"]["message"].is_string(), "{what}");
            } else {
                assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{what}");
            }
        }
    }
}

/// Slow, but within its limit: nobody else is asked.
fn a_slow_provider_answers_at_each_place(form: Failover) {
    for secure in [false, true] {
        let three = Three::start(form, secure);
        for (place, order) in ORDERS.into_iter().enumerate() {
            for body in [ask(NAMES[order[0]], "count to 3"), ask_stream(NAMES[order[0]], "count to 3")] {
                order[..place].iter().for_each(|at| three.providers[*at].shared().behave(Behaviour::Status(500)));
                three.providers[order[place]].shared().behave(Behaviour::Slow);
                let lines = three.gateway.log().len();
                let response = three.ask(&body);
                assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{order:?} {secure}: {}", response.text());
                let line = three.gateway.wait_log(lines + 1)[lines].clone();
                assert_eq!((outcomes(&line).len(), outcomes(&line).last()), (place + 1, Some(&"complete")), "{order:?} {secure}: {line}");
                assert_eq!(three.asked().iter().sum::<usize>(), place + 1, "{order:?} {secure}");
            }
        }
    }
}
