//! Documents as data: each file of `cases/config/refused` beside the faults that it must have, each of `cases/config/accepted` without any.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::hub::{Capabilities, Capability};
use crate::names::FormatId;
use crate::providers::{AwsScope, Credential, OutputLimit, Provider, SecretRef};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/config").join(name)
}

fn documents(name: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

fn accepted(name: &str) -> Gateway {
    compile(&fs::read_to_string(folder("accepted").join(name)).unwrap()).unwrap()
}

#[test]
fn refused_documents_have_these_faults() {
    for path in documents("refused") {
        let found = compile(&fs::read_to_string(&path).unwrap()).expect_err(&path.to_string_lossy()).to_string() + "\n";
        let golden = path.with_extension("errors");
        if std::env::var_os("WEIR_BLESS").is_some() {
            fs::write(&golden, &found).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_else(|error| panic!("{}: {error}; WEIR_BLESS=1 writes it", golden.display()));
        assert_eq!(found, expected, "{}", path.display());
    }
}

#[test]
fn accepted_documents_have_none() {
    for path in documents("accepted") {
        if let Err(errors) = compile(&fs::read_to_string(&path).unwrap()) {
            panic!("{}: {errors}", path.display());
        }
    }
}

#[test]
fn every_cut_of_a_document_is_refused() {
    let text = fs::read_to_string(folder("accepted").join("whole.json")).unwrap();
    let text = text.trim_end();
    for cut in (0..text.len()).filter_map(|end| text.get(..end)) {
        assert!(compile(cut).is_err(), "{cut}");
    }
}

/// Replaces every value of a document, one after another, by values of all kinds: nothing may panic, and what is accepted is whole.
#[test]
fn every_value_may_be_anything() {
    let tree: Tree = serde_json::from_str(&fs::read_to_string(folder("accepted").join("whole.json")).unwrap()).unwrap();
    let others = [
        Tree::Null,
        Tree::Flag(true),
        Tree::Count(u64::MAX),
        Tree::Number(-0.5),
        Tree::Text(String::new()),
        Tree::Text("é*.%".to_owned()),
        Tree::List(Vec::new()),
        Tree::List(vec![Tree::Null]),
        Tree::Object(Vec::new()),
        Tree::Object(vec![("a.b".to_owned(), Tree::Null)]),
    ];
    let places = count_values(&tree);
    for place in 0..places {
        for other in &others {
            let mut changed = tree.clone();
            replace(&mut changed, &mut { place }, other);
            if let Err(errors) = Document::read(&changed) {
                assert!(errors.0.iter().all(|error| error.what != Fault::Unreadable), "{place}: {errors}");
            }
        }
    }
}

fn count_values(tree: &Tree) -> usize {
    1 + tree.entries().iter().map(count_values).sum::<usize>() + tree.members().iter().map(|(_, value)| count_values(value)).sum::<usize>()
}

fn replace(tree: &mut Tree, left: &mut usize, other: &Tree) -> bool {
    if *left == 0 {
        *tree = other.clone();
        return true;
    }
    *left -= 1;
    match tree {
        Tree::List(entries) => entries.iter_mut().any(|entry| replace(entry, left, other)),
        Tree::Object(members) => members.iter_mut().any(|(_, value)| replace(value, left, other)),
        Tree::Null | Tree::Flag(_) | Tree::Count(_) | Tree::Number(_) | Tree::Text(_) => false,
    }
}

#[test]
fn the_table_names_each_member_once() {
    fn walk(value: &shape::Value) {
        match value {
            shape::Value::Object(shape) => {
                for (place, member) in shape.members.iter().enumerate() {
                    assert!(shape.members[..place].iter().all(|earlier| earlier.name != member.name), "{}", member.name);
                    assert!(member.about.ends_with('.'), "{}: {}", member.name, member.about);
                    walk(&member.value);
                }
            }
            shape::Value::List(entry, _) | shape::Value::Named(entry) => walk(entry),
            _ => {}
        }
    }
    walk(&shape::Value::Object(&DOCUMENT));
}

#[test]
fn a_small_document_says_the_rest_by_its_kinds() {
    let gateway = accepted("small.json");
    let openai = &gateway.providers[0];
    assert_eq!((&*openai.name, &*openai.direct_cluster, openai.authority()), ("openai", "weir-direct-openai", "api.openai.com"));
    assert_eq!(openai.credential, Credential::Bearer(SecretRef::Env("OPENAI_API_KEY".into())));
    assert_eq!(openai.speaks, [FormatId::Chat, FormatId::Responses]);
    let claude = &gateway.providers[1];
    let key = SecretRef::Env("ANTHROPIC_API_KEY".into());
    assert_eq!(claude.credential, Credential::ApiKey { header: "x-api-key".into(), secret: key });
    assert_eq!(claude.path(FormatId::Messages, "m", false).as_deref(), Some("/v1/messages"));
    let google = &gateway.providers[2];
    let key = SecretRef::Env("GEMINI_API_KEY".into());
    assert_eq!(google.credential, Credential::ApiKey { header: "x-goog-api-key".into(), secret: key });
    assert_eq!(google.path(FormatId::Gemini, "m", false).as_deref(), Some("/v1beta/models/m:generateContent"));
    assert_eq!(gateway.wants_env, ["ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY"]);
    let route = gateway.route("smart").unwrap().1;
    assert_eq!(route.targets.iter().map(|target| (target.weight, target.priority)).collect::<Vec<_>>(), [(1, 0), (1, 1), (1, 2)]);
    assert_eq!(route.targets[1].default_max_tokens, 8192);
    assert_eq!(gateway.caps, Caps { request_body: 32 << 20, answer: 16 << 20, held: 64 << 10 });
    assert!(gateway.route("other").is_none());
}

#[test]
fn a_region_says_the_endpoint_and_what_is_signed_for() {
    let gateway = accepted("aws.json");
    let [signed, private, keyed] = &gateway.providers[..] else { panic!("{:?}", gateway.providers) };
    assert_eq!([signed.authority(), keyed.authority()], ["bedrock-runtime.eu-central-1.amazonaws.com"; 2]);
    assert_eq!(private.authority(), "vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com");
    let scope = |region: &str| AwsScope { service: "bedrock", region: region.into() };
    assert_eq!([signed, private, keyed].map(Provider::signed_for), [Some(&scope("eu-central-1")), Some(&scope("us-east-1")), None]);
    assert_eq!(gateway.wants_env, ["BEDROCK_KEY"], "what signs has its credentials elsewhere");
}

#[test]
fn a_location_says_the_endpoint_and_the_paths() {
    let gateway = accepted("vertex.json");
    let url =
        |provider: &Provider, format, model| format!("{}{}", provider.authority(), provider.path(format, model, false).unwrap_or_default());
    let gemini: Vec<String> = gateway.providers.iter().map(|provider| url(provider, FormatId::Gemini, "m")).collect();
    assert_eq!(
        gemini,
        [
            "us-east5-aiplatform.googleapis.com/v1/projects/acme/locations/us-east5/publishers/google/models/m:generateContent",
            "aiplatform.googleapis.com/v1/projects/example.com:acme/locations/global/publishers/google/models/m:generateContent",
            "aiplatform.eu.rep.googleapis.com/v1/projects/acme/locations/eu/publishers/google/models/m:generateContent",
            "vertex.internal:8080/v1beta1/projects/acme/locations/us-east5/publishers/google/models/m:generateContent",
            "aiplatform.googleapis.com/v1/publishers/google/models/m:generateContent",
        ]
    );
}

#[test]
fn a_pattern_takes_no_name_that_leads_to_another_path() {
    let open = compile(r#"{"version":1,"providers":{"a":{"kind":"vllm","endpoint":"http://a.example/v1"}},"models":[{"name":"*","targets":[{"provider":"a"}]}]}"#).unwrap();
    assert!(open.route("a/..").is_some() && open.route(".").is_none() && open.route("..").is_none(), "no path leads elsewhere");
}

#[test]
fn a_whole_document_is_compiled() {
    let gateway = accepted("whole.json");
    assert_eq!(gateway.models().collect::<Vec<_>>(), ["smart", "llama-3-exact"]);
    assert_eq!(gateway.route("llama-3-exact").unwrap().0, 2, "an exact name comes before a pattern that stands earlier");
    let (place, route) = gateway.route("llama-4").unwrap();
    assert_eq!((place, route.targets[0].model("llama-4")), (1, "llama-4"));
    assert_eq!(route.targets[0].default_max_tokens, 512);
    let capable = &gateway.route("smart").unwrap().1.targets;
    for one in Capability::ALL {
        let mut uses = Capabilities::default();
        uses.note(one, true);
        assert_eq!([capable[0].lacks.common(uses), capable[1].lacks.common(uses)], [Some(one), None], "the document knows every word");
    }
    let (id, local) = gateway.provider_named("in-house").unwrap();
    assert_eq!(gateway.provider(id), Some(local));
    assert_eq!(local.dialect.output_limit, OutputLimit::MaxCompletionTokens);
    assert_eq!(local.pass_headers, ["x-tenant".into()]);
    assert_eq!(gateway.endpoint("/v1/files/f?x").map(|endpoint| &*endpoint.prefix), Some("/v1/files"));
    assert_eq!(gateway.endpoint("/v1/files/special").map(|endpoint| &*endpoint.prefix), Some("/v1/files/special"));
    assert_eq!(gateway.endpoint("/v1/filesystem"), None);
    let service = gateway.limit_service.as_ref().unwrap();
    assert_eq!((&*service.endpoint.base_path, service.timeout), ("/json", Duration::from_millis(100)));
    let limits: Vec<_> = gateway.budgets.iter().map(|budget| (&*budget.name, budget.measure, budget.limit, budget.per)).collect();
    assert_eq!(
        limits,
        [
            ("team-hour", Measure::Tokens, 2_000_000, Window::Hour),
            ("user-day-usd", Measure::Usd, 20_500_000_000, Window::Day),
            ("all-rpm", Measure::Requests, 600, Window::Minute),
        ]
    );
    assert_eq!(gateway.budgets[0].key, [KeyPart::Identity(0), KeyPart::Model]);
    assert_eq!(gateway.price(id, "llama-4").map(|price| price.input), Some(10_000_000));
    let (openai, _) = gateway.provider_named("openai").unwrap();
    let price = gateway.price(openai, "gpt-5").unwrap();
    assert_eq!((price.cache_read, price.cache_write_1h, price.output), (125_000_000, 1_250_000_000, 10_000_000_000));
    assert_eq!(gateway.price(openai, "unheard-of"), None);
}
