//! How many requests may be under way: at a provider, at its model, and of those who have an identity in common.

use super::limiter;
use super::rig::{ANSWER, ASK, DOCUMENT, answers, ask, envoy, provider, unused, wiring};
use std::time::Duration;
use weir_testing::{Answer, ExchangeId, Play, Proxy, Request, Sent};

fn slow(_: &Sent) -> Play {
    Play::json(200, ANSWER).after(Duration::from_secs(5))
}

fn assert_refused(proxy: &Proxy, id: ExchangeId) {
    let received = proxy.received(id);
    assert_eq!(received.status(), 429, "{}", received.text());
    assert_eq!(received.header("retry-after"), Some("1"));
    assert!(received.text().contains("under way"), "{}", received.text());
}

fn clusters(proxy: &Proxy, id: ExchangeId) -> Vec<String> {
    proxy.sent(id).iter().map(|sent| sent.cluster.clone()).collect()
}

#[test]
fn over_a_cap_the_plan_moves_on_or_the_client_gets_429() {
    let slow = |_: &_| Play::json(200, ANSWER).after(Duration::from_secs(5));
    let document = DOCUMENT
        .replace(r#""kind": "openai","#, r#""kind": "openai", "concurrency": 2,"#)
        .replace(r#""model": "m-beta","#, r#""model": "m-beta", "concurrency": 1,"#);
    let mut proxy = envoy(&document, wiring().cluster("alpha", provider("alpha", slow)).cluster("beta", provider("beta", slow)));
    for _ in 0..2 {
        let under_way: Vec<_> = (0..4).map(|_| proxy.send(&ask(ASK)).unwrap()).collect();
        let clusters: Vec<Vec<String>> =
            under_way.iter().map(|id| proxy.sent(*id).iter().map(|sent| sent.cluster.clone()).collect()).collect();
        assert_eq!(clusters, [vec!["alpha"], vec!["alpha"], vec!["beta"], vec![]]);
        let [first, second, third, refused] = under_way[..] else { panic!("four") };
        assert_refused(&proxy, refused);
        // Whatever the ending, it makes room.
        proxy.abort(first).unwrap();
        let fifth = proxy.send(&ask(ASK)).unwrap();
        assert_eq!(proxy.sent(fifth)[0].cluster, "alpha");
        for id in [second, third, fifth] {
            proxy.finish(id).unwrap();
            assert_eq!(proxy.received(id).status(), 200);
        }
    }
}

#[test]
fn an_attempt_moves_on_past_a_full_target() {
    let broken = |_: &Sent| Play::json(500, r#"{"error":{"message":"try later"}}"#);
    let document = DOCUMENT
        .replace(
            r#""beta": {"#,
            r#""gamma": {"kind": "openai-compatible", "endpoint": "http://gamma.internal/v1"}, "beta": {"concurrency": 1, "#,
        )
        .replace(r#""model": "m-beta", "priority": 1}"#, r#""model": "m-beta", "priority": 1}, {"provider": "gamma", "priority": 2}"#)
        .replace(r#"{"name": "lone", "#, r#"{"name": "busy", "targets": [{"provider": "beta"}]}, {"name": "lone", "#);
    let clusters_of = |alpha: fn(&Sent) -> Play| {
        let wiring = wiring().cluster("alpha", provider("alpha", alpha)).cluster("beta", provider("beta", slow));
        envoy(&document, wiring.cluster("gamma", provider("gamma", answers)))
    };
    let refuses: fn(&Sent) -> Play = |_| Play::refuse();
    for alpha in [broken, refuses] {
        let mut proxy = clusters_of(alpha);
        let busy = proxy.send(&ask(ASK.replace("smart", "busy"))).unwrap();
        let id = proxy.exchange(&ask(ASK)).unwrap();
        assert_eq!((clusters(&proxy, id), proxy.received(id).status()), (vec!["alpha".into(), "gamma".into()], 200));
        proxy.finish(busy).unwrap();
        let id = proxy.exchange(&ask(ASK)).unwrap();
        assert_eq!(clusters(&proxy, id), ["alpha", "beta"]);
    }
    // What fills up while the attempt before it lasts is passed over as well.
    let mut proxy = clusters_of(|_| Play::json(500, r#"{"error":{"message":"try later"}}"#).after(Duration::from_secs(1)));
    let id = proxy.send(&ask(ASK)).unwrap();
    let busy = proxy.send(&ask(ASK.replace("smart", "busy"))).unwrap();
    assert_eq!(clusters(&proxy, busy), ["beta"]);
    proxy.finish(id).unwrap();
    assert_eq!((clusters(&proxy, id), proxy.received(id).status()), (vec!["alpha".into(), "gamma".into()], 200));
}

#[test]
fn each_model_of_a_pattern_has_room_of_its_own() {
    let document = DOCUMENT.replace(
        r#"{"name": "lone", "targets": [{"provider": "alpha", "model": "m-alpha"}]}"#,
        r#"{"name": "llama-*", "targets": [{"provider": "alpha", "concurrency": 1}]}"#,
    );
    let mut proxy = envoy(&document, wiring().cluster("alpha", provider("alpha", slow)));
    let of = |name: &str| ask(ASK.replace("smart", name));
    for (name, room) in [("llama-3", true), ("llama-4", true), ("llama-3", false), ("llama-4", false)] {
        let id = proxy.send(&of(name)).unwrap();
        assert_eq!(proxy.sent(id).len(), usize::from(room), "{name}");
        if !room {
            assert_refused(&proxy, id);
        }
    }
}

#[test]
fn who_has_too_many_under_way_is_refused_whatever_the_path() {
    let more = r#""identity": {"team": {"header": "x-team", "trusted": true}},
        "limits": {"concurrency": [{"key": ["team"], "requests": 2}]},
        "endpoints": [{"prefix": "/v1/files", "provider": "alpha"}], "models": ["#;
    let document = DOCUMENT.replacen("\"models\": [", more, 1);
    let mut proxy = envoy(&document, wiring().cluster("alpha", provider("alpha", slow)).cluster("beta", provider("beta", unused)));
    let files = || Request::new("POST", "/v1/files").pieces([b"x".to_vec()]);
    let of = |request: Request, team: &str| if team.is_empty() { request } else { request.header("x-team", team) };
    for team in ["blue", "red", ""] {
        let [first, second] = [ask(ASK), files()].map(|request| proxy.send(&of(request, team)).unwrap());
        for request in [ask(ASK), files()] {
            let refused = proxy.send(&of(request, team)).unwrap();
            assert_refused(&proxy, refused);
            assert!(proxy.received(refused).text().contains("of the same team"), "{}", proxy.received(refused).text());
        }
        proxy.abort(first).unwrap();
        proxy.finish(second).unwrap();
        let id = proxy.exchange(&of(ask(ASK), team)).unwrap();
        assert_eq!(proxy.received(id).status(), 200, "{team}");
    }
}

#[test]
fn a_path_that_passes_teaches_and_counts() {
    let document = DOCUMENT.replace(r#""kind": "openai","#, r#""kind": "openai", "concurrency": 1,"#).replacen(
        "\"models\": [",
        r#""endpoints": [{"prefix": "/v1/files", "provider": "alpha"}], "models": ["#,
        1,
    );
    let files = || Request::new("POST", "/v1/files").pieces([b"x".to_vec()]);
    let start = |alpha: fn(&Sent) -> Play| {
        envoy(&document, wiring().cluster("alpha", provider("alpha", alpha)).cluster("beta", provider("beta", answers)))
    };
    let mut proxy = start(slow);
    let under_way = proxy.send(&files()).unwrap();
    let refused = proxy.send(&files()).unwrap();
    assert_refused(&proxy, refused);
    let id = proxy.exchange(&ask(ASK)).unwrap();
    assert_eq!(clusters(&proxy, id), ["beta"]);
    proxy.finish(under_way).unwrap();
    // A limit on uploads is theirs alone.
    let limited: fn(&Sent) -> Play = |sent| {
        let uploads = sent.headers.get(":path").is_some_and(|path| path.contains("files"));
        if uploads { Play::json(429, "{}").header("retry-after", "7") } else { answers(sent) }
    };
    // A wrong key is the account's, and so is one without money.
    let locked: fn(&Sent) -> Play = |_| Play::json(401, r#"{"error":{"message":"bad key"}}"#);
    let unpaid: fn(&Sent) -> Play = |_| Play::answer(402);
    for (alpha, status, next) in [(limited, 429, "alpha"), (locked, 401, "beta"), (unpaid, 402, "beta")] {
        let mut proxy = start(alpha);
        for _ in 0..5 {
            let id = proxy.exchange(&files()).unwrap();
            assert_eq!((clusters(&proxy, id), proxy.received(id).status()), (vec!["alpha".to_owned()], status));
        }
        let id = proxy.exchange(&ask(ASK)).unwrap();
        assert_eq!(clusters(&proxy, id), [next], "{status}");
        let again = proxy.exchange(&files()).unwrap();
        assert_eq!(clusters(&proxy, again), ["alpha"], "it has no other provider");
    }
}

#[test]
fn every_way_to_fail_gives_the_seat_back() {
    let document = DOCUMENT.replace(r#""kind": "openai","#, r#""kind": "openai", "concurrency": 1, "cooldown": {"failures": 0},"#);
    for (name, play) in super::failover::failures() {
        // What asks for a pause or has a wrong key is left alone for another reason.
        if matches!(name, "429" | "401") {
            continue;
        }
        let mut proxy = envoy(
            &document,
            wiring().cluster("alpha", provider("alpha", move |_| play.clone())).cluster("beta", provider("beta", answers)),
        );
        for turn in 0..3 {
            let id = proxy.exchange(&ask(ASK)).unwrap();
            assert_eq!(clusters(&proxy, id), ["alpha", "beta"], "{name}, {turn}: {}", proxy.received(id).text());
        }
    }
    // A stream that breaks behind its first content, and one whose client leaves.
    let half: fn(&Sent) -> Play = |_| Play::stream([super::rig::STREAM.into()]).wait(Duration::from_secs(5)).reset();
    let mut proxy = envoy(&document, wiring().cluster("alpha", provider("alpha", half)).cluster("beta", provider("beta", unused)));
    for leaves in [false, true, false, true] {
        let id = proxy.send(&ask(super::rig::ASK_STREAM)).unwrap();
        assert_eq!(clusters(&proxy, id), ["alpha"]);
        if leaves { proxy.abort(id).unwrap() } else { proxy.finish(id).unwrap() }
    }
}

/// What has room when the plan is made has it when the budgets have been asked.
#[test]
fn a_seat_is_kept_while_the_budgets_are_asked() {
    let document = limiter::document("deny").replace(r#""kind": "openai","#, r#""kind": "openai", "concurrency": 1,"#);
    let mut proxy = envoy(&document, wiring().cluster("alpha", provider("alpha", slow)).cluster("beta", provider("beta", slow)));
    let service = limiter::Limiter::new(1000);
    proxy.host_mut().cluster("weir-limits", move |call| Answer::After(Duration::from_millis(50), Box::new(service.answer(call))));
    let ids = [(); 2].map(|()| proxy.send(&ask(ASK).header("x-team", "blue")).unwrap());
    assert!(ids.iter().all(|id| proxy.sent(*id).is_empty()), "both wait for what the service says");
    for (id, expected) in ids.into_iter().zip(["alpha", "beta"]) {
        proxy.finish(id).unwrap();
        assert_eq!((clusters(&proxy, id), proxy.received(id).status()), (vec![expected.to_owned()], 200));
    }
}
