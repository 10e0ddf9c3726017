//! The rendered examples: golden files, and what must hold of every rendering. `WEIR_BLESS=1` rewrites them; a person reads the difference.

use std::fs;
use std::path::{Path, PathBuf};

use weir_core::config::Tree;
use weir_core::routing::Failover;

use crate::*;

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 4);
    paths
}

fn is_for_istio(example: &Path) -> bool {
    example.file_name().is_some_and(|name| name.to_string_lossy().starts_with("istio"))
}

fn is_by_priorities(example: &Path) -> bool {
    example.file_name().is_some_and(|name| name.to_string_lossy().ends_with("priorities"))
}

/// Those that are for an Envoy of one's own.
fn for_envoy() -> impl Iterator<Item = PathBuf> {
    examples().into_iter().filter(|example| !is_for_istio(example))
}

fn rendered(example: &Path) -> Rendered {
    let document = example.join("weir.yaml");
    if is_for_istio(example) {
        let module = Module::parse(&format!("oci://registry.example/weir@sha256:{}", "0123456789abcdef".repeat(4)), None).unwrap();
        let options = IstioOptions { document: document.clone(), ..IstioOptions::new("llm.example.com", module) };
        return render_istio(&fs::read_to_string(&document).unwrap(), &options)
            .unwrap_or_else(|error| panic!("{}: {error}", example.display()));
    }
    let options = RenderOptions {
        authorities: Some("/etc/ssl/certs/ca-certificates.crt".into()),
        filter_only: example.ends_with("filter-only"),
        standalone: example.ends_with("standalone"),
        failover: if is_by_priorities(example) { Failover::Priorities } else { Failover::Clusters },
        document: document.clone(),
        ..RenderOptions::new("/etc/weir")
    };
    let rendered =
        render_envoy(&fs::read_to_string(&document).unwrap(), &options).unwrap_or_else(|error| panic!("{}: {error}", example.display()));
    // Paths beside the document are this machine's; in the golden files they are beside /etc/weir.
    let here = example.to_string_lossy().into_owned();
    let moved = |text: &str| text.replace(&here, "/etc/weir");
    Rendered {
        files: rendered.files.iter().map(|(file, text)| (*file, moved(text))).collect(),
        inlined: moved(&rendered.inlined),
        env: rendered.env.clone(),
    }
}

