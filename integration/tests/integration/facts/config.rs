//! Envoy's configuration for one scenario.
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use weir_facts::{Back, Failure, Front, Scenario};

use super::relay;

/// The listener's filter chain: the probe in the gateway position, the router, the probe in the upstream position if the scenario has one.
pub fn envoy(scenario: &Scenario, module: &Path, folder: &Path, listener: SocketAddr, clusters: &[(String, Option<SocketAddr>)]) -> Value {
    let mut router = json!({ "@type": typed("filters.http.router.v3.Router") });
    if let Some(script) = &scenario.up {
        router["upstream_http_filters"] = json!([{ "name": "up", "typed_config": probe(scenario, module, "up", script) }, codec()]);
    }
    let down = if scenario.down.len() > 1 {
        let source = json!({ "path": folder.join("down.json"), "watched_directory": { "path": folder } });
        let discovery = json!({ "config_source": { "resource_api_version": "V3", "path_config_source": source }, "type_urls": [wasm()] });
        json!({ "name": "down", "config_discovery": discovery })
    } else {
        json!({ "name": "down", "typed_config": probe(scenario, module, "down", &scenario.down[0]) })
    };
    let behind = scenario.behind.map(back);
    let mut manager = json!({
        "@type": typed("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "facts",
        "generate_request_id": false,
        "http_protocol_options": { "enable_trailers": true },
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [route(scenario, clusters)] }] },
        "http_filters": scenario.front.map(front).into_iter().chain([down]).chain(behind).chain([json!({ "name": "router", "typed_config": router })]).collect::<Vec<_>>(),
    });
    if let Some(limit) = scenario.idle {
        manager["stream_idle_timeout"] = seconds(limit);
    }
    let chain = json!([{ "filters": [{ "name": "hcm", "typed_config": manager }] }]);
    let mut listener = json!({ "name": "facts", "address": address(listener), "filter_chains": chain });
    if let Some(limit) = scenario.limit {
        listener["per_connection_buffer_limit_bytes"] = json!(limit);
    }
    json!({
        "node": { "id": "facts", "cluster": "facts" },
        "static_resources": {
            "listeners": [listener],
            "clusters": clusters.iter().map(|(name, address)| cluster(scenario, name, *address)).collect::<Vec<_>>(),
        },
    })
}

/// What the subscription of the gateway position reads.
pub fn discovered(scenario: &Scenario, module: &Path, version: usize) -> Value {
    let resource = json!({
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": "down",
        "typed_config": probe(scenario, module, "down", &scenario.down[version]),
    });
    json!({ "version_info": version.to_string(), "resources": [resource] })
}

/// A filter of Envoy's own in front of the probe.
fn front(front: Front) -> Value {
    match front {
        Front::Decompressor => {
            let library = json!({ "name": "gzip", "typed_config": { "@type": typed("compression.gzip.decompressor.v3.Gzip") } });
            json!({ "name": "front", "typed_config": { "@type": typed("filters.http.decompressor.v3.Decompressor"), "decompressor_library": library } })
        }
        Front::Refuses => {
            let policy = json!({ "permissions": [{ "any": true }], "principals": [{ "any": true }] });
            let rules = json!({ "action": "DENY", "policies": { "nobody": policy } });
            json!({ "name": "front", "typed_config": { "@type": typed("filters.http.rbac.v3.RBAC"), "rules": rules } })
        }
    }
}

/// A filter of Envoy's own behind the probe.
fn back(back: Back) -> Value {
    let always = json!({ "numerator": 100 });
    let delay = |millis| json!({ "fixed_delay": seconds(millis), "percentage": always });
    let fault = match back {
        Back::Refuses => return front(Front::Refuses),
        Back::Delays(millis) => json!({ "delay": delay(millis) }),
        Back::Aborts(millis, status) => json!({ "delay": delay(millis), "abort": { "http_status": status, "percentage": always } }),
    };
    let mut config = json!({ "@type": typed("filters.http.fault.v3.HTTPFault") });
    fault.as_object().into_iter().flatten().for_each(|(key, value)| config[key] = value.clone());
    json!({ "name": "behind", "typed_config": config })
}

fn codec() -> Value {
    json!({ "name": "codec", "typed_config": { "@type": typed("filters.http.upstream_codec.v3.UpstreamCodec") } })
}

pub fn typed(name: &str) -> String {
    format!("type.googleapis.com/envoy.extensions.{name}")
}

