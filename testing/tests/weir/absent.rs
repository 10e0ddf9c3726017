//! One position without the other, or with another VM's exchange: nothing of anybody's leaves, and nothing of a provider's comes through.

use super::rig::{ASK, ASK_STREAM, DOCUMENT, KEYS, answers, ask, module, provider, stream, try_host, wiring};
use weir_testing::{Cluster, Host, Options, Play, Plugin, Proxy, Sent, StreamId, Way};

fn both(sent: &Sent) -> Play {
    if String::from_utf8_lossy(&sent.body).contains("stream") { Play::stream([stream()]) } else { answers(sent) }
}

#[test]
fn without_the_upstream_position_no_answer_comes_through_and_no_client_key_leaves() {
    let plays: [fn(&Sent) -> Play; 5] =
        [both, |_| Play::json(500, "{\"secret\":1}"), |_| Play::answer(204), |_| Play::refuse(), |_| Play::default().reset()];
    for play in plays {
        for body in [ASK, ASK_STREAM] {
            let mut alone = wiring().cluster("alpha", provider("alpha", play)).cluster("beta", provider("beta", play));
            alone.upstream = None;
            let mut proxy = Proxy::new(try_host(DOCUMENT, &KEYS).unwrap(), alone);
            let id = proxy.exchange(&ask(body)).unwrap();
            let received = proxy.received(id);
            assert!((500..=504).contains(&received.status()) && received.ended, "{}", received.status());
            assert!(received.text().starts_with("{\"error\":{"), "{}", received.text());
            assert!(!received.text().contains("Hi") && !received.text().contains("secret"), "{}", received.text());
            for sent in proxy.sent(id) {
                assert!(!sent.headers.to_string().contains("key-of"), "{}", sent.headers);
            }
        }
    }
}

/// A stream in the upstream position of a marked route, on its way to `alpha`, that carries this key of an exchange.
fn upstream(host: &mut Host, key: Option<&str>) -> StreamId {
    let id = host.open("weir.upstream").unwrap();
    host.set_property(id, &["xds", "route_metadata", "filter_metadata", "weir", "route"], [1]).unwrap();
    host.set_property(id, &["xds", "cluster_metadata", "filter_metadata", "weir", "provider"], "alpha").unwrap();
    if let Some(key) = key {
        host.set_filter_state(id, "wasm.weir.x", key).unwrap();
    }
    id
}

/// The request goes through the upstream position: what leaves it?
fn leaves(host: &mut Host, id: StreamId) -> bool {
    let head =
        [(":method", "POST"), (":path", "/v1/chat/completions"), (":authority", "a"), (":scheme", "http"), ("authorization", "mine")];
    host.feed_headers(id, Way::Request, head.into_iter().collect(), false).unwrap();
    host.feed_data(id, Way::Request, ASK.as_bytes(), true).unwrap();
    !host.take(id, Way::Request).unwrap().is_empty()
}

#[test]
fn the_upstream_position_knows_only_exchanges_of_its_own_vm() {
    let wrong = ["", "0.0.0", "0.1.0", "nonsense", "0.1", "ffffffffffffffff.ffffffff.ffffffffffffffff", "0.1.0.0", "\u{fffd}"];
    for key in wrong.map(Some).into_iter().chain([None]) {
        let mut host = try_host(DOCUMENT, &KEYS).unwrap();
        let id = upstream(&mut host, key);
        assert!(!leaves(&mut host, id), "{key:?}");
        assert!(host.transcript().contains("the gateway does not know this request"), "{key:?}");
        // Whatever comes behind it finds nothing to do.
        host.feed_headers(id, Way::Response, [(":status", "200")].into_iter().collect(), false).unwrap();
        host.feed_data(id, Way::Response, b"{}", true).unwrap();
        host.close(id).unwrap();
    }
}

#[test]
fn an_exchange_of_a_vm_that_is_gone_is_unknown_to_the_one_behind_it() {
    // The first VM lets a request go; then it is lost, and Envoy builds another one, in which the attempt begins.
    let silent = provider("alpha", |_| Play::default().wait(std::time::Duration::from_secs(9)));
    let mut before = Proxy::new(try_host(DOCUMENT, &KEYS).unwrap(), wiring().cluster("alpha", silent));
    let id = before.send(&ask(ASK)).unwrap();
    let key = String::from_utf8(before.filter_state(id, "wasm.weir.x").unwrap()).unwrap();
    drop(before);
    let plugins = ["weir.gateway", "weir.upstream"].map(|root| Plugin::new(root, DOCUMENT).stop_iteration());
    let environment = KEYS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let now = Options::default().now + 1;
    let mut after = Host::start(&module(), Options { environment, now, ..Options::plugins(plugins) }).unwrap();
    // The new VM has an exchange of its own in the same slot and generation.
    let own = after.open("weir.gateway").unwrap();
    let head = [(":method", "POST"), (":path", "/v1/chat/completions"), (":authority", "a"), (":scheme", "http")];
    after.feed_headers(own, Way::Request, head.into_iter().collect(), false).unwrap();
    after.feed_data(own, Way::Request, ASK.as_bytes(), true).unwrap();
    let id = upstream(&mut after, Some(&key));
    assert!(!leaves(&mut after, id), "{key}: {}", after.transcript());
}

#[test]
fn callbacks_of_contexts_that_the_vm_does_not_know_do_nothing() {
    let mut host = try_host(DOCUMENT, &KEYS).unwrap();
    for position in ["weir.gateway", "weir.upstream"] {
        // A local reply of a filter in front: no request, but a log and an end.
        let id = host.open(position).unwrap();
        host.log(id).unwrap();
        host.close(id).unwrap();
        // An answer without a request.
        let id = host.open(position).unwrap();
        host.feed_headers(id, Way::Response, [(":status", "403")].into_iter().collect(), false).unwrap();
        host.feed_data(id, Way::Response, b"no", true).unwrap();
        assert_eq!(host.take(id, Way::Response).unwrap().len(), 2, "{position}");
        host.log(id).unwrap();
        host.close(id).unwrap();
    }
}

#[test]
fn a_provider_that_is_not_in_the_plan_gets_nothing() {
    // The route goes to `beta` whatever filter state says, and the model has `alpha` alone.
    let mut proxy = Proxy::new(
        try_host(DOCUMENT, &KEYS).unwrap(),
        wiring().cluster("alpha", Cluster::new(both).metadata("weir", "provider", "beta")).cluster("beta", provider("beta", both)),
    );
    let id = proxy.exchange(&ask(ASK.replace("smart", "lone"))).unwrap();
    assert_eq!(proxy.received(id).status(), 500, "{}", proxy.received(id).text());
    assert!(proxy.sent(id).iter().all(|sent| !sent.complete && !sent.headers.to_string().contains("key-of")), "{:?}", proxy.sent(id));
}
