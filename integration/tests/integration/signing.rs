//! Requests that Envoy signs behind Weir, at a Bedrock that checks each signature: translated, streamed, long, retried, refused.
use serde_json::json;
use weir_core::routing::Failover;
use weir_integration::gateway::{Gateway, Settings};
use weir_integration::http::Request;
use weir_integration::paths;
use weir_integration::providers::{Behaviour, Provider, Scripted, Vendor};

use crate::tls::authority::Authority;
use crate::tls::front::{Door, Front};
use crate::world::{ANTHROPIC_KEY, AWS_KEY, CHAT, OPENAI_KEY, World, ask, ask_stream, in_both_forms, said, settings, standard};

in_both_forms! {
    each_attempt_is_signed_and_no_signature_is_left_over,
    what_is_not_signed_right_moves_on_or_is_told,
}

/// A model whose path has something to escape, and one whose name is an address of its own.
const MODEL: &str = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
const PROFILE: &str = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0";

/// The standard world with two Bedrocks, one that is asked with a key of its own, and models that go from each to each.
fn world_with(form: Failover, settings: Settings, bedrock: &Provider, second: &Provider) -> World {
    let provider = |name: &str, at: &Provider, auth: &str| {
        format!("  {name}: {{ kind: bedrock, endpoint: \"{}\", {auth}, cooldown: {{ failures: 0 }} }}\n", at.endpoint(Vendor::Amazon))
    };
    // The second one is asked for a Claude model by `invoke`.
    let (converse, signed) = ("speaks: [converse], region: eu-central-1, auth: { aws: {} }", "region: eu-central-1, auth: { aws: {} }");
    let target =
        |provider: &str, model: &str, priority: u8| format!("{{ provider: {provider}, model: \"{model}\", priority: {priority} }}");
    let model = |name: &str, targets: &[String]| format!("  - {{ name: {name}, targets: [ {} ] }}\n", targets.join(", "));
    let gpt = |priority| target("openai", "gpt-5", priority);
    let claude = |priority| target("anthropic", "claude-sonnet-5", priority);
    let more = [
        provider("bedrock", bedrock, converse),
        provider("second", second, signed),
        "models:\n".to_owned(),
        model("bed", &[target("bedrock", MODEL, 0)]),
        model("profile", &[target("bedrock", PROFILE, 0)]),
        model("bed-first", &[target("bedrock", MODEL, 0), gpt(1)]),
        model("bed-messages", &[target("bedrock", MODEL, 0), claude(1)]),
        model("gpt-first", &[gpt(0), target("bedrock", MODEL, 1)]),
        model("beds", &[target("bedrock", MODEL, 0), target("second", PROFILE, 1), target("bedrock", MODEL, 2)]),
    ];
    let document = |openai: &str, anthropic: &str| {
        let passing = "endpoints:\n  - { prefix: /guardrail, provider: bedrock }\n";
        standard(openai, anthropic).replace("models:\n", &more.concat()).replace("endpoints:\n", passing)
    };
    let openai = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
    let anthropic = Provider::start(Vendor::Anthropic, ANTHROPIC_KEY).unwrap();
    let text = document(&openai.endpoint(Vendor::OpenAi), &anthropic.endpoint(Vendor::Anthropic));
    World::of(openai, anthropic, &text, &Settings { failover: form, ..settings })
}

fn bedrocks() -> (Provider, Provider) {
    (Provider::start(Vendor::Amazon, AWS_KEY).unwrap(), Provider::start(Vendor::Amazon, AWS_KEY).unwrap())
}

fn world(form: Failover, bedrock: &Provider, second: &Provider) -> World {
    world_with(form, settings("signing"), bedrock, second)
}

/// The value of a header that stands there once.
fn one<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    let mut values = request.headers.0.iter().filter(|(one, _)| one == name).map(|(_, value)| value.as_str());
    let first = values.next();
    assert_eq!(values.next(), None, "{name} is there twice");
    first
}

fn assert_unsigned(request: &Request) {
    let amazon = request.headers.0.iter().find(|(name, _)| name.starts_with("x-amz-"));
    assert_eq!(amazon, None, "{:?}", request.headers);
    assert!(!one(request, "authorization").unwrap_or_default().contains("AWS4"), "{:?}", request.headers);
}

fn each_attempt_is_signed_and_no_signature_is_left_over(form: Failover) {
    let (bedrock, second) = bedrocks();
    let world = world(form, &bedrock, &second);
    every_attempt_is_signed_for_itself(&world, &bedrock);
    a_signature_never_reaches_another_provider(&world, &bedrock);
    a_provider_signed_for_takes_over(&world, &bedrock, &second);
}

