//! One host call fails once, wherever it is made: nothing traps, nothing hangs, and the client is answered.

use super::rig::{ASK, ASK_STREAM, answers, ask, pair, stream};
use weir_testing::{Fault, Play, Proxy, Sent, Status};

fn alpha(sent: &Sent) -> Play {
    if String::from_utf8_lossy(&sent.body).contains("stream") { Play::stream([stream()]) } else { answers(sent) }
}

fn failing(_: &Sent) -> Play {
    Play::json(500, r#"{"error":{"message":"try later","type":"server_error","param":null,"code":null}}"#)
}

fn ready(fails_over: bool) -> Proxy {
    if fails_over { pair(failing, alpha) } else { pair(alpha, alpha) }
}

#[test]
fn any_host_call_may_fail_once() {
    let statuses = [Status::NotFound, Status::BadArgument, Status::InternalFailure];
    for (body, fails_over) in [(ASK, false), (ASK_STREAM, false), (ASK, true), (ASK_STREAM, true)] {
        let mut whole = ready(fails_over);
        let started = whole.host().spent().host_calls();
        whole.exchange(&ask(body)).unwrap();
        let calls = whole.host().spent().host_calls() - started;
        assert!(calls > 10, "{calls}");
        for nth in 0..calls {
            for status in statuses {
                let mut proxy = ready(fails_over);
                proxy.host_mut().fail(Fault::new("*", status).after(nth).once());
                let id = proxy.exchange(&ask(body)).unwrap_or_else(|e| panic!("call {nth} answered {status:?}: {e:?}"));
                let received = proxy.received(id);
                let answered = received.reset || received.ended && (200..=504).contains(&received.status());
                assert!(answered, "call {nth} answered {status:?}: {}\n{}", received.status(), proxy.host().transcript());
                assert!(!received.text().contains("key-of"), "call {nth} answered {status:?}: {}", received.text());
                for sent in proxy.sent(id) {
                    let strangers =
                        if sent.cluster == "alpha" { ["key-of-beta", "key-of-client"] } else { ["key-of-alpha", "key-of-client"] };
                    let headers = sent.headers.to_string();
                    assert!(
                        !sent.complete || strangers.iter().all(|key| !headers.contains(key)),
                        "call {nth} answered {status:?}: {headers}"
                    );
                }
                // The VM goes on as if nothing had been.
                let next = proxy.exchange(&ask(body)).unwrap();
                assert_eq!(proxy.received(next).status(), 200, "behind call {nth} answered {status:?}");
            }
        }
    }
}
