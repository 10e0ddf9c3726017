//! What `weir` renders, in a real Envoy: accepted, applied to a running one without a lost request, refused without harm.
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use weir_config::{ApplyOptions, Problems, RenderOptions, Rendered, apply, render_envoy, write};
use weir_core::routing::Failover;
use weir_integration::client::Connection;
use weir_integration::http::server::Server;
use weir_integration::process::{self, Process};
use weir_integration::{client, fetch, paths};

use crate::tls::authority::Authority;

const LIMIT: Duration = Duration::from_secs(30);

/// The stand-in, compiled once for all tests of this process.
fn module(folder: &Path) -> PathBuf {
    let module = folder.join("weir.wasm");
    let source = paths::workspace().join("integration/tests/integration/rendered/accepting.rs");
    let mut rustc = Command::new("rustc");
    rustc.current_dir(paths::workspace()).args(["--edition", "2024", "-O", "--target", "wasm32-wasip1", "-o"]).arg(&module).arg(source);
    let output = rustc.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    module
}

fn validate(bootstrap: &Path, folder: &Path) {
    let mut envoy = Command::new(fetch::envoy::binary().unwrap());
    envoy.args(["--mode", "validate", "-c"]).arg(bootstrap);
    let mut process = Process::start("validate", &envoy, folder).unwrap();
    let code = process.wait_end(LIMIT);
    assert_eq!(code, Some(0), "{}: {}{}", bootstrap.display(), process.output_text(), process.errors_text());
}

#[test]
fn envoy_accepts_the_examples() {
    let folder = paths::fresh_run("examples").unwrap();
    let module = module(&folder);
    Authority::new("examples").certify("weir.example", &folder);
    std::fs::copy(paths::workspace().join("envoy-config/examples/budgets/prices.yaml"), folder.join("prices.yaml")).unwrap();
    for example in
        ["two-providers", "budgets", "self-hosted", "standalone", "bedrock", "bedrock-priorities", "servers", "servers-priorities"]
    {
        let text = std::fs::read_to_string(paths::workspace().join("envoy-config/examples").join(example).join("weir.yaml")).unwrap();
        let home = folder.join(example);
        let (module, document, standalone) = (Some(module.clone()), folder.join("weir.yaml"), example == "standalone");
        let failover = if example.ends_with("priorities") { Failover::Priorities } else { Failover::Clusters };
        let options = RenderOptions { module, document, standalone, failover, ..RenderOptions::new(&home) };
        let rendered = render_envoy(&text, &options).unwrap();
        write(&rendered, &home).unwrap();
        validate(&home.join("envoy.yaml"), &folder);
        write(&rendered.inlined(), &home).unwrap();
        validate(&home.join("inlined.yaml"), &folder);
    }
}

/// An Envoy that runs on a rendered folder, with one server behind it, whatever the providers are called.
struct Running {
    folder: PathBuf,
    module: PathBuf,
    server: Server,
    address: SocketAddr,
    admin: SocketAddr,
    envoy: Option<Process>,
}

impl Running {
    fn start(name: &str) -> Self {
        let folder = paths::fresh_run(name).unwrap();
        let server = Server::start("127.0.0.1:0", Arc::new(|_, answer| drop(answer.whole(200, &[], b"ok")))).unwrap();
        let (address, admin) = (([127, 0, 0, 1], process::free_port()).into(), ([127, 0, 0, 1], process::free_port()).into());
        let mut running = Self { module: module(&folder), folder, server, address, admin, envoy: None };
        write(&running.render("first", "KEY"), &running.home()).unwrap();
        let mut envoy = Command::new(fetch::envoy::binary().unwrap());
        envoy.arg("-c").arg(running.home().join("envoy.yaml"));
        envoy.args(["--concurrency", "2", "--use-dynamic-base-id", "--reject-unknown-dynamic-fields"]);
        let mut process = Process::start("envoy", &envoy, &running.folder).unwrap();
        process.wait_until(LIMIT, || client::text(admin, "/ready").trim() == "LIVE").unwrap();
        running.envoy = Some(process);
        running
    }

    fn home(&self) -> PathBuf {
        self.folder.join("rendered")
    }

    fn render(&self, provider: &str, env: &str) -> Rendered {
        let (address, admin, server) = (self.address, self.admin, self.server.address());
        let document = format!(
            "version: 1\nlisten: {{ address: \"{address}\", admin: \"{admin}\" }}\nproviders:\n  {provider}: {{ kind: openai-compatible, \
             endpoint: \"http://{server}/v1\", auth: {{ bearer: {{ env: {env} }} }} }}\nmodels:\n  - {{ name: m, targets: [ {{ provider: {provider} }} ] }}\n"
        );
        let options = RenderOptions { module: Some(self.module.clone()), ..RenderOptions::new(self.home()) };
        render_envoy(&document, &options).unwrap()
    }

    fn options(&self) -> ApplyOptions {
        ApplyOptions { admin: Some(self.admin.to_string()), restart: false }
    }

