//! The built gateway in the test host: where the module is, how Envoy is wired around it, what clients and providers say.

use std::path::PathBuf;
use weir_testing::{Cluster, Error, HeaderMap, Host, Module, Options, Play, Plugin, Proxy, Request, Sent, Wiring};

/// Keys that no provider but its own may see.
pub const KEYS: [(&str, &str); 2] = [("ALPHA_KEY", "key-of-alpha"), ("BETA_KEY", "key-of-beta")];

/// Two providers of the client's format; `smart` moves on from the first to the second, `lone` has nowhere to go.
pub const DOCUMENT: &str = r#"{
    "version": 1,
    "providers": {
        "alpha": {"kind": "openai", "auth": {"bearer": {"env": "ALPHA_KEY"}}},
        "beta": {"kind": "openai-compatible", "endpoint": "http://beta.internal/v1", "auth": {"bearer": {"env": "BETA_KEY"}}}
    },
    "models": [
        {"name": "smart", "targets": [{"provider": "alpha", "model": "m-alpha"}, {"provider": "beta", "model": "m-beta", "priority": 1}]},
        {"name": "lone", "targets": [{"provider": "alpha", "model": "m-alpha"}]}
    ]
}"#;

/// A client's request for a whole answer.
pub const ASK: &str = r#"{"model":"smart","messages":[{"role":"user","content":"Hello"}]}"#;
/// A client's request for a stream.
pub const ASK_STREAM: &str = r#"{"model":"smart","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;

/// A provider's whole answer.
pub const ANSWER: &str = r#"{"id":"c-1","object":"chat.completion","created":1,"model":"m-alpha","choices":[{"index":0,"message":{"role":"assistant","content":"Hi there"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}"#;

/// A provider's stream without its usage chunk and its end.
pub const STREAM: &str = concat!(
    "data: {\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m-alpha\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m-alpha\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m-alpha\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" there\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m-alpha\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
);
/// The chunk that `include_usage` brings.
pub const USAGE: &str = "data: {\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m-alpha\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}}\n\n";
/// The end of a stream.
pub const END: &str = "data: [DONE]\n\n";

/// The whole stream as a provider sends it.
pub fn stream() -> Vec<u8> {
    [STREAM, USAGE, END].concat().into_bytes()
}

/// The built filter: `WEIR_WASM`, or where cargo leaves it.
pub fn module() -> Module {
    let path = std::env::var_os("WEIR_WASM")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/wasm32-wasip1/release/weir.wasm"), PathBuf::from);
    match Module::load(&path) {
        Ok(module) => module,
        Err(missing @ Error::ModuleNotFound { .. }) => {
            panic!("{missing}; build it: cargo build --release --target wasm32-wasip1 -p weir-filter")
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// The VM with both positions.
pub fn try_host(document: &str, environment: &[(&str, &str)]) -> Result<Host, Error> {
    let plugins = ["weir.gateway", "weir.upstream"].map(|root| Plugin::new(root, document).stop_iteration());
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Host::start(&module(), Options { environment, ..Options::plugins(plugins) })
}

/// The wiring that the renderer writes, of a route that is not marked as Weir's.
pub fn unmarked() -> Wiring {
    Wiring::new("weir.gateway", "wasm.weir.next")
        .upstream("weir.upstream")
        .retry(&[598], 8)
        .on_no_match("weir-none")
        .cluster("weir-none", Cluster::refusing().metadata("weir", "provider", ""))
}

/// The wiring that the renderer writes.
pub fn wiring() -> Wiring {
    unmarked().property(&["xds", "route_metadata", "filter_metadata", "weir", "route"], [1])
}

/// The wiring that the renderer writes, of a route that knows the direct twins.
pub fn twins() -> Wiring {
    wiring().property(&["xds", "route_metadata", "filter_metadata", "weir", "direct"], "")
}

/// A provider's cluster.
pub fn provider(name: &str, plays: impl FnMut(&Sent) -> Play + 'static) -> Cluster {
    Cluster::new(plays).metadata("weir", "provider", name)
}

/// Envoy with this document and these clusters.
pub fn envoy(document: &str, wiring: Wiring) -> Proxy {
    Proxy::new(try_host(document, &KEYS).unwrap(), wiring)
}

/// Envoy with [`DOCUMENT`], where the two providers answer so.
pub fn pair(alpha: impl FnMut(&Sent) -> Play + 'static, beta: impl FnMut(&Sent) -> Play + 'static) -> Proxy {
    envoy(DOCUMENT, wiring().cluster("alpha", provider("alpha", alpha)).cluster("beta", provider("beta", beta)))
}

/// A provider that must not be reached.
pub fn unused(_: &Sent) -> Play {
    panic!("this provider must not be reached")
}

/// A client of the chat format.
pub fn ask(body: impl AsRef<[u8]>) -> Request {
    Request::json("/v1/chat/completions", body).header("authorization", "Bearer key-of-client")
}

/// The whole answer of a provider.
pub fn answers(_: &Sent) -> Play {
    Play::json(200, ANSWER)
}

/// Headers as one line, for a look at everything that left.
pub fn line(headers: &HeaderMap) -> String {
    headers.to_string()
}
