//! Where Envoy itself goes from one provider to the next: the cluster that is named, how far Envoy may go, and who is not asked.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by them")]

use std::rc::Rc;
use weir_core::exchange::{Bound, Configured, Departure, Exchange, Headers, RequestVerdict, SECOND, Verdict};
use weir_core::health::{Health, Lesson};
use weir_core::hub::ErrorKind;
use weir_core::limits::Ledger;
use weir_core::routing::Failover;

const DOCUMENT: &str = r#"{"version": 1,
    "providers": {"a": {"kind": "openai-compatible", "endpoint": "http://a/v1"}, "b": {"kind": "openai-compatible", "endpoint": "http://b/v1"},
                  "c": {"kind": "openai-compatible", "endpoint": "http://c/v1"}, "d": {"kind": "openai-compatible", "endpoint": "http://d/v1"}},
    "identity": {"region": {"header": "x-region", "trusted": true}},
    "models": [
        {"name": "all", "targets": [{"provider": "c", "priority": 1}, {"provider": "a", "weight": 1}, {"provider": "b", "weight": 0}]},
        {"name": "eu", "targets": [{"provider": "a"}, {"provider": "b", "priority": 1, "when": {"region": ["eu"]}}, {"provider": "c", "priority": 2}]},
        {"name": "five", "targets": [{"provider": "a"}, {"provider": "b", "priority": 1, "when": {"region": ["eu"]}}, {"provider": "c", "priority": 2},
                                     {"provider": "a", "model": "x", "priority": 3}, {"provider": "b", "model": "x", "priority": 4}]},
        {"name": "narrow", "targets": [{"provider": "a"}, {"provider": "b", "model": "n", "priority": 1, "concurrency": 1}, {"provider": "c", "priority": 2}, {"provider": "d", "priority": 3}]},
        {"name": "n", "targets": [{"provider": "b", "concurrency": 1}]}
    ]}"#;

const BODY: &[u8] = br#"{"model": "m", "messages": [{"role": "user", "content": "How deep?"}]}"#;

struct World {
    configured: Rc<Configured>,
    health: Health,
    ledger: Ledger,
}

impl World {
    fn new() -> Self {
        let mut health = Health::default();
        let mut configured = Configured::new(DOCUMENT, Failover::Priorities, |_| None).unwrap();
        configured.take_seats(&mut health);
        Self { configured: Rc::new(configured), health, ledger: Ledger::default() }
    }