fn every_attempt_is_signed_for_itself(world: &World, bedrock: &Provider) {
    // One target: by the direct twin where there is one. Two: by both positions.
    for model in ["bed", "profile", "bed-first"] {
        for body in [ask(model, "count to 3"), ask_stream(model, "count to 3")] {
            let response = world.chat(&body);
            assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{model}: {}", response.text());
        }
    }
    let seen = bedrock.shared().take();
    let path = |model: &str, operation: &str| format!("/model/{}/{operation}", model.replace(':', "%3A").replace('/', "%2F"));
    assert_eq!((seen[0].path(), seen[3].path()), (&*path(MODEL, "converse"), &*path(PROFILE, "converse-stream")));
    for request in &seen {
        let authorization = one(request, "authorization").unwrap();
        assert!(
            authorization.contains("SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"),
            "{authorization}"
        );
        assert_eq!(one(request, "content-length").map(str::to_owned), Some(request.body.len().to_string()));
    }
    // A client's own signature ends here; a body longer than any of Envoy's own limits is signed as a whole.
    let long = json!({"messages": [{"role": "user", "content": [{"text": "x".repeat(3 << 20)}]}]}).to_string();
    let headers = [
        ("content-type", "application/json"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIACLIENT/20261128/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=00",
        ),
        ("x-amz-date", "20261128T000000Z"),
        ("x-amz-security-token", "session-of-client"),
        ("x-amz-more", "client"),
    ];
    for model in ["bed", "bed-first"] {
        let response = world.gateway.connect().request("POST", &format!("/model/{model}/converse"), &headers, long.as_bytes()).unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
        assert_eq!(bedrock.shared().take()[0].headers.value("x-amz-more"), None);
    }
    // Unread, with a query, with a body and without one: the provider does not know the path, but it knows the signature.
    for (method, path, body) in [("POST", "/guardrail/g/version/1/apply?b=1&a=2", "{}"), ("GET", "/guardrail/g", "")] {
        let response = world.gateway.connect().request(method, path, &headers, body.as_bytes()).unwrap();
        assert_eq!(response.status, 404, "{path}: {}", response.text());
        assert!(one(&bedrock.shared().take()[0], "authorization").unwrap().contains("AKIDOFTHEGATEWAY"));
    }
}

fn a_signature_never_reaches_another_provider(world: &World, bedrock: &Provider) {
    for failure in [Behaviour::Status(503), Behaviour::Status(429), Behaviour::Reset, Behaviour::ErrorFirst] {
        for (model, other, key) in [("bed-first", &world.openai, "authorization"), ("bed-messages", &world.anthropic, "x-api-key")] {
            for body in [ask(model, "count to 3"), ask_stream(model, "count to 3")] {
                if failure == Behaviour::ErrorFirst && body["stream"] != true {
                    continue;
                }
                bedrock.shared().behave(failure.clone());
                let response = world.chat(&body);
                assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{model} {failure:?}: {}", response.text());
                let (signed, unsigned) = (bedrock.shared().take(), other.shared().take());
                assert!(one(&signed[0], "authorization").unwrap().starts_with("AWS4-HMAC-SHA256 "));
                assert_unsigned(&unsigned[0]);
                assert!(one(&unsigned[0], key).unwrap().ends_with(if key == "authorization" { OPENAI_KEY } else { ANTHROPIC_KEY }));
            }
        }
    }
}

fn a_provider_signed_for_takes_over(world: &World, bedrock: &Provider, second: &Provider) {
    for body in [ask("gpt-first", "count to 3"), ask_stream("gpt-first", "count to 3")] {
        world.openai.shared().behave(Behaviour::Status(503));
        let response = world.chat(&body);
        assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{}", response.text());
        assert_unsigned(&world.openai.shared().take()[0]);
        assert!(!format!("{:?}", bedrock.shared().take()[0].headers).contains(OPENAI_KEY));
    }
    // Three signed attempts in a row, the third at the provider of the first.
    bedrock.shared().behave(Behaviour::Status(503));
    second.shared().behave(Behaviour::Status(503));
    let response = world.chat(&ask("beds", "count to 3"));
    assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{}", response.text());
    assert_eq!(bedrock.shared().take().len(), 2);
    assert!(second.shared().take()[0].path().ends_with("/invoke"));
    // And the second one answers a stream.
    bedrock.shared().behave(Behaviour::Status(503));
    let response = world.chat(&ask_stream("beds", "count to 3"));
    assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{}", response.text());
    assert!(second.shared().take()[0].path().ends_with("/invoke-with-response-stream"));
}

