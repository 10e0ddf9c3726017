//! Budgets: what the rate-limit service is told, and what becomes of requests by what it says.

use super::rig::{ANSWER, ASK, ASK_STREAM, DOCUMENT, STREAM, answers, ask, envoy, provider, stream, unused, wiring};
use std::time::Duration;
use weir_testing::{Answer, Cluster, Error, Play, Proxy, Status};

/// [`DOCUMENT`] with a budget of tokens for each team that does `on_failure` when the service can't say.
fn document(on_failure: &str) -> String {
    let limits = format!(
        r#""identity": {{"team": {{"header": "x-team", "trusted": true}}}},
    "limits": {{
        "service": {{"endpoint": "http://limits.internal/json", "timeout": "250ms"}},
        "budgets": [{{"name": "team-hour", "key": ["team"], "tokens": 1000, "per": "hour", "on_failure": "{on_failure}"}}]
    }},
    "models": ["#
    );
    DOCUMENT.replacen("\"models\": [", &limits, 1)
}

/// What the service says while `remaining` tokens are left.
fn left(remaining: u64) -> Answer {
    let remaining = if remaining == 0 { String::new() } else { format!("\"limitRemaining\":{remaining},") };
    let status = format!(
        "{{\"code\":\"OK\",\"currentLimit\":{{\"requestsPerUnit\":1000,\"unit\":\"HOUR\"}},{remaining}\"durationUntilReset\":\"600s\"}}"
    );
    Answer::reply(200, format!("{{\"overallCode\":\"OK\",\"statuses\":[{status}]}}"))
}

fn limited(on_failure: &str, alpha: Cluster, says: impl FnMut() -> Answer + 'static) -> Proxy {
    let mut says = says;
    let wiring = wiring().cluster("alpha", alpha).cluster("beta", provider("beta", unused));
    let mut proxy = envoy(&document(on_failure), wiring);
    proxy.host_mut().cluster("weir-limits", move |_| says());
    proxy
}

/// The addends of all callouts so far, in order.
fn addends(proxy: &Proxy) -> Vec<u64> {
    let mut addends = Vec::new();
    for call in proxy.host().callouts() {
        let body = String::from_utf8_lossy(&call.body);
        let values = body.split("\"hitsAddend\":\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        addends.extend(values.map(|value| value.parse::<u64>().unwrap()));
    }
    addends
}

#[test]
fn a_request_within_its_budget_is_answered_and_charged() {
    let mut proxy = limited("deny", provider("alpha", answers), || left(900));
    let id = proxy.exchange(&ask(ASK).header("x-team", "blue")).unwrap();
    assert_eq!((proxy.received(id).status(), proxy.received(id).text().as_str()), (200, ANSWER));
    proxy.advance(Duration::from_secs(2)).unwrap();
    let first = &proxy.host().callouts()[0];
    assert_eq!((first.cluster.as_str(), first.headers.get(":path")), ("weir-limits", Some("/json")));
    let body = String::from_utf8_lossy(&first.body);
    assert!(body.contains("team-hour") && body.contains("blue"), "{body}");
    // 5 in and 2 out, as the provider said.
    assert_eq!(addends(&proxy).iter().sum::<u64>(), 7);
}

#[test]
fn a_request_over_its_budget_gets_429_and_when_to_come_again() {
    let mut proxy = limited("deny", provider("alpha", unused), || left(0));
    let id = proxy.exchange(&ask(ASK).header("x-team", "blue")).unwrap();
    let received = proxy.received(id);
    assert_eq!(received.status(), 429);
    assert!(received.text().starts_with("{\"error\":{") && received.text().contains("team-hour"), "{}", received.text());
    let seconds: u64 = received.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=601).contains(&seconds), "{seconds}");
    assert!(proxy.sent(id).is_empty());
    proxy.advance(Duration::from_secs(2)).unwrap();
    assert_eq!(addends(&proxy).iter().sum::<u64>(), 0);
}

