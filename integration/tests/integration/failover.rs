//! A provider that fails before content is replaced by one with another API, each attempt translated and with its own key.
use serde_json::json;
use weir_core::routing::Failover;
use weir_integration::providers::{Behaviour, Provider, Vendor};

use crate::world::{ANTHROPIC_KEY, OPENAI_KEY, World, ask, ask_stream, assert_error, in_both_forms, said, standard};

in_both_forms! {
    each_failure_before_content_moves_on,
    providers_of_one_format_replace_each_other_and_the_bytes_still_pass,
    a_stream_whose_first_event_is_an_error_moves_on,
    each_key_goes_to_its_own_provider_alone,
    a_closed_port_moves_on_and_alone_is_503,
    a_refused_credential_moves_on_and_counts,
    when_all_fail_the_client_gets_the_last_failure_and_never_598,
    what_the_client_did_wrong_is_not_tried_elsewhere,
    after_content_nothing_is_tried_again,
    many_at_once_all_move_on,
}

const FAILURES: [Behaviour; 5] =
    [Behaviour::Status(429), Behaviour::Status(500), Behaviour::Status(503), Behaviour::Reset, Behaviour::Html(502)];

fn each_failure_before_content_moves_on(form: Failover) {
    let world = World::in_form(form, "failover");
    for (model, first, second, name) in
        [("smart", &world.openai, &world.anthropic, "Anthropic"), ("clever", &world.anthropic, &world.openai, "OpenAI")]
    {
        for failure in FAILURES {
            for body in [ask(model, "count"), ask_stream(model, "count")] {
                first.shared().behave(failure.clone());
                let response = world.chat(&body);
                assert_eq!(response.status, 200, "{model} {failure:?}: {}", response.text());
                assert!(said(&response).contains(&format!("simulated {name}")), "{model} {failure:?}: {}", response.text());
                assert_eq!((first.shared().take().len(), second.shared().take().len()), (1, 1), "{model} {failure:?}");
            }
        }
    }
    let lines = world.gateway.wait_log(20);
    for line in &lines {
        assert_eq!(line["weir"]["attempts"].as_array().map(Vec::len), Some(2), "{line}");
        assert_eq!(line["weir"]["ending"], "complete", "{line}");
    }
    let counters = world.gateway.stats("wasmcustom.weir.failovers");
    assert!(!counters.is_empty());
}

fn providers_of_one_format_replace_each_other_and_the_bytes_still_pass(form: Failover) {
    let spare = Provider::start(Vendor::OpenAi, ANTHROPIC_KEY).unwrap();
    let more = format!(
        "  spare: {{ kind: openai-compatible, endpoint: \"{}\", speaks: [chat], auth: {{ bearer: {{ env: TEST_ANTHROPIC_KEY }} }} }}\nmodels:\n  - {{ name: two, targets: [ {{ provider: openai, model: gpt-5 }}, {{ provider: spare, model: gpt-6, priority: 1 }} ] }}\n",
        spare.endpoint(Vendor::OpenAi)
    );
    let world = World::with_form(form, "failover", |openai, anthropic| standard(openai, anthropic).replace("models:\n", &more));
    for failure in FAILURES.into_iter().chain([Behaviour::ErrorFirst]) {
        for body in [ask("two", "count to 3"), ask_stream("two", "count to 3")] {
            if failure == Behaviour::ErrorFirst && body["stream"] != true {
                continue;
            }
            world.openai.shared().behave(failure.clone());
            let response = world.chat(&body);
            assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{failure:?}: {}", response.text());
            let (first, second) = (world.openai.shared().take(), spare.shared().take());
            assert_eq!((first.len(), second.len()), (1, 1), "{failure:?}");
            assert_eq!((first[0].json()["model"].as_str(), second[0].json()["model"].as_str()), (Some("gpt-5"), Some("gpt-6")));
            assert_eq!(first[0].json()["messages"], second[0].json()["messages"]);
            assert_eq!(second[0].headers.value("authorization"), Some(&*format!("Bearer {ANTHROPIC_KEY}")));
        }
    }
}