    /// An exchange whose request leaves for a model.
    fn leaves(&mut self, model: &str, region: &str) -> (Box<Exchange>, Departure) {
        let mut head = Headers::new();
        for (name, value) in [(":method", "POST"), (":path", "/v1/chat/completions"), ("x-region", region)] {
            head.push(name, value);
        }
        let (mut exchange, _) =
            Exchange::begin(&self.configured, head, false, SECOND, || true, &mut self.ledger, &mut self.health).unwrap();
        let body = format!(r#"{{"model": "{model}", "messages": [{{"role": "user", "content": "How deep?"}}]}}"#).into_bytes();
        let verdict = exchange.request_body(body, 0, &mut self.ledger, &mut self.health, SECOND);
        assert!(matches!(verdict, Verdict::Release), "{verdict:?}");
        let departure = exchange.depart(|| false).unwrap();
        (exchange, departure)
    }

    fn record(&mut self, mut exchange: Box<Exchange>) -> String {
        exchange.settle(&mut self.ledger, SECOND, String::new, |_, _, _| ()).unwrap()
    }
}

fn retries(departure: &Departure) -> &str {
    let RequestVerdict::Send { headers, .. } = &departure.verdict else { panic!("not sent") };
    headers.as_ref().unwrap().first("x-envoy-max-retries").unwrap()
}

/// The provider is asked, and what comes of it is an answer that moves on; whether another target follows.
fn asked(exchange: &mut Exchange, provider: &str) {
    let (Bound::Attempt(mut attempt), next) = exchange.bind(provider, || SECOND) else { panic!("{provider} is not asked") };
    assert_eq!(next, None, "a retry does not ask where to go");
    assert!(matches!(attempt.request_body(exchange, BODY), RequestVerdict::Send { .. }));
    let mut head = Headers::new();
    head.push(":status", "503");
    attempt.answer_head(exchange, head, true, SECOND, String::new);
}

#[test]
fn the_cluster_has_the_first_choice_first_and_the_others_by_priority() {
    let mut world = World::new();
    let (mut exchange, departure) = world.leaves("all", "");
    assert_eq!((departure.next.as_deref().unwrap(), retries(&departure)), ("weir-chain-a+b+c", "2"));
    asked(&mut exchange, "a");
    // A priority without an address is passed over.
    asked(&mut exchange, "c");
}

#[test]
fn who_is_left_alone_for_a_while_is_not_the_first_choice_and_is_asked_behind_it() {
    let mut world = World::new();
    let lesson = Lesson::Failed(ErrorKind::RateLimited, Some(60 * SECOND));
    let (mut exchange, _) = world.leaves("all", "");
    let (Bound::Attempt(mut attempt), _) = exchange.bind("a", || SECOND) else { panic!("not asked") };
    attempt.request_body(&mut exchange, BODY);
    attempt.done(&mut exchange, true, SECOND);
    let (seats, _) = attempt.take_lesson().unwrap_or_else(|| panic!("nothing was learnt"));
    world.health.learn(seats, lesson);
    let (exchange, departure) = world.leaves("all", "");
    assert_eq!((departure.next.as_deref().unwrap(), retries(&departure)), ("weir-chain-b+a+c", "2"));
    let record = world.record(exchange);
    assert!(!record.contains("cooling"), "{record}");
}

#[test]
fn a_target_that_must_not_be_asked_is_passed_over() {
    let mut world = World::new();
    let (_, departure) = world.leaves("eu", "eu");
    assert_eq!((departure.next.as_deref().unwrap(), retries(&departure)), ("weir-chain-a+b+c", "2"));
    let (mut exchange, departure) = world.leaves("eu", "us");
    assert_eq!((departure.next.as_deref().unwrap(), retries(&departure)), ("weir-chain-a+c", "1"));
    assert!(matches!(exchange.bind("b", || SECOND).0, Bound::Refuse(_)));
    asked(&mut exchange, "c");
    let record = world.record(exchange);
    assert!(record.contains("when") && !record.contains("behind"), "{record}");
    // Of so many targets there are too many orders.
    let (mut exchange, departure) = world.leaves("five", "us");
    assert_eq!((departure.next.as_deref().unwrap(), retries(&departure)), ("a", "0"), "no chain is needed for one target");
    assert!(matches!(exchange.bind("b", || SECOND).0, Bound::Refuse(_)));
    let record = world.record(exchange);
    assert!(record.contains("when") && record.contains("behind"), "{record}");
}

#[test]
fn a_target_that_is_full_is_passed_over() {
    let mut world = World::new();
    let (under_way, _) = world.leaves("n", "");
    let (mut exchange, departure) = world.leaves("narrow", "");
    assert_eq!((departure.next.as_deref().unwrap(), retries(&departure)), ("weir-chain-a+c+d", "2"));
    asked(&mut exchange, "a");
    asked(&mut exchange, "c");
    let record = world.record(exchange);
    assert!(record.contains(r#""model":"n","reason":"busy""#) && !record.contains("behind"), "{record}");
    drop(under_way);
    assert_eq!(world.leaves("narrow", "").1.next.as_deref(), Some("weir-chain-a+b+c+d"));
}

#[test]
fn an_attempt_that_must_not_be_made_tells_what_became_of_the_one_before() {
    let mut world = World::new();
    let (mut exchange, _) = world.leaves("all", "");
    asked(&mut exchange, "b");
    let (Bound::Refuse(told), _) = exchange.bind("someone", || SECOND) else { panic!("asked") };
    assert_eq!(told.reply.status, 503);
    // Where those that are left have no address Envoy begins again.
    let (Bound::Refuse(told), _) = exchange.bind("b", || SECOND) else { panic!("asked twice") };
    assert_eq!(told.reply.status, 503);
    let (mut exchange, _) = world.leaves("all", "");
    let (Bound::Refuse(told), _) = exchange.bind("someone", || SECOND) else { panic!("asked") };
    assert_eq!(told.reply.status, 503, "no attempt was made");
}
