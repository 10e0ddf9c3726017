//! Where no head can wait: what a head rules out by itself, before it leaves, and what it holds while its body is on its way.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by them")]

use std::rc::Rc;
use weir_core::exchange::{Configured, Exchange, Headers, RequestVerdict, SECOND, Verdict};
use weir_core::health::Health;
use weir_core::limits::Ledger;

const DOCUMENT: &str = r#"{"version": 1,
    "standalone": {"provider": {"header": "x-provider"}},
    "providers": {
        "us": {"kind": "openai-compatible", "endpoint": "http://us/v1", "labels": {"residency": "us"}},
        "eu": {"kind": "openai-compatible", "endpoint": "http://eu/v1", "labels": {"residency": "eu"}, "concurrency": 2},
        "files": {"kind": "openai-compatible", "endpoint": "http://files/v1"}},
    "identity": {"team": {"header": "x-team", "trusted": true, "missing": "refuse"}},
    "demands": [{"header": "x-residency", "label": "residency"}],
    "limits": {
        "service": {"endpoint": "http://limits/json"},
        "budgets": [{"name": "hourly", "key": ["team"], "requests": 100, "per": "hour", "on_failure": "allow"}],
        "concurrency": [{"key": ["team"], "requests": 3}, {"key": ["team", "model"], "requests": 1}]},
    "models": [
        {"name": "open", "targets": [{"provider": "us"}, {"provider": "eu"}]},
        {"name": "patients", "demands": {"residency": ["eu"]}, "targets": [{"provider": "eu"}]},
        {"name": "claude-*", "targets": [{"provider": "us"}]}],
    "endpoints": [{"prefix": "/v1/files", "provider": "files"}]}"#;

const CHAT: &str = "/v1/chat/completions";

struct World {
    configured: Rc<Configured>,
    health: Health,
    ledger: Ledger,
}

impl World {
    fn new() -> Self {
        Self::of(DOCUMENT)
    }

    fn of(document: &str) -> Self {
        let mut health = Health::default();
        let (_, mut configured) = Configured::at(Some(b"weir.standalone"), document.as_bytes().to_vec(), |_| None).unwrap();
        configured.take_seats(&mut health);
        Self { configured: Rc::new(configured), health, ledger: Ledger::default() }
    }

    /// The exchange of a head, and where that goes or what it is told.
    fn head(&mut self, path: &str, headers: &[(&str, &str)]) -> (Box<Exchange>, String) {
        let mut head = Headers::new();
        for (name, value) in [(":method", "POST"), (":path", path)].iter().chain(headers) {
            head.push(name, value);
        }
        let (exchange, verdict) =
            Exchange::begin(&self.configured, head, false, SECOND, || true, &mut self.ledger, &mut self.health).unwrap();
        (exchange, became(verdict))
    }

    /// The same once its body has come.
    fn body(&mut self, exchange: &mut Exchange, model: &str) -> String {
        let body = format!(r#"{{"model": "{model}", "messages": [{{"role": "user", "content": "How deep?"}}]}}"#).into_bytes();
        became(exchange.request_body(body, 0, &mut self.ledger, &mut self.health, SECOND))
    }
}

fn became(verdict: Verdict) -> String {
    match verdict {
        Verdict::Head(headers) => format!("head to {}", headers.first(":authority").unwrap()),
        Verdict::Reply(local) => format!("{} {}", local.reply.status, String::from_utf8(local.reply.body).unwrap()),
        Verdict::Wait => "waits".to_owned(),
        other => panic!("{other:?}"),
    }
}

fn team<'h>(provider: &'h str, team: &'h str) -> [(&'h str, &'h str); 2] {
    [("x-provider", provider), ("x-team", team)]
}

