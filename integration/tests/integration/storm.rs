//! Many requests while providers fail at random: every client gets one answer, whole and of one provider, or one clear error.
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use weir_core::routing::Failover;
use weir_integration::client::Response;
use weir_integration::gateway::Settings;
use weir_integration::providers::{Provider, Vendor};

use crate::world::{ANTHROPIC_KEY, OPENAI_KEY, World, ask, ask_stream, in_both_forms, said, settings, standard};

in_both_forms! {
    a_thousand_requests_under_random_faults,
}

const REQUESTS: usize = 1000;
const CLIENTS: usize = 8;
/// The three targets: provider, model, who answers.
const TARGETS: [(&str, &str, &str); 3] =
    [("chatting", "gpt-4o", "OpenAI"), ("anthropic", "claude-sonnet-5", "Anthropic"), ("newer", "gpt-5", "OpenAI")];
/// What may befall an attempt; the second half breaks a stream behind its first content.
const FAULTS: [&str; 14] = [
    "408",
    "429",
    "500",
    "503",
    "529",
    "401",
    "reset",
    "html",
    "html-200",
    "empty",
    "error-first",
    "half-stream",
    "error-in-stream",
    "reset-midstream",
];
const MIDSTREAM: [&str; 3] = ["half-stream", "error-in-stream", "reset-midstream"];

/// A sequence that looks random and is the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

fn a_thousand_requests_under_random_faults(form: Failover) {
    let targets = TARGETS.map(|(provider, model, _)| format!("{{ provider: {provider}, model: {model} }}")).join(", ");
    let world = World::with_form(form, "storm", |openai, anthropic| {
        standard(openai, anthropic).replace("endpoints:\n", &format!("  - {{ name: storm, targets: [ {targets} ] }}\nendpoints:\n"))
    });
    let (next, broken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while let number @ 0..REQUESTS = next.fetch_add(1, Ordering::Relaxed) {
                    broken.fetch_add(usize::from(one(&world, number)), Ordering::Relaxed);
                }
            });
        }
    });
    let lines = world.gateway.wait_log(REQUESTS);
    let mut attempts: Vec<(String, usize)> = TARGETS.map(|(_, model, _)| (model.to_owned(), 0)).to_vec();
    for attempt in lines.iter().flat_map(|line| line["weir"]["attempts"].as_array().into_iter().flatten()) {
        let known = attempts.iter_mut().find(|(model, _)| attempt["model"] == **model);
        known.unwrap_or_else(|| panic!("{attempt}")).1 += 1;
    }
    let seen = [world.openai.shared().take(), world.anthropic.shared().take()].concat();
    for (model, told) in &attempts {
        assert_eq!(seen.iter().filter(|request| request.json()["model"] == **model).count(), *told, "attempts at {model}");
    }
    // Who listens is never passed by for the address that refuses.
    for (cluster, _, _) in TARGETS {
        assert_eq!(world.gateway.stat(&format!("cluster.{cluster}.upstream_cx_connect_fail")), Some(0), "{cluster}");
    }
    let tried: usize = attempts.iter().map(|(_, told)| told).sum();
    eprintln!("{REQUESTS} requests, {tried} attempts, {} streams broken behind their first content", broken.into_inner());
    assert!(tried > REQUESTS * 5 / 4, "the faults never struck: {tried}");
}

/// One request whose faults leave one target healthy; whether a stream broke.
fn one(world: &World, number: usize) -> bool {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ (number as u64 + 1).wrapping_mul(0xD129_0B26_6A4F_3C55));
    let healthy = dice.below(TARGETS.len());
    let stream = dice.below(2) == 1;
    let mut prompt = format!("Request {number}.");
    let mut may_break = false;
    for (_, (_, model, _)) in TARGETS.iter().enumerate().filter(|(n, _)| *n != healthy) {
        let fault = FAULTS[dice.below(FAULTS.len())];
        may_break |= stream && MIDSTREAM.contains(&fault);
        prompt.push_str(&format!(" [{model}:{fault}]"));
    }
    let response = world.chat(&if stream { ask_stream("storm", &prompt) } else { ask("storm", &prompt) });
    let whole = TARGETS.map(|(_, model, who)| format!("Hello from the simulated {who}, model {model}. You said: {prompt}"));
    let text = said(&response);
    assert_eq!(response.status, 200, "{prompt}: {}", response.text());
    let complete = response.broken.is_none() && (!stream || response.text().ends_with("data: [DONE]\n\n"));
    if complete {
        assert!(whole.contains(&text), "{prompt}: {text}");
        assert!(!response.text().contains("\"error\""), "{prompt}: {}", response.text());
        return false;
    }
    let told = response.broken.is_some() || response.events().iter().filter(|event| event.contains("\"error\"")).count() == 1;
    assert!(may_break && told && whole.iter().any(|whole| whole.starts_with(&text)), "{prompt}: {}", response.text());
    true
}

