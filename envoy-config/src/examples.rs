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

fn rendered(example: &Path) -> Rendered {
    let document = example.join("weir.yaml");
    let options = RenderOptions {
        authorities: Some("/etc/ssl/certs/ca-certificates.crt".into()),
        filter_only: example.ends_with("filter-only"),
        failover: if example.ends_with("priorities") { Failover::Priorities } else { Failover::Clusters },
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
    for example in examples() {
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
        let expected = if example.ends_with("filter-only") { 4 } else { 6 };
        assert_eq!(vms.len(), expected, "{}", example.display());
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
    for example in examples() {
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
        assert!(targets.len() >= 5);
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