    fn served_by(&self) -> String {
        let stats = client::text(self.admin, "/stats?filter=cluster.*upstream_rq_200$&usedonly");
        let answered = client::once(self.address, "GET", "/", &[], b"").unwrap();
        assert_eq!(answered.status, 200, "{}", answered.text());
        let after = client::text(self.admin, "/stats?filter=cluster.*upstream_rq_200$&usedonly");
        let changed = after.lines().find(|line| !stats.lines().any(|before| before == *line)).unwrap_or("");
        changed.trim_start_matches("cluster.").split('.').next().unwrap_or("").to_owned()
    }
}

#[test]
fn a_running_envoy_takes_over_documents_without_losing_a_request() {
    let running = Running::start("apply");
    assert_eq!(running.served_by(), "first");
    let (ending, asked, failed) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut connection = Connection::open(running.address).unwrap();
                while !ending.load(Ordering::SeqCst) {
                    let status = connection.request("GET", "/", &[], b"").map_or(0, |answer| answer.status);
                    asked.fetch_add(1, Ordering::SeqCst);
                    failed.fetch_add(usize::from(status != 200), Ordering::SeqCst);
                    // Traffic, not a race: the two cores are needed by Envoy too.
                    thread::sleep(Duration::from_millis(2));
                }
            });
        }
        for number in 0..40 {
            let name = format!("p{number}");
            let applied = apply(&running.render(&name, "KEY"), &running.home(), &running.options()).unwrap();
            let written = ["xds/clusters.yaml", "xds/routes.yaml", "xds/upstream.yaml", "xds/gateway.yaml", "envoy.yaml"];
            assert_eq!(applied.written, written);
            assert!(!applied.restart, "nothing but the document has changed");
            assert_eq!(applied.retired.len(), 2 * (number + 1), "the clusters of every document before are kept");
        }
        ending.store(true, Ordering::SeqCst);
    });
    let (asked, failed) = (asked.into_inner(), failed.into_inner());
    println!("{asked} requests during 40 documents, {failed} failed");
    assert!(asked > 100);
    assert_eq!(failed, 0, "of {asked}");
    assert_eq!(running.served_by(), "p39");
    let applied = apply(&running.render("p39", "KEY"), &running.home(), &running.options()).unwrap();
    assert_eq!(applied.written, Vec::<&str>::new(), "the same document again changes nothing");
}

#[test]
fn a_refused_file_is_named_and_taken_back() {
    let running = Running::start("refused");
    let routes = running.home().join("xds/routes.yaml");
    let before = std::fs::read_to_string(&routes).unwrap();
    for (wrong, right) in [("num_retriess: ", "num_retries: "), ("retry_policy: [", "retry_policy:")] {
        let mut rendered = running.render("second", "KEY");
        for (_, text) in rendered.files.iter_mut().filter(|(file, _)| *file == "xds/routes.yaml") {
            *text = text.replace(right, wrong);
        }
        match apply(&rendered, &running.home(), &running.options()) {
            Err(Problems::Refused { file, .. }) => assert_eq!(file, "xds/routes.yaml"),
            other => panic!("{other:?}"),
        }
        assert_eq!(std::fs::read_to_string(&routes).unwrap(), before);
        assert_eq!(running.served_by(), "first");
    }
    apply(&running.render("second", "KEY"), &running.home(), &running.options()).unwrap();
    assert_eq!(running.served_by(), "second");
}

#[test]
fn another_environment_needs_a_restart() {
    let running = Running::start("restart");
    let gateway = running.home().join("xds/gateway.yaml");
    let before = std::fs::read_to_string(&gateway).unwrap();
    match apply(&running.render("second", "OTHER"), &running.home(), &running.options()) {
        Err(Problems::Restart { added, removed }) => assert_eq!((added, removed), (vec!["OTHER".to_owned()], vec!["KEY".to_owned()])),
        other => panic!("{other:?}"),
    }
    assert_eq!(std::fs::read_to_string(&gateway).unwrap(), before);
    assert_eq!(running.served_by(), "first");
    let applied = apply(&running.render("second", "OTHER"), &running.home(), &ApplyOptions { admin: None, restart: true }).unwrap();
    assert!(applied.restart);
    assert_ne!(std::fs::read_to_string(&gateway).unwrap(), before);
}

#[test]
fn an_envoy_that_is_not_there_is_told() {
    let running = Running::start("absent");
    let options = ApplyOptions { admin: Some(format!("127.0.0.1:{}", process::free_port())), restart: false };
    let before = std::fs::read_to_string(running.home().join("xds/clusters.yaml")).unwrap();
    let outcome = apply(&running.render("second", "KEY"), &running.home(), &options);
    assert!(matches!(outcome, Err(Problems::Admin(..))), "{outcome:?}");
    assert_eq!(std::fs::read_to_string(running.home().join("xds/clusters.yaml")).unwrap(), before);
}
