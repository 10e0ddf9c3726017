//! What an exchange costs the proxy: host calls exactly, fuel within a budget.

use super::rig::{ASK, ASK_STREAM, answers, ask, pair, stream, unused};
use super::standalone::{alone_within, either, to};
use super::twin::alone;
use weir_testing::{Play, Proxy, Request, bytewise};

/// Host calls of one exchange, and the most fuel that it may take: 5 % above what was measured when it was last looked at.
struct Budget {
    name: &'static str,
    calls: u64,
    fuel: u64,
}

/// Spends one exchange on a VM that has had one like it (metrics are defined then, memory has grown).
fn spend(mut proxy: Proxy, request: &Request) -> (u64, u64) {
    proxy.exchange(request).unwrap();
    let id = proxy.exchange(request).unwrap();
    let spent = proxy.spent(id);
    (spent.host_calls(), spent.fuel)
}

#[test]
fn every_kind_of_exchange_keeps_its_budget() {
    let long: Vec<u8> = [super::rig::STREAM.repeat(100), super::rig::END.to_owned()].concat().into_bytes();
    let events: Vec<Vec<u8>> = long.split_inclusive(|byte| *byte == b'\n').collect::<Vec<_>>().chunks(2).map(<[&[u8]]>::concat).collect();
    let failing = |_: &_| Play::json(500, r#"{"error":{"message":"try later","type":"server_error","param":null,"code":null}}"#);
    let measured = [
        (Budget { name: "models", calls: 8, fuel: 40_000 }, spend(pair(unused, unused), &Request::new("GET", "/v1/models"))),
        (Budget { name: "refusal", calls: 11, fuel: 50_500 }, spend(pair(unused, unused), &ask(ASK.replace("smart", "none")))),
        (Budget { name: "whole", calls: 24, fuel: 116_000 }, spend(pair(answers, unused), &ask(ASK))),
        (Budget { name: "whole, failover", calls: 37, fuel: 173_500 }, spend(pair(failing, answers), &ask(ASK))),
        (Budget { name: "whole, direct twin", calls: 21, fuel: 106_500 }, spend(alone(answers), &ask(ASK.replace("smart", "lone")))),
        (Budget { name: "standalone", calls: 19, fuel: 120_500 }, spend(alone_within(1000, either), &to("alpha", ASK))),
        (Budget { name: "standalone, stream", calls: 20, fuel: 155_000 }, spend(alone_within(1000, either), &to("alpha", ASK_STREAM))),
        (Budget { name: "standalone, translated", calls: 20, fuel: 169_500 }, spend(alone_within(1000, either), &to("beta", ASK))),
        (Budget { name: "standalone, refused", calls: 11, fuel: 55_500 }, spend(alone_within(0, either), &to("beta", ASK))),
        (
            Budget { name: "stream in one read", calls: 25, fuel: 155_000 },
            spend(pair(|_| Play::stream([stream()]), unused), &ask(ASK_STREAM)),
        ),
        (
            Budget { name: "stream of 400 events", calls: 425, fuel: 3_695_000 },
            spend(pair(move |_| Play::stream(events.clone()), unused), &ask(ASK_STREAM)),
        ),
        (
            Budget { name: "stream byte by byte", calls: 1619, fuel: 1_851_000 },
            spend(pair(|_| Play::stream(bytewise(&stream())), unused), &ask(ASK_STREAM)),
        ),
    ];
    let over = |(budget, (calls, fuel)): &(Budget, (u64, u64))| *calls != budget.calls || *fuel > budget.fuel;
    let wrong: Vec<String> = measured
        .iter()
        .filter(|one| over(one))
        .map(|(budget, (calls, fuel))| {
            format!("{}: {calls} calls (budget {}), fuel {fuel} (budget {})", budget.name, budget.calls, budget.fuel)
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