/// A refused signature is the gateway's fault, not the client's: the next target is asked. Without credentials Envoy signs nothing.
fn what_is_not_signed_right_moves_on_or_is_told(form: Failover) {
    let (bedrock, second) = bedrocks();
    let mut settings = settings("signing-wrong");
    let signs = form == Failover::Clusters;
    if signs {
        settings.environment.push(("AWS_SECRET_ACCESS_KEY".into(), "secret-of-nobody".into()));
    } else {
        settings.environment.retain(|(name, _)| !name.starts_with("AWS_") || name == "AWS_EC2_METADATA_DISABLED");
    }
    let world = world_with(form, settings, &bedrock, &second);
    let response = world.chat(&ask("bed-first", "hi"));
    assert!(said(&response).contains("simulated OpenAI"), "{}", response.text());
    assert_eq!(one(&bedrock.shared().take()[0], "authorization").is_some(), signs);
    assert_unsigned(&world.openai.shared().take()[0]);
    let alone = world.chat(&ask("bed", "hi"));
    assert_eq!(alone.status, 502, "{}", alone.text());
}

/// A new document reaches the upstream position in a cluster's own list as it reaches the router's.
#[test]
fn a_running_envoy_takes_over_another_document() {
    let (bedrock, second) = bedrocks();
    let world = world(Failover::Clusters, &bedrock, &second);
    let path = world.gateway.folder.join("document.yaml");
    let document = std::fs::read_to_string(path).unwrap();
    let document: String = document.lines().filter(|line| !line.starts_with("listen:")).map(|line| format!("{line}\n")).collect();
    assert_eq!(world.chat(&ask("bed-first", "count to 3")).status, 200);
    let made = world.gateway.stat("cluster_manager.cluster_added");
    let output = world.gateway.apply(&document.replace("name: bed-first", "name: renamed")).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let response = world.chat(&ask("renamed", "count to 3"));
    assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{}", response.text());
    assert_eq!(world.chat(&ask("bed-first", "hi")).status, 404);
    assert_eq!(world.gateway.stat("cluster_manager.cluster_added"), made, "no cluster was made anew");
    // A provider that comes in a running Envoy is signed for from its first request on.
    let keyed = document.replace("second: { kind: bedrock,", "third: { kind: bedrock,").replace("provider: second", "provider: third");
    let output = world.gateway.apply(&keyed).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    bedrock.shared().script(Scripted::whole(503, "application/json", "{}"));
    let response = world.chat(&ask("beds", "count to 3"));
    assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{}", response.text());
    assert_eq!(second.shared().take().len(), 1);
}

/// As AWS's own endpoints are reached: over TLS, in HTTP/2.
#[test]
fn over_tls_in_http_2_the_signature_holds() {
    let folder = paths::fresh_run("signing-tls").unwrap();
    let (bedrock, _) = bedrocks();
    let trusted = Authority::new("Trusted here");
    let doors = [Door::new("bedrock", trusted.certify("localhost", &folder.join("bedrock")), r#""h2", "http/1.1""#, bedrock.address())];
    let front = Front::start(&folder, &doors);
    let endpoint = format!("https://localhost:{}", doors[0].port);
    let target = format!("{{ provider: bedrock, model: \"{MODEL}\" }}");
    let document = format!(
        "version: 1\nproviders:\n  bedrock: {{ kind: bedrock, region: eu-central-1, endpoint: \"{endpoint}\", speaks: [converse], auth: {{ aws: {{}} }} }}\n\
         models:\n  - {{ name: bed, targets: [ {target} ] }}\n  - {{ name: twice, targets: [ {target}, {target} ] }}\n"
    );
    for failover in [Failover::Clusters, Failover::Priorities] {
        let authorities = Some(trusted.write(&folder.join("ca.pem")));
        let settings = Settings { authorities, failover, ..settings("signing-tls-gateway") };
        let mut gateway = Gateway::start(&document, &settings).unwrap_or_else(|trouble| panic!("{trouble}"));
        gateway.wait_resolved(&["bedrock"]).unwrap();
        for model in ["bed", "twice"] {
            let response = gateway.connect().post(CHAT, &ask_stream(model, "count to 3")).unwrap();
            assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{model}: {}", response.text());
        }
    }
    assert_eq!(front.wait(4), ["bedrock localhost HTTP/2"; 4]);
}