#[test]
fn what_a_head_rules_out_is_refused_before_it_leaves() {
    let residency = |value: &'static str| [("x-provider", "us"), ("x-team", "t"), ("x-residency", value)];
    for (path, headers, expected, words) in [
        (CHAT, &team("us", "t")[..], "head to us", ""),
        (CHAT, &team("eu", "t"), "head to eu", ""),
        // Whose model stands in the path is known.
        ("/v1beta/models/open:generateContent", &team("us", "t"), "head to us", ""),
        ("/v1beta/models/patients:generateContent", &team("eu", "t"), "head to eu", ""),
        ("/v1beta/models/patients:generateContent", &team("us", "t"), "404", "does not have the model `patients`"),
        ("/v1beta/models/nothing:generateContent", &team("us", "t"), "404", "`nothing` does not exist"),
        ("/model/patients/converse", &team("us", "t"), "404", "does not have the model `patients`"),
        ("/model/patients/converse-stream", &team("eu", "t"), "head to eu", ""),
        ("/model/claude-x/invoke", &team("eu", "t"), "404", "does not have the model `claude-x`"),
        ("/model/claude-x/invoke", &team("us", "t"), "head to us", ""),
        ("/v1/projects/p/locations/l/publishers/anthropic/models/claude-x:rawPredict", &team("eu", "t"), "404", "`claude-x`"),
        // A provider of which no model is known can't be asked for one.
        (CHAT, &team("files", "t"), "404", "has no model"),
        (CHAT, &residency("us"), "head to us", ""),
        (CHAT, &residency("eu"), "400", "labelled residency: eu,"),
        ("/v1beta/models/open:generateContent", &residency("eu"), "400", "labelled residency: eu,"),
        // Who asks is known too.
        (CHAT, &[("x-provider", "us")], "403", "does not say its team"),
    ] {
        let (_, became) = World::new().head(path, headers);
        assert!(became.starts_with(expected) && became.contains(words), "{path} {headers:?}: {became}");
    }
}

#[test]
fn a_head_has_a_seat_at_its_provider_from_its_departure_on() {
    let mut world = World::new();
    let (mut first, became) = world.head(CHAT, &team("eu", "a"));
    assert_eq!(became, "head to eu");
    let (second, became) = world.head(CHAT, &team("eu", "b"));
    assert_eq!(became, "head to eu");
    let (_, became) = world.head(CHAT, &team("eu", "c"));
    assert!(became.starts_with("429 ") && became.contains("under way"), "{became}");
    // It is its own seat that a request takes with its body.
    assert_eq!(world.body(&mut first, "open"), "waits");
    let (_, became) = world.head(CHAT, &team("eu", "c"));
    assert!(became.starts_with("429 "), "{became}");
    drop(second);
    let (mut third, became) = world.head(CHAT, &team("eu", "c"));
    assert_eq!(became, "head to eu");
    // Refused behind its head, it makes room before it is gone.
    let became = world.body(&mut third, "nothing");
    assert!(became.starts_with("404 "), "{became}");
    assert_eq!(world.head(CHAT, &team("eu", "c")).1, "head to eu");
}

#[test]
fn who_shares_a_limit_is_counted_from_the_head_on() {
    let mut world = World::new();
    let mut under_way: Vec<Box<Exchange>> = Vec::new();
    for _ in 0..3 {
        let (exchange, became) = world.head(CHAT, &team("us", "a"));
        assert_eq!(became, "head to us");
        under_way.push(exchange);
    }
    let (_, became) = world.head(CHAT, &team("us", "a"));
    assert!(became.starts_with("429 ") && became.contains("of the same team"), "{became}");
    assert_eq!(world.head(CHAT, &team("us", "b")).1, "head to us");
    // Which model is asked for the body says.
    assert_eq!(world.body(&mut under_way[0], "open"), "waits");
    let became = world.body(&mut under_way[1], "open");
    assert!(became.starts_with("429 ") && became.contains("of the same team and model"), "{became}");
    assert_eq!(world.body(&mut under_way[2], "claude-x"), "waits");
}

#[test]
fn flags_of_a_body_are_too_late_unless_its_head_has_them() {
    const CLAUDE: &str = r#"{"version": 1, "losses": "strict", "standalone": {"provider": {"constant": "claude"}},
        "providers": {"claude": {"kind": "anthropic", "endpoint": "http://claude"}},
        "models": [{"name": "m", "targets": [{"provider": "claude"}]}]}"#;
    const BODY: &[u8] =
        br#"{"anthropic_beta": ["one-2025-01-01"], "max_tokens": 5, "messages": [{"role": "user", "content": "How deep?"}]}"#;
    for (headers, sent) in [
        (&[][..], false),
        (&[("anthropic-beta", "two-2025-01-01")], false),
        (&[("anthropic-beta", "two-2025-01-01, one-2025-01-01")], true),
    ] {
        let mut world = World::of(CLAUDE);
        let (mut exchange, became) = world.head("/model/m/invoke", headers);
        assert_eq!(became, "head to claude");
        let verdict = exchange.request_body(BODY.to_vec(), 0, &mut world.ledger, &mut world.health, SECOND);
        assert!(matches!(verdict, Verdict::Release), "{verdict:?}");
        let verdict = exchange.depart(|| true).unwrap().verdict;
        assert_eq!(matches!(verdict, RequestVerdict::Send { .. }), sent, "{headers:?}");
    }
}