fn a_stream_whose_first_event_is_an_error_moves_on(form: Failover) {
    let world = World::in_form(form, "failover");
    for (model, first) in [("smart", &world.openai), ("clever", &world.anthropic)] {
        first.shared().behave(Behaviour::ErrorFirst);
        let response = world.chat(&ask_stream(model, "count to 5"));
        assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3 4 5"), "{model}: {}", response.text());
    }
}

fn each_key_goes_to_its_own_provider_alone(form: Failover) {
    let world = World::in_form(form, "failover");
    for (model, first, second) in [("smart", &world.openai, &world.anthropic), ("clever", &world.anthropic, &world.openai)] {
        first.shared().behave(Behaviour::Status(503));
        assert_eq!(world.chat(&ask(model, "hi")).status, 200);
        for (provider, theirs) in [(first, model == "clever"), (second, model == "smart")] {
            let all = format!("{:?}", provider.shared().take());
            let (own, other) = if theirs { (ANTHROPIC_KEY, OPENAI_KEY) } else { (OPENAI_KEY, ANTHROPIC_KEY) };
            assert!(all.contains(own) && !all.contains(other), "{model}: {all}");
            assert!(!all.contains("client-key"), "{model}: {all}");
        }
    }
}

fn a_closed_port_moves_on_and_alone_is_503(form: Failover) {
    let world = World::in_form(form, "failover");
    let response = world.chat(&ask("dead-first", "hi"));
    assert!(said(&response).contains("Anthropic"), "{}", response.text());
    let alone = world.chat(&ask("dead", "hi"));
    assert!(matches!(alone.status, 502 | 503), "{}", alone.status);
    assert!(alone.json()["error"]["message"].is_string(), "{}", alone.text());
    for (route, expected) in [("dead-first", &["unreachable", "complete"][..]), ("dead", &["unreachable"])] {
        let line = world.gateway.wait_line(route, |line| line["weir"]["route"] == route);
        let outcomes: Vec<_> = line["weir"]["attempts"].as_array().into_iter().flatten().map(|attempt| &attempt["outcome"]).collect();
        assert_eq!(outcomes, expected, "{line}");
    }
}

fn a_refused_credential_moves_on_and_counts(form: Failover) {
    let world = World::in_form(form, "failover");
    for status in [401, 403] {
        world.openai.shared().behave(Behaviour::Status(status));
        let response = world.chat(&ask("smart", "hi"));
        assert!(response.status == 200 && said(&response).contains("Anthropic"), "{status}: {}", response.text());
    }
    let alerts = world.gateway.stats("wasmcustom.weir.credential_refused");
    assert!(matches!(&alerts[..], [(name, value)] if name.contains("openai") && value == "2"), "{alerts:?}");
}

fn when_all_fail_the_client_gets_the_last_failure_and_never_598(form: Failover) {
    let world = World::in_form(form, "failover");
    world.openai.shared().behave(Behaviour::Status(503));
    world.anthropic.shared().behave(Behaviour::Status(529));
    let response = world.chat(&ask("smart", "hi"));
    assert_error(&response, 503, &json!("overloaded"), "both fail");
    let lone = world.chat(&ask("gpt", "[sim:503]"));
    assert_eq!(lone.status, 503, "{}", lone.text());
    assert_eq!(world.openai.shared().take().len(), 2, "a plan of one is tried once");
}

fn what_the_client_did_wrong_is_not_tried_elsewhere(form: Failover) {
    let world = World::in_form(form, "failover");
    world.openai.shared().behave(Behaviour::Status(400));
    assert_eq!(world.chat(&ask("smart", "hi")).status, 400);
    assert!(world.anthropic.shared().take().is_empty());
}

fn after_content_nothing_is_tried_again(form: Failover) {
    let world = World::in_form(form, "failover");
    world.openai.shared().behave(Behaviour::ResetMidStream);
    let response = world.chat(&ask_stream("smart", "count to 30"));
    assert!(response.broken.is_some() || response.text().contains("\"error\""), "{}", response.text());
    assert!(!response.text().contains("[DONE]"));
    assert!(world.anthropic.shared().take().is_empty());
}

fn many_at_once_all_move_on(form: Failover) {
    let world = World::in_form(form, "failover");
    for _ in 0..40 {
        world.openai.shared().behave(Behaviour::Status(503));
    }
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..40).map(|_| scope.spawn(|| world.chat(&ask("smart", "hi")).status)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}