/// How one of many clients fared.
struct Fare {
    at: Duration,
    first: Duration,
}

#[test]
fn two_hundred_clients_outlive_a_provider() {
    let openai = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
    let anthropic = Provider::start(Vendor::Anthropic, ANTHROPIC_KEY).unwrap();
    let document = standard(&openai.endpoint(Vendor::OpenAi), &anthropic.endpoint(Vendor::Anthropic));
    let document = document.replace("cooldown: { failures: 0 }", "cooldown: { failures: 3, pause: 60s }");
    let World { gateway, openai, anthropic: _anthropic } =
        World::of(openai, anthropic, &document, &Settings { workers: 2, ..settings("storm") });
    let (begun, fares) = (Instant::now(), Mutex::new(Vec::new()));
    let died = std::thread::scope(|scope| {
        for client in 0..200 {
            let (gateway, fares) = (&gateway, &fares);
            scope.spawn(move || {
                let mut connection = gateway.connect();
                for round in 0..5 {
                    let at = begun.elapsed();
                    let prompt = format!("Client {client} in round {round}.");
                    let response =
                        connection.post(crate::world::CHAT, &ask_stream("smart", &prompt)).unwrap_or_else(|e| panic!("{prompt} {e}"));
                    fared_well(&response, &prompt);
                    let first = response.pieces.first().map(|(moment, _)| *moment).unwrap_or_default();
                    fares.lock().unwrap().push(Fare { at, first });
                    if response.broken.is_some() {
                        connection = gateway.connect();
                    }
                }
            });
        }
        while fares.lock().unwrap().len() < 200 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let died = begun.elapsed();
        drop(openai);
        died
    });
    let lines = gateway.wait_log(1000);
    let paid = |line: &&Value| line["weir"]["attempts"].as_array().map(Vec::len) == Some(2);
    let payers = lines.iter().filter(paid).count();
    let last = &lines[lines.len() - 200..];
    let mut after: Vec<Duration> = fares.into_inner().unwrap().iter().filter(|fare| fare.at >= died).map(|fare| fare.first).collect();
    after.sort();
    assert!(after.len() > 200, "most requests came after the death: {}", after.len());
    eprintln!(
        "{payers} of {} requests after a provider died paid an attempt; first token after {:?} (median), {:?} (p99)",
        after.len(),
        after[after.len() / 2],
        after[after.len() * 99 / 100]
    );
    assert_eq!(last.iter().filter(paid).count(), 0, "requests that paid for a dead attempt behind the opened breaker");
}

/// A complete answer of one provider, or one that broke and says so.
fn fared_well(response: &Response, prompt: &str) {
    assert_eq!(response.status, 200, "{prompt}: {}", response.text());
    let text = said(response);
    if response.broken.is_none() && response.text().ends_with("data: [DONE]\n\n") {
        assert!(text.ends_with(prompt), "{prompt}: {}", response.text());
    } else {
        assert!(response.broken.is_some() || response.text().contains("\"error\""), "{prompt}: {}", response.text());
    }
}

#[test]
fn twenty_megabytes_of_images_move_on() {
    let world = World::start("storm", "");
    let peak = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", world.gateway.process.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim_end_matches("kB").trim().to_owned();
        line.parse::<u64>().unwrap() / 1024
    };
    assert_eq!(world.chat(&ask("smart", "hi")).status, 200);
    let before = peak();
    let image = format!("data:image/png;base64,{}", "iVBORw0K".repeat(5 << 18));
    let part = || json!({"type": "image_url", "image_url": {"url": image}});
    let content = json!([{"type": "text", "text": "Compare. [gpt-5:503]"}, part(), part()]);
    let size = content.to_string().len() as u64 >> 20;
    let response = world.chat(&json!({"model": "smart", "messages": [{"role": "user", "content": content}]}));
    assert_eq!(response.status, 200, "{}", response.text());
    assert!(said(&response).contains("Anthropic") && said(&response).contains("2 image(s)"), "{}", response.text());
    let grown = peak() - before;
    eprintln!("{size} MiB of request failed over with {grown} MiB of memory");
    assert!(grown < 10 * size, "{grown} MiB for {size} MiB");
}