fn wasm() -> String {
    typed("filters.http.wasm.v3.Wasm")
}

fn probe(scenario: &Scenario, module: &Path, root: &str, script: &str) -> Value {
    let mut config = json!({
        "name": root,
        "root_id": root,
        "allow_on_headers_stop_iteration": scenario.stop_iteration,
        "vm_config": { "runtime": "envoy.wasm.runtime.v8", "vm_id": "facts", "code": { "local": { "filename": module } } },
        "configuration": { "@type": "type.googleapis.com/google.protobuf.StringValue", "value": script },
    });
    if !scenario.environment.is_empty() {
        let pairs: serde_json::Map<String, Value> = scenario.environment.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        config["vm_config"]["environment_variables"] = json!({ "key_values": pairs });
    }
    if let Some(text) = &scenario.vm_configuration {
        config["vm_config"]["configuration"] = json!({ "@type": "type.googleapis.com/google.protobuf.StringValue", "value": text });
    }
    match scenario.failure {
        Failure::Closed => {}
        Failure::Open => config["failure_policy"] = json!("FAIL_OPEN"),
        Failure::Reload => {
            config["failure_policy"] = json!("FAIL_RELOAD");
            config["reload_config"] = json!({ "backoff": { "base_interval": "0.01s", "max_interval": "0.02s" } });
        }
    }
    json!({ "@type": wasm(), "config": config })
}

/// Filter state names the cluster of each attempt; without it the first one is taken.
fn route(scenario: &Scenario, clusters: &[(String, Option<SocketAddr>)]) -> Value {
    let to = |name: &str| json!({ "action": { "name": name, "typed_config": { "@type": typed("router.cluster_specifiers.matcher.v3.ClusterAction"), "cluster": name } } });
    let map: serde_json::Map<String, Value> = clusters.iter().map(|(name, _)| (name.clone(), to(name))).collect();
    let input = json!({ "name": "next", "typed_config": { "@type": typed("matching.common_inputs.network.v3.FilterStateInput"), "key": "wasm.next" } });
    let specifier = json!({
        "@type": typed("router.cluster_specifiers.matcher.v3.MatcherClusterSpecifier"),
        "cluster_matcher": { "matcher_tree": { "input": input, "exact_match_map": { "map": map } }, "on_no_match": to(&scenario.clusters[0].0) },
    });
    let mut action = json!({
        "inline_cluster_specifier_plugin": { "extension": { "name": "matcher", "typed_config": specifier } },
        "timeout": seconds(scenario.timeout.unwrap_or(0)),
        "retry_policy": {
            "retry_on": "reset,connect-failure,refused-stream,retriable-status-codes",
            "retriable_status_codes": scenario.retry_on,
            "num_retries": scenario.retries,
            "refresh_cluster_on_retry": true,
            "retry_back_off": { "base_interval": "0.001s", "max_interval": "0.001s" },
        },
    });
    if scenario.retries == 0 {
        action["retry_policy"] = Value::Null;
    }
    if let Some(limit) = scenario.per_try
        && scenario.retries > 0
    {
        action["retry_policy"]["per_try_timeout"] = seconds(limit);
    }
    if let Some(limit) = scenario.route_idle {
        action["idle_timeout"] = seconds(limit);
    }
    let mut route = json!({ "match": { "prefix": "/" }, "route": action });
    if let Some(limit) = scenario.route_limit {
        route["request_body_buffer_limit"] = json!(limit);
    }
    route
}

/// Milliseconds as Envoy's configuration has them.
fn seconds(millis: u64) -> Value {
    json!(format!("{}.{:03}s", millis / 1000, millis % 1000))
}

pub fn address(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}

fn cluster(scenario: &Scenario, name: &str, server: Option<SocketAddr>) -> Value {
    let endpoints: Vec<Value> = server.iter().map(|server| json!({ "endpoint": { "address": address(*server) } })).collect();
    let metadata = json!({ "filter_metadata": { "facts": { "name": name } } });
    let mut protocol = relay::protocol(relay::speaks_http2(scenario, name));
    if scenario.plain.iter().any(|plain| plain == name) {
        protocol["http_filters"] = json!([codec()]);
    }
    json!({
        "name": name,
        "type": "STATIC",
        "metadata": metadata,
        "typed_extension_protocol_options": { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": protocol },
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": endpoints }] },
    })
}