/// Every way in which the service can't say.
fn silences() -> Vec<(&'static str, Answer)> {
    let later = Answer::After(Duration::from_millis(200), Box::new(Answer::reply(500, "")));
    vec![
        ("silent", Answer::Timeout),
        ("refused", Answer::Refused),
        ("reset", Answer::Reset),
        ("no host call", Answer::Fails(Status::BadArgument)),
        ("500", Answer::reply(500, "")),
        ("late 500", later),
        ("nonsense", Answer::reply(200, "{\"statuses\":[]}")),
        ("no JSON", Answer::reply(200, "<html>")),
    ]
}

#[test]
fn when_the_service_can_not_say_the_rule_decides() {
    for (name, answer) in silences() {
        for (on_failure, status) in [("allow", 200), ("deny", 503)] {
            let says = answer.clone();
            let mut proxy = limited(on_failure, provider("alpha", answers), move || says.clone());
            let before = proxy.host().now();
            let id = proxy.exchange(&ask(ASK).header("x-team", "blue")).unwrap();
            assert_eq!(proxy.received(id).status(), status, "{name}, {on_failure}: {}", proxy.received(id).text());
            let waited = Duration::from_nanos(proxy.host().now() - before);
            assert!(waited <= Duration::from_millis(5100), "{name}: {waited:?}");
        }
    }
}

#[test]
fn a_client_that_leaves_in_the_middle_is_charged_for_what_came() -> Result<(), Error> {
    let half = STREAM.as_bytes()[..STREAM.len() * 3 / 4].to_vec();
    let plays = move |_: &_| Play::stream([half.clone()]).wait(Duration::from_secs(60)).pieces([b"never".to_vec()]);
    let mut proxy = limited("deny", provider("alpha", plays), || left(900));
    let id = proxy.send(&ask(ASK_STREAM).header("x-team", "blue"))?;
    proxy.advance(Duration::from_millis(500))?;
    proxy.abort(id)?;
    assert!(proxy.is_over(id));
    proxy.advance(Duration::from_secs(2))?;
    let charged: u64 = addends(&proxy).iter().sum();
    assert!((1..100).contains(&charged), "{charged}: {:?}", addends(&proxy));
    Ok(())
}

#[test]
fn an_identity_that_is_known_is_asked_about_once_and_charged_each_time() {
    let mut proxy = limited("deny", provider("alpha", |_| Play::stream([stream()])), || left(900));
    for _ in 0..5 {
        let id = proxy.exchange(&ask(ASK_STREAM).header("x-team", "blue")).unwrap();
        assert_eq!(proxy.received(id).status(), 200);
    }
    assert_eq!(proxy.host().callouts().len(), 1);
    proxy.advance(Duration::from_secs(3)).unwrap();
    assert_eq!(addends(&proxy).iter().sum::<u64>(), 35);
}

/// A call that the host refuses has told the service nothing: all of it is owed again, none of it twice.
#[test]
fn what_a_refused_call_held_is_told_by_the_next_one() {
    let refused = std::rc::Rc::new(std::cell::Cell::new(0));
    let count = refused.clone();
    let says = move || {
        // The first call looks; the one behind the answer charges.
        count.set(count.get() + 1);
        if count.get() == 2 { Answer::Fails(Status::BadArgument) } else { left(900) }
    };
    let mut proxy = limited("deny", provider("alpha", answers), says);
    let id = proxy.exchange(&ask(ASK).header("x-team", "blue")).unwrap();
    assert_eq!(proxy.received(id).status(), 200);
    proxy.advance(Duration::from_secs(30)).unwrap();
    assert!(refused.get() > 2, "it is tried again");
    // 5 in and 2 out, in the calls that left.
    assert_eq!(addends(&proxy).iter().sum::<u64>(), 7, "{:?}", addends(&proxy));
}
