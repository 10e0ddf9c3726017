//! A provider that fails is left alone by all workers of an Envoy, and comes back by itself.
use std::time::{Duration, Instant};

use weir_core::routing::Failover;
use weir_integration::gateway::Settings;
use weir_integration::providers::{Behaviour, Provider, Vendor};

use crate::world::{ANTHROPIC_KEY, OPENAI_KEY, World, ask, in_both_forms, said, settings, standard};

in_both_forms! { one_workers_lesson_is_the_others_too, a_dead_provider_costs_a_few_requests_and_comes_back }

/// Two workers, and providers that are left alone as a document says by itself but for the pause.
fn world(failover: Failover) -> World {
    let openai = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
    let anthropic = Provider::start(Vendor::Anthropic, ANTHROPIC_KEY).unwrap();
    let document = standard(&openai.endpoint(Vendor::OpenAi), &anthropic.endpoint(Vendor::Anthropic));
    let document = document.replace("cooldown: { failures: 0 }", "cooldown: { failures: 3, pause: 1s }");
    World::of(openai, anthropic, &document, &Settings { workers: 2, failover, ..settings("cooling") })
}

/// Asks on a connection of its own, so that any worker may get it; whether the first target was tried.
fn tries_first(world: &World) -> bool {
    let response = world.chat(&ask("smart", "count to 3"));
    assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{}", response.text());
    !world.openai.shared().take().is_empty()
}

fn wait_cooling(world: &World, value: &str) {
    let since = Instant::now();
    let gauges = || world.gateway.stats("wasmcustom.weir.cooling;");
    while !gauges().iter().any(|(name, shown)| name.contains("provider=openai") && shown == value) {
        assert!(since.elapsed() < Duration::from_secs(10), "{:?}", gauges());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn one_workers_lesson_is_the_others_too(form: Failover) {
    let world = world(form);
    world.openai.shared().behave(Behaviour::Status(429));
    assert!(tries_first(&world), "the provider asks for 7 s");
    let since = Instant::now();
    wait_cooling(&world, "1");
    // The other worker hears of it on its next tick.
    while since.elapsed() < Duration::from_millis(600) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let paid = (0..40).filter(|_| tries_first(&world)).count();
    assert!(since.elapsed() < Duration::from_secs(6), "{:?}", since.elapsed());
    assert_eq!(paid, 0, "requests that paid for an attempt while the provider wanted none");
    while since.elapsed() < Duration::from_millis(7_300) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let back = (0..10).filter(|_| tries_first(&world)).count();
    assert!(back >= 8, "{back} of 10 are back");
    wait_cooling(&world, "0");
}

fn a_dead_provider_costs_a_few_requests_and_comes_back(form: Failover) {
    let world = world(form);
    for _ in 0..12 {
        world.openai.shared().behave(Behaviour::Reset);
    }
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..40).map(|_| scope.spawn(|| world.chat(&ask("smart", "hi")).status)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let since = Instant::now();
    while !tries_first(&world) {
        assert!(since.elapsed() < Duration::from_secs(15), "it never came back");
        std::thread::sleep(Duration::from_millis(50));
    }
}
