//! Providers over TLS: the name that is asked for, the certificate that is demanded, the authority that is trusted, and the protocol that is agreed on.
pub mod authority;
pub mod front;

use weir_core::routing::Failover;
use weir_integration::gateway::{Gateway, Settings};
use weir_integration::paths;
use weir_integration::providers::{Provider, Vendor};

use crate::world::{ANTHROPIC_KEY, CHAT, OPENAI_KEY, ask, ask_stream, assert_error, in_both_forms, said, settings};
use authority::Authority;
use front::{Door, Front};

in_both_forms! {
    a_provider_is_asked_by_its_name_in_the_best_protocol_that_it_offers,
    a_certificate_of_another_name_or_authority_gets_no_request,
}

const BOTH: &str = r#""h2", "http/1.1""#;

/// A gateway that trusts one authority, and doors of both simulated providers with certificates of several kinds.
struct Secure {
    gateway: Gateway,
    front: Front,
    _openai: Provider,
    anthropic: Provider,
}

impl Secure {
    fn start(failover: Failover) -> Self {
        let folder = paths::fresh_run("tls").unwrap();
        let openai = Provider::start(Vendor::OpenAi, OPENAI_KEY).unwrap();
        let anthropic = Provider::start(Vendor::Anthropic, ANTHROPIC_KEY).unwrap();
        let (trusted, stranger) = (Authority::new("Trusted here"), Authority::new("Trusted by nobody"));
        let doors = [
            Door::new("openai", trusted.certify("localhost", &folder.join("openai")), BOTH, openai.address()),
            Door::new("anthropic", trusted.certify("localhost", &folder.join("anthropic")), r#""http/1.1""#, anthropic.address()),
            Door::new("address", trusted.certify("127.0.0.1", &folder.join("address")), BOTH, openai.address()),
            Door::new("misnamed", trusted.certify("other.example", &folder.join("misnamed")), BOTH, openai.address()),
            Door::new("foreign", stranger.certify("localhost", &folder.join("foreign")), BOTH, openai.address()),
        ];
        let front = Front::start(&folder, &doors);
        let authorities = Some(trusted.write(&folder.join("ca.pem")));
        let mut gateway = Gateway::start(&document(&doors), &Settings { authorities, failover, ..settings("tls") })
            .unwrap_or_else(|trouble| panic!("{trouble}"));
        gateway.wait_resolved(&["openai", "anthropic", "misnamed", "foreign"]).unwrap();
        Self { gateway, front, _openai: openai, anthropic }
    }
}

fn document(doors: &[Door]) -> String {
    let mut text = String::from("version: 1\nproviders:\n");
    for Door { name, port, .. } in doors {
        let host = if *name == "address" { "127.0.0.1" } else { "localhost" };
        text.push_str(&match *name {
            "anthropic" => format!(
                "  anthropic: {{ kind: anthropic, endpoint: \"https://{host}:{port}\", auth: {{ api_key: {{ env: TEST_ANTHROPIC_KEY }} }} }}\n"
            ),
            _ => format!(
                "  {name}: {{ kind: openai-compatible, endpoint: \"https://{host}:{port}/v1\", speaks: [chat], auth: {{ bearer: {{ env: TEST_OPENAI_KEY }} }} }}\n"
            ),
        });
    }
    text.push_str("models:\n");
    for Door { name, .. } in doors {
        text.push_str(&format!("  - {{ name: {name}, targets: [ {{ provider: {name} }} ] }}\n"));
        let second = "{ provider: anthropic, model: claude-sonnet-5, priority: 1 }";
        text.push_str(&format!("  - {{ name: {name}-first, targets: [ {{ provider: {name} }}, {second} ] }}\n"));
    }
    text
}

fn a_provider_is_asked_by_its_name_in_the_best_protocol_that_it_offers(form: Failover) {
    let secure = Secure::start(form);
    // An address has no name that could be asked for (RFC 6066, 3).
    let seen = [("openai", "openai localhost HTTP/2"), ("anthropic", "anthropic localhost HTTP/1.1"), ("address", "address - HTTP/2")];
    for (n, (model, expected)) in seen.into_iter().enumerate() {
        for body in [ask(model, "count to 3"), ask_stream(model, "count to 3")] {
            let response = secure.gateway.connect().post(CHAT, &body).unwrap();
            assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{model}: {}", response.text());
        }
        let lines = secure.front.wait(2 * n + 2);
        assert_eq!(lines.get(2 * n..), Some(&[expected.to_owned(), expected.to_owned()][..]), "{model}");
    }
    for line in secure.gateway.wait_log(6) {
        assert_eq!(
            (line["weir"]["ending"].as_str(), line["weir"]["usage_source"].as_str()),
            (Some("complete"), Some("reported")),
            "{line}"
        );
    }
}

fn a_certificate_of_another_name_or_authority_gets_no_request(form: Failover) {
    let secure = Secure::start(form);
    for model in ["misnamed", "foreign"] {
        for body in [ask(&format!("{model}-first"), "count to 3"), ask_stream(&format!("{model}-first"), "count to 3")] {
            let response = secure.gateway.connect().post(CHAT, &body).unwrap();
            assert_eq!((response.status, said(&response).as_str()), (200, "1 2 3"), "{model}: {}", response.text());
            assert_eq!(secure.anthropic.shared().take().len(), 1);
        }
        let alone = secure.gateway.connect().post(CHAT, &ask(model, "hi")).unwrap();
        assert_error(&alone, 503, &serde_json::Value::Null, model);
    }
    let lines = secure.front.wait(4);
    assert!(lines.iter().all(|line| line.starts_with("anthropic ")), "{lines:?}");
}
