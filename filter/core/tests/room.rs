//! What translating a long conversation costs, for each pair: the most memory at one time, allocations, and time for who runs it with
//! `cargo test --release -p weir-core --test room -- --nocapture`.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests may panic, and figures are said")]

mod said;

use said::{asked, clients, path, targets};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;
use weir_core::formats::{self, Beside, Crossing, Head, Onward, Passage};
use weir_core::json::Out;
use weir_core::names::FormatId;
use weir_core::providers::Kind;

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static COUNT: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator that counts")]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Relaxed);
        PEAK.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: the caller's promise is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise is the system's.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Does it, says what it cost beside `size` bytes of input, and gives the most memory at one time beside the input.
fn cost<T>(what: &str, size: usize, mut work: impl FnMut() -> T) -> (T, usize) {
    let (before, count) = (NOW.load(Relaxed), COUNT.load(Relaxed));
    PEAK.store(before, Relaxed);
    let since = Instant::now();
    let result = work();
    let (time, peak, count) = (since.elapsed(), PEAK.load(Relaxed) - before, COUNT.load(Relaxed) - count);
    let (thousandths, rate) = (peak * 1000 / size, u128::try_from(size).unwrap() / time.as_micros().max(1));
    eprintln!("{what}: {size} bytes, {rate} MB/s, {count} allocations, peak 0.001 x {thousandths} of the input beside it");
    (result, peak)
}

/// Words as people and programs write them.
const TEXT: &str = "The weir at the lower mill \\\"holds\\\" what comes down:\\n- water, in spring\\n- timber; Zürich called it ein Wehr.\\n\\tif (level > 3) { open(); }\\n";

/// A megabyte of turns, texts, calls and results.
fn conversation() -> String {
    let mut turns = Vec::new();
    while turns.iter().map(String::len).sum::<usize>() < 1 << 20 {
        let (id, text) = (format!("call_{}", turns.len()), TEXT.repeat(6));
        turns.push(format!(
            r#"{{"role":"user","content":"{text}"}},{{"role":"assistant","content":"{text}","tool_calls":[{{"id":"{id}","type":"function","function":{{"name":"look","arguments":"{{\"place\":\"{id}\"}}"}}}}]}},{{"role":"tool","tool_call_id":"{id}","content":"{text}"}}"#
        ));
    }
    let tool = r#"{"type":"function","function":{"name":"look","parameters":{"type":"object","properties":{"place":{"type":"string"}}}}}"#;
    format!(r#"{{"model":"smart","tools":[{tool}],"messages":[{}]}}"#, turns.join(","))
}

fn request(from: FormatId, to: FormatId, body: &str) -> String {
    let client = formats::named(from);
    let mut request = client.decode(&Head::new(path(from)), body.as_bytes()).unwrap();
    let kind = Kind::named(if to == FormatId::Messages { "anthropic" } else { "openai" }).unwrap();
    let onward =
        Onward { model: Some("gpt-5"), dialect: kind.preset().dialect, default_max_tokens: 8192, beside: Beside::default(), client };
    // As the exchange makes it: most bodies fit, so that nothing is copied while it grows.
    let (mut out, mut passage) = (Out::with_capacity(body.len() + body.len() / 8 + 256), Passage::default());
    formats::stand_in(&mut request, to, body.as_bytes(), &onward, &mut passage).unwrap();
    let mut crossing = Crossing::new(to, body.as_bytes(), &onward, &mut passage);
    formats::named(to).encode(&request, &onward, &mut out, &mut crossing).unwrap();
    out.into_string()
}

/// One test, since both count the allocations of the whole program.
#[test]
fn a_megabyte_takes_less_than_three() {
    let chat = conversation();
    for (client, _) in clients() {
        let body = if client == FormatId::Chat { chat.clone() } else { request(FormatId::Chat, client, &chat) };
        for (target, _) in targets() {
            let (_written, peak) = cost(&format!("request {client} to {target}"), body.len(), || request(client, target, &body));
            assert!(peak < 2 * body.len(), "{client} to {target}: {peak} bytes beside {} of the body", body.len());
        }
    }
    let text = TEXT.repeat((1 << 20) / TEXT.len());
    let answer = format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}}}"#
    );
    let told = |provider: FormatId, client: FormatId, body: &str| {
        let answer = formats::named(provider).decode_answer(body.as_bytes()).unwrap();
        let mut out = Out::with_capacity(body.len() + 2048);
        formats::named(client).encode_answer(&answer, &asked(false), &mut out);
        out.into_string()
    };
    for (provider, _) in targets() {
        let body = told(FormatId::Chat, provider, &answer);
        for (client, _) in clients() {
            let (_written, peak) = cost(&format!("answer of {provider} to {client}"), body.len(), || told(provider, client, &body));
            // What the format says around the text must find room, too: a buffer that is outgrown is doubled and copied.
            assert!(peak < 2 * body.len(), "{provider} to {client}: {peak} bytes beside {} of the body", body.len());
        }
    }
}
