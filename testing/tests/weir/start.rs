//! The module by itself: what it imports, which configurations it takes, what it does on streams that are not its own.

use super::rig::{ASK, DOCUMENT, KEYS, answers, ask, envoy, module, provider, try_host, unmarked, unused, wiring};
use weir_testing::{Error, Host, Options, Plugin, Request, Way};

/// Everything that the module may need of its host: fewer imports, more hosts.
const IMPORTS: [&str; 26] = [
    "env.proxy_call_foreign_function",
    "env.proxy_close_stream",
    "env.proxy_continue_stream",
    "env.proxy_define_metric",
    "env.proxy_done",
    "env.proxy_get_buffer_bytes",
    "env.proxy_get_current_time_nanoseconds",
    "env.proxy_get_header_map_pairs",
    "env.proxy_get_header_map_value",
    "env.proxy_get_property",
    "env.proxy_get_shared_data",
    "env.proxy_http_call",
    "env.proxy_increment_metric",
    "env.proxy_log",
    "env.proxy_record_metric",
    "env.proxy_send_local_response",
    "env.proxy_set_buffer_bytes",
    "env.proxy_set_effective_context",
    "env.proxy_set_header_map_pairs",
    "env.proxy_set_property",
    "env.proxy_set_shared_data",
    "env.proxy_set_tick_period_milliseconds",
    "wasi_snapshot_preview1.environ_get",
    "wasi_snapshot_preview1.environ_sizes_get",
    "wasi_snapshot_preview1.fd_write",
    "wasi_snapshot_preview1.proc_exit",
];

#[test]
fn the_module_imports_nothing_that_a_host_may_lack() {
    assert_eq!(module().imports(), IMPORTS);
}

#[test]
fn a_wrong_configuration_is_refused_with_its_paths() {
    let cases = [
        (DOCUMENT.replace("\"beta\", \"model\"", "\"gamma\", \"model\""), "models[0].targets[1].provider"),
        (DOCUMENT.replace("openai-compatible", "vortex"), "providers.beta.kind"),
        (DOCUMENT.replace("\"version\": 1", "\"version\": 2"), "version"),
        ("{".to_owned(), "configuration is refused"),
        (String::new(), "configuration is refused"),
    ];
    for (document, path) in cases {
        let refused = try_host(&document, &KEYS).err().unwrap();
        let Error::ConfigurationRefused { root_id, transcript } = &refused else { panic!("{refused:?}") };
        assert_eq!(root_id, "weir.gateway");
        assert!(transcript.contains("weir: the configuration is refused") && transcript.contains(path), "{refused:?}");
    }
}

#[test]
fn another_root_id_stands_alone_and_needs_a_picker() {
    let refused = Host::start(&module(), Options::plugins([Plugin::new("weir", DOCUMENT)])).err().unwrap();
    assert!(refused.transcript().unwrap().contains("the document needs `standalone`"), "{refused:?}");
}

#[test]
fn a_provider_without_its_key_is_left_out() {
    let host = try_host(DOCUMENT, &KEYS[1..]).unwrap();
    assert!(host.logs().iter().any(|(level, line)| *level == 3 && line.contains("ALPHA_KEY")), "{:?}", host.logs());
    let wiring = wiring().cluster("alpha", provider("alpha", unused)).cluster("beta", provider("beta", answers));
    let mut proxy = weir_testing::Proxy::new(host, wiring);
    let id = proxy.exchange(&ask(ASK)).unwrap();
    assert_eq!((proxy.received(id).status(), proxy.sent(id)[0].cluster.as_str()), (200, "beta"));
}

#[test]
fn a_path_of_somebody_elses_passes_unless_the_route_is_weirs() {
    let other = || Request::json("/other", "{}").header("authorization", "their own");
    let echo = |sent: &weir_testing::Sent| weir_testing::Play::json(200, line_of(sent));
    let mut inert = envoy(DOCUMENT, unmarked().on_no_match("other").cluster("other", weir_testing::Cluster::new(echo)));
    let id = inert.exchange(&other()).unwrap();
    assert_eq!((inert.received(id).status(), inert.received(id).text().as_str()), (200, "/other their own"));

    let mut strict = envoy(DOCUMENT, wiring());
    let id = strict.exchange(&other()).unwrap();
    assert_eq!(strict.received(id).status(), 404);
}

fn line_of(sent: &weir_testing::Sent) -> String {
    format!("{} {}", sent.headers.get(":path").unwrap_or_default(), sent.headers.get("authorization").unwrap_or_default())
}

#[test]
fn the_upstream_position_refuses_a_request_that_it_does_not_know_on_a_route_of_weirs() {
    for marked in [false, true] {
        let mut host = try_host(DOCUMENT, &KEYS).unwrap();
        let id = host.open("weir.upstream").unwrap();
        if marked {
            host.set_property(id, &["xds", "route_metadata", "filter_metadata", "weir", "route"], [1]).unwrap();
        }
        let head =
            [(":method", "POST"), (":path", "/v1/chat/completions"), (":authority", "a"), (":scheme", "http"), ("authorization", "mine")];
        host.feed_headers(id, Way::Request, head.into_iter().collect(), true).unwrap();
        assert_eq!(host.take(id, Way::Request).unwrap().is_empty(), marked);
        assert_eq!(host.transcript().contains("the gateway does not know this request"), marked);
    }
}
