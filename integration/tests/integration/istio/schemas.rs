//! The resources against the schemas of Istio's own CRDs, in the strict reading: a field that is not there is refused.

use serde_json::Value;
use weir_integration::{fetch, paths};

/// The schema of a kind in a version.
fn schema<'s>(crds: &'s [Value], resource: &Value) -> &'s Value {
    let (group, version) = resource["apiVersion"].as_str().unwrap().split_once('/').unwrap();
    let of_kind = |crd: &&Value| crd["spec"]["group"] == group && crd["spec"]["names"]["kind"] == resource["kind"];
    let crd = crds.iter().find(of_kind).unwrap_or_else(|| panic!("Istio has no {} in {group}", resource["kind"]));
    let versions = crd["spec"]["versions"].as_array().unwrap();
    let served = versions.iter().find(|one| one["name"] == version && one["served"] == true);
    &served.unwrap_or_else(|| panic!("{version} of {} is not served", resource["kind"]))["schema"]["openAPIV3Schema"]
}

/// Every fault of a value, with its path.
fn check(schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    if schema["x-kubernetes-preserve-unknown-fields"] == true || schema["x-kubernetes-int-or-string"] == true {
        return;
    }
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some(_) | None => true,
    };
    if !fits {
        faults.push(format!("{path}: not of the type {}", schema["type"]));
    }
    if let Some(allowed) = schema["enum"].as_array().filter(|allowed| !allowed.contains(value)) {
        faults.push(format!("{path}: {value} is none of {allowed:?}"));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            faults.push(format!("{path}.{name}: missing"));
        }
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        match (schema["properties"].get(name), &schema["additionalProperties"]) {
            (Some(known), _) => check(known, member, &path, faults),
            (None, Value::Object(_)) => check(&schema["additionalProperties"], member, &path, faults),
            (None, Value::Bool(true)) => {}
            (None, _) => faults.push(format!("{path}: unknown")),
        }
    }
    for (place, entry) in value.as_array().into_iter().flatten().enumerate() {
        check(&schema["items"], entry, &format!("{path}[{place}]"), faults);
    }
}

fn faults(crds: &[Value], resource: &Value) -> Vec<String> {
    let schema = schema(crds, resource);
    let mut faults = Vec::new();
    for (name, member) in resource.as_object().unwrap() {
        match &**name {
            "apiVersion" | "kind" => {}
            "metadata" => assert!(member["name"].is_string() && member["namespace"].is_string(), "{resource}"),
            _ => match schema["properties"].get(name) {
                Some(known) => check(known, member, name, &mut faults),
                None => faults.push(format!("{name}: unknown")),
            },
        }
    }
    faults
}

fn crds() -> Vec<Value> {
    let text = std::fs::read_to_string(fetch::istio::definitions().unwrap_or_else(|trouble| panic!("{trouble}"))).unwrap();
    parts(&text)
}

fn parts(text: &str) -> Vec<Value> {
    let documents =
        text.split("\n---\n").filter(|part| part.lines().any(|line| !line.is_empty() && !line.starts_with('#') && line != "---"));
    documents.map(|part| serde_saphyr::from_str(part).unwrap_or_else(|error| panic!("{error}: {part}"))).collect()
}

#[test]
fn the_examples_are_what_istio_takes() {
    let crds = crds();
    let mut kinds = Vec::new();
    for example in ["istio", "istio-standalone", "istio-bedrock"] {
        let folder = paths::workspace().join("envoy-config/examples").join(example).join("rendered");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                continue;
            }
            for resource in parts(&std::fs::read_to_string(&path).unwrap()) {
                assert_eq!(faults(&crds, &resource), Vec::<String>::new(), "{}: {}", path.display(), resource["kind"]);
                kinds.push(resource["kind"].as_str().unwrap().to_owned());
            }
        }
    }
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds, ["AuthorizationPolicy", "DestinationRule", "EnvoyFilter", "ServiceEntry", "VirtualService", "WasmPlugin"]);
}

#[test]
fn what_istio_does_not_have_is_refused() {
    let crds = crds();
    let plugin = |spec: Value| serde_json::json!({ "apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin", "metadata": { "name": "a", "namespace": "b" }, "spec": spec });
    let url = serde_json::json!("oci://a");
    assert_eq!(faults(&crds, &plugin(serde_json::json!({ "url": url, "pluginConfig": { "any": 1 } }))), Vec::<String>::new());
    for spec in [
        serde_json::json!({}),
        serde_json::json!({ "url": 1 }),
        serde_json::json!({ "url": url, "failStrategy": "NEVER" }),
        serde_json::json!({ "url": url, "allow_on_headers_stop_iteration": true }),
    ] {
        assert_eq!(faults(&crds, &plugin(spec.clone())).len(), 1, "{spec}");
    }
}
