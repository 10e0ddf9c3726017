//! A provider with as many requests under way as it may have is passed over, also behind another that fails.
use std::time::{Duration, Instant};

use serde_json::Value;
use weir_core::routing::Failover;
use weir_integration::gateway::{Gateway, Settings};
use weir_integration::providers::{Behaviour, Provider, Vendor};

use crate::positions::outcomes;
use crate::world::{CHAT, OPENAI_KEY, ask_stream, in_both_forms, said, settings};

in_both_forms! {
    a_full_provider_is_passed_over_behind_one_that_fails,
}

fn a_full_provider_is_passed_over_behind_one_that_fails(failover: Failover) {
    let [first, narrow, last] = [(); 3].map(|()| Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap());
    let rest = "auth: { bearer: { env: TEST_OPENAI_KEY } }, cooldown: { failures: 0 }";
    let document = format!(
        r#"version: 1
providers:
  first: {{ kind: vllm, endpoint: "{}", {rest} }}
  narrow: {{ kind: vllm, endpoint: "{}", concurrency: 1, {rest} }}
  last: {{ kind: vllm, endpoint: "{}", {rest} }}
models:
  - {{ name: all, targets: [ {{ provider: first, model: m }}, {{ provider: narrow, model: m, priority: 1 }}, {{ provider: last, model: m, priority: 2 }} ] }}
  - {{ name: held, targets: [ {{ provider: narrow, model: m }} ] }}
"#,
        first.endpoint(Vendor::OpenAi),
        narrow.endpoint(Vendor::OpenAi),
        last.endpoint(Vendor::OpenAi),
    );
    let gateway = Gateway::start(&document, &Settings { failover, ..settings("full") }).unwrap_or_else(|trouble| panic!("{trouble}"));
    let asked = || [&first, &narrow, &last].map(|provider| provider.shared().take().len());
    let ask_all = |behaviour: &Behaviour, body: &Value, expected: [usize; 3]| -> Value {
        first.shared().behave(behaviour.clone());
        let lines = gateway.log().len();
        let response = gateway.connect().post(CHAT, body).unwrap();
        assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{behaviour:?}: {}", response.text());
        assert_eq!(asked(), expected, "{behaviour:?}");
        gateway.wait_log(lines + 1).swap_remove(lines)
    };
    let failures = [Behaviour::Status(503), Behaviour::Reset, Behaviour::ErrorFirst];
    std::thread::scope(|scope| {
        let held = scope.spawn(|| gateway.connect().post(CHAT, &ask_stream("held", "count to 3 [sim:gated]")).unwrap());
        let since = Instant::now();
        while narrow.shared().take().is_empty() {
            assert!(since.elapsed() < Duration::from_secs(10), "the provider is not asked");
            std::thread::sleep(Duration::from_millis(5));
        }
        for behaviour in &failures {
            let line = ask_all(behaviour, &ask_stream("all", "count to 3"), [1, 0, 1]);
            assert_eq!(line["weir"]["left_out"].to_string(), r#"[{"model":"m","provider":"narrow","reason":"busy"}]"#, "{line}");
            assert_eq!((outcomes(&line).len(), outcomes(&line)[1]), (2, "complete"), "{line}");
        }
        narrow.shared().permit(1000);
        assert_eq!(said(&held.join().unwrap()), "1 2 3");
    });
    gateway.wait_log(4);
    for behaviour in &failures {
        let line = ask_all(behaviour, &ask_stream("all", "count to 3"), [1, 1, 0]);
        assert!(line["weir"]["left_out"].as_array().is_none_or(Vec::is_empty), "{line}");
    }
}
