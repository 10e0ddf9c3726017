//! A provider that accepts and says nothing is left for the next one in time, or the client is told; a stream that flows is never cut.
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use weir_core::routing::Failover;
use weir_integration::client::Response;
use weir_integration::providers::{Behaviour, Scripted};

use crate::world::{World, ask, ask_stream, in_both_forms, said, standard};

in_both_forms! {
    a_stream_moves_on_from_a_silent_provider_before_and_behind_its_headers,
    behind_the_last_target_a_client_is_told_in_its_format,
    a_plain_request_ends_with_504_and_runs_again_only_where_it_may,
    a_stream_that_falls_silent_is_cut_and_one_that_only_pings_ends_with_an_error_event,
}

/// `smart` with these limits on its two targets.
fn world(form: Failover, first: &str, second: &str) -> World {
    World::with_form(form, "patience", |openai, anthropic| {
        let document = standard(openai, anthropic).replace(
            "name: smart, targets: [ { provider: openai, model: gpt-5 }, { provider: anthropic, model: claude-sonnet-5, priority: 1 } ]",
            &format!("name: smart, targets: [ {{ provider: openai, model: gpt-5, {first} }}, {{ provider: anthropic, model: claude-sonnet-5, priority: 1, {second} }} ]"),
        );
        assert!(document.contains(first) && document.contains(second));
        document
    })
}

fn outcomes(world: &World, line: usize) -> Vec<String> {
    let lines = world.gateway.wait_log(line);
    let attempts = lines[line - 1]["weir"]["attempts"].as_array().unwrap();
    attempts.iter().map(|attempt| attempt["outcome"].as_str().unwrap().to_owned()).collect()
}

fn timed(world: &World, body: &serde_json::Value) -> (Response, Duration) {
    let before = Instant::now();
    (world.chat(body), before.elapsed())
}

const LIMIT: Duration = Duration::from_millis(1000);
/// The host's timers count in milliseconds.
const EARLY: Duration = Duration::from_millis(5);
/// Far more than a loaded machine is late by, far less than any provider here is silent for.
const LATE: Duration = Duration::from_millis(6000);

fn a_stream_moves_on_from_a_silent_provider_before_and_behind_its_headers(form: Failover) {
    let world = world(form, "first_content: 1s", "first_content: 1500ms");
    for (place, (behaviour, permits)) in [(Behaviour::Stall, 0), (Behaviour::Gated, 0), (Behaviour::Gated, 1)].into_iter().enumerate() {
        world.openai.shared().behave(behaviour.clone());
        world.openai.shared().permit(permits);
        let (response, taken) = timed(&world, &ask_stream("smart", "count to 4"));
        assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3 4"), "{behaviour:?}: {}", response.text());
        assert!(taken + EARLY >= LIMIT && taken < LIMIT + LATE, "{behaviour:?}: {taken:?}");
        assert_eq!(outcomes(&world, place + 1), ["timeout", "complete"], "{behaviour:?} {permits}");
    }
}

fn behind_the_last_target_a_client_is_told_in_its_format(form: Failover) {
    let world = world(form, "first_content: 1s", "first_content: 1s");
    for (line, behaviour) in [Behaviour::Stall, Behaviour::Gated].into_iter().enumerate() {
        world.openai.shared().behave(Behaviour::Status(500));
        world.anthropic.shared().behave(behaviour);
        let (response, taken) = timed(&world, &ask_stream("smart", "count to 4"));
        assert_eq!(response.status, 504, "{}", response.text());
        assert!(response.json()["error"]["message"].is_string(), "{}", response.text());
        assert!(taken + EARLY >= LIMIT && taken < LIMIT + LATE, "{taken:?}");
        assert_eq!(outcomes(&world, line + 1), ["error", "timeout"]);
    }
}

fn a_plain_request_ends_with_504_and_runs_again_only_where_it_may(form: Failover) {
    for (second, status, expected) in
        [("answer_timeout: fail", 504, vec!["timeout"]), ("answer_timeout: next", 200, vec!["timeout", "complete"])]
    {
        let world = world(form, &format!("answer: 1s, {second}"), "answer: 1s");
        for (line, behaviour) in [Behaviour::Stall, Behaviour::Gated].into_iter().enumerate() {
            world.openai.shared().behave(behaviour);
            let (response, taken) = timed(&world, &ask("smart", "count to 4"));
            assert_eq!(response.status, status, "{}", response.text());
            assert!(taken + EARLY >= LIMIT && taken < LIMIT + LATE, "{taken:?}");
            assert_eq!(outcomes(&world, line + 1), expected);
            assert_eq!(world.openai.shared().take().len(), 1, "asked once");
            assert_eq!(world.anthropic.shared().take().len(), expected.len() - 1);
        }
    }
}

fn a_stream_that_falls_silent_is_cut_and_one_that_only_pings_ends_with_an_error_event(form: Failover) {
    let world = world(form, "stream_idle: 1s", "stream_idle: 1s");
    world.openai.shared().behave(Behaviour::Gated);
    world.openai.shared().permit(4);
    let (response, taken) = timed(&world, &ask_stream("smart", "count to 30"));
    assert_eq!(response.status, 200);
    assert!(response.broken.is_some() && !response.text().contains("[DONE]"), "{}", response.text());
    assert!(taken + EARLY >= LIMIT && taken < LIMIT + LATE, "{taken:?}");
    assert_eq!(outcomes(&world, 1), ["timeout"]);

    let content = br#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}"#;
    let mut pieces = vec![[&content[..], b"\n\n"].concat()];
    pieces.extend(std::iter::repeat_n(b": ping\n\n".to_vec(), 100));
    world.openai.shared().script(Scripted { gated: true, ..Scripted::stream(pieces) });
    let over = AtomicBool::new(false);
    let (response, taken) = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                world.openai.shared().permit(1);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        let answer = timed(&world, &ask_stream("smart", "count to 30"));
        over.store(true, Ordering::Relaxed);
        answer
    });
    assert!(response.text().contains("\"error\"") && response.text().contains("Hi"), "{}", response.text());
    assert!(response.broken.is_some() && !response.text().contains("[DONE]"), "{}", response.text());
    assert!(taken + EARLY >= LIMIT && taken < LIMIT + LATE, "{taken:?}");
    assert_eq!(outcomes(&world, 2), ["timeout"]);
    assert_eq!(world.gateway.wait_log(2)[1]["weir"]["ending"], "stalled");
}
