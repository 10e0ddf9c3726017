//! What istiod does with an `EnvoyFilter`, for the operations that are rendered: the configuration of a gateway's Envoy, patched.
//!
//! As istiod does it: merges come before additions, whatever their order; messages are merged member by member, lists are joined.

use std::path::Path;

use serde_json::{Value, json};

const MANAGER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

/// Applies every patch of an `EnvoyFilter` to a bootstrap with one listener; what is discovered comes from files in `folder`.
pub fn apply(envoyfilter: &Value, port: u64, bootstrap: &mut Value, folder: &Path) {
    let patches = envoyfilter["spec"]["configPatches"].as_array().unwrap();
    let is_merge = |patch: &&Value| patch["patch"]["operation"] == "MERGE";
    // A filter is merged behind all insertions, a virtual host before any addition.
    for patch in patches.iter().filter(|patch| patch["applyTo"] != "HTTP_FILTER" && is_merge(patch)) {
        one(patch, port, bootstrap, folder);
    }
    for patch in patches.iter().filter(|patch| !is_merge(patch)) {
        one(patch, port, bootstrap, folder);
    }
    for patch in patches.iter().filter(|patch| patch["applyTo"] == "HTTP_FILTER" && is_merge(patch)) {
        one(patch, port, bootstrap, folder);
    }
    discover_in(bootstrap, folder);
}

fn one(patch: &Value, port: u64, bootstrap: &mut Value, folder: &Path) {
    let (place, operation) = (patch["applyTo"].as_str().unwrap(), patch["patch"]["operation"].as_str().unwrap());
    let value = &patch["patch"]["value"];
    let (context, wanted) = (&patch["match"]["context"], &patch["match"]["routeConfiguration"]["portNumber"]);
    assert!(*context == "GATEWAY" || place == "BOOTSTRAP", "{patch}");
    if wanted.as_u64().is_some_and(|wanted| wanted != port) {
        return;
    }
    match (place, operation) {
        ("HTTP_FILTER", "INSERT_BEFORE") => {
            let filters = list(bootstrap, "/http_filters");
            let before = filters.iter().position(|filter| filter["name"] == *sub_filter(patch)).unwrap();
            filters.insert(before, value.clone());
        }
        ("HTTP_FILTER", "MERGE") => {
            let filters = list(bootstrap, "/http_filters");
            let found = filters.iter_mut().find(|filter| filter["name"] == *sub_filter(patch)).unwrap();
            merge(found, value);
        }
        ("NETWORK_FILTER", "MERGE") => merge(bootstrap.pointer_mut(MANAGER).unwrap(), &value["typed_config"]),
        ("VIRTUAL_HOST", "MERGE") => list(bootstrap, "/route_config/virtual_hosts").iter_mut().for_each(|host| merge(host, value)),
        ("VIRTUAL_HOST", "ADD") => list(bootstrap, "/route_config/virtual_hosts").push(value.clone()),
        ("CLUSTER", "ADD") => bootstrap["static_resources"]["clusters"].as_array_mut().unwrap().push(value.clone()),
        ("BOOTSTRAP", "MERGE") => merge(bootstrap, value),
        ("EXTENSION_CONFIG", "ADD") => {
            let mut resource = json!({ "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig" });
            merge(&mut resource, value);
            let answer = json!({ "version_info": "1", "resources": [resource] });
            std::fs::write(folder.join(format!("{}.json", value["name"].as_str().unwrap())), answer.to_string()).unwrap();
        }
        _ => panic!("{operation} of {place} is not among what is rendered"),
    }
}

fn sub_filter(patch: &Value) -> &Value {
    let filter = &patch["match"]["listener"]["filterChain"]["filter"];
    assert_eq!(filter["name"], "envoy.filters.network.http_connection_manager");
    &filter["subFilter"]["name"]
}

fn list<'b>(bootstrap: &'b mut Value, below: &str) -> &'b mut Vec<Value> {
    bootstrap.pointer_mut(&format!("{MANAGER}{below}")).and_then(Value::as_array_mut).unwrap()
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from.iter().cloned()),
        (into, from) => *into = from.clone(),
    }
}

/// Instead of istiod a folder is asked for the filters that are discovered.
fn discover_in(config: &mut Value, folder: &Path) {
    let name = config.get("name").and_then(Value::as_str).map(str::to_owned);
    match config {
        Value::Object(members) => {
            if let (Some(discovery), Some(name)) = (members.get_mut("config_discovery"), name) {
                assert_eq!(discovery["config_source"]["ads"], json!({}));
                let source = json!({ "path": folder.join(format!("{name}.json")), "watched_directory": { "path": folder } });
                discovery["config_source"] = json!({ "resource_api_version": "V3", "path_config_source": source });
            }
            members.values_mut().for_each(|value| discover_in(value, folder));
        }
        Value::Array(entries) => entries.iter_mut().for_each(|entry| discover_in(entry, folder)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