#[test]
fn examples_render_as_recorded() {
    let bless = std::env::var_os("WEIR_BLESS").is_some();
    for example in examples() {
        let rendered = rendered(&example);
        for (file, text) in &rendered.files {
            let golden = example.join("rendered").join(file);
            if bless {
                fs::create_dir_all(golden.parent().unwrap()).unwrap();
                fs::write(&golden, text).unwrap();
            }
            let expected =
                fs::read_to_string(&golden).unwrap_or_else(|error| panic!("{}: {error}; WEIR_BLESS=1 writes it", golden.display()));
            assert!(*text == expected, "{} is not what is rendered; WEIR_BLESS=1 rewrites it", golden.display());
        }
        let mut recorded = Vec::new();
        collect(&example.join("rendered"), &mut recorded);
        assert_eq!(recorded.len(), rendered.files.len(), "{}: a file that is no longer rendered", example.display());
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

/// Every value of a member of this name, wherever it stands.
fn all<'t>(tree: &'t Tree, name: &str, found: &mut Vec<&'t Tree>) {
    for (key, value) in tree.members() {
        if key == name {
            found.push(value);
        }
        all(value, name, found);
    }
    for entry in tree.entries() {
        all(entry, name, found);
    }
}

fn parsed(text: &str) -> Tree {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn renderings_are_whole() {
    for example in for_envoy() {
        let rendered = rendered(&example);
        let source = Source::open(&example.join("weir.yaml")).unwrap();
        let mut vms = Vec::new();
        let texts: Vec<Tree> = rendered.files.iter().map(|(_, text)| parsed(text)).chain([parsed(static_bootstrap(&rendered))]).collect();
        for (file, text) in &rendered.files {
            assert!(!text.contains("{{"), "{file} has a name that was not filled");
        }
        for text in &texts {
            all(text, "vm_config", &mut vms);
        }
        let expected = match example.file_name().and_then(|name| name.to_str()) {
            Some("filter-only") => 4,
            Some("standalone") => 3,
            // The upstream position stands in the clusters too whose requests are signed: the provider's, and the chains that it is in.
            Some("bedrock") => 7,
            Some("bedrock-priorities") => 9,
            _ => 6,
        };
        assert_eq!(vms.len(), expected, "{}", example.display());
        let waits = texts.iter().any(|text| {
            let mut flags = Vec::new();
            all(text, "allow_on_headers_stop_iteration", &mut flags);
            !flags.is_empty()
        });
        assert_eq!(waits, !example.ends_with("standalone"), "{}", example.display());
        assert!(vms.iter().all(|vm| *vm == vms[0]), "one difference makes two VMs");
        for text in &texts {
            let mut configurations = Vec::new();
            all(text, "configuration", &mut configurations);
            for configuration in configurations {
                let json = configuration.member("value").unwrap().text().unwrap();
                assert_eq!(json, source.json);
                weir_core::config::compile(json).unwrap();
            }
        }
    }
}

#[test]
fn every_cluster_that_the_matcher_knows_is_there() {
    for example in for_envoy() {
        let rendered = rendered(&example);
        let tree = parsed(static_bootstrap(&rendered));
        let clusters = tree.member("static_resources").and_then(|resources| resources.member("clusters")).unwrap();
        let names: Vec<&str> = clusters.entries().iter().filter_map(|cluster| cluster.member("name")?.text()).collect();
        let mut targets = Vec::new();
        all(&tree, "cluster", &mut targets);
        let mut members = Vec::new();
        for chain in clusters.entries() {
            all(chain, "clusters", &mut members);
        }
        targets.extend(members.into_iter().flat_map(Tree::entries));
        let mut targets: Vec<&str> = targets.into_iter().filter_map(Tree::text).collect();
        targets.retain(|name| *name != "weir" || names.contains(name));
        assert!(targets.len() >= 3);
        for name in targets {
            assert!(names.contains(&name), "{name} is not among {names:?}");
        }
    }
}

#[test]
fn the_tables_of_the_documentation_are_the_codes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let text = fs::read_to_string(&path).unwrap();
    let mut written = text.clone();
    for (name, table) in [("members", reference()), ("kinds", kinds())] {
        let (start, end) = (format!("<!-- {name}: written by the test of envoy-config -->\n"), format!("<!-- end of {name} -->\n"));
        let (before, rest) = written.split_once(&start).unwrap();
        let (_, after) = rest.split_once(&end).unwrap();
        written = format!("{before}{start}{table}{end}{after}");
    }
    if std::env::var_os("WEIR_BLESS").is_some() {
        fs::write(&path, &written).unwrap();
    } else {
        assert!(written == text, "docs/configuration.md is not what the code says; WEIR_BLESS=1 rewrites its tables");
    }
}

#[test]
fn what_the_priorities_form_cannot_do_is_refused() {
    let text = "version: 1\nproviders: { a: { kind: openai-compatible, endpoint: \"http://a/v1\" }, b: { kind: openai-compatible, endpoint: \"http://b/v1\" } }\n\
                models:\n  - { name: two, prefer: cheapest, targets: [ { provider: a }, { provider: b } ] }\n";
    let options = RenderOptions { failover: Failover::Priorities, ..RenderOptions::new("/etc/weir") };
    render_envoy(text, &options).unwrap();
    let more = "  - { name: three, prefer: cheapest, targets: [ { provider: a }, { provider: b }, { provider: a, model: m } ] }\n";
    match render_envoy(&format!("{text}{more}"), &options) {
        Err(Problems::NotByPriorities { models, .. }) => assert_eq!(models, ["three"]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_chain_that_cannot_tell_whose_requests_to_sign_is_refused() {
    let document = |other: &str| {
        format!(
            "version: 1\nproviders:\n  a: {{ kind: bedrock, region: us-east-1, auth: {{ aws: {{}} }} }}\n  b: {{ kind: bedrock, {other} }}\n\
             models: [ {{ name: m, targets: [ {{ provider: a }}, {{ provider: b }} ] }} ]\n"
        )
    };
    let options = |failover| RenderOptions { authorities: Some("/ca.pem".into()), failover, ..RenderOptions::new("/etc/weir") };
    let endpoint = "endpoint: \"https://bedrock-runtime.us-east-1.amazonaws.com\"";
    let keyed = document("region: us-east-1, auth: { bearer: { env: KEY } }");
    for text in [&keyed, &document(&format!("{endpoint}, region: us-west-2, auth: {{ aws: {{}} }}"))] {
        let refused = render_envoy(text, &options(Failover::Priorities));
        assert!(matches!(refused, Err(Problems::OneSignature(..))), "{refused:?}");
        render_envoy(text, &options(Failover::Clusters)).unwrap();
    }
    render_envoy(&document("region: us-west-2, auth: { aws: {} }"), &options(Failover::Priorities)).unwrap();
    let apart = keyed.replace("{ provider: a }, { provider: b }", "{ provider: a }");
    render_envoy(&apart, &options(Failover::Priorities)).unwrap();
}

#[test]
fn the_resources_of_istio_hold_the_document_and_nothing_unfilled() {
    for example in examples().into_iter().filter(|example| is_for_istio(example)) {
        let source = Source::open(&example.join("weir.yaml")).unwrap();
        let rendered = rendered(&example);
        let texts: Vec<&str> = rendered.files.iter().flat_map(|(_, text)| text.split("\n---\n")).collect();
        assert!(texts.iter().all(|text| !text.contains("{{")), "a name was not filled");
        let resources: Vec<Tree> = texts.iter().map(|text| parsed(text)).collect();
        let (mut vms, mut documents, mut plugins) = (Vec::new(), Vec::new(), Vec::new());
        for resource in &resources {
            all(resource, "vm_config", &mut vms);
            all(resource, "configuration", &mut documents);
            all(resource, "pluginConfig", &mut plugins);
        }
        assert!(vms.iter().all(|vm| *vm == vms[0]), "one difference makes two VMs");
        let values = documents.iter().map(|document| document.member("value").unwrap().text().unwrap().to_owned());
        let values: Vec<String> = values.chain(plugins.iter().map(|plugin| serde_json::to_string(plugin).unwrap())).collect();
        assert!(!values.is_empty() && values.iter().all(|json| *json == source.json), "{values:?}");
    }
}

#[test]
fn a_provider_that_the_mesh_cannot_lead_to_is_refused() {
    let document = |more: &str| {
        format!(
            "version: 1\nstandalone: {{ provider: {{ header: x-p }} }}\nproviders:\n  a: {{ kind: openai-compatible, endpoint: \"http://a.example/v1\" }}\n{more}\
             models: [ {{ name: m, targets: [ {{ provider: a }} ] }} ]\n"
        )
    };
    let options = IstioOptions::new("llm.example.com", Module::File("/weir.wasm".to_owned()));
    render_istio(&document(""), &options).unwrap();
    for endpoint in ["http://a.example:81/v1", "https://a.example/v1", "http://10.0.0.7/v1"] {
        let more = format!("  b: {{ kind: openai-compatible, endpoint: \"{endpoint}\" }}\n");
        match render_istio(&document(&more), &options) {
            Err(Problems::NotInMesh { provider, .. }) => assert_eq!(provider, "b", "{endpoint}"),
            other => panic!("{endpoint}: {other:?}"),
        }
    }
    // Servers of one provider have one name, which stands in the head before one is picked.
    for (endpoints, fits) in [
        ("\"http://b.example/v1\", \"http://b.example:81/v1\"", true),
        ("\"http://b.example/v1\", \"http://c.example/v1\"", false),
        ("\"http://b.models.svc.cluster.local/v1\", \"http://b.models.svc.cluster.local:81/v1\"", false),
        ("\"http://b.models.svc.cluster.local/v1\"", true),
    ] {
        let more = format!("  b: {{ kind: openai-compatible, endpoints: [ {endpoints} ] }}\n");
        assert_eq!(render_istio(&document(&more), &options).is_ok(), fits, "{endpoints}");
        let alone = RenderOptions { standalone: true, ..RenderOptions::new("/etc/weir") };
        let one_name = !endpoints.contains("c.example");
        assert_eq!(render_envoy(&document(&more), &alone).is_ok(), one_name, "{endpoints}");
    }
    // Clients are kept from the providers' own hosts.
    let own = document("").replace("header: x-p", "host: { a.example: a }");
    assert!(matches!(render_istio(&own, &options), Err(Problems::NotInMesh { provider, .. }) if provider == "a"));
    render_istio(&own.replace("{ a.example: a }", "{ llm.example.com: a }"), &options).unwrap();
}
