//! Which target a request goes to: conversations keep theirs, conditions hold, the cheapest is first, and the client may be told.

use super::rig::{ASK, DOCUMENT, answers, ask, envoy, provider, unused, wiring};
use weir_testing::{Proxy, Request};

/// Two targets of one priority with these members, and more of the document.
fn two(alpha: &str, beta: &str, model: &str, more: &str) -> Proxy {
    let document = DOCUMENT
        .replace(r#""model": "m-alpha"}, {"#, &format!(r#""model": "m-alpha"{alpha}}}, {{"#))
        .replace(r#""model": "m-beta", "priority": 1}"#, &format!(r#""model": "m-beta"{beta}}}"#))
        .replace(r#"{"name": "smart","#, &format!(r#"{{"name": "smart",{model}"#))
        .replace(r#""version": 1,"#, &format!(r#""version": 1,{more}"#));
    envoy(&document, wiring().cluster("alpha", provider("alpha", answers)).cluster("beta", provider("beta", answers)))
}

fn went(proxy: &mut Proxy, request: &Request) -> (String, String) {
    let id = proxy.exchange(request).unwrap();
    let log = String::from_utf8(proxy.filter_state(id, "wasm.weir.log").unwrap()).unwrap();
    (proxy.sent(id).iter().map(|sent| sent.cluster.as_str()).collect::<Vec<_>>().join(" "), log)
}

#[test]
fn conversations_keep_their_target() {
    let by = r#""affinity": {"header": "x-session", "by": ["prompt_cache_key", "user", "prompt"]},"#;
    let mut proxy = two("", "", by, "");
    let say = |member: &str, word: &str| ask(ASK.replace(r#""model":"#, &format!(r#"{member}"model":"#)).replace("Hello", word));
    type Asks<'a> = &'a dyn Fn(&str) -> Request;
    let of: [(&str, Asks<'_>); 4] = [
        ("header", &|name| ask(ASK).header("x-session", name)),
        ("key", &|name| say(&format!(r#""prompt_cache_key":"{name}","#), "Hello")),
        ("user", &|name| say(&format!(r#""user":"{name}","#), "Hello")),
        ("prompt", &|name| say("", name)),
    ];
    for (mark, asks) in of {
        let mut first = [0, 0];
        for number in 0..24 {
            let request = asks(&format!("c-{number}"));
            let target = went(&mut proxy, &request).0;
            assert!((0..3).all(|_| went(&mut proxy, &request).0 == target), "{mark} {number}");
            first[usize::from(target == "beta")] += 1;
        }
        assert!(first.iter().all(|count| *count >= 4), "{mark}: {first:?}");
    }
}

#[test]
fn conditions_leave_targets_out_and_the_record_says_why() {
    let identity = r#""identity": {"team": {"header": "x-team", "trusted": true}},"#;
    let when = r#", "when": {"team": ["red", "blue"]}"#;
    let mut proxy = two(when, "", "", identity);
    let left_out = |reason: &str| format!(r#""left_out":[{{"provider":"alpha","model":"m-alpha","reason":"{reason}"}}]"#);
    for team in [None, Some("green")] {
        let request = team.map_or_else(|| ask(ASK), |team| ask(ASK).header("x-team", team));
        let (target, log) = went(&mut proxy, &request);
        assert!(target == "beta" && log.contains(&left_out("when")), "{log}");
    }
    let targets: Vec<String> = (0..20).map(|_| went(&mut proxy, &ask(ASK).header("x-team", "red")).0).collect();
    assert!(targets.iter().any(|target| target == "alpha"), "{targets:?}");

    let mut proxy = two(r#", "context_length": 50"#, r#", "priority": 1"#, "", "");
    assert_eq!(went(&mut proxy, &ask(ASK)).0, "alpha");
    let (target, log) = went(&mut proxy, &ask(ASK.replace("Hello", &"word ".repeat(60))));
    assert!(target == "beta" && log.contains(&left_out("context_length")), "{log}");

    let document = DOCUMENT.replace(r#""model": "m-alpha"}]"#, r#""model": "m-alpha", "context_length": 1}]"#);
    let mut proxy = envoy(&document, wiring().cluster("alpha", provider("alpha", unused)));
    let id = proxy.exchange(&ask(ASK.replace("smart", "lone"))).unwrap();
    assert_eq!(proxy.received(id).status(), 400, "{}", proxy.received(id).text());
}

#[test]
fn what_a_model_lacks_leaves_it_out() {
    let image = r#"[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]"#;
    let shown = ask(ASK.replace(r#""Hello""#, image));
    let tools = ask(ASK.replace(r#""model":"#, r#""tools":[{"type":"function","function":{"name":"f"}}],"model":"#));
    for (lacked, asks) in [("images", shown), ("tools", tools)] {
        let lacks = format!(r#", "capabilities": {{"{lacked}": false}}"#);
        let mut proxy = two(&lacks, r#", "priority": 1"#, "", "");
        assert_eq!(went(&mut proxy, &ask(ASK)).0, "alpha");
        let (target, log) = went(&mut proxy, &asks);
        let left_out = format!(r#""left_out":[{{"provider":"alpha","model":"m-alpha","reason":"{lacked}"}}]"#);
        assert!(target == "beta" && log.contains(&left_out), "{log}");
        let mut proxy = two(&lacks, &lacks, "", "");
        let id = proxy.exchange(&asks).unwrap();
        let (status, text) = (proxy.received(id).status(), proxy.received(id).text());
        assert!(status == 400 && text.contains(&format!("can be asked for {lacked}")), "{status}: {text}");
    }
}

#[test]
fn the_cheapest_is_first_and_the_client_may_be_told() {
    let more = r#""tell": {"target": true}, "prices": {"models": [{"model": "m-alpha", "input": 2, "output": 9}, {"model": "m-beta", "input": 1, "output": 10}]},"#;
    let mut proxy = two("", "", r#""prefer": "cheapest","#, more);
    let short = ask(ASK);
    let long = ask(ASK.replace("Hello", &"word ".repeat(4000)).replace(r#""model":"#, r#""max_tokens":10,"model":"#));
    for (request, target) in [(short, "alpha"), (long, "beta")] {
        for _ in 0..5 {
            let id = proxy.exchange(&request).unwrap();
            assert_eq!(proxy.received(id).header("x-weir-target"), Some(&*format!("{target}/m-{target}")));
        }
    }
}
